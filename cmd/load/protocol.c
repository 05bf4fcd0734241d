/* SPDX-License-Identifier: MIT */
#include "cmd/load/protocol.h"

#include "cmd/load/answer.h"
#include "core/timestamp.h"

#include <stdio.h>
#include <string.h>

#define AREA_MAX 64

/* Everything but the area is bounded by REPORT_MAX. */
G_STATIC_ASSERT(REPORT_MAX + AREA_MAX + 64 <= REQUEST_MAX);

static char *put(char *to, Slice bytes)
{
    memcpy(to, bytes.data, bytes.length);
    return to + bytes.length;
}

/* For lengths below a hundred. */
static char *put_number(char *to, size_t number)
{
    if (number >= 10)
        *to++ = (char)('0' + number / 10 % 10);
    *to++ = (char)('0' + number % 10);
    return to;
}

static const Reply partial = {.state = REPLY_PARTIAL};

static Reply right(size_t length)
{
    return (Reply){.state = REPLY_RIGHT, .length = length};
}

static Reply wrong(size_t length, const char *why)
{
    return (Reply){.state = REPLY_WRONG, .length = length, .why = why};
}

/* Bytes of the first line of @bytes, its LF included; 0: it has not ended. */
static size_t first_line(Slice bytes)
{
    const char *end = memchr(bytes.data, '\n', bytes.length);

    return end == NULL ? 0 : (size_t)(end - bytes.data) + 1;
}

static size_t format_herd(char *to, RequestKind kind, const Report *report, Slice area)
{
    char *at;

    g_assert(area.length <= AREA_MAX);
    if (kind == REQUEST_IAMAT) {
        at = put(put(to, SLICE("IAMAT ")), report_text(report));
    } else {
        at = put(put(to, SLICE("WHATSAT ")), report_client(report));
        *at++ = ' ';
        at = put(at, area);
    }
    *at++ = '\n';
    return (size_t)(at - to);
}

const char *protocol_check_at(Slice line, const Report *report)
{
    Slice said = report_text(report);
    Timestamp skew;

    if (line.length < 3 || memcmp(line.data, "AT ", 3) != 0)
        return "not an AT line";
    if (line.length < 4 + said.length ||
        memcmp(line.data + line.length - said.length, said.data, said.length) != 0)
        return "not the client, place and time of the report";

    /* MEMBER SKEW, between "AT " and " CLIENT" */
    Slice head = {.data = line.data + 3, .length = line.length - said.length - 4};
    const char *blank = memchr(head.data, ' ', head.length);
    if (head.data[head.length] != ' ' || blank == NULL || blank == head.data)
        return "not an AT line of six fields";
    if (!timestamp_parse_skew(
            (Slice){.data = blank + 1, .length = head.length - (size_t)(blank + 1 - head.data)},
            &skew))
        return "not a skew with a sign and nine decimals";
    return NULL;
}

/* PROTOCOL R12, R13: an AT line and JSON up to an empty line; anything that is refused is a line.
 */
static Reply take_whatsat(Slice bytes, size_t line, const Report *report)
{
    const char *why = protocol_check_at((Slice){.data = bytes.data, .length = line - 1}, report);

    if (memcmp(bytes.data, "AT ", MIN(line, 3)) != 0)
        return wrong(line, why);
    const char *end = memmem(bytes.data + line - 1, bytes.length - (line - 1), "\n\n", 2);
    if (end == NULL)
        return partial;
    size_t length = (size_t)(end - bytes.data) + 2;
    if (why == NULL)
        why = answer_check((Slice){.data = bytes.data + line, .length = length - line});
    return why == NULL ? right(length) : wrong(length, why);
}

static Reply take_herd(Slice bytes, RequestKind kind, const Report *report)
{
    size_t line = first_line(bytes);

    if (line == 0)
        return partial;
    if (kind == REQUEST_WHATSAT)
        return take_whatsat(bytes, line, report);
    const char *why = protocol_check_at((Slice){.data = bytes.data, .length = line - 1}, report);
    return why == NULL ? right(line) : wrong(line, why);
}

