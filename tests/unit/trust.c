/* SPDX-License-Identifier: MIT */

/* The secret's file, and what is in force of it and of the rules. What rules say is in access.c. */

#include "core/trust.h"
#include "core/thread.h"

#include <glib/gstdio.h>
#include <stdatomic.h>
#include <unistd.h>

typedef struct {
    char *folder; /* (owned) */
    char *secret; /* (owned) paths */
    char *rules;
    Config config;
} Rig;

static Rig *rig_new(void)
{
    Rig *rig = g_new0(Rig, 1);
    g_autoptr(GError) error = NULL;

    rig->folder = g_dir_make_tmp("herd-trust-XXXXXX", &error);
    g_assert_no_error(error);
    rig->secret = g_build_filename(rig->folder, "secret", NULL);
    rig->rules = g_build_filename(rig->folder, "rules", NULL);
    return rig;
}

static void rig_free(Rig *rig)
{
    g_remove(rig->secret);
    g_remove(rig->rules);
    g_rmdir(rig->folder);
    g_free(rig->secret);
    g_free(rig->rules);
    g_free(rig->folder);
    g_free(rig);
}

static void write_file(const char *path, const char *text, gssize length, unsigned mode)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_set_contents(path, text, length, &error));
    g_assert_cmpint(g_chmod(path, mode), ==, 0);
}

/* The file holds @text; it is refused, and the message ends with @why. */
static void assert_refused(Rig *rig, const char *text, gssize length, HerdSecretError code,
                           const char *why)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *message = g_strdup_printf("%s %s", rig->secret, why);
    bool open;

    write_file(rig->secret, text, length, 0600);
    g_assert_null(secret_read(rig->secret, &open, &error));
    g_assert_error(error, HERD_SECRET_ERROR, (int)code);
    g_assert_cmpstr(error->message, ==, message);
}

static void assert_secret(Rig *rig, const char *text, gssize length, Slice expected)
{
    g_autoptr(GError) error = NULL;
    bool open;

    write_file(rig->secret, text, length, 0600);
    g_autoptr(Secret) secret = secret_read(rig->secret, &open, &error);
    g_assert_no_error(error);
    g_assert_true(slice_equal(secret_bytes(secret), expected));
    g_assert_false(open);
}

static void test_secret_file(void)
{
    static const char too_short[] =
        "holds 15 bytes; a secret has 16 or more, such as what \"openssl rand -hex 32\" prints";
    static const char too_long[] = "is longer than a secret may be, 4096 bytes";
    Rig *rig = rig_new();
    g_autofree char *most = g_strnfill(SECRET_MAX + 300, 's');

    assert_secret(rig, "0123456789abcdef", -1, SLICE("0123456789abcdef"));
    assert_secret(rig, "0123456789abcdef \t\r\n", -1, SLICE("0123456789abcdef"));
    assert_secret(rig, " 0123 5678\0abcde\0", 17, SLICE(" 0123 5678\0abcde\0"));
    most[SECRET_MAX] = '\n';
    assert_secret(rig, most, SECRET_MAX + 1, (Slice){.data = most, .length = SECRET_MAX});
    assert_refused(rig, "0123456789abcde\n\n", -1, HERD_SECRET_ERROR_SIZE, too_short);
    most[SECRET_MAX] = 's';
    assert_refused(rig, most, SECRET_MAX + 1, HERD_SECRET_ERROR_SIZE, too_long);
    assert_refused(rig, most, SECRET_MAX + 300, HERD_SECRET_ERROR_SIZE, too_long);
    rig_free(rig);
}

static void test_secret_is_open(void)
{
    Rig *rig = rig_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);

    rig->config.secret_file = rig->secret;
    for (unsigned mode = 0600; mode < 0700; mode++) {
        g_auto(TrustFiles) files = {0};

        write_file(rig->secret, "0123456789abcdef\n", -1, mode);
        g_ptr_array_set_size(warnings, 0);
        g_assert_true(trust_read(&rig->config, &files, warnings, &error));
        g_assert_cmpuint(warnings->len, ==, (mode & 7) != 0);
        trust_files_clear(&files);
        g_assert_true(trust_read(&rig->config, &files, NULL, &error));
    }
    rig_free(rig);
}

static void test_no_file(void)
{
    Rig *rig = rig_new();
    g_autoptr(GError) error = NULL;
    g_auto(TrustFiles) files = {0};
    g_autofree char *no_secret = g_strdup_printf(
        "[herd] secret_file: cannot read %s: No such file or directory", rig->secret);

    g_assert_true(trust_read(&rig->config, &files, NULL, &error));
    g_assert_true(files.secret == NULL && files.access == NULL);
    rig->config.secret_file = rig->secret;
    g_assert_false(trust_read(&rig->config, &files, NULL, &error));
    g_assert_cmpstr(error->message, ==, no_secret);
    g_clear_error(&error);
    write_file(rig->secret, "0123456789abcdef\n", -1, 0600);
    rig->config.access_rules_file = rig->rules;
    g_assert_false(trust_read(&rig->config, &files, NULL, &error));
    g_assert_true(g_str_has_prefix(error->message, "[access] rules_file: "));
    g_assert_nonnull(strstr(error->message, rig->rules));
    g_assert_true(files.secret == NULL && files.access == NULL);
    rig_free(rig);
}

