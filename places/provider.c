/* SPDX-License-Identifier: MIT */
#include "places/provider.h"

void provider_failure_clear(ProviderFailure *failure)
{
    g_clear_pointer(&failure->message, g_free);
}

/* Cuts @text between two characters. */
static void bound_message(char *text)
{
    static const char more[] = "...";

    if (strlen(text) <= PROVIDER_MESSAGE_MAX)
        return;
    char *end = g_utf8_find_prev_char(text, text + PROVIDER_MESSAGE_MAX - strlen(more) + 1);
    memcpy(end, more, sizeof more);
}

PlacesStatus provider_fail(ProviderFailure *failure, PlacesStatus status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_free(failure->message);
    failure->message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    bound_message(failure->message);
    return status;
}

PlacesStatus provider_fail_http(ProviderFailure *failure, const HttpClient *client,
                                HttpOutcome outcome)
{
    g_autofree char *message = httpclient_describe(client, outcome);

    failure->not_asked = outcome == HTTP_OVER_BUDGET;
    return provider_fail(failure,
                         failure->not_asked ? PLACES_OVER_QUERY_LIMIT : PLACES_UNKNOWN_ERROR, "%s",
                         message);
}

static PlacesStatus status_from_http(long http_status)
{
    switch (http_status) {
    case 400:
        return PLACES_INVALID_REQUEST;
    case 401:
    case 403:
        return PLACES_REQUEST_DENIED;
    case 429:
        return PLACES_OVER_QUERY_LIMIT;
    default:
        return PLACES_UNKNOWN_ERROR;
    }
}

PlacesStatus provider_fail_status(ProviderFailure *failure, const HttpReply *reply)
{
    failure->retry_after_s = reply->retry_after_s;
    return provider_fail(failure, status_from_http(reply->status),
                         "The places provider answered with HTTP status %ld.", reply->status);
}

PlacesStatus provider_fail_body(ProviderFailure *failure, JsonTreeOutcome parsed, const char *what)
{
    switch (parsed) {
    case JSONTREE_TOO_LARGE:
        return provider_fail(failure, PLACES_UNKNOWN_ERROR,
                             "The answer of the places provider has too many parts.");
    case JSONTREE_MALFORMED:
        return provider_fail(failure, PLACES_UNKNOWN_ERROR,
                             "The answer of the places provider is not JSON.");
    case JSONTREE_OK:
    default:
        return provider_fail(failure, PLACES_UNKNOWN_ERROR,
                             "The answer of the places provider is not %s.", what);
    }
}
