/* SPDX-License-Identifier: MIT */
#include "tests/unit/config-file.h"

static void test_defaults(void)
{
    g_autoptr(Config) config = load(BAILEY);

    g_assert_cmpstr(config->self->name, ==, "Bailey");
    g_assert_cmpint(config->places.provider, ==, PROVIDER_EMBEDDED);
    g_assert_cmpstr(config->log_dir, ==, "log");
    g_assert_cmpint(config->log_messages, ==, LOG_MESSAGES_ALL);
    g_assert_cmpuint(config->workers, ==, 64);
    g_assert_cmpstr(config->state_dir, ==, NULL);
    g_assert_cmpuint(config->state_sync_ms, ==, 200);
    g_assert_cmpuint(config->places.timeout_ms, ==, 5000);
    g_assert_cmpuint(config->places.max_lookups, ==, 48);
    g_assert_cmpuint(config->places.max_waiting, ==, 1000);
    g_assert_cmpstr(config->places.url, ==, NULL);
    g_assert_cmpstr(config->places.key_file, ==, NULL);
    g_assert_cmpstr(config->places.ca_file, ==, NULL);
    g_assert_cmpstr(config->places.contact, ==, NULL);
    g_assert_cmpstr(config->places.file, ==, NULL);
    g_assert_cmpstr(config->places.type, ==, NULL);
    g_assert_cmpstr(config->places.language, ==, NULL);
    g_assert_cmpint(config->places.fallback, ==, FALLBACK_NONE);
    g_assert_cmpuint(config->places.max_calls_per_minute, ==, 0);
    g_assert_cmpuint(config->places.circuit_failures, ==, 5);
    g_assert_cmpuint(config->places.cache_s, ==, 0);
    g_assert_cmpuint(config->limits.max_connections, ==, 10000);
    g_assert_cmpuint(config->limits.max_line, ==, 4096);
    g_assert_cmpuint(config->limits.idle_timeout_s, ==, 0);
    g_assert_cmpuint(config->limits.line_timeout_s, ==, 10);
    g_assert_cmpuint(config->limits.write_timeout_s, ==, 30);
    g_assert_cmpuint(config->limits.max_future_skew_s, ==, 0);
    g_assert_cmpuint(config->members->len, ==, 1);
    g_assert_cmpuint(config->warnings->len, ==, 0);
    g_assert_cmpuint(config->self->neighbours->len, ==, 0);
    g_assert_cmpuint(config->self->listen->len, ==, 1);
}

static void test_every_option(void)
{
    g_autoptr(Config) config = load("[herd]\n"
                                    "places = google-legacy\n"
                                    "log_dir = /var/log/the herd\n"
                                    "log_messages = errors\n"
                                    "workers = 8\n"
                                    "state_dir = /var/lib/the herd\n"
                                    "state_sync_ms = 60000\n"
                                    "[places]\n"
                                    "timeout_ms = 250\n"
                                    "max_lookups = 7\n"
                                    "max_waiting = 5\n"
                                    "url = http://127.0.0.1:8080\n"
                                    "key_file = /etc/herd/key\n"
                                    "ca_file = /etc/herd/ca.pem\n"
                                    "contact = ann@example.org\n"
                                    "file = /srv/cafes.places\n"
                                    "type = cafe\n"
                                    "language = pt-BR\n"
                                    "fallback = embedded\n"
                                    "max_calls_per_minute = 16\n"
                                    "circuit_failures = 17\n"
                                    "cache_s = 18\n"
                                    "[limits]\n"
                                    "max_connections = 11\n"
                                    "max_line = 1024\n"
                                    "idle_timeout_s = 12\n"
                                    "line_timeout_s = 13\n"
                                    "write_timeout_s = 14\n"
                                    "max_future_skew_s = 15\n" BAILEY);

    g_assert_cmpint(config->places.provider, ==, PROVIDER_GOOGLE_LEGACY);
    g_assert_cmpstr(config->log_dir, ==, "/var/log/the herd");
    g_assert_cmpint(config->log_messages, ==, LOG_MESSAGES_ERRORS);
    g_assert_cmpuint(config->workers, ==, 8);
    g_assert_cmpstr(config->state_dir, ==, "/var/lib/the herd");
    g_assert_cmpuint(config->state_sync_ms, ==, 60000);
    g_assert_cmpuint(config->places.timeout_ms, ==, 250);
    g_assert_cmpuint(config->places.max_lookups, ==, 7);
    g_assert_cmpuint(config->places.max_waiting, ==, 5);
    g_assert_cmpstr(config->places.url, ==, "http://127.0.0.1:8080");
    g_assert_cmpstr(config->places.key_file, ==, "/etc/herd/key");
    g_assert_cmpstr(config->places.ca_file, ==, "/etc/herd/ca.pem");
    g_assert_cmpstr(config->places.contact, ==, "ann@example.org");
    g_assert_cmpstr(config->places.file, ==, "/srv/cafes.places");
    g_assert_cmpstr(config->places.type, ==, "cafe");
    g_assert_cmpstr(config->places.language, ==, "pt-BR");
    g_assert_cmpint(config->places.fallback, ==, FALLBACK_EMBEDDED);
    g_assert_cmpuint(config->places.max_calls_per_minute, ==, 16);
    g_assert_cmpuint(config->places.circuit_failures, ==, 17);
    g_assert_cmpuint(config->places.cache_s, ==, 18);
    g_assert_cmpuint(config->limits.max_connections, ==, 11);
    g_assert_cmpuint(config->limits.max_line, ==, 1024);
    g_assert_cmpuint(config->limits.idle_timeout_s, ==, 12);
    g_assert_cmpuint(config->limits.line_timeout_s, ==, 13);
    g_assert_cmpuint(config->limits.write_timeout_s, ==, 14);
    g_assert_cmpuint(config->limits.max_future_skew_s, ==, 15);
}

