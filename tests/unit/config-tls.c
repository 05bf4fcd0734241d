/* SPDX-License-Identifier: MIT */

/* [tls], and addresses that begin with tls://. */

#include "tests/unit/config-file.h"

#define FILES      "[tls]\ncertificate_file = a.crt\nkey_file = a.key\n"
#define BAILEY_TLS "[member Bailey]\nlisten = tls://127.0.0.1:10000\n"
#define BONA_TLS   "[member Bona]\nlisten = tls://127.0.0.1:10001\n"

static void test_wrong(void)
{
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {BAILEY_TLS, "[tls] certificate_file: is missing: Bailey listens on tls://127.0.0.1:10000"},
        {BAILEY_TLS "[tls]\nkey_file = a.key\n", "[tls] certificate_file: is missing: Bailey"},
        {"[member Bailey]\nlisten = 127.0.0.1:9;tls://127.0.0.1:10000\n",
         "[tls] certificate_file: is missing: Bailey listens on tls://127.0.0.1:10000"},
        {BAILEY_TLS "[tls]\ncertificate_file = a.crt\n", "[tls] key_file: is missing"},
        {BAILEY "[tls]\nkey_file = a.key\n", "[tls] certificate_file: is missing: a certificate"},
        /* Of another member. */
        {BAILEY_TLS BONA "[tls Bona]\ncertificate_file = a.crt\nkey_file = a.key\n",
         "[tls] certificate_file: is missing"},
        {FILES "[member Bailey]\nlisten = tls://127.0.0.1:10000;127.0.0.1:10000\n",
         "[member Bailey] listen: 127.0.0.1:10000 stands in this file twice"},
        {FILES BAILEY_TLS "[member Bona]\nlisten = 127.0.0.1:10000\n",
         "[member Bona] listen: 127.0.0.1:10000 stands in this file twice"},
        {FILES BAILEY_TLS "[member Bona]\nlisten = tls://127.0.0.1:10000\n",
         "[member Bona] listen: 127.0.0.1:10000 stands in this file twice"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        expect_error(rows[i].text, HERD_CONFIG_ERROR_VALUE, rows[i].wanted);
}

static void test_needed(void)
{
    static const struct {
        const char *text;
        bool needed;
    } rows[] = {
        {BAILEY, false},
        {FILES BAILEY, false},
        {FILES BAILEY_TLS, true},
        {FILES "[member Bailey]\nlisten = 127.0.0.1:9;tls://127.0.0.1:10000\n", true},
        {BAILEY "neighbours = Bona\n" BONA_TLS, true},
        {BAILEY BONA_TLS, false}, /* no neighbour */
        /* Neighbours connect to the first. */
        {BAILEY "neighbours = Bona\n[member Bona]\nlisten = 127.0.0.1:9;tls://127.0.0.1:10001\n",
         false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Config) config = load(rows[i].text);

        if (config_needs_tls(config) != rows[i].needed)
            g_test_fail_printf("row %zu", i);
    }
}

/* Encryption alone does not say who is there. */
static void test_unproven(void)
{
    static const struct {
        const char *text;
        bool warned;
    } rows[] = {
        {FILES BAILEY_TLS "neighbours = Bona\n" BONA_TLS, true},
        {FILES BAILEY_TLS "neighbours = Bona\n" BONA, false}, /* nor does TLS pretend to */
        {FILES BAILEY_TLS, false},
        {FILES "ca_file = ca.crt\n" BAILEY_TLS "neighbours = Bona\n" BONA_TLS, false},
        {"[herd]\nsecret_file = secret\n" FILES BAILEY_TLS "neighbours = Bona\n" BONA_TLS, false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Config) config = load(rows[i].text);
        bool warned = false;

        for (unsigned k = 0; k < config->warnings->len; k++)
            warned |= strstr(config->warnings->pdata[k],
                             "[tls] ca_file: is missing, and [herd] secret_file too") != NULL;
        if (warned != rows[i].warned)
            g_test_fail_printf("row %zu", i);
    }
}

/* What --check prints reads back as the same. */
static void test_described(void)
{
    g_autoptr(Config) config = load(FILES BAILEY_TLS);
    g_autofree char *text = config_describe(config);
    g_autoptr(Config) again = load(text);
    const Endpoint *endpoint = again->self->listen->pdata[0];

    g_assert_cmpstr(endpoint->text, ==, "tls://127.0.0.1:10000");
    g_assert_cmpstr(endpoint_address_text(endpoint), ==, "127.0.0.1:10000");
    g_assert_true(endpoint->tls);
    g_assert_cmpstr(again->tls.certificate_file, ==, "a.crt");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    file_begin();

    g_test_add_func("/config/tls/wrong", test_wrong);
    g_test_add_func("/config/tls/needed", test_needed);
    g_test_add_func("/config/tls/unproven-links-warn", test_unproven);
    g_test_add_func("/config/tls/described", test_described);
    int result = g_test_run();

    file_end();
    return result;
}
