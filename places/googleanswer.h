/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What Google's legacy Nearby Search answered, made ready for a client: in R14's layout, cut to the
 * bound, without the API key; or R15's answer where it is of no use.
 */

#include "places/apikey.h"
#include "places/places.h"

/* Appends to @json. @http_status and @body are what came; @key may stand anywhere in the body, and
 * so may @base_url and @path, where it was asked for: a failure is told without them (PROTOCOL
 * R15). No lock; does not block. */
PlacesStatus googleanswer_append(GString *json, Slice body, long http_status, unsigned bound,
                                 const ApiKey *key, const char *base_url, const char *path);
