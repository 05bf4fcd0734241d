/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What Google's legacy Nearby Search answered, made ready for a client: in R14's layout, cut to the
 * bound, without the API key; or R15's answer where it is of no use.
 */

#include "places/apikey.h"
#include "places/provider.h"

/* What may stand anywhere in an answer and is told to nobody. */
typedef struct {
    const ApiKey *key;
    const char *base_url; /* where it was asked for: a failure is told without (PROTOCOL R15) */
    const char *path;
} GoogleSecrets;

/* As ProviderClass.nearby() once @reply has come. No lock; does not block. */
PlacesStatus googleanswer_append(GString *json, const HttpReply *reply, unsigned bound,
                                 const GoogleSecrets *secrets, ProviderFailure *failure);
