/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What Nearby Search of Google's Places API (New) answered, told as its legacy Nearby Search would
 * have, so that WHATSAT has one format (PROTOCOL R13); or R15's answer where it is of no use.
 *
 * A result has, where the place has it: business_status, geometry, icon, icon_background_color,
 * icon_mask_base_uri, name, permanently_closed, photos (the first, as in the legacy API), place_id,
 * plus_code, reference, scope, types, vicinity. Two are not quite the legacy ones: icon is the
 * mask's image, and photo_reference is the photo's name in the New API, which is of use only there.
 * There is never a next_page_token. html_attributions names the providers of all results.
 *
 * A place without a name or a position is left out: clients show the one at the other. So is, of a
 * place, what is missing, empty, or not of the type that it should have.
 */

#include "places/google/googleservice.h"

/*
 * The fields that are read, so the only ones to be asked for. They decide the price: a call is
 * billed at the tier of its most expensive field. All of these are of the tier Pro, the lowest of
 * this search. rating, userRatingCount, priceLevel and currentOpeningHours, from which the legacy
 * rating, user_ratings_total, price_level and opening_hours could be made, would each make every
 * call one of the tier Enterprise.
 */
#define GOOGLENEW_FIELDS                                                                         \
    "places.attributions,places.businessStatus,places.displayName,places.formattedAddress,"      \
    "places.iconBackgroundColor,places.iconMaskBaseUri,places.id,places.location,places.photos," \
    "places.plusCode,places.shortFormattedAddress,places.types,places.viewport"

/* As ProviderClass.nearby() once @reply has come. No lock; does not block. */
PlacesStatus googlenew_append(GString *json, const HttpReply *reply, unsigned bound,
                              const GoogleService *service, ProviderFailure *failure);
