/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What Google's legacy Nearby Search answered, made ready for a client: in R14's layout, cut to the
 * bound, without the API key; or R15's answer where it is of no use.
 */

#include "places/google/googleservice.h"

/* As ProviderClass.nearby() once @reply has come. No lock; does not block. */
PlacesStatus googleanswer_append(GString *json, const HttpReply *reply, unsigned bound,
                                 const GoogleService *service, ProviderFailure *failure);
