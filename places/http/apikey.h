/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * An API key: where it comes from, and how it is kept out of what others see.
 */

#include "places/json/jsontree.h"

#include <glib.h>

#define APIKEY_ENVIRONMENT "HERD_PLACES_KEY"

typedef struct ApiKey ApiKey;

/* From the file @key_file (a path, or a credential's name) if that is not NULL, else from the
 * environment; blanks around it are dropped. NULL with HERD_PLACES_ERROR_KEY set; the message may
 * name the file, never what is in it. Called from main. */
ApiKey *apikey_read(const char *key_file, GError **error);

/* Overwrites the key before it goes. */
void apikey_free(ApiKey *key);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ApiKey, apikey_free)

/* The key, in printable ASCII. (transfer none) */
const char *apikey_text(const ApiKey *key);

/* The same as part of a URL's query. (transfer none) */
const char *apikey_escaped(const ApiKey *key);

/* Takes the key out of all strings and keys in @tree, as it is and as it stands in a URL. A key
 * shorter than APIKEY_SECRET_MIN is left: it cannot be told from ordinary words, and no provider's
 * is that short. */
void apikey_scrub(const ApiKey *key, JsonTree *tree);

#define APIKEY_SECRET_MIN  6
#define APIKEY_REPLACEMENT "[key]"