static void test_choices(void)
{
    static const struct {
        const char *value;
        LogMessages messages;
    } rows[] = {
        {"all", LOG_MESSAGES_ALL},
        {"errors", LOG_MESSAGES_ERRORS},
        {"none", LOG_MESSAGES_NONE},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text =
            g_strdup_printf("[herd]\nlog_messages = %s\n" BAILEY, rows[i].value);
        g_autoptr(Config) config = load(text);

        g_assert_cmpint(config->log_messages, ==, rows[i].messages);
    }
}

#define CONFIG_FIELD(config, offset) \
    (*(const unsigned *)(const void *)((const char *)(config) + (offset)))

static void test_http(void)
{
    g_autoptr(Config) off = load(BAILEY);
    g_autoptr(Config) on = load("[http]\nlisten = 127.0.0.1:9100\n[http Bailey]\n"
                                "listen = [::1]:9100\n" BAILEY);

    g_assert_null(off->http_listen);
    g_assert_cmpstr(on->http_listen, ==, "[::1]:9100");
    expect_error("[http]\nlisten = 9100\n" BAILEY, HERD_CONFIG_ERROR_VALUE,
                 "[http] listen: \"9100\" is not host:port");
    expect_error("[http Bailey]\nlisten = tls://127.0.0.1:9100\n" BAILEY, HERD_CONFIG_ERROR_VALUE,
                 "[http Bailey] listen: \"tls://127.0.0.1:9100\": there is no TLS here");
}

