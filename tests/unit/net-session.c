/* SPDX-License-Identifier: MIT */

/* What clients say, and updates of links. See net-session-members.c for the rest that members say.
 */

#include "core/incarnation.h"
#include "tests/unit/net-session-rig.h"

static void test_r5_iamat(void)
{
    static const struct {
        const char *line, *reply;
    } rows[] = {
        {"IAMAT a +34.068930-118.445127 999.5", "AT Bailey +0.500000005 a +34.068930-118.445127 "
                                                "999.5\n"},
        {" IAMAT\tb  +0-0   1000.000000005\r", "AT Bailey +0.000000000 b +0-0 1000.000000005\n"},
        {"IAMAT c +1+1 1001.000000006", "AT Bailey -1.000000001 c +1+1 1001.000000006\n"},
        {"IAMAT d +01+001.50 -0.5000", "AT Bailey +1000.500000005 d +01+001.50 -0.5000\n"},
        {"IAMAT ? +1+1 +7", "AT Bailey +993.000000005 ? +1+1 +7\n"},
    };
    Rig *rig = rig_new("");

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_reply(rig, rig->client, rows[i].line, rows[i].reply);
        assert_flooded(rig, rows[i].reply, NULL);
    }
    rig_free(rig);
}

static void test_r9_not_newer(void)
{
    static const struct {
        const char *line, *reply;
    } rows[] = {
        {"IAMAT a +2+2 899.999999999", "AT Bailey +100.000000006 a +2+2 899.999999999\n"},
        {"IAMAT a +1+0 900", "AT Bailey +100.000000005 a +1+0 900\n"},
        {"IAMAT a +1+1 900", "AT Bailey +100.000000005 a +1+1 900\n"},
    };
    Rig *rig = rig_new("");
    uint64_t stale = counters_read(COUNT_STALE);

    assert_reply(rig, rig->client, "IAMAT a +1+1 900", "AT Bailey +100.000000005 a +1+1 900\n");
    assert_flooded(rig, "AT Bailey +100.000000005 a +1+1 900\n", NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_reply(rig, rig->client, rows[i].line, rows[i].reply);
        assert_flooded(rig, NULL, NULL);
        assert_kept(rig, "a", "AT Bailey +100.000000005 a +1+1 900\n");
        g_assert_cmpuint(counters_read(COUNT_STALE), ==, stale + i + 1);
    }
    assert_reply(rig, rig->client, "IAMAT a +0+0 900.000000001",
                 "AT Bailey +100.000000004 a +0+0 900.000000001\n");
    assert_flooded(rig, "AT Bailey +100.000000004 a +0+0 900.000000001\n", NULL);
    rig_free(rig);
}

static void test_r8_future(void)
{
    Rig *rig = rig_new("[limits]\nmax_future_skew_s = 60\n");

    assert_reply(rig, rig->client, "IAMAT a +1+1 1060.000000005",
                 "AT Bailey -60.000000000 a +1+1 1060.000000005\n");
    assert_flooded(rig, "AT Bailey -60.000000000 a +1+1 1060.000000005\n", NULL);
    assert_invalid(rig, rig->client, "IAMAT a +1+1 1060.000000006");
    assert_invalid(rig, rig->client, "IAMAT new +1+1 999999999999");
    assert_kept(rig, "new", NULL);
    /* What another member has accepted is not judged again. */
    assert_reply(rig, rig->link, "AT Bona -9.000000000 a +1+1 5000", "");
    assert_flooded(rig, "AT Bona -9.000000000 a +1+1 5000\n", "Bona");
    rig_free(rig);
}

static void test_r8_future_unbounded(void)
{
    Rig *rig = rig_new("");

    assert_reply(rig, rig->client, "IAMAT a +1+1 999999999999",
                 "AT Bailey -999999998998.999999995 a +1+1 999999999999\n");
    rig_free(rig);
}

