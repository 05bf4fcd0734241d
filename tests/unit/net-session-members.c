/* SPDX-License-Identifier: MIT */

/* What members say to each other beside updates, what members of other implementations say, and
 * what bounds the records that come in. */

#include "tests/unit/net-session-rig.h"

static void put(Rig *rig, const char *line)
{
    Message m = message_parse(slice_of(line));
    g_autoptr(Record) record = record_new(&m.at);

    g_assert_cmpint(m.kind, ==, MESSAGE_AT);
    g_assert_cmpint(store_put(rig->context.store, record, 0), ==, STORE_STORED);
}

static void test_ping(void)
{
    Rig *rig = rig_new("");

    assert_reply(rig, rig->link, "PING", "PONG\n");
    assert_reply(rig, rig->link, "PONG", "");
    assert_reply(rig, rig->link, "PING 1", "");
    assert_invalid(rig, rig->client, "PING"); /* PROTOCOL R17 */
    assert_invalid(rig, rig->client, "PONG");
    /* Once a second is too often for the log. */
    g_autofree char *log = end_log(rig);
    g_assert_null(strstr(log, "recv Bona PING\n"));
    g_assert_nonnull(strstr(log, "link Bona dropped a line that is no update: PONG\n"));
    rig_free(rig);
}

static void assert_sums(Rig *rig)
{
    uint64_t sums[STORE_SHARDS], leaves[STORE_LEAVES], root = 0;
    g_autoptr(GString) answer = g_string_new(NULL);

    store_shard_sums(rig->context.store, sums);
    for (unsigned i = 0; i < STORE_SHARDS; i++)
        root += sums[i];
    message_append_sums(answer, PART_ROOT, &root, 1);
    assert_reply(rig, rig->link, "DIGEST ROOT", answer->str);
    g_string_truncate(answer, 0);
    message_append_sums(answer, PART_SHARDS, sums, STORE_SHARDS);
    assert_reply(rig, rig->link, "DIGEST SHARDS", answer->str);
    for (int shard = 0; shard < (int)STORE_SHARDS; shard += 31) {
        g_autoptr(GString) question = g_string_new(NULL);

        message_append_digest(question, shard);
        g_string_truncate(question, question->len - 1);
        g_string_truncate(answer, 0);
        store_leaf_sums(rig->context.store, (unsigned)shard, leaves);
        message_append_sums(answer, shard, leaves, STORE_LEAVES);
        assert_reply(rig, rig->link, question->str, answer->str);
    }
}

static void test_digest(void)
{
    Rig *rig = rig_new("");

    assert_reply(rig, rig->link, "DIGEST ROOT", "SUMS ROOT 0000000000000000\n");
    assert_sums(rig);
    put(rig, "AT B -1.000000000 k +0+0 5"); /* see test_digest_is_fixed() in record.c */
    assert_reply(rig, rig->link, "DIGEST ROOT", "SUMS ROOT 7d87cfadfa263c58\n");
    for (int i = 0; i < 3000; i++) {
        g_autofree char *line = g_strdup_printf("AT Clark +0.000000001 %d +1+1 5", i);

        put(rig, line);
    }
    assert_sums(rig);
    assert_reply(rig, rig->link, "DIGEST 1024", "");
    assert_reply(rig, rig->link, "SUMS ROOT 0000000000000000", ""); /* it goes the other way */
    assert_invalid(rig, rig->client, "DIGEST ROOT");
    assert_invalid(rig, rig->client, "SUMS ROOT 0000000000000000");
    g_autofree char *log = end_log(rig);
    g_assert_null(strstr(log, "recv Bona DIGEST ROOT\n"));
    g_assert_nonnull(strstr(log, "link Bona dropped a line that is no update: DIGEST 1024\n"));
    rig_free(rig);
}

