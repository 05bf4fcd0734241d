/* SPDX-License-Identifier: MIT */

/*
 * What a client says, in any pieces: every line is answered as PROTOCOL R1-R18 have it, byte for
 * byte, and what is stored is what was said. What they have is worked out here once more, from
 * their words and slowly: regular expressions, and numbers of 128 bits.
 */

#include "member.h"

#define NS_PER_S ((__int128)1000000000)

/* PROTOCOL R7, R8, R10. */
static GRegex *location_form, *time_form, *radius_form, *bound_form;

/* What is known of a client. */
typedef struct {
    __int128 time; /* nanoseconds */
    __int128 skew;
    char *location;
    char *line;
} Known;

static void known_free(void *pointer)
{
    Known *known = pointer;

    g_free(known->location);
    g_free(known->line);
    g_free(known);
}

static GRegex *form(const char *pattern)
{
    GRegex *regex = g_regex_new(pattern, G_REGEX_RAW | G_REGEX_OPTIMIZE, 0, NULL);

    g_assert_nonnull(regex);
    return regex;
}

/* The part of @text in the parenthesis @group of @regex. (transfer full) (nullable) */
static char *part_of(const GRegex *regex, Slice text, int group)
{
    g_autoptr(GMatchInfo) match = NULL;

    if (text.length == 0 || !g_regex_match_full(regex, text.data, (gssize)text.length, 0,
                                                G_REGEX_MATCH_NOTEMPTY, &match, NULL))
        return NULL;
    return g_match_info_fetch(match, group);
}

/* [+-]?d+(.d+)? with the decimals past @places left out, as a whole number of the last of them. */
static __int128 scaled(const char *text, unsigned places)
{
    bool negative = *text == '-';
    __int128 value = 0;

    text += *text == '-' || *text == '+';
    for (; g_ascii_isdigit(*text); text++)
        value = value * 10 + (*text - '0');
    text += *text == '.';
    for (unsigned i = 0; i < places; i++) {
        value *= 10;
        if (g_ascii_isdigit(*text))
            value += *text++ - '0';
    }
    return negative ? -value : value;
}

/* Whether the number @text is beyond @limit on either side of zero, to the last digit. */
static bool is_beyond(const char *text, int limit)
{
    text += *text == '-' || *text == '+';
    int64_t whole = g_ascii_strtoll(text, NULL, 10); /* the greatest if it is beyond that */
    const char *point = strchr(text, '.');

    return whole > limit ||
           (whole == limit && point != NULL && strspn(point + 1, "0") < strlen(point + 1));
}

/* PROTOCOL R2 */
static bool is_blank(char c)
{
    return memchr(" \t\n\r\f\v", c, 6) != NULL;
}

static unsigned split(Slice line, Slice fields[static 5])
{
    unsigned count = 0;
    size_t at = 0;

    for (;;) {
        while (at < line.length && is_blank(line.data[at]))
            at++;
        if (at == line.length || count == 5)
            return count;
        fields[count].data = line.data + at;
        while (at < line.length && !is_blank(line.data[at]))
            at++;
        fields[count].length = (size_t)(line.data + at - fields[count].data);
        count++;
    }
}

static void expect_invalid(GString *expected, Slice line)
{
    g_string_append(expected, "? ");
    g_string_append_len(expected, line.data, (gssize)line.length);
    g_string_append_c(expected, '\n');
}

/* PROTOCOL R9, R21, of records of one origin. */
static bool is_newer(const Known *a, const Known *b)
{
    if (a->time != b->time)
        return a->time > b->time;
    int order = strcmp(a->location, b->location);
    if (order == 0)
        order = (a->skew > b->skew) - (a->skew < b->skew);
    if (order == 0)
        order = strcmp(a->line, b->line);
    return order > 0;
}

/* FALSE: it is invalid. */
static bool expect_iamat(GString *expected, GString *stored, GHashTable *clients,
                         const Slice *fields)
{
    g_autofree char *latitude = part_of(location_form, fields[2], 1);
    g_autofree char *longitude = part_of(location_form, fields[2], 3);
    g_autofree char *time_text = part_of(time_form, fields[3], 0);
    __int128 now = clock_time.seconds * NS_PER_S + clock_time.nanoseconds;

    if (latitude == NULL || time_text == NULL || is_beyond(latitude, 90) ||
        is_beyond(longitude, 180))
        return false;
    __int128 time = scaled(time_text, 9);
    if (time > now + FUTURE_MAX_SET * NS_PER_S)
        return false;

    g_autofree char *client = g_strndup(fields[1].data, fields[1].length);
    Known *before = g_hash_table_lookup(clients, client);
    if (before == NULL && g_hash_table_size(clients) == RECORDS_MAX_SET)
        return false;

    Known *known = g_new0(Known, 1);
    known->time = time;
    known->skew = now - time;
    known->location = g_strconcat(latitude, longitude, NULL);
    __int128 span = known->skew < 0 ? -known->skew : known->skew;
    known->line = g_strdup_printf("AT Bailey %c%" G_GINT64_FORMAT ".%09d %s %s %s\n",
                                  known->skew < 0 ? '-' : '+', (int64_t)(span / NS_PER_S),
                                  (int)(span % NS_PER_S), client, known->location, time_text);
    g_string_append(expected, known->line);
    if (before == NULL || is_newer(known, before)) {
        g_string_append(stored, known->line);
        g_hash_table_replace(clients, g_steal_pointer(&client), known);
    } else {
        known_free(known);
    }
    return true;
}