static void test_r10_bounds(void)
{
    static const struct {
        const char *line;
        int64_t radius; /* mm; below 0: invalid */
        unsigned bound;
    } rows[] = {
        {"WHATSAT a 10 5", 10000000, 5},
        {"WHATSAT a 10.5 20", 10500000, 20},
        {"WHATSAT a 50.000 1", 50000000, 1},
        {"WHATSAT a 0 5", 0, 5},
        {"WHATSAT a 5 0", 5000000, 0},
        {"WHATSAT a 50.0001 1", -1, 0},
        {"WHATSAT a 51 1", -1, 0},
        {"WHATSAT a 10 21", -1, 0},
        {"WHATSAT a -1 5", -1, 0},
        {"WHATSAT a 10 -1", -1, 0},
        {"WHATSAT a 10 5.0", -1, 0},
        {"WHATSAT a 1e1 5", -1, 0},
        {"WHATSAT a 10", -1, 0},
        {"WHATSAT a 10 5 5", -1, 0},
        {"WHATSAT a 10 99999999999999999999", -1, 0},
    };
    Rig *rig = rig_new("");

    assert_reply(rig, rig->client, "IAMAT a +34.5-118.25 900",
                 "AT Bailey +100.000000005 a +34.5-118.25 900\n");
    forget_updates(rig);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        rig->asked_times = 0;
        if (rows[i].radius < 0) {
            assert_invalid(rig, rig->client, rows[i].line);
            g_assert_cmpuint(rig->asked_times, ==, 0);
            continue;
        }
        /* R12, R13: the AT line of then, the JSON, two LF. */
        assert_reply(rig, rig->client, rows[i].line,
                     "AT Bailey +100.000000005 a +34.5-118.25 900\n{\n   \"results\" : []\n}\n\n");
        g_assert_cmpuint(rig->asked_times, ==, 1);
        g_assert_cmpint(rig->asked.radius, ==, rows[i].radius);
        g_assert_cmpuint(rig->asked.bound, ==, rows[i].bound);
        g_assert_cmpint(rig->asked.center.latitude, ==, INT64_C(34500000000));
        g_assert_cmpint(rig->asked.center.longitude, ==, INT64_C(-118250000000));
    }
    rig_free(rig);
}

static void test_r11_unknown(void)
{
    Rig *rig = rig_new("");
    uint64_t known = counters_read(COUNT_WHATSAT);

    assert_invalid(rig, rig->client, "WHATSAT nobody 10 5");
    g_assert_cmpuint(rig->asked_times, ==, 0);
    g_assert_cmpuint(counters_read(COUNT_WHATSAT), ==, known);
    /* A record of long ago is not unknown. */
    assert_reply(rig, rig->client, "IAMAT nobody +1+1 -5",
                 "AT Bailey +1005.000000005 nobody +1+1 "
                 "-5\n");
    assert_reply(rig, rig->client, "WHATSAT nobody 10 5",
                 "AT Bailey +1005.000000005 nobody +1+1 -5\n{\n   \"results\" : []\n}\n\n");
    rig_free(rig);
}

/* The origin's line, whoever is asked. */
static void test_r12_origin(void)
{
    Rig *rig = rig_new("");

    assert_reply(rig, rig->link, "AT Clark +0.263873386 kiwi +34.068930-118.445127 1621464827.95",
                 "");
    assert_reply(rig, rig->client, "WHATSAT kiwi 10 5",
                 "AT Clark +0.263873386 kiwi +34.068930-118.445127 1621464827.95\n"
                 "{\n   \"results\" : []\n}\n\n");
    rig_free(rig);
}

/* A lookup that blocks is left to the worker, with all that it needs; one that asks nobody is not.
 */
static void test_lookup(void)
{
    Rig *rig = rig_new("");

    rig->blocks = true;
    assert_reply(rig, rig->client, "IAMAT a +34.5-118.25 900",
                 "AT Bailey +100.000000005 a +34.5-118.25 900\n");
    g_assert_cmpint(
        session_execute(&rig->context, rig->client, SLICE("WHATSAT a 12.5 7"), &rig->turn), ==,
        SESSION_LOOKUP);
    g_assert_cmpuint(rig->asked_times, ==, 0);
    g_assert_cmpstr(rig->turn.output->str, ==, "AT Bailey +100.000000005 a +34.5-118.25 900\n");
    g_assert_cmpint(rig->turn.query.radius, ==, 12500000);
    g_assert_cmpuint(rig->turn.query.bound, ==, 7);
    g_assert_cmpint(rig->turn.query.center.latitude, ==, INT64_C(34500000000));
    g_assert_nonnull(rig->turn.record);

    g_string_truncate(rig->turn.output, 0);
    session_places(&rig->context, rig->client, rig->turn.record, SLICE("{}"), &rig->turn);
    g_assert_cmpstr(rig->turn.output->str, ==,
                    "AT Bailey +100.000000005 a +34.5-118.25 900\n{}\n\n");
    g_clear_pointer(&rig->turn.record, record_unref);
    forget_updates(rig);

    assert_reply(rig, rig->client, "WHATSAT a 0 7",
                 "AT Bailey +100.000000005 a +34.5-118.25 900\n{\n   \"results\" : []\n}\n\n");
    assert_invalid(rig, rig->client, "WHATSAT b 7 5");
    g_assert_null(rig->turn.record);
    rig_free(rig);
}

