/* SPDX-License-Identifier: MIT */

/* The [member NAME] groups: names, listening addresses, edges. */

#include "tests/unit/config-file.h"

static void test_neighbours_wrong(void)
{
    expect_error(BAILEY "neighbours = Bailey\n", HERD_CONFIG_ERROR_MEMBER,
                 "[member Bailey] neighbours: Bailey cannot be its own neighbour");
    expect_error(BAILEY "neighbours = Bona Clark\n" BONA, HERD_CONFIG_ERROR_MEMBER,
                 "[member Bailey] neighbours: there is no [member Bona Clark]");
}

static void test_repeated_groups(void)
{
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {BAILEY "[member Bailey]\nlisten = 127.0.0.1:10001\n",
         "[member Bailey]: stands there twice, the second time in line 3"},
        {"[limits]\nmax_line = 500\n" BAILEY "[limits]\nmax_connections = 5\n",
         "[limits]: stands there twice, the second time in line 5"},
        {"[limits]\n\n# once more\n  [limits]  \n" BAILEY,
         "[limits]: stands there twice, the second time in line 4"},
        {BAILEY "[herd Bailey]\n[herd Bailey]\n",
         "[herd Bailey]: stands there twice, the second time in line 4"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        expect_error(rows[i].text, HERD_CONFIG_ERROR_VALUE, rows[i].wanted);
}

/* However the group is spaced, it is the same member. */
static void test_repeated_member_in_other_spacing(void)
{
    expect_error(BAILEY "[member  Bailey]\nlisten = 127.0.0.1:10001\n", HERD_CONFIG_ERROR_VALUE,
                 "[member Bailey]: stands there twice");
    expect_error("[limits]\nmax_line = 500\n[limits Bailey]\nmax_line = 600\n"
                 "[limits  Bailey]\nmax_line = 700\n" BAILEY,
                 HERD_CONFIG_ERROR_VALUE, "[limits Bailey]: stands there twice");
}

static void test_repeated_keys(void)
{
    expect_error("[limits]\nmax_line = 500\n# max_line = 510\nmax_line=600\n" BAILEY,
                 HERD_CONFIG_ERROR_VALUE,
                 "[limits] max_line: stands there twice, the second time in line 4");
    expect_error(BAILEY "listen = 127.0.0.1:10001\n", HERD_CONFIG_ERROR_VALUE,
                 "[member Bailey] listen: stands there twice");
}

static void test_member_names(void)
{
    g_autofree char *longest = g_strnfill(MEMBER_NAME_MAX, 'B');
    g_autofree char *longer = g_strnfill(MEMBER_NAME_MAX + 1, 'B');
    const char *const good[] = {"B", "bailey", "Bailey2", "b.example", "B_1-x", "7", longest};
    const char *const bad[] = {longer, ".",   "..",        ".hidden", "-b",
                               "a/b",  "a b", "B\xc3\xa4", "a;b",     "a:b"};

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strdup_printf("[member %s]\nlisten = 127.0.0.1:10000\n", good[i]);
        g_autoptr(Config) config = load_as(good[i], text, &error);

        g_assert_no_error(error);
        g_assert_cmpstr(config->self->name, ==, good[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *text =
            g_strdup_printf(BAILEY "[member %s]\nlisten = 127.0.0.1:10001\n", bad[i]);
        g_autofree char *wanted =
            g_strdup_printf("[member %s]: a member's name is 1 to 64 ", bad[i]);

        expect_error(text, HERD_CONFIG_ERROR_VALUE, wanted);
    }
    expect_error(BAILEY "[member]\nlisten = 127.0.0.1:10001\n", HERD_CONFIG_ERROR_VALUE,
                 "[member]: a member's name is 1 to 64 ");
}

static void test_member_asked_for(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) none = NULL;
    g_autoptr(Config) config = load_as("Clark", BAILEY BONA, &error);
    g_autofree char *wanted =
        g_strdup_printf("%s: there is no [member Clark]; its members are: Bailey, Bona", path);

    g_assert_null(config);
    g_assert_error(error, HERD_CONFIG_ERROR, HERD_CONFIG_ERROR_MEMBER);
    g_assert_cmpstr(error->message, ==, wanted);

    g_assert_null(load_as("Clark", "", &none));
    g_assert_error(none, HERD_CONFIG_ERROR, HERD_CONFIG_ERROR_MEMBER);
    g_assert_nonnull(strstr(none->message, "its members are: none"));
}

static void test_member_lookup(void)
{
    g_autoptr(Config) config = load(BAILEY BONA);

    g_assert_true(config_member(config, "Bailey") == config->self);
    g_assert_cmpstr(config_member(config, "Bona")->name, ==, "Bona");
    g_assert_null(config_member(config, "bona"));
    g_assert_null(config_member(config, ""));
    config_free(NULL);
}

static void test_edges(void)
{
    g_autoptr(Config) config =
        load("[member Bailey]\nlisten = 127.0.0.1:10000\nneighbours = Clark;Bona\n"
             "[member Bona]\nlisten = 127.0.0.1:10001\nneighbours = Bailey\n"
             "[member Clark]\nlisten = 127.0.0.1:10003\nneighbours = Bailey\n");

    g_assert_cmpuint(config->warnings->len, ==, 0);
    g_assert_cmpuint(config->self->neighbours->len, ==, 2);
    g_assert_cmpstr(config->self->neighbours->pdata[0], ==, "Bona"); /* sorted */
    g_assert_cmpstr(config->self->neighbours->pdata[1], ==, "Clark");
}

static void test_one_sided_edge(void)
{
    static const char text[] = "[member Bailey]\nlisten = 127.0.0.1:10000\nneighbours = Clark\n"
                               "[member Bona]\nlisten = 127.0.0.1:10001\nneighbours = Bailey\n"
                               "[member Clark]\nlisten = 127.0.0.1:10003\nneighbours = Bailey\n";
    static const char *const names[] = {"Bailey", "Bona"};

    /* From either side it is an edge, and a warning that names file, group and both. */
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = load_as(names[i], text, &error);

        g_assert_no_error(error);
        const Member *bailey = config_member(config, "Bailey");
        g_assert_cmpuint(bailey->neighbours->len, ==, 2);
        g_assert_cmpstr(bailey->neighbours->pdata[0], ==, "Bona");
        g_assert_cmpstr(bailey->neighbours->pdata[1], ==, "Clark");
        g_assert_cmpuint(config_member(config, "Bona")->neighbours->len, ==, 1);
        g_assert_cmpuint(config->warnings->len, ==, 1);

        const char *warning = config->warnings->pdata[0];
        g_autofree char *begin =
            g_strdup_printf("%s: [member Bailey] neighbours: Bona is missing", path);
        g_assert_true(g_str_has_prefix(warning, begin));
        g_assert_null(strchr(warning, '\n'));
    }
}

