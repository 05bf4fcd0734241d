/* SPDX-License-Identifier: MIT */
#include "cmd/load/answer.h"

#include <stdbool.h>
#include <stdint.h>

#define DEPTH_MAX 64

typedef struct {
    Slice rest;      /* what has not been read */
    unsigned depth;  /* of what is open */
    uint64_t arrays; /* a bit a level: it is an array, not an object */
    bool is_member;  /* a colon has come since the last name: a string is a value */
    bool is_status;  /* and the name was the object's own "status" */
    const char *why; /* what is wrong with the status */
    bool has_status;
} Scan;

static const char not_json[] = "not JSON";

/* Takes a string, whose opening quote has been read; false: it does not end. */
static bool take_string(Slice *rest, Slice *ret_string)
{
    const char *start = rest->data;
    const char *end = start + rest->length;

    for (const char *at = start; at < end; at++) {
        if (*at == '\\') {
            at++;
        } else if (*at == '"') {
            *ret_string = (Slice){.data = start, .length = (size_t)(at - start)};
            *rest = (Slice){.data = at + 1, .length = (size_t)(end - at - 1)};
            return true;
        }
    }
    return false;
}

static const char *check_status(Slice status)
{
    static const struct {
        const char *status;
        const char *why;
    } known[] = {
        {"OK", NULL},
        {"ZERO_RESULTS", NULL},
        {"UNKNOWN_ERROR", "status UNKNOWN_ERROR"},
        {"OVER_QUERY_LIMIT", "status OVER_QUERY_LIMIT"},
        {"REQUEST_DENIED", "status REQUEST_DENIED"},
        {"INVALID_REQUEST", "status INVALID_REQUEST"},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slice_equal(status, slice_of(known[i].status)))
            return known[i].why;
    return "a status that there is not";
}

/* A string: a name, or a value. */
static bool scan_string(Scan *scan)
{
    Slice string;

    if (!take_string(&scan->rest, &string))
        return false;
    if (!scan->is_member) {
        scan->is_status = scan->depth == 1 && slice_equal(string, SLICE("status"));
    } else if (scan->is_status && scan->depth == 1) {
        scan->has_status = true;
        scan->why = check_status(string);
    }
    return true;
}

static bool scan_open(Scan *scan, bool is_array)
{
    if (scan->depth == DEPTH_MAX)
        return false;
    scan->arrays = scan->arrays << 1 | is_array;
    scan->depth++;
    /* What stands in an array are values; an object begins with a name. */
    scan->is_member = is_array;
    return true;
}

static bool scan_close(Scan *scan, bool is_array)
{
    if (scan->depth == 0 || (scan->arrays & 1) != is_array)
        return false;
    scan->arrays >>= 1;
    scan->depth--;
    return true;
}

/* Takes the next byte and what belongs to it. */
static bool scan_next(Scan *scan)
{
    char byte = *scan->rest.data;

    scan->rest.data++;
    scan->rest.length--;
    switch (byte) {
    case '"':
        return scan_string(scan);
    case '{':
    case '[':
        return scan_open(scan, byte == '[');
    case '}':
    case ']':
        return scan_close(scan, byte == ']');
    case ':':
        scan->is_member = true;
        return true;
    case ',':
        scan->is_member = scan->arrays & 1;
        return true;
    default:
        return true;
    }
}

const char *answer_check(Slice json)
{
    Scan scan = {.rest = json};

    if (json.length == 0 || json.data[0] != '{')
        return not_json;
    do {
        if (!scan_next(&scan))
            return not_json;
    } while (scan.depth > 0 && scan.rest.length > 0);
    if (scan.depth > 0)
        return not_json;
    for (; scan.rest.length > 0; scan.rest.data++, scan.rest.length--)
        if (*scan.rest.data != '\n')
            return not_json;
    return scan.has_status ? scan.why : "no status";
}
