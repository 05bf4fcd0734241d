/* SPDX-License-Identifier: MIT */
#include "core/access.h"

/* printf %s TOKEN | sha256sum */
#define SESAME_DIGEST "d0c04f4b1951e4aeaaec8223ed2039e542f3aae805a6fa7f6d794e5afff5d272"

static Access *parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    Access *access = access_parse("rules", slice_of(text), &error);

    g_assert_no_error(error);
    return access;
}

/* Whether it may, with the token @token (nullable) and @certificate (nullable). */
static bool may(const Access *access, const char *certificate, const char *token,
                const char *client)
{
    uint8_t digest[ACCESS_DIGEST_BYTES];

    if (token != NULL)
        access_digest(slice_of(token), digest);
    return access_allows(access, certificate, token != NULL ? digest : NULL, slice_of(client));
}

static void test_anyone(void)
{
    g_autoptr(Access) access = parse("anyone guest-* kiwi\n");

    g_assert_true(may(access, NULL, NULL, "guest-"));
    g_assert_true(may(access, NULL, NULL, "kiwi"));
    g_assert_false(may(access, NULL, NULL, "bus-1"));
    g_assert_true(may(access, "a", "b", "guest-1"));
    g_assert_false(access_has_tokens(access));
}

static void test_certificate(void)
{
    g_autoptr(Access) access = parse("certificate phone-7.example kiwi.cs.ucla.edu\n"
                                     "certificate *.buses.example bus-*\n"
                                     "certificate phone-7.example spare-[0-9]\n"
                                     "certificate 1.buses.example tram-1\n");

    g_assert_true(may(access, "phone-7.example", NULL, "kiwi.cs.ucla.edu"));
    g_assert_true(may(access, "phone-7.example", NULL, "spare-4"));
    g_assert_false(may(access, "phone-7.example", NULL, "bus-4"));
    g_assert_false(may(access, "Phone-7.example", NULL, "kiwi.cs.ucla.edu"));
    g_assert_false(may(access, "phone-8.example", NULL, "kiwi.cs.ucla.edu"));
    g_assert_false(may(access, NULL, NULL, "kiwi.cs.ucla.edu"));
    g_assert_false(may(access, NULL, "phone-7.example", "kiwi.cs.ucla.edu"));
    g_assert_true(may(access, "1.buses.example", NULL, "bus-1"));
    g_assert_true(may(access, "1.buses.example", NULL, "tram-1"));
    g_assert_true(may(access, "2.buses.example", NULL, "bus-1"));
    g_assert_false(may(access, "2.buses.example", NULL, "tram-1"));
    g_assert_false(may(access, "buses.example", NULL, "bus-1"));
}

static void test_token(void)
{
    g_autoptr(Access) access = parse("token sha256:" SESAME_DIGEST "\tphone-1 phone-2\r\n"
                                     "token sha256:" SESAME_DIGEST " phone-3");
    uint8_t digest[ACCESS_DIGEST_BYTES];

    g_assert_true(access_has_tokens(access));
    access_digest(SLICE("sesame"), digest);
    g_assert_true(access_knows_token(access, digest));
    for (unsigned i = 0; i < ACCESS_DIGEST_BYTES; i++) {
        digest[i] ^= 1;
        g_assert_false(access_knows_token(access, digest));
        digest[i] ^= 1;
    }
    g_assert_true(may(access, NULL, "sesame", "phone-1"));
    g_assert_true(may(access, NULL, "sesame", "phone-2"));
    g_assert_true(may(access, NULL, "sesame", "phone-3"));
    g_assert_false(may(access, NULL, "sesame", "phone-4"));
    g_assert_false(may(access, NULL, "Sesame", "phone-1"));
    g_assert_false(may(access, NULL, SESAME_DIGEST, "phone-1"));
    g_assert_false(may(access, "sesame", NULL, "phone-1"));
    g_assert_false(may(access, NULL, NULL, "phone-1"));
}

/* Bytes are bytes. */
static void test_binary_client(void)
{
    g_autoptr(Access) access = parse("anyone \xff* ?\xfe");

    g_assert_true(may(access, NULL, NULL, "\xff\xfe\xc3"));
    g_assert_true(may(access, NULL, NULL, "\x80\xfe"));
    g_assert_false(may(access, NULL, NULL, "\xfe\xff"));
}

static void test_no_rules(void)
{
    static const char *const rows[] = {"", "\n\n", "# anyone *\n", "   \t\r\n  # x", "#"};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Access) access = parse(rows[i]);

        g_assert_false(may(access, "a", "b", "kiwi"));
        g_assert_false(access_has_tokens(access));
    }
}

static void test_bad(void)
{
    static const char begins[] = "a rule begins with certificate, token or anyone";
    static const char token[] = "a token is said by its digest, sha256: and 64 hexadecimal digits, "
                                "which \"printf %s TOKEN | sha256sum\" prints";
    static const struct {
        const char *text;
        unsigned line;
        const char *why;
    } rows[] = {
        {"anyone", 1, "names no clients"},
        {"# x\n\nanyone *\nanyone \t\n", 4, "names no clients"},
        {"certificate", 1, "certificate has no name behind it"},
        {"certificate a", 1, "names no clients"},
        {"certificate [a b", 1, "\"[a\" has a [ without its ]"},
        {"anyone a b\\", 1, "\"b\\\" has nothing behind its last \\"},
        {"Anyone *", 1, begins},
        {"sesame *", 1, begins},
        {"token", 1, token},
        {"token sesame *", 1, token},
        {"token sha256:" SESAME_DIGEST, 1, "names no clients"},
        {"token sha256:" SESAME_DIGEST "0 *", 1, token},
        {"token sha1:" SESAME_DIGEST " *", 1, token},
        {"token sha256:x" SESAME_DIGEST " *", 1, token},
        {"anyone *\ntoken sha256:g0c04f4b1951e4aeaaec8223ed2039e542f3aae805a6fa7f6d794e5afff5d272 "
         "*",
         2, token},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *message =
            g_strdup_printf("the/rules, line %u: %s", rows[i].line, rows[i].why);

        g_assert_null(access_parse("the/rules", slice_of(rows[i].text), &error));
        g_assert_error(error, HERD_ACCESS_ERROR, HERD_ACCESS_ERROR_RULE);
        g_assert_cmpstr(error->message, ==, message);
        g_assert_null(strstr(error->message, "sesame"));
    }

    g_autoptr(GError) error = NULL;
    g_assert_null(access_parse("rules", SLICE("anyone a\0b"), &error));
    g_assert_cmpstr(error->message, ==, "rules, line 1: there is a NUL in it");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/access/anyone", test_anyone);
    g_test_add_func("/access/certificate", test_certificate);
    g_test_add_func("/access/token", test_token);
    g_test_add_func("/access/r6/clients-are-bytes", test_binary_client);
    g_test_add_func("/access/no-rules-let-nobody-in", test_no_rules);
    g_test_add_func("/access/bad-rules-are-refused-with-their-line", test_bad);
    return g_test_run();
}