static void test_r16_raw_copy(void)
{
    static const char *const lines[] = {
        "",
        " ",
        "\t \v\f",
        "iamat a +1+1 5",
        "IAMAT a +1+1",
        "IAMAT a 1+1 5",
        "IAMAT a +91+1 5",
        "IAMAT a +1+1 nan",
        "  IAMAT  a\t+1+1  1e9 ",
        "\r",
        "? ?",
        "HELP",
        "\xff\xfe",
        "WHATSAT",
        "IAMAT a +1+1 5 6",
        "IAMATa +1+1 5",
        "%s%n",
    };
    Rig *rig = rig_new("");

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
        assert_invalid(rig, rig->client, lines[i]);
    /* R4: NUL makes it invalid, and comes back. */
    assert_reply_bytes(rig, rig->client, SLICE("IAMAT a\0b +1+1 5"),
                       SLICE("? IAMAT a\0b +1+1 5\n"));
    assert_reply_bytes(rig, rig->client, SLICE("\0"), SLICE("? \0\n"));
    g_assert_cmpuint(store_size(rig->context.store), ==, 0);
    rig_free(rig);
}

static void test_r17_strangers(void)
{
    Rig *rig = rig_new("");

    assert_invalid(rig, rig->client, "AT Bona +0.000000001 kiwi +1+1 5");
    assert_invalid(rig, rig->client, "HELLO 1 Bona Bailey"); /* no address at all */
    assert_kept(rig, "kiwi", NULL);
    g_assert_cmpint(rig->client->neighbour, ==, CONNECTION_CLIENT);
    rig_free(rig);
}