/* It is an update, but for how it goes on: the other neighbours are not told but compared with. */
static void test_sync(void)
{
    Rig *rig = rig_new("");
    uint64_t taken = counters_read(COUNT_SYNCS_TAKEN), dropped = counters_read(COUNT_SYNCS_DROPPED);
    uint64_t updates = counters_read(COUNT_UPDATES_TAKEN);

    rig->link->incarnation = 77;
    assert_reply(rig, rig->link, "SYNC Clark +0.000000001 kiwi +1+1 10\r", "");
    const FloodUpdate *update = &g_array_index(rig->turn.updates, FloodUpdate, 0);
    g_assert_cmpuint(rig->turn.updates->len, ==, 1);
    g_assert_true(update->found);
    g_assert_cmpint(update->incarnation, ==, 77);
    assert_flooded(rig, "AT Clark +0.000000001 kiwi +1+1 10\n", "Bona");
    assert_kept(rig, "kiwi", "AT Clark +0.000000001 kiwi +1+1 10\n");
    assert_reply(rig, rig->link, "SYNC Clark +0.000000001 kiwi +1+1 10", "");
    assert_reply(rig, rig->link, "SYNC Clark +0.000000001 kiwi +1+1 9", "");
    assert_reply(rig, rig->link, "SYNC Clark +0.000000001 kiwi +1+1", "");
    assert_flooded(rig, NULL, NULL);
    g_assert_cmpuint(counters_read(COUNT_SYNCS_TAKEN), ==, taken + 1);
    g_assert_cmpuint(counters_read(COUNT_SYNCS_DROPPED), ==, dropped + 2);
    g_assert_cmpuint(counters_read(COUNT_UPDATES_TAKEN), ==, updates);

    assert_reply(rig, rig->link, "AT Clark +0.000000001 kiwi +1+1 11", "");
    g_assert_false(g_array_index(rig->turn.updates, FloodUpdate, 0).found);
    assert_flooded(rig, "AT Clark +0.000000001 kiwi +1+1 11\n", "Bona");
    assert_invalid(rig, rig->client, "SYNC Clark +0.000000001 kiwi +1+1 12");
    rig_free(rig);
}

static void test_max_records(void)
{
    Rig *rig = rig_new("[limits]\nmax_records = 2\n");
    uint64_t refused = counters_read(COUNT_RECORDS_REFUSED);
    int peer;
    Connection *riley = connect_from(rig->hosts[RILEY], &peer);

    assert_reply(rig, rig->client, "IAMAT a +1+1 900", "AT Bailey +100.000000005 a +1+1 900\n");
    assert_reply(rig, rig->client, "IAMAT b +1+1 900", "AT Bailey +100.000000005 b +1+1 900\n");
    forget_updates(rig);
    assert_invalid(rig, rig->client, "IAMAT c +1+1 900");
    assert_kept(rig, "c", NULL);
    g_assert_cmpuint(counters_read(COUNT_RECORDS_REFUSED), ==, refused + 1);

    /* Who is known goes on. */
    assert_reply(rig, rig->client, "IAMAT a +2+2 950", "AT Bailey +50.000000005 a +2+2 950\n");
    assert_flooded(rig, "AT Bailey +50.000000005 a +2+2 950\n", NULL);
    assert_reply(rig, rig->client, "IAMAT a +2+2 900", "AT Bailey +100.000000005 a +2+2 900\n");

    /* What another member has accepted is not judged again, or the herd would fall apart. */
    assert_reply(rig, rig->link, "AT Bona +0.000000001 d +1+1 5", "");
    assert_flooded(rig, "AT Bona +0.000000001 d +1+1 5\n", "Bona");
    assert_reply(rig, rig->link, "SYNC Bona +0.000000001 e +1+1 5", "");
    assert_flooded(rig, "AT Bona +0.000000001 e +1+1 5\n", "Bona");
    g_assert_cmpuint(store_size(rig->context.store), ==, 4);
    g_assert_cmpuint(counters_read(COUNT_RECORDS_REFUSED), ==, refused + 1);

    /* Other implementations judge nothing. */
    assert_reply(rig, riley, "AT Riley +0.1 f +1+1 5", "");
    assert_flooded(rig, NULL, NULL);
    assert_kept(rig, "f", NULL);
    g_assert_cmpuint(counters_read(COUNT_RECORDS_REFUSED), ==, refused + 2);
    close(riley->stream.descriptor);
    close(peer);
    connection_free(riley);
    rig_free(rig);
}

