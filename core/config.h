/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The configuration of a herd, read from one GKeyFile that is the same on every host.
 *
 * A Config is what one member is to do: the common groups, with the groups of that member alone
 * ([limits Bailey]) laid over them. It does not change after config_load() and may be read by any
 * thread without a lock.
 */

#include "core/member.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    PROVIDER_EMBEDDED,
    PROVIDER_FILE,
    PROVIDER_GOOGLE,
    PROVIDER_GOOGLE_LEGACY,
    PROVIDER_OVERPASS,
} PlacesProvider;

/* Who answers when the provider fails. */
typedef enum {
    FALLBACK_NONE,
    FALLBACK_EMBEDDED,
} PlacesFallback;

typedef enum {
    LOG_MESSAGES_ALL,
    LOG_MESSAGES_ERRORS,
    LOG_MESSAGES_NONE,
} LogMessages;

typedef enum {
    LOG_TARGET_FILE, /* NAME.log in log_dir */
    LOG_TARGET_JOURNALD,
} LogTarget;

/* What is logged: this and all above it. */
typedef enum {
    LOG_INFO,
    LOG_WARNING,
    LOG_ERROR,
} LogLevel;

typedef struct {
    PlacesProvider provider;
    PlacesFallback fallback;
    unsigned timeout_ms;  /* of one lookup, all in all */
    unsigned max_lookups; /* at once; less than the workers */
    unsigned max_waiting; /* WHATSATs that wait for a lookup of theirs to begin or end */
    char *url;            /* (owned) (nullable) scheme://host:port in place of the provider's own */
    char *key_file;       /* (owned) (nullable) path of a file that holds the API key */
    char *ca_file;  /* (owned) (nullable) path of a file with the authorities that are trusted in
                       place of the system's */
    char *contact;  /* (owned) (nullable) who runs this, for the provider's operators */
    char *file;     /* (owned) (nullable) path of the places file */
    char *type;     /* (owned) (nullable) only places of this type of Google's */
    char *language; /* (owned) (nullable) BCP 47, for names */
    unsigned max_calls_per_minute; /* upstream; 0: no bound */
    unsigned circuit_failures;     /* in a row, after which the provider is left alone; 0: never */
    unsigned cache_s;              /* that an answer may serve for equal queries; 0: not kept */
} PlacesOptions;

typedef struct {
    unsigned max_connections;
    unsigned max_line;                    /* bytes, LF included */
    unsigned idle_timeout_s;              /* 0: never */
    unsigned line_timeout_s;              /* a command begun and not finished; 0: never */
    unsigned write_timeout_s;             /* replies that the client does not take; 0: never */
    unsigned max_future_skew_s;           /* 0: no bound */
    unsigned max_records;                 /* clients known; 0: no bound */
    unsigned record_ttl_s;                /* a record of an older time is forgotten; 0: never */
    unsigned link_timeout_s;              /* a neighbour from which nothing comes is dead */
    unsigned max_connections_per_address; /* 0: no bound but max_connections */
    unsigned max_lines_per_s;             /* that a client says over one connection; 0: no bound */
    unsigned handshake_timeout_s;         /* a TLS handshake begun and not finished */
    unsigned max_handshakes;              /* unfinished TLS handshakes at once */
    unsigned max_memory_mb;               /* MiB of memory of the process; 0: no bound */
} LimitOptions;

typedef struct {
    char *certificate_file; /* (owned) (nullable) path of the certificate chain, PEM */
    char *key_file;         /* (owned) (nullable) path of its private key, PEM */
    char *ca_file; /* (owned) (nullable) path of the authorities that neighbours' and clients'
                      certificates are signed by, PEM */
} TlsOptions;

typedef struct {
    const Member *self;  /* owned by members */
    GPtrArray *members;  /* owned Member, in the order of the file */
    GPtrArray *warnings; /* owned char *: what is odd but not wrong */
    char *log_dir;       /* (owned) */
    LogMessages log_messages;
    unsigned workers;
    unsigned resync_interval_s; /* between two comparisons with a neighbour; 0: only when its link
                                   comes up */
    char *state_dir;            /* (owned) (nullable) where records survive; NULL: nowhere */
    unsigned state_sync_ms;     /* after which an acknowledged record is on the disk */
    LogTarget log_target;
    LogLevel log_level;
    char *secret_file;       /* (owned) (nullable) path of the secret that all members share */
    unsigned stop_timeout_s; /* for clients to take what they are owed, and for lookups to end */
    char *http_listen;       /* (owned) (nullable) host:port of metrics and status */
    char *access_rules_file; /* (owned) (nullable) path of who may report for whom */
    TlsOptions tls;
    PlacesOptions places;
    LimitOptions limits;
} Config;

/* Reads @path for the member @name. (transfer full); NULL with @error set: its message is one line
 * that names file, group, key and what is wrong. Called from main; may block on the disk and on
 * name resolution. */
Config *config_load(const char *path, const char *name, GError **error);
void config_free(Config *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)

/* Whether anything that this member listens on or connects to is said over TLS. */
bool config_needs_tls(const Config *config);

/* The member called @name, or NULL. (transfer none) */
const Member *config_member(const Config *config, const char *name);

/* Whether @a and @b say the same, and their hosts' names stand for the same addresses. The order of
 * the members does not matter. */
bool config_equal(const Config *a, const Config *b);

/* All that @config says, as a key file that config_load() would read back. (transfer full) */
char *config_describe(const Config *config);