static void test_r22_hello(void)
{
    static const struct {
        const char *line;
        unsigned host;
        bool accepted;
    } rows[] = {
        {"HELLO 1 Bona Bailey", BONA, true},
        {"  HELLO\t1  Bona Bailey ", BONA, true},
        {"HELLO 1 Campbell Bailey", OWN, true},
        {"HELLO 1 Bona Bailey", STRANGER, false}, /* not where Bona is */
        {"HELLO 1 Bona Bailey", OWN, false},      /* nor is that, though it is Campbell's */
        {"HELLO 1 Bona Bona", BONA, false},       /* not for us */
        {"HELLO 1 Bona Campbell", BONA, false},
        {"HELLO 1 Bailey Bailey", OWN, false}, /* ourselves */
        {"HELLO 1 Clark Bailey", OWN, false},  /* a member, no neighbour */
        {"HELLO 1 Nobody Bailey", BONA, false},
        {"HELLO 1 bona Bailey", BONA, false},
        {"HELLO 1 Bon Bailey", BONA, false},
        {"HELLO 2 Bona Bailey", BONA, false},
        {"HELLO 1 Bona", BONA, false},
        {"HELLO 1 Bona Bailey x", BONA, false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Rig *rig = rig_new("");
        int peer;
        Connection *connection = connect_from(rig->hosts[rows[i].host], &peer);

        if (rows[i].accepted) {
            const char *name = rows[i].host == OWN ? "Campbell" : "Bona";
            g_autofree char *reply = message_format_hello("Bailey", name, incarnation());

            g_assert_cmpstr(session_peer(connection), ==, connection->peer);
            assert_reply(rig, connection, rows[i].line, reply);
            g_assert_cmpstr(g_quark_to_string(connection->neighbour), ==, name);
            g_assert_cmpstr(session_peer(connection), ==, name);
            /* From now on it is a link: not answered. */
            assert_reply(rig, connection, rows[i].line, "");
            assert_reply(rig, connection, "AT Clark +1.000000000 kiwi +1+1 5", "");
            assert_flooded(rig, "AT Clark +1.000000000 kiwi +1+1 5\n", name);
        } else {
            assert_invalid(rig, connection, rows[i].line);
            g_assert_cmpint(connection->neighbour, ==, CONNECTION_CLIENT);
            assert_invalid(rig, connection, "AT Clark +1.000000000 kiwi +1+1 5");
        }
        close(connection->stream.descriptor);
        close(peer);
        connection_free(connection);
        rig_free(rig);
    }
}

/* A link is one as long as its neighbour is, where it is. */
static void test_take_config(void)
{
    static const struct {
        unsigned host; /* of Bona, by the new configuration */
        const char *more;
        bool stays;
    } rows[] = {
        {BONA, "neighbours = Bailey\n", true},
        {BONA, "neighbours = Bailey\ndelivery = message\n", true},
        {BONA, "", false},
        {STRANGER, "neighbours = Bailey\n", false},
        {BONA, "neighbours = Bailey\ndialect = plain\n", false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Rig *rig = rig_new("");
        int peer;
        Connection *connection = connect_from(rig->hosts[BONA], &peer);
        g_autofree char *path = g_build_filename(rig->folder, "new.conf", NULL);
        g_autofree char *text = g_strdup_printf(
            "[member Bailey]\nlisten = %s:10000\n[member Bona]\nlisten = %s:10009\n%s",
            rig->hosts[OWN], rig->hosts[rows[i].host], rows[i].more);
        g_autofree char *reply = message_format_hello("Bailey", "Bona", incarnation());
        g_autoptr(GError) error = NULL;

        g_assert_true(session_take_config(&rig->context, connection));
        assert_reply(rig, connection, "HELLO 1 Bona Bailey", reply);
        g_assert_true(g_file_set_contents(path, text, -1, NULL));
        g_autoptr(Config) config = config_load(path, "Bailey", &error);
        g_assert_no_error(error);
        g_remove(path);
        rig->context.config = config;
        g_assert_cmpint(session_take_config(&rig->context, connection), ==, rows[i].stays);
        g_assert_true(connection->config == config);
        g_assert_true(session_take_config(&rig->context, rig->client));
        close(connection->stream.descriptor);
        close(peer);
        connection_free(connection);
        rig_free(rig);
    }
}

/* R20: only what is newer goes on, to all but where it came from; nothing is answered. */
static void test_r20_link(void)
{
    Rig *rig = rig_new("");
    uint64_t taken = counters_read(COUNT_UPDATES_TAKEN);
    uint64_t dropped = counters_read(COUNT_UPDATES_DROPPED);

    assert_reply(rig, rig->link, "AT Clark +0.000000001 kiwi +1+1 10\r", "");
    assert_flooded(rig, "AT Clark +0.000000001 kiwi +1+1 10\n", "Bona");
    assert_reply(rig, rig->link, "AT Clark +0.000000001 kiwi +1+1 10", "");
    assert_reply(rig, rig->link, "AT Clark +0.000000001 kiwi +2+2 9.999999999", "");
    assert_reply(rig, rig->link, "AT Bona +0.000000001 kiwi +2+2 10", "");
    assert_flooded(rig, NULL, NULL);
    assert_kept(rig, "kiwi", "AT Clark +0.000000001 kiwi +1+1 10\n");
    rig->link->neighbour = g_quark_from_string("Campbell");
    assert_reply(rig, rig->link, "AT Jaquez +0.000000001 kiwi +2+2 10", "");
    assert_flooded(rig, "AT Jaquez +0.000000001 kiwi +2+2 10\n", "Campbell");
    g_assert_cmpuint(counters_read(COUNT_UPDATES_TAKEN), ==, taken + 2);
    g_assert_cmpuint(counters_read(COUNT_UPDATES_DROPPED), ==, dropped + 3);
    rig_free(rig);
}

static void test_r20_malformed(void)
{
    static const char *const lines[] = {
        "",
        "AT Clark +0.1 kiwi +1+1 5",
        "AT Clark +0.000000001 kiwi +1+1",
        "AT Clark +0.000000001 kiwi +1+1 5 Clark",
        "AT Clark +0.000000001 kiwi 1+1 5",
        "IAMAT kiwi +1+1 5",
        "WHATSAT kiwi 10 5",
        "HELLO 1 Bona Bailey",
        "? ?",
    };
    Rig *rig = rig_new("");

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        assert_reply(rig, rig->link, lines[i], "");
        assert_flooded(rig, NULL, NULL);
    }
    assert_reply_bytes(rig, rig->link, SLICE("AT Clark\0 +0.000000001 kiwi +1+1 5"), SLICE(""));
    g_assert_cmpuint(store_size(rig->context.store), ==, 0);

    g_autofree char *log = end_log(rig);
    g_assert_nonnull(strstr(log, "link Bona dropped a line that is no update: AT Clark +0.1 kiwi"));
    rig_free(rig);
}

static void test_r4_too_long(void)
{
    Rig *rig = rig_new("");
    g_autofree char *line = g_strnfill(5000, 'x');
    g_autofree char *reply = g_strdup_printf("? %.64s\n", line);

    session_too_long(&rig->context, rig->client, (Slice){.data = line, .length = 5000}, &rig->turn);
    g_assert_cmpstr(rig->turn.output->str, ==, reply);
    g_string_truncate(rig->turn.output, 0);
    session_too_long(&rig->context, rig->link, (Slice){.data = line, .length = 5000}, &rig->turn);
    g_assert_cmpstr(rig->turn.output->str, ==, "");
    rig_free(rig);
}

static void test_log(void)
{
    static const struct {
        const char *option;
        bool message, invalid;
    } rows[] = {{"all", true, true}, {"errors", false, true}, {"none", false, false}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *option = g_strdup_printf("log_messages = %s\n", rows[i].option);
        Rig *rig = rig_new(option);

        assert_reply(rig, rig->client, "IAMAT a +1+1 900", "AT Bailey +100.000000005 a +1+1 900\n");
        assert_reply(rig, rig->client, "WHATSAT a 10 5",
                     "AT Bailey +100.000000005 a +1+1 900\n{\n   \"results\" : []\n}\n\n");
        assert_reply(rig, rig->client, "oh \xff", "? oh \xff\n");
        g_autofree char *log = end_log(rig);
        static const char *const of_messages[] = {
            "recv ? IAMAT a +1+1 900\n", "send ? AT Bailey +100.000000005 a +1+1 900\n",
            "recv ? WHATSAT a 10 5\n",
            "send ? AT Bailey +100.000000005 a +1+1 900 (+21 bytes of places)\n"};
        static const char *const of_invalid[] = {"recv ? oh \\xff\n", "send ? ? oh \\xff\n"};

        for (size_t k = 0; k < G_N_ELEMENTS(of_messages); k++)
            g_assert_true((strstr(log, of_messages[k]) != NULL) == rows[i].message);
        for (size_t k = 0; k < G_N_ELEMENTS(of_invalid); k++) {
            const char *first = strstr(log, of_invalid[k]);

            g_assert_true((first != NULL) == rows[i].invalid);
            g_assert_true(first == NULL || strstr(first + 1, of_invalid[k]) == NULL);
        }
        rig_free(rig);
    }
}

/* printf %s sesame | sha256sum */
#define SESAME "sha256:d0c04f4b1951e4aeaaec8223ed2039e542f3aae805a6fa7f6d794e5afff5d272"

static void set_rules(Rig *rig, const char *rules)
{
    g_autoptr(GError) error = NULL;

    g_clear_pointer(&rig->context.access, access_unref);
    rig->context.access = access_parse("rules", slice_of(rules), &error);
    g_assert_no_error(error);
}

static void test_access(void)
{
    Rig *rig = rig_new("log_messages = errors\n");
    uint64_t refused = counters_read(COUNT_ACCESS_REFUSED), iamat = counters_read(COUNT_IAMAT);

    set_rules(rig, "anyone guest-*\ntoken " SESAME " bus-*\n");
    assert_reply(rig, rig->client, "IAMAT guest-1 +1+1 900",
                 "AT Bailey +100.000000005 guest-1 +1+1 900\n");
    forget_updates(rig);
    assert_invalid(rig, rig->client, "IAMAT bus-1 +1+1 900");
    assert_kept(rig, "bus-1", NULL);
    g_assert_cmpuint(counters_read(COUNT_ACCESS_REFUSED), ==, refused + 1);
    g_assert_cmpuint(counters_read(COUNT_IAMAT), ==, iamat + 1);
    assert_reply(rig, rig->client, "AUTH sesame", "AUTH ok\n");
    assert_reply(rig, rig->client, "IAMAT bus-1 +1+1 900",
                 "AT Bailey +100.000000005 bus-1 +1+1 900\n");
    forget_updates(rig);

    /* Other rules: the token counts by them. */
    set_rules(rig, "token " SESAME " tram-*\n");
    assert_invalid(rig, rig->client, "IAMAT bus-1 +1+1 901");
    assert_invalid(rig, rig->client, "IAMAT guest-1 +1+1 901");
    assert_reply(rig, rig->client, "IAMAT tram-1 +1+1 901",
                 "AT Bailey +99.000000005 tram-1 +1+1 901\n");
    forget_updates(rig);
    /* Links are not concerned, nor who asks. */
    assert_reply(rig, rig->link, "AT Bona +0.000000001 bus-2 +1+1 5", "");
    assert_kept(rig, "bus-2", "AT Bona +0.000000001 bus-2 +1+1 5\n");
    forget_updates(rig);
    Connection *other = connection_new(-1, &(struct sockaddr_storage){0});
    g_string_truncate(rig->turn.output, 0);
    g_assert_cmpint(session_execute(&rig->context, other, SLICE("WHATSAT bus-1 1 0"), &rig->turn),
                    ==, SESSION_DONE);
    g_assert_true(g_str_has_prefix(rig->turn.output->str, "AT Bailey "));
    assert_invalid(rig, other, "IAMAT tram-1 +1+1 902");
    connection_free(other);
    access_unref(rig->context.access);
    g_autofree char *log = end_log(rig);
    g_assert_nonnull(strstr(log, " ? IAMAT bus-1 +1+1 900\n"));
    g_assert_null(strstr(log, "sesame"));
    rig_free(rig);
}

static void test_auth(void)
{
    Rig *rig = rig_new("");
    uint64_t invalid;

    /* No command without rules, or with rules that name no token. */
    for (int i = 0; i < 5; i++)
        assert_invalid(rig, rig->client, "AUTH wrong");
    set_rules(rig, "anyone *\n");
    for (int i = 0; i < 5; i++)
        assert_invalid(rig, rig->client, "AUTH wrong");
    set_rules(rig, "token " SESAME " *\n");
    assert_invalid(rig, rig->client, "AUTH sesame sesame");
    assert_invalid(rig, rig->client, "auth sesame");
    assert_reply(rig, rig->link, "AUTH sesame", "");

    assert_invalid(rig, rig->client, "AUTH wrong");
    assert_reply(rig, rig->client, "AUTH sesame", "AUTH ok\n");
    assert_invalid(rig, rig->client, "AUTH wrong");
    assert_reply(rig, rig->client, "IAMAT k +1+1 900", "AT Bailey +100.000000005 k +1+1 900\n");
    forget_updates(rig);
    g_string_truncate(rig->turn.output, 0);
    invalid = counters_read(COUNT_INVALID);
    g_assert_false(rig->client->closing);
    g_assert_cmpint(session_execute(&rig->context, rig->client, SLICE("AUTH wrong"), &rig->turn),
                    ==, SESSION_DONE);
    g_assert_true(rig->client->closing);
    g_assert_cmpstr(rig->turn.output->str, ==, "? AUTH wrong\n");
    g_assert_cmpuint(counters_read(COUNT_INVALID), ==, invalid + 1);

    session_too_long(&rig->context, rig->client, SLICE("AUTH sesame-and-more"), &rig->turn);
    access_unref(rig->context.access);
    g_autofree char *log = end_log(rig);
    g_assert_nonnull(strstr(log, "AUTH (token)\n"));
    g_assert_nonnull(strstr(log, "AUTH ok\n"));
    g_assert_nonnull(strstr(log, "? AUTH (token)\n"));
    g_assert_null(strstr(log, "sesame"));
    g_assert_null(strstr(log, "wrong"));
    rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/session/r4/too-long-is-shown-cut", test_r4_too_long);
    g_test_add_func("/session/r5/iamat", test_r5_iamat);
    g_test_add_func("/session/r8/max-future-skew", test_r8_future);
    g_test_add_func("/session/r8/future-is-legal", test_r8_future_unbounded);
    g_test_add_func("/session/r9/not-newer-is-answered-and-not-flooded", test_r9_not_newer);
    g_test_add_func("/session/r10/bounds", test_r10_bounds);
    g_test_add_func("/session/r11/unknown-client", test_r11_unknown);
    g_test_add_func("/session/r12/line-of-the-origin", test_r12_origin);
    g_test_add_func("/session/r13/lookup-that-blocks-is-left-to-the-worker", test_lookup);
    g_test_add_func("/session/r16/raw-copy", test_r16_raw_copy);
    g_test_add_func("/session/r17/strangers", test_r17_strangers);
    g_test_add_func("/session/r20/newer-goes-on-but-not-back", test_r20_link);
    g_test_add_func("/session/r20/malformed-is-dropped-in-silence", test_r20_malformed);
    g_test_add_func("/session/r22/hello-wants-name-address-and-us", test_r22_hello);
    g_test_add_func("/session/r22/no-longer-than-it-is-a-neighbour", test_take_config);
    g_test_add_func("/session/log/says-what-is-asked-for", test_log);
    g_test_add_func("/session/access/rules", test_access);
    g_test_add_func("/session/access/auth", test_auth);
    return g_test_run();
}