/* Both edges of every number are fine; one beyond, and what is no number, are not. */
static void test_numbers(void)
{
    static const struct {
        const char *group, *key;
        size_t offset;
        unsigned least, most;
    } rows[] = {
        {"herd", "workers", offsetof(Config, workers), 2, 1024},
        {"herd", "state_sync_ms", offsetof(Config, state_sync_ms), 10, 60000},
        {"places", "timeout_ms", offsetof(Config, places.timeout_ms), 1, 600000},
        {"places", "max_waiting", offsetof(Config, places.max_waiting), 0, 1000000},
        {"limits", "max_connections", offsetof(Config, limits.max_connections), 1, 1000000},
        {"limits", "max_line", offsetof(Config, limits.max_line), 256, 32768},
        {"limits", "idle_timeout_s", offsetof(Config, limits.idle_timeout_s), 0, 31536000},
        {"limits", "line_timeout_s", offsetof(Config, limits.line_timeout_s), 0, 86400},
        {"limits", "write_timeout_s", offsetof(Config, limits.write_timeout_s), 0, 86400},
        {"limits", "max_future_skew_s", offsetof(Config, limits.max_future_skew_s), 0, 31536000},
    };
    static const char *const never[] = {
        "",      "x",   "-1",    "+5",  "5.0", "5.", "1e3",        "0x10",
        "5 000", "5;6", "5000s", "all", "nan", "#5", "4294967296", "99999999999999999999",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        unsigned good[] = {rows[i].least, rows[i].most};

        for (size_t k = 0; k < G_N_ELEMENTS(good); k++) {
            g_autofree char *text =
                g_strdup_printf("[%s]\n%s = %u\n" BAILEY, rows[i].group, rows[i].key, good[k]);
            g_autoptr(Config) config = load(text);

            g_assert_cmpuint(CONFIG_FIELD(config, rows[i].offset), ==, good[k]);
        }

        g_autoptr(GPtrArray) bad = g_ptr_array_new_with_free_func(g_free);
        for (size_t k = 0; k < G_N_ELEMENTS(never); k++)
            g_ptr_array_add(bad, g_strdup(never[k]));
        g_ptr_array_add(bad, g_strdup_printf("%u", rows[i].most + 1));
        if (rows[i].least > 0)
            g_ptr_array_add(bad, g_strdup_printf("%u", rows[i].least - 1));
        for (unsigned k = 0; k < bad->len; k++) {
            const char *value = bad->pdata[k];
            g_autofree char *text =
                g_strdup_printf("[%s]\n%s = %s\n" BAILEY, rows[i].group, rows[i].key, value);
            g_autofree char *wanted =
                g_strdup_printf("[%s] %s: \"%s\" is not a whole number from %u to %u",
                                rows[i].group, rows[i].key, value, rows[i].least, rows[i].most);

            expect_error(text, HERD_CONFIG_ERROR_VALUE, wanted);
        }
    }
}

