/* SPDX-License-Identifier: MIT */
#include "core/record.h"
#include "core/message.h"

#include <glib.h>

/* The record of an AT line without its LF. (transfer full) */
static Record *record_of(const char *line)
{
    Message m = message_parse((Slice){.data = line, .length = strlen(line)});

    g_assert_cmpint(m.kind, ==, MESSAGE_AT);
    return record_new(&m.at);
}

static int sign_of(int order)
{
    return (order > 0) - (order < 0);
}

static void test_line(void)
{
    static const char line[] = "AT Bailey +0.263873386 kiwi.cs.ucla.edu +34.068930-118.445127 "
                               "1520023934.918963997";
    g_autoptr(Record) record = record_of(line);

    g_assert_true(
        slice_equal(record_line(record), SLICE("AT Bailey +0.263873386 kiwi.cs.ucla.edu "
                                               "+34.068930-118.445127 1520023934.918963997\n")));
    g_assert_true(slice_equal(record_client(record), SLICE("kiwi.cs.ucla.edu")));
    g_assert_true(slice_equal(record_origin(record), SLICE("Bailey")));
    g_assert_true(slice_equal(record_location(record), SLICE("+34.068930-118.445127")));
    g_assert_true(slice_equal(record_time_text(record), SLICE("1520023934.918963997")));
    g_assert_cmpint(record_skew(record).seconds, ==, 0);
    g_assert_cmpint(record_skew(record).nanoseconds, ==, 263873386);
}

/* The fields' bytes are copied: the line they came from may go. */
static void test_owns_its_bytes(void)
{
    char line[] = "AT Bailey +0.263873386 kiwi +34-118 5";
    g_autoptr(Record) record = record_of(line);

    memset(line, 'x', sizeof line);
    g_assert_true(
        slice_equal(record_line(record), SLICE("AT Bailey +0.263873386 kiwi +34-118 5\n")));
    g_assert_true(slice_equal(record_client(record), SLICE("kiwi")));
}

static void test_references(void)
{
    Record *record = record_of("AT Bailey +0.263873386 kiwi +34-118 5");
    Record *other = record_ref(record);

    g_assert_true(other == record);
    record_unref(record);
    g_assert_true(slice_equal(record_client(other), SLICE("kiwi")));
    record_unref(other);
    record_unref(NULL);
}

static void test_longest(void)
{
    /* What a member with the longest name makes of the longest line, max_line = 32768. */
    g_autofree char *origin = g_strnfill(64, 'B');
    g_autofree char *client = g_strnfill(32768 - 21, 'k');
    g_autofree char *line =
        g_strdup_printf("AT %s -1999999999999.999999998 %s +34-118 5", origin, client);
    g_autoptr(Record) record = record_of(line);

    g_assert_cmpuint(record_line(record).length, ==, strlen(line) + 1);
    g_assert_cmpuint(record_client(record).length, ==, strlen(client));
    g_assert_true(slice_equal(record_location(record), SLICE("+34-118")));
}

