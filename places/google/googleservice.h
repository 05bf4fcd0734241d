/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the providers of Google's two places APIs have in common: where one is asked, with which
 * key, and what of that is told to nobody.
 */

#include "places/http/apikey.h"
#include "places/provider.h"

/* All read-only after init. */
typedef struct {
    HttpClient *client; /* (owned) */
    ApiKey *key;        /* (owned) may stand anywhere in an answer */
    char *key_file;     /* (owned) (nullable) that it was read from */
    char *base_url;     /* (owned) */
    const char *path;
} GoogleService;

/* Of @options, those of httpclient_new(), url in place of @base_url, and key_file. @path is static.
 * FALSE with @error set. Called from main. */
bool googleservice_init(GoogleService *service, const PlacesOptions *options, const char *base_url,
                        const char *path, GError **error);
void googleservice_clear(GoogleService *service);

/* Whether there is another key now, or none. */
bool googleservice_is_outdated(const GoogleService *service);

/* Makes @tree, an answer that tells of a failure, fit to be told on (PROTOCOL R15): @message
 * (nullable), a string in it, without any URL, and all of it without our own. */
void googleservice_scrub_failure(const GoogleService *service, JsonTree *tree, JsonValue *message);
