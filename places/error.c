/* SPDX-License-Identifier: MIT */
#include "places/places.h"

/* Apart from places.c, so that the build-time program needs no provider. */
GQuark herd_places_error_quark(void)
{
    return g_quark_from_static_string("herd-places-error-quark");
}
