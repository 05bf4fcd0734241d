/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The two halves of a lookup at Google's legacy Nearby Search, for a program that makes the request
 * between them in its own way. @provider is of google_legacy_new(). Any thread; nothing blocks.
 */

#include "places/provider.h"

/* Has the timeout, and the budget. (transfer none) */
HttpClient *google_legacy_client(const Provider *provider);

/* What is to be asked. It has the API key in it. */
void google_legacy_append_url(const Provider *provider, const PlacesQuery *query, GString *url);

/* As ProviderClass.nearby(), of a request that came to @outcome; @reply counts if that is
 * HTTP_ANSWERED. */
PlacesStatus google_legacy_append_answer(const Provider *provider, const PlacesQuery *query,
                                         HttpOutcome outcome, const HttpReply *reply, GString *json,
                                         ProviderFailure *failure);