/* There is exactly one warning, and it is the file's name and @wanted. */
static void expect_warning(const Config *config, const char *wanted)
{
    g_autofree char *message = g_strdup_printf("%s: %s", path, wanted);

    g_assert_cmpuint(config->warnings->len, ==, 1);
    g_assert_cmpstr(config->warnings->pdata[0], ==, message);
}

static void test_repeated_neighbour(void)
{
    static const char *const lists[] = {"Bona;Bona", "Bona;Clark;Bona", "Clark;Bona;Bona;Bona"};

    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        g_autofree char *text =
            g_strdup_printf("[member Bailey]\nlisten = 127.0.0.1:10000\nneighbours = %s\n" BONA
                            "neighbours = Bailey;Clark\n"
                            "[member Clark]\nlisten = 127.0.0.1:10003\nneighbours = Bona%s\n",
                            lists[i], strstr(lists[i], "Clark") != NULL ? ";Bailey" : "");
        g_autoptr(Config) config = load(text);
        const GPtrArray *names = config->self->neighbours;

        expect_warning(config,
                       "[member Bailey] neighbours: Bona stands there more than once; taken once");
        g_assert_cmpuint(names->len, ==, strstr(lists[i], "Clark") != NULL ? 2 : 1);
        g_assert_cmpstr(names->pdata[0], ==, "Bona");
    }
}

