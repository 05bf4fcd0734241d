/* SPDX-License-Identifier: MIT */
#pragma once

/* One [member NAME] of the configuration. config.c makes and completes them; then they do not
 * change. */

#include "core/dialect.h"
#include "core/endpoint.h"

#include <glib.h>
#include <stdbool.h>

#define HERD_CONFIG_ERROR (herd_config_error_quark())
GQuark herd_config_error_quark(void);

typedef enum {
    HERD_CONFIG_ERROR_FILE,    /* cannot be read, or is not a key file */
    HERD_CONFIG_ERROR_UNKNOWN, /* a group or key that does not exist */
    HERD_CONFIG_ERROR_VALUE,   /* a value of the wrong type or out of its range */
    HERD_CONFIG_ERROR_MEMBER,  /* the member asked for, or a neighbour, is not in the file */
} HerdConfigError;

#define MEMBER_NAME_MAX 64 /* bytes */

typedef struct {
    char *name;        /* (owned) 1 to MEMBER_NAME_MAX bytes, see member_is_name() */
    GQuark id;         /* of its name: the same in every configuration of this run; never 0 */
    GPtrArray *listen; /* owned Endpoint; at least one; the first is where neighbours connect to */
    GPtrArray *neighbours; /* owned names, sorted; an edge named on one side only stands on both */
    /* What its neighbours say to it, and how: see member_is_foreign() */
    Dialect dialect;
    Delivery delivery;
    Terminator terminator;
} Member;

/* A native member without addresses or neighbours yet. (transfer full) */
Member *member_new(const char *name);
void member_free(void *member);

/* A name is a file's name (NAME.log) and a field on the wire. */
bool member_is_name(const char *name);

/* Sets @key ("listen", "neighbours", "dialect", "delivery", "terminator") to what @value says;
 * member_check_dialect() has to follow when all are set. A neighbour that @value names twice stands
 * there twice. FALSE: @ret_code and @ret_why (transfer full) say why not. */
bool member_set(Member *member, const char *key, const char *value, HerdConfigError *ret_code,
                char **ret_why);

/* Whether the delivery and terminator of @member go with its dialect. FALSE: @ret_key is the key
 * that is wrong, @ret_why (transfer full) says why. */
bool member_check_dialect(const Member *member, const char **ret_key, char **ret_why);

/* Whether it is another implementation than herdd (PROTOCOL R24). Others have TERMINATOR_LF. */
bool member_is_foreign(const Member *member);

/* How "dialect" says @dialect. */
const char *member_dialect_name(Dialect dialect);

bool member_has_neighbour(const Member *member, const char *name);

/* Whether @address, whatever its port, is of a host that it listens on. */
bool member_is_at(const Member *member, const struct sockaddr_storage *address);

/* Whether @a and @b listen on the same addresses, however they are written. */
bool member_listens_alike(const Member *a, const Member *b);

/* Whether the same link does for @a and for @b: to the same address, in the same words. */
bool member_is_reached_alike(const Member *a, const Member *b);

/* Whether @a and @b say the same, and their hosts' names stand for the same addresses. */
bool member_equal(const Member *a, const Member *b);

/* Appends it as a group of a key file. */
void member_describe(const Member *member, GString *text);
