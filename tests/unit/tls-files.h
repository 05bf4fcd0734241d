/* SPDX-License-Identifier: MIT */
#pragma once

/* Authorities, certificates and keys for tests, as files of a folder of their own. */

#include <glib.h>
#include <glib/gstdio.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#define DAY_S 86400

/* Who signs certificates. */
typedef struct {
    char *file; /* (owned) its certificate */
    X509 *certificate;
    EVP_PKEY *key;
} Authority;

typedef struct {
    char *certificate_file; /* (owned) */
    char *key_file;         /* (owned) */
} Identity;

typedef struct {
    char *path; /* (owned) */
    unsigned count;
} TlsFolder;

static TlsFolder *tls_folder_new(void)
{
    TlsFolder *folder = g_new0(TlsFolder, 1);

    folder->path = g_dir_make_tmp("herd-tls-XXXXXX", NULL);
    g_assert_nonnull(folder->path);
    return folder;
}

static void tls_folder_free(TlsFolder *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder->path, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(folder->path, name, NULL);

        g_remove(path);
    }
    g_rmdir(folder->path);
    g_free(folder->path);
    g_free(folder);
}

/* (transfer full) */
static char *tls_folder_file(TlsFolder *folder, const char *kind)
{
    g_autofree char *name = g_strdup_printf("%u.%s", folder->count++, kind);

    return g_build_filename(folder->path, name, NULL);
}

static void write_certificate(const char *path, X509 *certificate)
{
    FILE *file = fopen(path, "w");

    g_assert_nonnull(file);
    g_assert_cmpint(PEM_write_X509(file, certificate), ==, 1);
    g_assert_cmpint(fclose(file), ==, 0);
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    g_assert_nonnull(extension);
    g_assert_cmpint(X509_add_ext(certificate, extension, -1), ==, 1);
    X509_EXTENSION_free(extension);
}

/* Of @common_name, from a day ago to @ends_s from now, not signed yet. */
static X509 *certificate_new(const char *common_name, EVP_PKEY *key, long ends_s)
{
    static long serial;
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);

    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -10 * DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(certificate), ends_s);
    g_assert_cmpint(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                               (const unsigned char *)common_name, -1, -1, 0),
                    ==, 1);
    g_assert_cmpint(X509_set_pubkey(certificate, key), ==, 1);
    return certificate;
}

static Authority *authority_new(TlsFolder *folder, const char *name)
{
    Authority *authority = g_new0(Authority, 1);

    authority->key = EVP_EC_gen("P-256");
    g_assert_nonnull(authority->key);
    authority->certificate = certificate_new(name, authority->key, DAY_S);
    add_extension(authority->certificate, NID_basic_constraints, "critical,CA:TRUE");
    g_assert_cmpint(
        X509_set_issuer_name(authority->certificate, X509_get_subject_name(authority->certificate)),
        ==, 1);
    g_assert_cmpint(X509_sign(authority->certificate, authority->key, EVP_sha256()), >, 0);
    authority->file = tls_folder_file(folder, "ca");
    write_certificate(authority->file, authority->certificate);
    return authority;
}

static void authority_free(Authority *authority)
{
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
    g_free(authority->file);
    g_free(authority);
}

/* A key and a certificate of @common_name, with @alternative names as OpenSSL's configuration says
 * them ("DNS:Bailey", nullable), that ends @ends_s from now. (transfer full) */
static Identity identity_new(TlsFolder *folder, const Authority *authority, const char *common_name,
                             const char *alternative, long ends_s)
{
    Identity identity = {.certificate_file = tls_folder_file(folder, "crt"),
                         .key_file = tls_folder_file(folder, "key")};
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = certificate_new(common_name, key, ends_s);

    if (alternative != NULL)
        add_extension(certificate, NID_subject_alt_name, alternative);
    X509_set_issuer_name(certificate, X509_get_subject_name(authority->certificate));
    g_assert_cmpint(X509_sign(certificate, authority->key, EVP_sha256()), >, 0);
    write_certificate(identity.certificate_file, certificate);

    FILE *file = fopen(identity.key_file, "w");
    g_assert_nonnull(file);
    g_assert_cmpint(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), ==, 1);
    g_assert_cmpint(fclose(file), ==, 0);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return identity;
}

static void identity_clear(Identity *identity)
{
    g_free(identity->certificate_file);
    g_free(identity->key_file);
}