static void test_unreachable_member(void)
{
    static const char text[] = "[member Bailey]\nlisten = 127.0.0.1:10000\nneighbours = Bona\n" BONA
                               "neighbours = Bailey;Campbell\n"
                               "[member Campbell]\nlisten = 127.0.0.1:10002\nneighbours = Bona\n"
                               "[member Clark]\nlisten = 127.0.0.1:10003\n";
    g_autoptr(GError) error = NULL;
    g_autoptr(Config) bailey = load(text);
    g_autoptr(Config) clark = load_as("Clark", text, &error);

    expect_warning(
        bailey, "[member Clark] cannot be reached from Bailey: no chain of neighbours leads there");
    /* From where it stands it is the others. */
    g_assert_no_error(error);
    g_assert_cmpuint(clark->warnings->len, ==, 3);

    g_autoptr(Config) alone = load(BAILEY);
    g_assert_cmpuint(alone->warnings->len, ==, 0);
}

/* A link that one side names leads there too, and so does a member of others. */
static void test_reachable_member(void)
{
    g_autoptr(Config) one_sided = load(BAILEY BONA "neighbours = Bailey\n");
    g_autoptr(Config) foreign =
        load(BAILEY "neighbours = Riley\n" BONA "neighbours = Riley\n"
                    "[member Riley]\nlisten = 127.0.0.1:10009\nneighbours = Bailey;Bona\n"
                    "dialect = path\n");

    expect_warning(one_sided, "[member Bailey] neighbours: Bona is missing, which names Bailey as "
                              "its own; taken as a link of both");
    g_assert_cmpuint(foreign->warnings->len, ==, 0);
}

#define RILEY                                           \
    BAILEY "neighbours = Riley\n"                       \
           "[member Riley]\nlisten = 127.0.0.1:10009\n" \
           "neighbours = Bailey\n"

static void test_dialects(void)
{
    static const struct {
        const char *keys;
        Dialect dialect;
        Delivery delivery;
        Terminator terminator;
    } rows[] = {
        {"", DIALECT_NATIVE, DELIVERY_LINK, TERMINATOR_LF},
        {"dialect = native\ndelivery = link\nterminator = lf\n", DIALECT_NATIVE, DELIVERY_LINK,
         TERMINATOR_LF},
        {"dialect = plain\n", DIALECT_PLAIN, DELIVERY_MESSAGE, TERMINATOR_LF},
        {"dialect = path\nterminator = none\n", DIALECT_PATH, DELIVERY_MESSAGE, TERMINATOR_NONE},
        {"delivery = link\nterminator = crlf\ndialect = last\n", DIALECT_LAST, DELIVERY_LINK,
         TERMINATOR_CRLF},
        {"dialect = echo\ndelivery = message\n", DIALECT_ECHO, DELIVERY_MESSAGE, TERMINATOR_LF},
        {"delivery = message\n", DIALECT_NATIVE, DELIVERY_MESSAGE, TERMINATOR_LF},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strconcat(RILEY, rows[i].keys, NULL);
        g_autoptr(Config) config = load(text);
        const Member *riley = config_member(config, "Riley");

        g_assert_cmpuint(riley->dialect, ==, rows[i].dialect);
        g_assert_cmpuint(riley->delivery, ==, rows[i].delivery);
        g_assert_cmpuint(riley->terminator, ==, rows[i].terminator);
        g_assert_cmpint(member_is_foreign(riley), ==, rows[i].dialect != DIALECT_NATIVE);
        g_assert_false(member_is_foreign(config->self));
        g_assert_cmpuint(config->warnings->len, ==, 0);
    }
}