static void set(Trust *trust, const char *secret, const char *rules)
{
    g_autoptr(GError) error = NULL;
    TrustFiles files = {
        .secret = secret != NULL ? secret_new(slice_of(secret)) : NULL,
        .access = rules != NULL ? access_parse("rules", slice_of(rules), &error) : NULL,
    };

    g_assert_no_error(error);
    trust_set(trust, &files);
    g_assert_true(files.secret == NULL && files.access == NULL);
}

/* Who has the old ones goes on with them. */
static void test_set(void)
{
    Trust *trust = trust_new();
    g_autoptr(Access) access = NULL;

    g_assert_null(trust_secret(NULL));
    g_assert_null(trust_secret(trust));
    trust_update_access(NULL, &access);
    trust_update_access(trust, &access);
    g_assert_null(access);

    set(trust, "0123456789abcdef", "anyone a");
    g_autoptr(Secret) old = trust_secret(trust);
    g_assert_null(access);
    trust_update_access(trust, &access);
    g_assert_true(access_allows(access, NULL, NULL, SLICE("a")));

    set(trust, "fedcba9876543210", "anyone b");
    g_autoptr(Secret) secret = trust_secret(trust);
    g_assert_true(slice_equal(secret_bytes(old), SLICE("0123456789abcdef")));
    g_assert_true(slice_equal(secret_bytes(secret), SLICE("fedcba9876543210")));
    g_assert_true(access_allows(access, NULL, NULL, SLICE("a")));
    trust_update_access(trust, &access);
    g_assert_false(access_allows(access, NULL, NULL, SLICE("a")));
    g_assert_true(access_allows(access, NULL, NULL, SLICE("b")));

    set(trust, NULL, NULL);
    g_assert_null(trust_secret(trust));
    trust_update_access(trust, &access);
    g_assert_null(access);
    trust_free(trust);
}

/* Files that say the same change nothing. */
static void test_same(void)
{
    Trust *trust = trust_new();
    g_autoptr(Secret) secret = secret_new(SLICE("0123456789abcdef"));
    g_autoptr(Secret) other = secret_new(SLICE("0123456789abcdeF"));
    g_autoptr(Access) access = access_parse("rules", SLICE("anyone a"), NULL);
    g_autoptr(Access) more = access_parse("rules", SLICE("anyone a b"), NULL);

    g_assert_true(trust_has_secret(trust, NULL));
    g_assert_false(trust_has_secret(trust, secret));
    g_assert_true(trust_has_access(trust, NULL));
    g_assert_false(trust_has_access(trust, access));
    set(trust, "0123456789abcdef", "anyone a");
    g_assert_false(trust_has_secret(trust, NULL));
    g_assert_true(trust_has_secret(trust, secret));
    g_assert_false(trust_has_secret(trust, other));
    g_assert_false(trust_has_access(trust, NULL));
    g_assert_true(trust_has_access(trust, access));
    g_assert_false(trust_has_access(trust, more));
    trust_free(trust);
}

typedef struct {
    Trust *trust;
    atomic_bool stop;
} Race;

static void use(void *argument)
{
    Race *race = argument;
    g_autoptr(Access) access = NULL;

    while (!atomic_load(&race->stop)) {
        g_autoptr(Secret) secret = trust_secret(race->trust);

        g_assert_cmpuint(secret_bytes(secret).length, ==, 16);
        trust_update_access(race->trust, &access);
        g_assert_true(access_allows(access, NULL, NULL, SLICE("a")));
    }
}

/* For ThreadSanitizer and AddressSanitizer to look at. */
static void test_set_while_in_use(void)
{
    Race race = {.trust = trust_new()};
    pthread_t threads[3];

    set(race.trust, "0123456789abcdef", "anyone a");
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_true(thread_start(&threads[i], "user", use, &race, NULL));
    for (unsigned i = 0; i < 2000; i++)
        set(race.trust, i % 2 == 0 ? "fedcba9876543210" : "0123456789abcdef", "anyone ?");
    atomic_store(&race.stop, true);
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        thread_join(threads[i]);
    trust_free(race.trust);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/trust/secret-file", test_secret_file);
    g_test_add_func("/trust/secret-file-is-open-to-others", test_secret_is_open);
    g_test_add_func("/trust/no-such-file", test_no_file);
    g_test_add_func("/trust/set", test_set);
    g_test_add_func("/trust/same-as-before", test_same);
    g_test_add_func("/trust/set-while-in-use", test_set_while_in_use);
    return g_test_run();
}