static void test_wrong_choices(void)
{
    static const struct {
        const char *line, *wanted;
    } rows[] = {
        {"places = foursquare", "[herd] places: \"foursquare\" is none of: embedded, "},
        {"places = Embedded", "[herd] places: \"Embedded\" is none of: embedded, "},
        {"places =", "[herd] places: \"\" is none of: embedded, "},
        {"places = embedded;google-legacy",
         "[herd] places: \"embedded;google-legacy\" is none of: "},
        {"log_messages = some", "[herd] log_messages: \"some\" is none of: all, errors, none"},
        {"log_messages = 0", "[herd] log_messages: \"0\" is none of: all, errors, none"},
        {"log_messages = all none",
         "[herd] log_messages: \"all none\" is none of: all, errors, none"},
        {"log_dir =", "[herd] log_dir: is empty"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strdup_printf("[herd]\n%s\n" BAILEY, rows[i].line);

        expect_error(text, HERD_CONFIG_ERROR_VALUE, rows[i].wanted);
    }
}

static void test_max_lookups(void)
{
    static const struct {
        unsigned workers;
        const char *given;
        unsigned lookups; /* 0: wrong */
    } rows[] = {
        {64, "0", 48},        {64, "1", 1},      {64, "63", 63}, {64, "64", 0}, {64, "65", 0},
        {2, "0", 1},          {2, "1", 1},       {2, "2", 0},    {4, "0", 3},   {1024, "0", 768},
        {1024, "1023", 1023}, {1024, "1024", 0}, {3, "0", 2},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text =
            g_strdup_printf("[herd]\nworkers = %u\n[places]\nmax_lookups = %s\n" BAILEY,
                            rows[i].workers, rows[i].given);

        if (rows[i].lookups == 0) {
            expect_error(text, HERD_CONFIG_ERROR_VALUE, "[places] max_lookups: ");
            continue;
        }
        g_autoptr(Config) config = load(text);
        g_assert_cmpuint(config->places.max_lookups, ==, rows[i].lookups);
    }
}

static void test_white_space(void)
{
    g_autoptr(Config) config = load("# a comment\n\n[herd]\r\n  workers  =  8  \r\n"
                                    "log_dir =\tlogs\t\n\n"
                                    "[member Bailey]\nlisten= 127.0.0.1:10000 ; [::1]:10000 ;\n"
                                    "neighbours = Bona ;; \n" BONA "neighbours=Bailey");

    g_assert_cmpuint(config->workers, ==, 8);
    g_assert_cmpstr(config->log_dir, ==, "logs");
    g_assert_cmpuint(config->self->listen->len, ==, 2);
    g_assert_cmpstr(((Endpoint *)config->self->listen->pdata[0])->text, ==, "127.0.0.1:10000");
    g_assert_cmpstr(((Endpoint *)config->self->listen->pdata[1])->text, ==, "[::1]:10000");
    g_assert_cmpuint(config->self->neighbours->len, ==, 1);
    g_assert_cmpuint(config->warnings->len, ==, 0);
}

static void test_unknown(void)
{
    static const struct {
        const char *text;
        HerdConfigError code;
        const char *wanted;
    } rows[] = {
        {BAILEY "[herds]\n", HERD_CONFIG_ERROR_UNKNOWN, "[herds]: there is no such group"},
        {BAILEY "[Herd]\n", HERD_CONFIG_ERROR_UNKNOWN, "[Herd]: there is no such group"},
        {BAILEY "[Bailey]\n", HERD_CONFIG_ERROR_UNKNOWN, "[Bailey]: there is no such group"},
        {BAILEY "[limit Bailey]\n", HERD_CONFIG_ERROR_UNKNOWN,
         "[limit Bailey]: there is no such group"},
        {BAILEY "[herd]\nworker = 5\n", HERD_CONFIG_ERROR_UNKNOWN,
         "[herd] worker: there is no such key"},
        {BAILEY "[herd]\nmax_line = 5\n", HERD_CONFIG_ERROR_UNKNOWN,
         "[herd] max_line: there is no such key"}, /* it is of [limits] */
        {BAILEY "[limits Bailey]\nworkers = 5\n", HERD_CONFIG_ERROR_UNKNOWN,
         "[limits Bailey] workers: there is no such key"},
        {BAILEY "[limits]\nMax_Line = 500\n", HERD_CONFIG_ERROR_UNKNOWN,
         "[limits] Max_Line: there is no such key"},
        {BAILEY "[limits]\nmax_line[de] = 500\n", HERD_CONFIG_ERROR_UNKNOWN,
         "[limits] max_line[de]: there is no such key"},
        {BAILEY "port = 10000\n", HERD_CONFIG_ERROR_UNKNOWN,
         "[member Bailey] port: there is no such key"},
        {BAILEY "[limits Bona]\nmax_line = 500\n", HERD_CONFIG_ERROR_MEMBER,
         "[limits Bona]: there is no [member Bona]"},
        {BAILEY "neighbours = Bona\n", HERD_CONFIG_ERROR_MEMBER,
         "[member Bailey] neighbours: there is no [member Bona]"},
        {BAILEY "neighbours = bona\n" BONA, HERD_CONFIG_ERROR_MEMBER,
         "[member Bailey] neighbours: there is no [member bona]"},
        /* Of another member, and still wrong: the file is one for all. */
        {BAILEY BONA "[limits Bona]\nmax_line = 5\n", HERD_CONFIG_ERROR_VALUE,
         "[limits Bona] max_line: \"5\" is not a whole number"},
        {BAILEY BONA "[limits Bona]\nmaxline = 500\n", HERD_CONFIG_ERROR_UNKNOWN,
         "[limits Bona] maxline: there is no such key"},
        {BAILEY BONA "neighbours = Clark\n", HERD_CONFIG_ERROR_MEMBER,
         "[member Bona] neighbours: there is no [member Clark]"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        expect_error(rows[i].text, rows[i].code, rows[i].wanted);
}

static void test_overrides(void)
{
    static const char text[] = "[limits Bailey]\nmax_line = 1000\n" /* before the common one */
                               "[limits]\nmax_line = 500\nmax_connections = 7\n"
                               "[herd]\nlog_messages = none\nworkers = 32\nlog_dir = common\n"
                               "[places]\nkey_file = /common/key\n"
                               "[herd Bailey]\nworkers = 16\nlog_dir = own\n"
                               "[places Bailey]\nkey_file =\n"
                               "[limits Bona]\nmax_line = 2000\n"
                               "[places Bona]\nurl = http://127.0.0.1:1\n" BAILEY BONA;
    g_autoptr(Config) bailey = load(text);
    g_autoptr(GError) error = NULL;
    g_autoptr(Config) bona = load_as("Bona", text, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(bailey->limits.max_line, ==, 1000);
    g_assert_cmpuint(bailey->limits.max_connections, ==, 7);
    g_assert_cmpint(bailey->log_messages, ==, LOG_MESSAGES_NONE);
    g_assert_cmpuint(bailey->workers, ==, 16);
    g_assert_cmpuint(bailey->places.max_lookups, ==, 12);
    g_assert_cmpstr(bailey->log_dir, ==, "own");
    g_assert_cmpstr(bailey->places.key_file, ==, NULL); /* an empty one takes it away */
    g_assert_cmpstr(bailey->places.url, ==, NULL);

    g_assert_cmpuint(bona->limits.max_line, ==, 2000);
    g_assert_cmpuint(bona->limits.max_connections, ==, 7);
    g_assert_cmpuint(bona->workers, ==, 32);
    g_assert_cmpstr(bona->log_dir, ==, "common");
    g_assert_cmpstr(bona->places.key_file, ==, "/common/key");
    g_assert_cmpstr(bona->places.url, ==, "http://127.0.0.1:1");
}

static void test_file(void)
{
    static const char *const rows[] = {"workers = 5\n", "[herd\n", "[herd]\nworkers\n",
                                       "[herd]\n= 5\n", "[herd]\n\x01\x02\n"};
    g_autofree char *missing = g_build_filename(folder, "missing.conf", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_null(config_load(missing, "Bailey", &error));
    g_assert_error(error, HERD_CONFIG_ERROR, HERD_CONFIG_ERROR_FILE);
    g_assert_nonnull(strstr(error->message, missing));
    g_clear_error(&error);

    g_assert_null(config_load(folder, "Bailey", &error));
    g_assert_error(error, HERD_CONFIG_ERROR, HERD_CONFIG_ERROR_FILE);
    g_assert_nonnull(strstr(error->message, folder));

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        expect_error(rows[i], HERD_CONFIG_ERROR_FILE, "");
}

static void assert_same(const Config *a, const Config *b)
{
    g_assert_cmpstr(a->self->name, ==, b->self->name);
    g_assert_cmpint(a->places.provider, ==, b->places.provider);
    g_assert_cmpstr(a->log_dir, ==, b->log_dir);
    g_assert_cmpint(a->log_messages, ==, b->log_messages);
    g_assert_cmpuint(a->workers, ==, b->workers);
    g_assert_cmpstr(a->state_dir, ==, b->state_dir);
    g_assert_cmpuint(a->state_sync_ms, ==, b->state_sync_ms);
    g_assert_cmpuint(a->places.timeout_ms, ==, b->places.timeout_ms);
    g_assert_cmpuint(a->places.max_lookups, ==, b->places.max_lookups);
    g_assert_cmpuint(a->places.max_waiting, ==, b->places.max_waiting);
    g_assert_cmpstr(a->places.url, ==, b->places.url);
    g_assert_cmpstr(a->places.key_file, ==, b->places.key_file);
    g_assert_true(memcmp(&a->limits, &b->limits, sizeof a->limits) == 0);
    g_assert_cmpuint(a->members->len, ==, b->members->len);
    for (unsigned i = 0; i < a->members->len; i++) {
        const Member *x = a->members->pdata[i];
        const Member *y = b->members->pdata[i];

        g_assert_cmpstr(x->name, ==, y->name);
        g_assert_cmpuint(x->listen->len, ==, y->listen->len);
        for (unsigned k = 0; k < x->listen->len; k++)
            g_assert_cmpstr(((Endpoint *)x->listen->pdata[k])->text, ==,
                            ((Endpoint *)y->listen->pdata[k])->text);
        g_assert_cmpuint(x->neighbours->len, ==, y->neighbours->len);
        for (unsigned k = 0; k < x->neighbours->len; k++)
            g_assert_cmpstr(x->neighbours->pdata[k], ==, y->neighbours->pdata[k]);
        g_assert_cmpuint(x->dialect, ==, y->dialect);
        g_assert_cmpuint(x->delivery, ==, y->delivery);
        g_assert_cmpuint(x->terminator, ==, y->terminator);
    }
}

static void test_describe(void)
{
    static const char *const texts[] = {
        BAILEY,
        "[herd]\nplaces = google-legacy\nlog_dir = a b\\sc\nlog_messages = none\nworkers = 3\n"
        "[places]\nurl = http://[::1]:8080/x?a=b;c\nkey_file = k#1\n"
        "[limits]\nmax_line = 256\n[limits Bailey]\nidle_timeout_s = 9\n"
        "[member Bailey]\nlisten = 127.0.0.1:10000;[::]:10000;localhost:10007\n"
        "neighbours = Clark;Bona\n" BONA "[member Clark]\nlisten = [::1]:10003\n"
        "neighbours = Bailey;Bona\n",
        BAILEY "neighbours = Bona;Clark\n" BONA "neighbours = Bailey\ndialect = plain\n"
               "[member Clark]\nlisten = 127.0.0.1:10003\nneighbours = Bailey\n"
               "dialect = last\ndelivery = link\nterminator = crlf\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(Config) config = load(texts[i]);
        g_autofree char *description = config_describe(config);
        g_autoptr(Config) back = load(description);
        g_autofree char *again = config_describe(back);

        assert_same(config, back);
        g_assert_cmpuint(back->warnings->len, ==, 0);
        g_assert_cmpstr(again, ==, description);
    }
}

static void test_warnings(void)
{
    static const struct {
        const char *text;
        const char *keys[5]; /* that have no effect */
    } rows[] = {
        {"url = http://[::1]\nfile = x\nlanguage = de\n", {"file", "url", "language"}},
        {"key_file = x\nfallback = embedded\ntype = park\n", {"key_file", "fallback"}},
        {"cache_s = 5\nca_file = x\ncontact = y\nmax_calls_per_minute = 6\n",
         {"ca_file", "contact", "max_calls_per_minute", "cache_s"}},
        {"[herd]\nplaces = file\n[places]\nfile = x\n", {NULL}},
        {"[herd]\nplaces = overpass\n[places]\nkey_file = x\nlanguage = de\n", {"key_file"}},
        {"[herd]\nplaces = google\n[places]\nkey_file = x\nfallback = embedded\ncache_s = 5\n",
         {NULL}},
        {"[herd]\nplaces = google-legacy\n[places]\nkey_file = x\nurl = http://x\n", {NULL}},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        bool has_group = rows[i].text[0] == '[';
        g_autofree char *text =
            g_strconcat(has_group ? "" : "[places]\n", rows[i].text, BAILEY, NULL);
        g_autoptr(Config) config = load(text);
        unsigned count = 0;

        for (; rows[i].keys[count] != NULL; count++) {
            g_autofree char *expected =
                g_strdup_printf("[places] %s: has no effect with places = ", rows[i].keys[count]);

            g_assert_cmpuint(config->warnings->len, >, count);
            g_assert_nonnull(strstr(config->warnings->pdata[count], expected));
        }
        g_assert_cmpuint(config->warnings->len, ==, count);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    file_begin();

    g_test_add_func("/config/http/an-address-without-tls", test_http);
    g_test_add_func("/config/options/defaults", test_defaults);
    g_test_add_func("/config/options/every-one-is-read", test_every_option);
    g_test_add_func("/config/options/choices", test_choices);
    g_test_add_func("/config/options/wrong-choices", test_wrong_choices);
    g_test_add_func("/config/options/numbers-and-their-edges", test_numbers);
    g_test_add_func("/config/options/max-lookups-is-less-than-workers", test_max_lookups);
    g_test_add_func("/config/options/own-group-wins", test_overrides);
    g_test_add_func("/config/options/warned-of-if-they-have-no-effect", test_warnings);
    g_test_add_func("/config/file/white-space", test_white_space);
    g_test_add_func("/config/file/unreadable", test_file);
    g_test_add_func("/config/file/unknown-group-key-or-member", test_unknown);
    g_test_add_func("/config/describe/reads-back", test_describe);
    int result = g_test_run();

    file_end();
    return result;
}