/* Each row is newer than the one before it. */
static void test_r21_order(void)
{
    static const char *const rising[] = {
        "AT Z +9.000000000 k +9+9 -999999999999.999999999",
        "AT Z +9.000000000 k +9+9 -1",
        "AT Z +9.000000000 k +9+9 -0.5",
        "AT Z +9.000000000 k +9+9 0",
        "AT Z +9.000000000 k +9+9 9",
        /* A later time wins whatever the rest says; by value, not as text. */
        "AT Bona +0.000000000 k +1+1 10.5",
        /* Equal times (the tenth digit is ignored): the origin, bytewise, a prefix before. */
        "AT Bonb +0.000000000 k +1+1 10.5000000001",
        "AT Bonba +0.000000000 k +1+1 10.5",
        "AT Bonc +0.000000000 k +1+1 10.5",
        "AT bona +0.000000000 k +1+1 10.5",
        "AT \xff +0.000000000 k +1+1 10.5",
        /* Then the location, bytewise, not by degrees. */
        "AT \xff +0.000000000 k +1+10 10.5",
        "AT \xff +0.000000000 k +1+9 10.5",
        "AT \xff +0.000000000 k +1-1 10.5",
        "AT \xff -12.000000001 k -1-1 10.5",
        /* Then the skew, as a number. */
        "AT \xff -2.000000000 k -1-1 10.5",
        "AT \xff -0.000000001 k -1-1 10.5",
        "AT \xff +0.000000000 k -1-1 10.5",
        "AT \xff +0.000000001 k -1-1 10.5",
        "AT \xff +9.000000000 k -1-1 10.5",
        "AT \xff +10.000000000 k -1-1 10.5",
        "AT A +0.000000000 k +0+0 10.500000001",
        "AT A +0.000000000 k +0+0 999999999999.999999999",
    };
    Record *records[G_N_ELEMENTS(rising)];

    for (size_t i = 0; i < G_N_ELEMENTS(rising); i++)
        records[i] = record_of(rising[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(rising); i++)
        for (size_t k = 0; k < G_N_ELEMENTS(rising); k++)
            if (sign_of(record_compare(records[i], records[k])) != (i > k) - (i < k))
                g_test_fail_printf("\"%s\" against \"%s\"", rising[i], rising[k]);
    for (size_t i = 0; i < G_N_ELEMENTS(rising); i++)
        record_unref(records[i]);
}

static void test_r21_full_tie(void)
{
    g_autoptr(Record) a = record_of("AT Bona +0.100000000 k +1+1 10.5");
    g_autoptr(Record) b = record_of("AT Bona +0.100000000 k +1+1 10.5");

    g_assert_cmpint(record_compare(a, b), ==, 0);
    g_assert_cmpint(record_compare(a, a), ==, 0);
}

/* What says the same in other bytes is ordered too, or members would keep different bytes. */
static void test_r21_same_in_other_bytes(void)
{
    static const char *const same[] = {
        "AT Bona +0.000000000 k +1+1 10.5",          "AT Bona +0.000000000 k +1+1 +10.5",
        "AT Bona +0.000000000 k +1+1 10.50",         "AT Bona +0.000000000 k +1+1 010.5",
        "AT Bona -0.000000000 k +1+1 10.5",          "AT Bona +00.000000000 k +1+1 10.5",
        "AT Bona +0.000000000 k +1+1 10.5000000009",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(same); i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(same); k++) {
            g_autoptr(Record) a = record_of(same[i]);
            g_autoptr(Record) b = record_of(same[k]);
            int order = record_compare(a, b);

            g_assert_cmpint(order == 0, ==, i == k);
            g_assert_cmpint(sign_of(order), ==, -sign_of(record_compare(b, a)));
        }
    }
}

#define PICK(choices) ((choices)[g_test_rand_int_range(0, G_N_ELEMENTS(choices))])

/* A record of few different fields, so that ties of each kind happen often. (transfer full) */
static Record *random_record(void)
{
    static const char *const origins[] = {"A", "AB", "B"};
    static const char *const skews[] = {"-1.000000000",  "-0.000000000", "+0.000000000",
                                        "+00.000000000", "+9.000000000", "+10.000000000"};
    static const char *const locations[] = {"+1+1", "+1-1", "+01+1"};
    static const char *const times[] = {"5", "+5", "5.0", "5.0000000009", "-5", "10"};
    g_autofree char *line = g_strdup_printf("AT %s %s k %s %s", PICK(origins), PICK(skews),
                                            PICK(locations), PICK(times));

    return record_of(line);
}

static void test_property_total_order(void)
{
    enum { SET = 40, ROUNDS = 20 };

    for (int round = 0; round < ROUNDS; round++) {
        Record *set[SET];
        int order[SET][SET];

        for (int i = 0; i < SET; i++)
            set[i] = random_record();
        for (int i = 0; i < SET; i++)
            for (int k = 0; k < SET; k++)
                order[i][k] = sign_of(record_compare(set[i], set[k]));
        for (int i = 0; i < SET; i++) {
            for (int k = 0; k < SET; k++) {
                bool same = slice_equal(record_line(set[i]), record_line(set[k]));

                g_assert_cmpint(order[i][k], ==, -order[k][i]); /* antisymmetric */
                g_assert_cmpint(order[i][k] == 0, ==, same);    /* total */
                for (int l = 0; l < SET; l++)                   /* transitive */
                    if (order[i][k] <= 0 && order[k][l] <= 0)
                        g_assert_cmpint(order[i][l], ==,
                                        order[i][k] == 0 && order[k][l] == 0 ? 0 : -1);
            }
        }
        for (int i = 0; i < SET; i++)
            record_unref(set[i]);
    }
}

