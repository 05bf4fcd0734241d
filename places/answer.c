/* SPDX-License-Identifier: MIT */
#include "places/answer.h"

#include "places/json/jsonlayout.h"

/* The keys are in R14's order. */
void answer_append_empty(GString *json, PlacesStatus status, const char *message)
{
    g_string_append(json, "{\n");
    if (message != NULL) {
        g_string_append(json, JSONLAYOUT_INDENT "\"error_message\" : ");
        jsonlayout_append_string(json, slice_of(message));
        g_string_append(json, ",\n");
    }
    g_string_append(json,
                    JSONLAYOUT_INDENT "\"html_attributions\" : [],\n" JSONLAYOUT_INDENT
                                      "\"results\" : [],\n" JSONLAYOUT_INDENT "\"status\" : \"");
    g_string_append(json, places_status_name(status));
    g_string_append(json, "\"\n}");
}

void places_append_failure(GString *json, PlacesStatus status, const char *message)
{
    answer_append_empty(json, status, message);
}

const char *places_status_name(PlacesStatus status)
{
    switch (status) {
    case PLACES_OK:
        return "OK";
    case PLACES_ZERO_RESULTS:
        return "ZERO_RESULTS";
    case PLACES_INVALID_REQUEST:
        return "INVALID_REQUEST";
    case PLACES_OVER_QUERY_LIMIT:
        return "OVER_QUERY_LIMIT";
    case PLACES_REQUEST_DENIED:
        return "REQUEST_DENIED";
    case PLACES_UNKNOWN_ERROR:
        return "UNKNOWN_ERROR";
    default:
        g_assert_not_reached();
    }
}
