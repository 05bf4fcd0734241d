/* SPDX-License-Identifier: MIT */
#include "core/config-change.h"
#include "tests/unit/config-file.h"

/* What the change from @old to @new takes and holds. @ret_config (nullable): what is in force then.
 */
static void assert_change(const char *old, const char *new, const char *taken, const char *held,
                          bool places, Config **ret_config)
{
    g_autoptr(Config) running = load(old);
    g_autoptr(Config) config = load(new);
    g_autoptr(ConfigChange) change = config_change_new(config, running);
    g_autofree char *all_taken = config_change_join(change->taken);
    g_autofree char *all_held = config_change_join(change->held);

    g_assert_cmpstr(all_taken, ==, taken);
    g_assert_cmpstr(all_held, ==, held);
    g_assert_cmpint(change->places, ==, places);
    g_assert_cmpint(config_equal(running, config), ==, *taken == '\0');
    if (ret_config != NULL)
        *ret_config = g_steal_pointer(&config);
}

static void test_options(void)
{
    assert_change(BAILEY, BAILEY, "", "", false, NULL);
    assert_change(BAILEY, "[limits]\nmax_line = 512\n[herd]\nlog_level = error\n" BAILEY,
                  "[herd] log_level = error, [limits] max_line = 512", "", false, NULL);
    assert_change("[tls]\nca_file = a\n" BAILEY, BAILEY, "[tls] ca_file =", "", false, NULL);
    assert_change("[limits]\nmax_line = 512\n" BAILEY, "[limits Bailey]\nmax_line = 512\n" BAILEY,
                  "", "", false, NULL);
}

static void test_places(void)
{
    assert_change(BAILEY, "[places]\ntype = cafe\n" BAILEY, "[places] type = cafe", "", true, NULL);
    assert_change(BAILEY, "[herd]\nplaces = google\n" BAILEY, "[herd] places = google", "", true,
                  NULL);
    assert_change(BAILEY, "[places]\ntimeout_ms = 70\n" BAILEY, "[places] timeout_ms = 70", "",
                  true, NULL);
    assert_change(BAILEY, "[places]\nmax_waiting = 7\nmax_lookups = 7\n" BAILEY,
                  "[places] max_lookups = 7, [places] max_waiting = 7", "", false, NULL);
}

static void test_members(void)
{
    assert_change(BAILEY, BAILEY BONA, "member Bona added", "", false, NULL);
    assert_change(BAILEY BONA, BAILEY, "member Bona removed", "", false, NULL);
    assert_change(BAILEY BONA, BAILEY BONA "neighbours = Bailey\n",
                  "member Bailey changed, member Bona changed", "", false, NULL);
    assert_change(BAILEY BONA, BONA BAILEY, "", "", false, NULL);
    assert_change(BAILEY BONA, BAILEY "[member Bona]\nlisten = 127.0.0.1:7\n",
                  "member Bona changed", "", false, NULL);
    assert_change(BAILEY BONA, BAILEY BONA "dialect = plain\n", "member Bona changed", "", false,
                  NULL);
}

/* What is used only at the start keeps its value, text and all. */
static void test_held(void)
{
    g_autoptr(Config) config = NULL;

    assert_change("[herd]\nworkers = 8\nlog_dir = here\nstate_dir = here\n[http]\n"
                  "listen = 127.0.0.1:80\n" BAILEY,
                  "[herd]\nworkers = 9\nlog_dir = there\nlog_target = journald\n"
                  "state_sync_ms = 77\nlog_messages = none\n"
                  "[places]\nmax_lookups = 5\n"
                  "[member Bailey]\nlisten = 127.0.0.1:7;127.0.0.1:8\n",
                  "[herd] log_messages = none, [places] max_lookups = 5",
                  "[herd] log_dir, [herd] log_target, [herd] workers, [herd] state_dir, "
                  "[herd] state_sync_ms, [http] listen, [member Bailey] listen",
                  false, &config);
    g_assert_cmpuint(config->workers, ==, 8);
    g_assert_cmpstr(config->log_dir, ==, "here");
    g_assert_cmpstr(config->state_dir, ==, "here");
    g_assert_cmpstr(config->http_listen, ==, "127.0.0.1:80");
    g_assert_cmpint(config->log_target, ==, LOG_TARGET_FILE);
    g_assert_cmpint(config->log_messages, ==, LOG_MESSAGES_NONE);
    g_assert_cmpuint(config->self->listen->len, ==, 1);
    g_assert_cmpstr(((Endpoint *)config->self->listen->pdata[0])->text, ==, "127.0.0.1:10000");
}

/* Who still listens over TLS needs what it is said with. */
static void test_held_certificate(void)
{
    static const char secure[] = "[tls]\ncertificate_file = a\nkey_file = b\nca_file = c\n"
                                 "[member Bailey]\nlisten = tls://127.0.0.1:10000\n";
    g_autoptr(Config) config = NULL, other = NULL;

    assert_change(secure, BAILEY, "[tls] ca_file =",
                  "[member Bailey] listen, [tls] certificate_file, [tls] key_file", false, &config);
    g_assert_cmpstr(config->tls.certificate_file, ==, "a");
    g_assert_cmpstr(config->tls.key_file, ==, "b");
    assert_change(secure, "[tls]\ncertificate_file = d\nkey_file = e\nca_file = c\n" BAILEY,
                  "[tls] certificate_file = d, [tls] key_file = e", "[member Bailey] listen", false,
                  &other);
    g_assert_cmpstr(other->tls.key_file, ==, "e");
}

/* There have to be fewer lookups than workers that run. */
static void test_held_lookups(void)
{
    g_autoptr(Config) config = NULL;

    assert_change("[herd]\nworkers = 8\n" BAILEY, "[herd]\nworkers = 64\n" BAILEY, "",
                  "[herd] workers, [places] max_lookups", false, &config);
    g_assert_cmpuint(config->places.max_lookups, ==, 6);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    file_begin();
    g_test_add_func("/config-change/options", test_options);
    g_test_add_func("/config-change/places", test_places);
    g_test_add_func("/config-change/members", test_members);
    g_test_add_func("/config-change/held/keeps-its-value", test_held);
    g_test_add_func("/config-change/held/certificate", test_held_certificate);
    g_test_add_func("/config-change/held/lookups-beyond-the-workers", test_held_lookups);

    int status = g_test_run();
    file_end();
    return status;
}