/* record_ttl_s sets the store's horizon (cmd/server.c). */
static void test_too_old(void)
{
    Rig *rig = rig_new("");
    uint64_t expired = counters_read(COUNT_EXPIRED), stale = counters_read(COUNT_STALE);
    uint64_t iamat = counters_read(COUNT_IAMAT), dropped = counters_read(COUNT_UPDATES_DROPPED);

    store_set_horizon(rig->context.store, 900);
    assert_reply(rig, rig->client, "IAMAT a +1+1 899.9", "AT Bailey +100.100000005 a +1+1 899.9\n");
    assert_flooded(rig, NULL, NULL);
    assert_kept(rig, "a", NULL);
    assert_invalid(rig, rig->client, "WHATSAT a 10 5");
    g_assert_cmpuint(counters_read(COUNT_EXPIRED), ==, expired + 1);
    g_assert_cmpuint(counters_read(COUNT_STALE), ==, stale);
    g_assert_cmpuint(counters_read(COUNT_IAMAT), ==, iamat + 1);
    assert_reply(rig, rig->link, "AT Bona +0.000000001 a +1+1 899", "");
    assert_flooded(rig, NULL, NULL);
    g_assert_cmpuint(counters_read(COUNT_EXPIRED), ==, expired + 2);
    g_assert_cmpuint(counters_read(COUNT_UPDATES_DROPPED), ==, dropped + 1);
    assert_reply(rig, rig->client, "IAMAT a +1+1 900", "AT Bailey +100.000000005 a +1+1 900\n");
    assert_flooded(rig, "AT Bailey +100.000000005 a +1+1 900\n", NULL);
    store_set_horizon(rig->context.store, 901);
    assert_invalid(rig, rig->client, "WHATSAT a 10 5");
    rig_free(rig);
}

/* Executes each line on a connection from @host of its own, as such members open them. */
static void say_from(Rig *rig, unsigned host, const char *line, const char *reply)
{
    int peer;
    Connection *connection = connect_from(rig->hosts[host], &peer);

    assert_reply(rig, connection, line, reply);
    g_assert_cmpint(connection->neighbour, ==, CONNECTION_CLIENT);
    close(connection->stream.descriptor);
    close(peer);
    connection_free(connection);
}

/* PROTOCOL R24: taken in whichever dialect, never answered, passed on as R20 wants it. */
static void test_r24_taken(void)
{
    static const struct {
        const char *line, *stored;
    } rows[] = {
        {"AT Riley +275202393.594378145 a +1+1 5", "AT Riley +275202393.594378145 a +1+1 5\n"},
        {"AT Riley +0.5 b +1+1 5\r", "AT Riley +0.500000000 b +1+1 5\n"},
        {"AT Clark 0.5 c +1+1 5", "AT Clark +0.500000000 c +1+1 5\n"},
        {"AT Clark -5e-01 d +1+1 5 Riley", "AT Clark -0.500000000 d +1+1 5\n"},
        {"AT Juzang +1.0 e +1+1 5 Juzang Bernard Riley", "AT Juzang +1.000000000 e +1+1 5\n"},
        {"AT Juzang +1.0 f +1+1 5 Elsewhere", "AT Juzang +1.000000000 f +1+1 5\n"},
        {"ECHO g +1+1 5 7.25 Riley", "AT Riley +2.250000000 g +1+1 5\n"},
        {" AT  Riley\t+1 h +1+1 5 ", "AT Riley +1.000000000 h +1+1 5\n"},
    };
    Rig *rig = rig_new("");
    uint64_t taken = counters_read(COUNT_FOREIGN_TAKEN);
    uint64_t invalid = counters_read(COUNT_INVALID);

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char client[] = {(char)('a' + (int)i), '\0'};

        say_from(rig, RILEY, rows[i].line, "");
        assert_flooded(rig, rows[i].stored, "Riley");
        assert_kept(rig, client, rows[i].stored);
    }
    g_assert_cmpuint(counters_read(COUNT_FOREIGN_TAKEN), ==, taken + G_N_ELEMENTS(rows));
    g_assert_cmpuint(counters_read(COUNT_INVALID), ==, invalid);
    rig_free(rig);
}

