/* SPDX-License-Identifier: MIT */
#include "places/google/googleservice.h"

#include "places/http/urlscrub.h"

bool googleservice_init(GoogleService *service, const PlacesOptions *options, const char *base_url,
                        const char *path, GError **error)
{
    g_autoptr(HttpClient) client = httpclient_new(options, error);
    if (client == NULL)
        return false;
    g_autofree char *url =
        httpclient_check_base_url(options->url != NULL ? options->url : base_url, error);
    if (url == NULL)
        return false;
    ApiKey *key = apikey_read(options->key_file, error);
    if (key == NULL)
        return false;

    *service = (GoogleService){
        .client = g_steal_pointer(&client),
        .key = key,
        .key_file = g_strdup(options->key_file),
        .base_url = g_steal_pointer(&url),
        .path = path,
    };
    return true;
}

void googleservice_clear(GoogleService *service)
{
    httpclient_free(service->client);
    apikey_free(service->key);
    g_free(service->key_file);
    g_free(service->base_url);
}

bool googleservice_is_outdated(const GoogleService *service)
{
    g_autoptr(ApiKey) key = apikey_read(service->key_file, NULL);

    return key == NULL || strcmp(apikey_text(key), apikey_text(service->key)) != 0;
}

void googleservice_scrub_failure(const GoogleService *service, JsonTree *tree, JsonValue *message)
{
    g_autofree char *url = g_strconcat(service->base_url, service->path, NULL);
    const char *parts[] = {url, service->base_url, service->path};

    if (message != NULL) {
        g_autoptr(GString) scrubbed = g_string_sized_new(message->text.length);

        urlscrub_append(scrubbed, message->text);
        jsontree_set_text(tree, message, (Slice){.data = scrubbed->str, .length = scrubbed->len});
    }
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
        jsontree_replace(tree, slice_of(parts[i]), SLICE(URLSCRUB_REPLACEMENT));
}
