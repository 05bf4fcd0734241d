/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the tests of the providers for Google's APIs have in common: a provider against a server
 * that the test tells what to say, and what every answer is checked for.
 */

#include "places/http/apikey.h"
#include "places/json/jsontree.h"
#include "places/places.h"
#include "tests/unit/places-fake-http.h"

#include <glib/gstdio.h>
#include <signal.h>

#define KEY         "SECRET-k3y/with+odd&chars"
#define KEY_ESCAPED "SECRET-k3y%2Fwith%2Bodd%26chars"
#define PATIENCE_MS 20000 /* never reached */

static const PlacesQuery ucla = {
    .center = {.latitude = 34068930000, .longitude = -118445127000},
    .radius = 10 * MILLIMETRES_PER_KM,
    .bound = 20,
};

/* A provider of @options that asks @url. */
static Places *rig_places(PlacesOptions options, const char *url)
{
    g_autofree char *own_url = g_strdup(url);
    GError *error = NULL;

    options.url = own_url;
    Places *places = places_new(&options, &error);
    g_assert_no_error(error);
    g_assert_nonnull(places);
    return places;
}

/* The answer to @query, checked for what every answer is. (transfer full) */
static char *ask(Places *places, PlacesQuery query, PlacesStatus expected)
{
    g_autoptr(GString) json = g_string_new("AT ...\n"); /* as a worker has it */
    g_autoptr(JsonTree) tree = NULL;
    PlacesStatus status = places_nearby(places, &query, json);
    Slice body = {.data = json->str + 7, .length = json->len - 7};

    g_assert_cmpstr(places_status_name(status), ==, places_status_name(expected));
    g_assert_true(g_str_has_prefix(json->str, "AT ...\n{"));
    g_assert_null(strstr(json->str, KEY));
    g_assert_null(strstr(json->str, KEY_ESCAPED));
    g_assert_null(strstr(json->str, "127.0.0.1"));
    g_assert_null(strstr(json->str, "\n\n"));

    g_assert_cmpint(jsontree_parse(body, &tree), ==, JSONTREE_OK);
    const JsonValue *root = jsontree_root(tree);
    const JsonValue *said = jsontree_member(root, SLICE("status"), NULL);
    const char *name = places_status_name(status);
    g_assert_true(slice_equal(said->text, (Slice){.data = name, .length = strlen(name)}));
    g_assert_cmpint(jsontree_member(root, SLICE("results"), NULL)->type, ==, JSON_ARRAY);
    g_assert_cmpint(jsontree_member(root, SLICE("html_attributions"), NULL)->type, ==, JSON_ARRAY);
    return g_strndup(body.data, body.length);
}

static char *failure(const char *status, const char *message)
{
    return g_strdup_printf("{\n"
                           "   \"error_message\" : \"%s\",\n"
                           "   \"html_attributions\" : [],\n"
                           "   \"results\" : [],\n"
                           "   \"status\" : \"%s\"\n"
                           "}",
                           message, status);
}

static void assert_failure(Places *places, PlacesStatus status, const char *message)
{
    g_autofree char *expected = failure(places_status_name(status), message);
    g_autofree char *answer = ask(places, ucla, status);

    g_assert_cmpstr(answer, ==, expected);
}

static void answer_with(FakeHttp *fake, unsigned status, const char *body)
{
    fake_http_answer(fake, status, "", body, strlen(body));
}