/* PROTOCOL, mistake 12: what comes back through a program that rewrites it is no news. */
static void test_r24_copies(void)
{
    static const char stored[] =
        "AT Bona +0.263873386 k +34.068930-118.445127 1520023934.918963997\n";
    static const char *const lines[] = {
        "AT Bona +0.263873386 k +34.068930-118.445127 1520023934.918963997",
        "AT Riley +9.5 k +34.06893-118.445127 1520023934.918964",
        "AT Zed +9.5 k +34.068930-118.445127 1520023934.918963997 Zed Riley",
        "ECHO k +34.068930-118.445127 1520023934.9189641 1520023935.5 Riley",
        "AT Riley +0.1 k +1+1 1520023933", /* not newer either */
    };
    Rig *rig = rig_new("");
    uint64_t dropped = counters_read(COUNT_FOREIGN_DROPPED);

    assert_reply(rig, rig->link,
                 "AT Bona +0.263873386 k +34.068930-118.445127 1520023934.918963997", "");
    forget_updates(rig);
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        say_from(rig, RILEY, lines[i], "");
        assert_flooded(rig, NULL, NULL);
        assert_kept(rig, "k", stored);
        g_assert_cmpuint(counters_read(COUNT_FOREIGN_DROPPED), ==, dropped + i + 1);
    }
    /* Between members that keep digits it is decided by R21 alone. */
    assert_reply(rig, rig->link, "AT Clark +0.1 k +34.068930-118.445127 1520023934.918963998", "");
    assert_flooded(rig, NULL, NULL); /* R5's nine decimals */
    assert_reply(rig, rig->link,
                 "AT Clark +0.100000000 k +34.068930-118.445127 1520023934.918963998", "");
    assert_flooded(rig, "AT Clark +0.100000000 k +34.068930-118.445127 1520023934.918963998\n",
                   "Bona");
    rig_free(rig);
}

static void test_r24_no_form(void)
{
    static const char *const lines[] = {
        "AT",
        "AT Riley +0.1 k +1+1",
        "AT Riley skew k +1+1 5",
        "AT Riley +0.1 k 1+1 5",
        "AT Riley +0.1 k +1+1 nan",
        "ECHO k +1+1 5 Riley",
        "ECHO k +1+1 5 6 Riley Riley",
    };
    Rig *rig = rig_new("");
    uint64_t dropped = counters_read(COUNT_FOREIGN_DROPPED);

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        say_from(rig, RILEY, lines[i], "");
        assert_flooded(rig, NULL, NULL);
    }
    g_assert_cmpuint(counters_read(COUNT_FOREIGN_DROPPED), ==, dropped + G_N_ELEMENTS(lines));
    g_assert_cmpuint(store_size(rig->context.store), ==, 0);
    g_autofree char *log = end_log(rig);
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *event =
            g_strdup_printf(" dropped a line that is in no dialect: %s\n", lines[i]);

        g_assert_nonnull(strstr(log, event));
    }
    rig_free(rig);
}

/* PROTOCOL R17: at another address they are a client's, and so is all else at this one. */
static void test_r24_strangers(void)
{
    static const char *const updates[] = {
        "AT Riley +0.100000000 k +1+1 5",
        "AT Riley +0.1 k +1+1 5 Riley",
        "ECHO k +1+1 5 6 Riley",
        "AT Riley",
    };
    static const char *const others[] = {
        "HELLO 1 Riley Bailey",
        "HELLO 1 Bona Bailey",
        "SYNC Riley +0.100000000 k +1+1 5",
        "PING",
        "DIGEST ROOT",
        "at Riley +0.1 k +1+1 5",
        "ATRiley",
        "",
    };
    static const unsigned hosts[] = {STRANGER, BONA, OWN};
    Rig *rig = rig_new("");

    for (size_t i = 0; i < G_N_ELEMENTS(updates); i++) {
        g_autofree char *reply = g_strdup_printf("? %s\n", updates[i]);

        for (size_t k = 0; k < G_N_ELEMENTS(hosts); k++)
            say_from(rig, hosts[k], updates[i], reply);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        g_autofree char *reply = g_strdup_printf("? %s\n", others[i]);

        say_from(rig, RILEY, others[i], reply);
    }
    assert_flooded(rig, NULL, NULL);
    g_assert_cmpuint(store_size(rig->context.store), ==, 0);
    say_from(rig, RILEY, "IAMAT k +1+1 900", "AT Bailey +100.000000005 k +1+1 900\n");
    assert_flooded(rig, "AT Bailey +100.000000005 k +1+1 900\n", NULL);
    rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/session/links/ping", test_ping);
    g_test_add_func("/session/links/digest", test_digest);
    g_test_add_func("/session/links/sync-is-found", test_sync);
    g_test_add_func("/session/limits/max-records-bounds-new-clients", test_max_records);
    g_test_add_func("/session/limits/too-old-is-answered-and-not-stored", test_too_old);
    g_test_add_func("/session/r24/taken-and-not-answered", test_r24_taken);
    g_test_add_func("/session/r24/copies-are-no-news", test_r24_copies);
    g_test_add_func("/session/r24/no-form-is-logged", test_r24_no_form);
    g_test_add_func("/session/r17/r24/strangers", test_r24_strangers);
    return g_test_run();
}
