/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a provider is to places.c. A provider's own struct begins with a Provider; its constructor
 * fills it in.
 */

#include "places/places.h"

typedef struct Provider Provider;

typedef struct {
    bool blocks; /* places_blocks() */

    /* As places_nearby(), with bound and radius above 0. */
    PlacesStatus (*nearby)(Provider *provider, const PlacesQuery *query, GString *json);

    /* Called by one thread, after all others that used the provider have ended. */
    void (*free)(Provider *provider);
} ProviderClass;

struct Provider {
    const ProviderClass *class; /* read-only after new */
};

/* Each: (transfer full), or NULL with @error set. */
Provider *embedded_new(GError **error);
Provider *google_legacy_new(const PlacesOptions *options, GError **error);