static void test_key(void)
{
    g_autoptr(Record) record = record_of("AT Bailey +0.263873386 kiwi +34-118 5");
    g_autoptr(Record) newer = record_of("AT Bona +0.000000001 kiwi +1+1 6");
    g_autoptr(Record) longer = record_of("AT Bailey +0.263873386 kiwis +34-118 5");
    static const char client[] = "kiwi is more than its first four bytes";
    RecordKey key = record_key((Slice){.data = client, .length = 4});

    /* By the client's bytes, wherever they are; nothing else of the record matters. */
    g_assert_true(key.client == client);
    g_assert_cmpuint(record_key_hash(&key), ==, record_key_hash(record));
    g_assert_cmpuint(record_key_hash(newer), ==, record_key_hash(record));
    g_assert_true(record_key_equal(&key, record));
    g_assert_true(record_key_equal(record, &key));
    g_assert_true(record_key_equal(newer, record));
    g_assert_false(record_key_equal(longer, record));
    g_assert_false(record_key_equal(longer, &key));
}

/* Members compare their stores by these, so a herd of two versions falls apart when they change.
 * The values are SipHash-2-4 of line and client by the key "herd link digest", computed elsewhere.
 */
static void test_digest_is_fixed(void)
{
    static const struct {
        const char *line;
        uint64_t digest;
        unsigned place;
    } rows[] = {
        {"AT Bailey +0.263873386 kiwi.cs.ucla.edu +34.068930-118.445127 1520023934.918963997",
         UINT64_C(0xc0237bcd1731dada), 0xc308},
        {"AT B -1.000000000 k +0+0 5", UINT64_C(0x7d87cfadfa263c58), 0x6a89},
        {"AT \xff +0.000000000 \xc3\xa4\x01 -0-0 -0.5", UINT64_C(0xdfb5d8ec54abfb2a), 0x3fc6},
    };

    g_assert_cmpuint(RECORD_PLACES, ==, 65536);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Record) record = record_of(rows[i].line);

        g_assert_cmphex(record_digest(record), ==, rows[i].digest);
        g_assert_cmphex(record_place(record), ==, rows[i].place);
        g_assert_cmphex(record_place_of(record_client(record)), ==, rows[i].place);
    }
}

/* Whatever byte of a line is another, it is another record; and a place is its client's alone. */
static void test_digest_is_of_the_line(void)
{
    static const char *const lines[] = {
        "AT Bona +0.100000000 k +1+1 10.5",  "AT Bonb +0.100000000 k +1+1 10.5",
        "AT Bona -0.100000000 k +1+1 10.5",  "AT Bona +0.100000001 k +1+1 10.5",
        "AT Bona +00.100000000 k +1+1 10.5", "AT Bona +0.100000000 k +01+1 10.5",
        "AT Bona +0.100000000 k +1+1 10.50", "AT Bona +0.100000000 k +1+1 +10.5",
        "AT Bona +0.100000000 l +1+1 10.5",  "AT Bona +0.100000000 kk +1+1 10.5",
    };
    enum { SAME_CLIENT = G_N_ELEMENTS(lines) - 2 };

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(lines); k++) {
            g_autoptr(Record) a = record_of(lines[i]);
            g_autoptr(Record) b = record_of(lines[k]);

            g_assert_cmpint(record_digest(a) == record_digest(b), ==, i == k);
            if (i < SAME_CLIENT && k < SAME_CLIENT)
                g_assert_cmpuint(record_place(a), ==, record_place(b));
        }
    }
}