static void test_wrong_dialects(void)
{
    static const struct {
        const char *keys, *wanted;
    } rows[] = {
        {"dialect = java\n", "dialect: \"java\" is none of: native, plain, path, last, echo"},
        {"dialect =\n", "dialect: \"\" is none of: native,"},
        {"dialect = path;last\n", "dialect: \"path;last\" is none of: native,"},
        {"dialect = path\ndelivery = udp\n", "delivery: \"udp\" is none of: link, message"},
        {"dialect = path\nterminator = cr\n", "terminator: \"cr\" is none of: lf, crlf, none"},
        {"terminator = crlf\n", "terminator: lines end in lf where the dialect is native"},
        {"terminator = none\n", "terminator: lines end in lf where the dialect is native"},
        {"dialect = last\ndelivery = link\nterminator = none\n",
         "terminator: none leaves nothing to end a message where the delivery is link"},
        {"dialects = path\n", "dialects: there is no such key"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strconcat(RILEY, rows[i].keys, NULL);
        g_autofree char *wanted = g_strconcat("[member Riley] ", rows[i].wanted, NULL);
        bool known = strstr(rows[i].wanted, "no such key") == NULL;

        expect_error(text, known ? HERD_CONFIG_ERROR_VALUE : HERD_CONFIG_ERROR_UNKNOWN, wanted);
    }
}

static void test_foreign_member_asked_for(void)
{
    expect_error(BAILEY "dialect = last\n", HERD_CONFIG_ERROR_MEMBER,
                 "[member Bailey] dialect: last is another implementation's; herdd runs members "
                 "whose dialect is native");
}

/* What they say of each other is their own business; what they say of us is not. */
static void test_foreign_edges(void)
{
    g_autoptr(Config) theirs =
        load(RILEY "dialect = path\n"
                   "[member Juzang]\nlisten = 127.0.0.1:10008\nneighbours = Riley\n"
                   "dialect = path\n");
    g_autoptr(Config) ours = load(BAILEY "[member Riley]\nlisten = 127.0.0.1:10009\n"
                                         "neighbours = Bailey\ndialect = path\n");

    g_autoptr(Config) not_theirs =
        load(BAILEY "neighbours = Riley\n[member Riley]\nlisten = 127.0.0.1:10009\n"
                    "dialect = path\n");

    g_assert_cmpuint(theirs->warnings->len, ==, 0);
    g_assert_true(member_has_neighbour(config_member(theirs, "Riley"), "Juzang"));
    expect_warning(ours, "[member Bailey] neighbours: Riley is missing, which names Bailey as its "
                         "own; taken as a link of both");
    expect_warning(not_theirs, "[member Riley] neighbours: Bailey is missing, which names Riley as "
                               "its own; taken as a link of both");
}

static void test_listen(void)
{
    static const struct {
        const char *text;
        const char *wanted;
    } rows[] = {
        {"[member Bailey]\n", "[member Bailey] listen: is missing"},
        {"[member Bailey]\nlisten =\n", "[member Bailey] listen: is missing"},
        {"[member Bailey]\nlisten = ;;\n", "[member Bailey] listen: is missing"},
        {"[member Bailey]\nlisten = 10000\n", "[member Bailey] listen: \"10000\" is not host:port"},
        {"[member Bailey]\nlisten = 127.0.0.1:0\n",
         "[member Bailey] listen: \"127.0.0.1:0\" is not host:port"},
        {"[member Bailey]\nlisten = 127.0.0.1:65536\n",
         "[member Bailey] listen: \"127.0.0.1:65536\" is not host:port"},
        {"[member Bailey]\nlisten = ::1:10000\n",
         "[member Bailey] listen: \"::1:10000\" is not host:port"},
        {"[member Bailey]\nlisten = 256.0.0.1:10000\n",
         "[member Bailey] listen: \"256.0.0.1:10000\": "},
        {BAILEY "[member Bona]\nlisten = 127.0.0.1:10000\n",
         "[member Bona] listen: 127.0.0.1:10000 stands in this file twice"},
        {"[member Bailey]\nlisten = 127.0.0.1:10000;127.0.0.1:10000\n",
         "[member Bailey] listen: 127.0.0.1:10000 stands in this file twice"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        expect_error(rows[i].text, HERD_CONFIG_ERROR_VALUE, rows[i].wanted);
}

static void test_wildcard_first(void)
{
    static const char *const wildcards[] = {"0.0.0.0:10000", "[::]:10000"};

    for (size_t i = 0; i < G_N_ELEMENTS(wildcards); i++) {
        g_autofree char *first =
            g_strdup_printf("[member Bailey]\nlisten = %s;127.0.0.1:10000\nneighbours = Bona\n" BONA
                            "neighbours = Bailey\n",
                            wildcards[i]);
        g_autofree char *second =
            g_strdup_printf("[member Bailey]\nlisten = 127.0.0.1:10000;%s\nneighbours = Bona\n" BONA
                            "neighbours = Bailey\n",
                            wildcards[i]);
        g_autofree char *other = g_strdup_printf(
            BAILEY "neighbours = Bona\n[member Bona]\nlisten = %s\nneighbours = Bailey\n",
            wildcards[i]);
        g_autofree char *one_sided =
            g_strdup_printf(BAILEY "neighbours = Bona\n[member Bona]\nlisten = %s\n", wildcards[i]);
        g_autofree char *alone = g_strdup_printf("[member Bailey]\nlisten = %s\n", wildcards[i]);
        g_autofree char *here = g_strdup_printf("[member Bailey] listen: %s is no address that "
                                                "neighbours can connect to",
                                                wildcards[i]);
        g_autofree char *there = g_strdup_printf("[member Bona] listen: %s is no address that "
                                                 "neighbours can connect to",
                                                 wildcards[i]);

        expect_error(first, HERD_CONFIG_ERROR_VALUE, here);
        expect_error(other, HERD_CONFIG_ERROR_VALUE, there);
        expect_error(one_sided, HERD_CONFIG_ERROR_VALUE, there);
        /* After an address, or where nobody connects, it is fine. */
        g_autoptr(Config) after = load(second);
        g_assert_cmpuint(after->self->listen->len, ==, 2);
        g_autoptr(Config) nobody = load(alone);
        g_assert_true(endpoint_is_wildcard(nobody->self->listen->pdata[0]));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    file_begin();

    g_test_add_func("/config/file/repeated-groups", test_repeated_groups);
    g_test_add_func("/config/file/repeated-keys", test_repeated_keys);
    g_test_add_func("/config/file/repeated-member-in-other-spacing",
                    test_repeated_member_in_other_spacing);
    g_test_add_func("/config/member/names", test_member_names);
    g_test_add_func("/config/member/asked-for-is-not-there", test_member_asked_for);
    g_test_add_func("/config/member/lookup", test_member_lookup);
    g_test_add_func("/config/listen/wrong", test_listen);
    g_test_add_func("/config/listen/wildcard-is-not-first", test_wildcard_first);
    g_test_add_func("/config/neighbours/edges-are-sorted", test_edges);
    g_test_add_func("/config/neighbours/one-sided-edge-warns", test_one_sided_edge);
    g_test_add_func("/config/neighbours/repeated-warns-and-counts-once", test_repeated_neighbour);
    g_test_add_func("/config/neighbours/unreachable-member-warns", test_unreachable_member);
    g_test_add_func("/config/neighbours/reachable-member-does-not", test_reachable_member);
    g_test_add_func("/config/dialect/r24/and-its-defaults", test_dialects);
    g_test_add_func("/config/dialect/r24/wrong", test_wrong_dialects);
    g_test_add_func("/config/dialect/r24/herdd-is-native", test_foreign_member_asked_for);
    g_test_add_func("/config/dialect/r24/edges", test_foreign_edges);
    g_test_add_func("/config/neighbours/wrong", test_neighbours_wrong);
    int result = g_test_run();

    file_end();
    return result;
}