static bool expect_whatsat(GString *expected, GHashTable *clients, const Slice *fields)
{
    g_autofree char *radius = part_of(radius_form, fields[2], 0);
    g_autofree char *bound = part_of(bound_form, fields[3], 0);
    g_autofree char *client = g_strndup(fields[1].data, fields[1].length);
    const Known *known = g_hash_table_lookup(clients, client);

    if (known == NULL || radius == NULL || bound == NULL || is_beyond(radius, 50) ||
        is_beyond(bound, 20))
        return false;
    g_autofree char *latitude = part_of(location_form, slice_of(known->location), 1);
    PlacesQuery query = {
        .center = {.latitude = (int64_t)scaled(latitude, 9),
                   .longitude = (int64_t)scaled(known->location + strlen(latitude), 9)},
        .radius = (int64_t)scaled(radius, 6),
        .bound = (unsigned)scaled(bound, 0),
    };
    g_string_append(expected, known->line);
    append_answer(&query, expected);
    g_string_append(expected, "\n\n");
    return true;
}

/* FALSE: the connection ends with this line. */
static bool expect_line(GString *expected, GString *stored, GHashTable *clients, Slice line,
                        bool ended)
{
    Slice fields[5];
    bool valid = false;

    if (line.length + 1 > LINE_MAX_SET) { /* PROTOCOL R4 */
        if (ended && line.data[line.length - 1] == '\r')
            line.length--;
        line.length = 64;
        expect_invalid(expected, line);
        return false;
    }
    if (ended && line.length > 0 && line.data[line.length - 1] == '\r') /* R16 */
        line.length--;
    unsigned count = split(line, fields);
    if (count == 4 && memchr(line.data, '\0', line.length) == NULL) {
        if (slice_equal(fields[0], SLICE("IAMAT")))
            valid = expect_iamat(expected, stored, clients, fields);
        else if (slice_equal(fields[0], SLICE("WHATSAT")))
            valid = expect_whatsat(expected, clients, fields);
    }
    if (!valid)
        expect_invalid(expected, line);
    return true;
}

static void assert_equal(Slice text, const GString *expected)
{
    if (slice_equal(text, slice_of_string(expected)))
        return;
    fprintf(stderr, "said:\n");
    fwrite(text.data, 1, text.length, stderr);
    fprintf(stderr, "\nexpected:\n");
    fwrite(expected->str, 1, expected->len, stderr);
    fputc('\n', stderr);
    g_assert_not_reached();
}

/* What we answer is what a neighbour would take. */
static void assert_parses_again(const Record *record)
{
    Slice line = record_line(record);
    Message message = message_parse((Slice){.data = line.data, .length = line.length - 1});

    g_assert_cmpint(message.kind, ==, MESSAGE_AT);
    g_autoptr(Record) again = record_new(&message.at);
    g_assert_cmpint(record_compare(record, again), ==, 0);
}

int LLVMFuzzerInitialize(int *count G_GNUC_UNUSED, char ***arguments G_GNUC_UNUSED)
{
    location_form = form("\\A([+-]\\d{1,3}(\\.\\d+)?)([+-]\\d{1,3}(\\.\\d+)?)\\z");
    time_form = form("\\A[+-]?\\d{1,12}(\\.\\d+)?\\z");
    radius_form = form("\\A\\d+(\\.\\d+)?\\z");
    bound_form = form("\\A\\d+\\z");
    member_start();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GString) expected = g_string_new(NULL);
    g_autoptr(GString) to_store = g_string_new(NULL);
    g_autoptr(GString) stored = g_string_new(NULL);
    g_autoptr(GHashTable) clients =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, known_free);
    Slice input = slice_of_input(data, size);
    Slice rest = input, line;
    Wire whole;

    while (take_line(&rest, &line))
        if (!expect_line(expected, to_store, clients, line,
                         line.data + line.length < input.data + input.length))
            break;

    member_hear(&whole, WIRE_WHOLE, NOBODY, input);
    for (unsigned i = 0; i < whole.stored->len; i++) {
        Slice said = record_line(whole.stored->pdata[i]);

        g_string_append_len(stored, said.data, (gssize)said.length);
        assert_parses_again(whole.stored->pdata[i]);
    }
    assert_equal(slice_of_string(whole.said), expected);
    assert_equal(slice_of_string(stored), to_store);
    g_assert_cmpuint(store_size(context.session.store), ==, g_hash_table_size(clients));
    member_forget(&whole);

    assert_heard_alike(&whole, NOBODY, input);
    wire_clear(&whole);
    return 0;
}
