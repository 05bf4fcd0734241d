/* SPDX-License-Identifier: MIT */
#include "cmd/tool/member-status.h"
#include "cmd/tool/survey-view.h"

#include <glib.h>
#include <math.h>

static MemberStatus *parse(const char *text)
{
    g_autofree char *why = NULL;
    MemberStatus *status = memberstatus_parse(slice_of(text), &why);

    g_assert_true((status == NULL) == (why != NULL));
    return status;
}

static void test_all_of_it(void)
{
    g_autoptr(MemberStatus) status = parse(
        "{\"member\":\"Bailey\",\"version\":\"0.1.0\",\"pid\":123,\"started\":1621464827.123,"
        "\"uptime_s\":12.25,\"ready\":true,\"listen\":[\"127.0.0.1:10000\"],"
        "\"connections\":{\"open\":12,\"most\":10000},"
        "\"workers\":{\"all\":64,\"active\":2,\"parked\":61,\"in_lookups\":1},"
        "\"lookups\":{\"running\":1,\"waiting\":5,\"most\":48},"
        "\"rates\":{\"iamat\":123.5,\"whatsat\":0.5,\"invalid\":0.25},"
        "\"records\":1234,\"memory_bytes\":12345678,"
        "\"places\":{\"provider\":\"google\",\"state\":\"left alone\",\"detail\":\"for 8 s\"},"
        "\"links\":[{\"neighbour\":\"Bona\",\"state\":\"up\",\"since\":1621464827.5,"
        "\"reason\":null,\"pending\":3,\"lag_ms\":1.5,\"joined\":true},"
        "{\"neighbour\":\"Clark\",\"state\":\"down\",\"reason\":\"refused\",\"joined\":false}],"
        "\"what is new\":[{}]}");

    g_assert_nonnull(status);
    g_assert_cmpstr(status->name, ==, "Bailey");
    g_assert_cmpstr(status->version, ==, "0.1.0");
    g_assert_cmpfloat_with_epsilon(status->pid, 123, 1e-9);
    g_assert_cmpfloat_with_epsilon(status->uptime_s, 12.25, 1e-9);
    g_assert_true(status->ready);
    g_assert_cmpfloat_with_epsilon(status->connections, 12, 1e-9);
    g_assert_cmpfloat_with_epsilon(status->connections_most, 10000, 1e-9);
    g_assert_cmpfloat_with_epsilon(status->workers, 64, 1e-9);
    g_assert_cmpfloat_with_epsilon(status->workers_active, 2, 1e-9);
    g_assert_cmpfloat_with_epsilon(status->workers_in_lookups, 1, 1e-9);
    g_assert_cmpfloat_with_epsilon(status->lookups_waiting, 5, 1e-9);
    g_assert_cmpfloat_with_epsilon(status->iamat_rate, 123.5, 1e-9);
    g_assert_cmpfloat_with_epsilon(status->whatsat_rate, 0.5, 1e-9);
    g_assert_cmpfloat_with_epsilon(status->invalid_rate, 0.25, 1e-9);
    g_assert_cmpfloat_with_epsilon(status->records, 1234, 1e-9);
    g_assert_cmpfloat_with_epsilon(status->memory_bytes, 12345678, 1e-9);
    g_assert_cmpstr(status->provider, ==, "google");
    g_assert_cmpstr(status->provider_state, ==, "left alone");
    g_assert_cmpstr(status->provider_detail, ==, "for 8 s");

    const LinkView *bona = memberstatus_link(status, "Bona");
    g_assert_cmpstr(bona->state, ==, "up");
    g_assert_null(bona->reason);
    g_assert_cmpfloat_with_epsilon(bona->since, 1621464827.5, 1e-9);
    g_assert_cmpfloat_with_epsilon(bona->pending, 3, 1e-9);
    g_assert_cmpfloat_with_epsilon(bona->lag_ms, 1.5, 1e-9);
    g_assert_true(bona->joined);
    const LinkView *clark = memberstatus_link(status, "Clark");
    g_assert_cmpstr(clark->reason, ==, "refused");
    g_assert_true(isnan(clark->since));
    g_assert_false(clark->joined);
    g_assert_null(memberstatus_link(status, "Jaquez"));
}

static void test_what_is_missing_is_unknown(void)
{
    g_autoptr(MemberStatus) status =
        parse("{\"member\":\"B\\u001b\",\"pid\":\"7\",\"workers\":[],\"links\":{},\"ready\":1,"
              "\"connections\":{\"open\":null},\"records\":1e999}");

    g_assert_nonnull(status);
    g_assert_cmpstr(status->name, ==, "B\\x1b");
    g_assert_true(isnan(status->pid));
    g_assert_true(isnan(status->workers));
    g_assert_true(isnan(status->connections));
    g_assert_true(isinf(status->records));
    g_assert_null(status->version);
    g_assert_false(status->ready);
    g_assert_cmpuint(status->links->len, ==, 0);
}

static void test_what_is_no_status(void)
{
    static const char *const texts[] = {"", "{", "[]", "null", "{\"member\":7}", "{} {}", "<html>"};

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        g_assert_null(parse(texts[i]));
}

static void test_history_bar(void)
{
    const double rates[] = {(double)NAN, 0, 1, 4, 8};
    g_autofree char *bar = survey_history_bar(rates, G_N_ELEMENTS(rates), 8);
    g_autofree char *quiet = survey_history_bar(rates + 1, 1, 0);

    g_assert_cmpstr(bar, ==, " ▁▁▄█");
    g_assert_cmpstr(quiet, ==, "▁");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tool/status/all-of-it", test_all_of_it);
    g_test_add_func("/tool/status/what-is-missing-is-unknown", test_what_is_missing_is_unknown);
    g_test_add_func("/tool/status/what-is-no-status", test_what_is_no_status);
    g_test_add_func("/tool/status/history-bar", test_history_bar);
    return g_test_run();
}