/* Numbers as client IDs, which many have, fall everywhere. */
static void test_places_are_even(void)
{
    enum { CLIENTS = RECORD_PLACES };
    g_autofree unsigned *counts = g_new0(unsigned, RECORD_PLACES);
    unsigned empty = 0, most = 0;

    for (unsigned i = 0; i < CLIENTS; i++) {
        char client[16];
        int length = g_snprintf(client, sizeof client, "%u", i);
        unsigned place = record_place_of((Slice){.data = client, .length = (size_t)length});

        g_assert_cmpuint(place, <, RECORD_PLACES);
        counts[place]++;
    }
    for (unsigned i = 0; i < RECORD_PLACES; i++) {
        empty += counts[i] == 0;
        most = MAX(most, counts[i]);
    }
    /* By chance e^-1 of them stay empty, 24109. */
    g_assert_cmpuint(empty, >, 23500);
    g_assert_cmpuint(empty, <, 24700);
    g_assert_cmpuint(most, <, 16);
}

static void test_is_copy(void)
{
    static const char stored[] = "AT Riley +0.263873386 k +34.068930-118.445127 "
                                 "1520023934.918963997";
    static const struct {
        const char *line;
        bool copy;
    } rows[] = {
        {stored, true},
        {"AT Juzang +5.000000000 k +34.06893-118.445127 1520023934.918964", true},
        {"AT Riley +0.263873386 k +034.0689300-118.445127000 1520023934.9189638", true},
        {"AT Riley +0.263873386 k +34.068930-118.445127 1520023934.918964996", true},
        {"AT Riley +0.263873386 k +34.068930-118.445127 1520023934.918962998", true},
        /* A microsecond, either way. */
        {"AT Riley +0.263873386 k +34.068930-118.445127 1520023934.918964997", false},
        {"AT Riley +0.263873386 k +34.068930-118.445127 1520023934.918962997", false},
        {"AT Riley +0.263873386 k +34.068930-118.445127 1520023935.918963997", false},
        {"AT Riley +0.263873386 k +34.068930-118.445127 1520023933.918963997", false},
        /* Somebody else, or somewhere else. */
        {"AT Riley +0.263873386 l +34.068930-118.445127 1520023934.918963997", false},
        {"AT Riley +0.263873386 k +34.068931-118.445127 1520023934.918963997", false},
        {"AT Riley +0.263873386 k +34.068930-118.445126 1520023934.918963997", false},
        {"AT Riley +0.263873386 k -34.068930-118.445127 1520023934.918963997", false},
    };
    g_autoptr(Record) a = record_of(stored);

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Record) b = record_of(rows[i].line);

        if (record_is_copy(a, b) != rows[i].copy || record_is_copy(b, a) != rows[i].copy)
            g_test_fail_printf("%s", rows[i].line);
    }
}

/* Across a second, and around 1970. */
static void test_is_copy_at_edges(void)
{
    static const char *const pairs[][2] = {
        {"AT A +0.000000000 k +0-0 4.999999999", "AT A +0.000000000 k -0+0 5"},
        {"AT A +0.000000000 k +0+0 -0.0000001", "AT A +0.000000000 k +0+0 0.0000001"},
        {"AT A +0.000000000 k +0+0 -5", "AT A +0.000000000 k +0+0 -5.000000001"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autoptr(Record) a = record_of(pairs[i][0]);
        g_autoptr(Record) b = record_of(pairs[i][1]);

        g_assert_true(record_is_copy(a, b));
        g_assert_true(record_is_copy(b, a));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/record/r12/line-as-its-origin-wrote-it", test_line);
    g_test_add_func("/record/new/owns-its-bytes", test_owns_its_bytes);
    g_test_add_func("/record/new/longest", test_longest);
    g_test_add_func("/record/ref/lives-until-the-last", test_references);
    g_test_add_func("/record/key/is-the-client-alone", test_key);
    g_test_add_func("/record/r21/order", test_r21_order);
    g_test_add_func("/record/r21/full-tie-is-a-duplicate", test_r21_full_tie);
    g_test_add_func("/record/r21/same-in-other-bytes-is-ordered", test_r21_same_in_other_bytes);
    g_test_add_func("/record/digest/is-fixed", test_digest_is_fixed);
    g_test_add_func("/record/digest/is-of-the-line", test_digest_is_of_the_line);
    g_test_add_func("/record/place/even", test_places_are_even);
    g_test_add_func("/record/copy/of-one-who-keeps-doubles", test_is_copy);
    g_test_add_func("/record/copy/at-the-edges-of-seconds", test_is_copy_at_edges);
    g_test_add_func("/record/r21/property/total-order", test_property_total_order);
    return g_test_run();
}