static Reply take_echo(Slice bytes, RequestKind kind, const Report *report)
{
    char request[REQUEST_MAX];
    size_t line = first_line(bytes);

    if (line == 0)
        return partial;
    size_t length = format_herd(request, kind, report, SLICE(""));
    if (line != length || memcmp(bytes.data, request, length) != 0)
        return wrong(line, "not the bytes of the request");
    return right(line);
}

/* set CLIENT 0 0 LENGTH, and "PLACE TIME" as the value. */
static size_t format_memcached(char *to, G_GNUC_UNUSED RequestKind kind, const Report *report,
                               G_GNUC_UNUSED Slice area)
{
    Slice value = report_place_and_time(report);
    char *at = put(put(to, SLICE("set ")), report_client(report));

    at = put_number(put(at, SLICE(" 0 0 ")), value.length);
    at = put(put(put(at, SLICE("\r\n")), value), SLICE("\r\n"));
    return (size_t)(at - to);
}

static Reply take_fixed(Slice bytes, Slice expected, const char *why)
{
    size_t line = first_line(bytes);

    if (line == 0)
        return partial;
    return slice_equal((Slice){.data = bytes.data, .length = line}, expected) ? right(line)
                                                                              : wrong(line, why);
}

static Reply take_memcached(Slice bytes, G_GNUC_UNUSED RequestKind kind,
                            G_GNUC_UNUSED const Report *report)
{
    return take_fixed(bytes, SLICE("STORED\r\n"), "not STORED");
}

/* A bulk string of RESP. */
static char *put_bulk(char *to, Slice bytes)
{
    *to++ = '$';
    to = put(put_number(to, bytes.length), SLICE("\r\n"));
    return put(put(to, bytes), SLICE("\r\n"));
}

static size_t format_redis_set(char *to, G_GNUC_UNUSED RequestKind kind, const Report *report,
                               G_GNUC_UNUSED Slice area)
{
    char *at = put(to, SLICE("*3\r\n$3\r\nSET\r\n"));

    at = put_bulk(put_bulk(at, report_client(report)), report_place_and_time(report));
    return (size_t)(at - to);
}

static Reply take_redis_set(Slice bytes, G_GNUC_UNUSED RequestKind kind,
                            G_GNUC_UNUSED const Report *report)
{
    return take_fixed(bytes, SLICE("+OK\r\n"), "not +OK");
}

/* GEOADD herd LONGITUDE LATITUDE CLIENT. A place in Redis has no time. */
static size_t format_redis_geoadd(char *to, G_GNUC_UNUSED RequestKind kind, const Report *report,
                                  G_GNUC_UNUSED Slice area)
{
    Slice place = report_place(report);
    Slice latitude = {.data = place.data, .length = 10};
    Slice longitude = {.data = place.data + 10, .length = 11};
    char *at = put(to, SLICE("*5\r\n$6\r\nGEOADD\r\n$4\r\nherd\r\n"));

    at = put_bulk(put_bulk(put_bulk(at, longitude), latitude), report_client(report));
    return (size_t)(at - to);
}

static Reply take_redis_geoadd(Slice bytes, G_GNUC_UNUSED RequestKind kind,
                               G_GNUC_UNUSED const Report *report)
{
    /* 1: a new client; 0: a known one, which has moved. */
    Reply is_new = take_fixed(bytes, SLICE(":1\r\n"), "neither :1 nor :0");

    return is_new.state == REPLY_WRONG ? take_fixed(bytes, SLICE(":0\r\n"), is_new.why) : is_new;
}

static const Protocol protocols[] = {
    {"herd", true, format_herd, take_herd},
    {"echo", false, format_herd, take_echo},
    {"memcached", false, format_memcached, take_memcached},
    {"redis-set", false, format_redis_set, take_redis_set},
    {"redis-geoadd", false, format_redis_geoadd, take_redis_geoadd},
};

const Protocol *protocol_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
        if (g_str_equal(protocols[i].name, name))
            return &protocols[i];
    return NULL;
}

char *protocol_names(void)
{
    GString *names = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
        g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", protocols[i].name);
    return g_string_free(names, FALSE);
}
