/* SPDX-License-Identifier: MIT */
#include "core/record.h"

#include "core/hash.h"

#include <pthread.h>
#include <stdatomic.h>

#define AT_VERB          "AT "
#define COPY_NANOSECONDS 1000 /* times that are less apart are one, see record_is_copy() */

/* Where a field stands in the line. A line is far shorter than 64 KiB (config: max_line). */
typedef struct {
    uint16_t offset;
    uint16_t length;
} Field;

/* A million of these are kept: 56 bytes before the line, in an order that leaves no holes. */
struct Record {
    /* read-only after new */
    RecordKey key;   /* of the client in line; the first member: see record_key_hash() */
    uint64_t digest; /* see record_digest() */
    int64_t time_seconds;
    int32_t time_nanoseconds;
    atomic_uint references; /* atomic */
    Field origin;
    Field skew;
    Field location;
    uint16_t line_length;
    uint16_t place; /* see record_place() */
    char line[];
};

/* Not secret: what members say to each other about their stores rests on it, so it never changes.
 * The bytes are "herd link digest". */
static const HashKey herd_key = {
    .words = {UINT64_C(0x6e696c2064726568), UINT64_C(0x747365676964206b)}};

static pthread_once_t secret_once = PTHREAD_ONCE_INIT;
static HashKey secret; /* read-only after secret_once */

static void make_secret(void)
{
    secret = hash_key_random();
}

RecordKey record_key(Slice client)
{
    pthread_once(&secret_once, make_secret);
    return (RecordKey){
        .client = client.data,
        .length = (uint32_t)client.length,
        .hash = (uint32_t)hash_slice(&secret, client),
    };
}

unsigned record_place_of(Slice client)
{
    return (unsigned)(hash_slice(&herd_key, client) >> (64 - RECORD_PLACE_BITS));
}

unsigned record_key_hash(const void *key)
{
    return ((const RecordKey *)key)->hash;
}

int record_key_equal(const void *a, const void *b)
{
    const RecordKey *x = a;
    const RecordKey *y = b;

    return x->hash == y->hash && x->length == y->length &&
           memcmp(x->client, y->client, x->length) == 0;
}

static Slice field_slice(const Record *record, Field field)
{
    return (Slice){.data = record->line + field.offset, .length = field.length};
}

static Field append_field(Record *record, Slice text, char end)
{
    Field field = {.offset = record->line_length, .length = (uint16_t)text.length};

    memcpy(record->line + field.offset, text.data, text.length);
    record->line[field.offset + field.length] = end;
    record->line_length = (uint16_t)(field.offset + field.length + 1);
    return field;
}

Record *record_new(const RecordFields *fields)
{
    size_t line_length = strlen(AT_VERB) + fields->origin.length + 1 + fields->skew.length + 1 +
                         fields->client.length + 1 + fields->location.length + 1 +
                         fields->time.length + 1;

    g_assert(line_length <= UINT16_MAX);

    Record *record = g_malloc(offsetof(Record, line) + line_length);
    atomic_init(&record->references, 1);
    record->time_seconds = fields->time_value.seconds;
    record->time_nanoseconds = fields->time_value.nanoseconds;
    memcpy(record->line, AT_VERB, strlen(AT_VERB));
    record->line_length = strlen(AT_VERB);
    record->origin = append_field(record, fields->origin, ' ');
    record->skew = append_field(record, fields->skew, ' ');
    Field client = append_field(record, fields->client, ' ');
    record->key = record_key(field_slice(record, client));
    record->location = append_field(record, fields->location, ' ');
    append_field(record, fields->time, '\n');
    record->place = (uint16_t)record_place_of(record_client(record));
    record->digest = MAX(1, hash_slice(&herd_key, record_line(record)));
    return record;
}

Record *record_ref(Record *record)
{
    atomic_fetch_add_explicit(&record->references, 1, memory_order_relaxed);
    return record;
}

void record_unref(Record *record)
{
    if (record == NULL)
        return;
    /* Release and acquire: whatever others read of the record happened before it is freed. */
    if (atomic_fetch_sub_explicit(&record->references, 1, memory_order_acq_rel) == 1)
        g_free(record);
}

Slice record_line(const Record *record)
{
    return (Slice){.data = record->line, .length = record->line_length};
}

Slice record_client(const Record *record)
{
    return (Slice){.data = record->key.client, .length = record->key.length};
}

Slice record_origin(const Record *record)
{
    return field_slice(record, record->origin);
}

Slice record_location(const Record *record)
{
    return field_slice(record, record->location);
}

/* It stands behind the location, up to the LF. */
Slice record_time_text(const Record *record)
{
    size_t begin = (size_t)record->location.offset + record->location.length + 1;

    return (Slice){.data = record->line + begin, .length = record->line_length - 1 - begin};
}

Timestamp record_time(const Record *record)
{
    return (Timestamp){.seconds = record->time_seconds, .nanoseconds = record->time_nanoseconds};
}

unsigned record_place(const Record *record)
{
    return record->place;
}

uint64_t record_digest(const Record *record)
{
    return record->digest;
}

/* Wanted only where all else is equal, so it is read again rather than kept. */
Timestamp record_skew(const Record *record)
{
    Timestamp skew = {0};
    bool valid = timestamp_parse_skew(field_slice(record, record->skew), &skew);

    g_assert(valid);
    return skew;
}

/* PROTOCOL R21 */
int record_compare(const Record *a, const Record *b)
{
    int order = timestamp_compare(record_time(a), record_time(b));

    if (order == 0)
        order = slice_compare(record_origin(a), record_origin(b));
    if (order == 0)
        order = slice_compare(record_location(a), record_location(b));
    if (order == 0)
        order = timestamp_compare(record_skew(a), record_skew(b));
    if (order == 0)
        order = slice_compare(record_line(a), record_line(b));
    return order;
}

static bool same_place(Slice a, Slice b)
{
    Location x = {0};
    Location y = {0};
    bool valid = location_parse(a, &x) && location_parse(b, &y);

    g_assert(valid);
    return x.latitude == y.latitude && x.longitude == y.longitude;
}

/* PROTOCOL, mistakes 1, 5 and 12: what the programs do from which copies come back. */
bool record_is_copy(const Record *a, const Record *b)
{
    Timestamp x = record_time(a);
    Timestamp y = record_time(b);
    Timestamp apart =
        timestamp_compare(x, y) < 0 ? timestamp_subtract(y, x) : timestamp_subtract(x, y);

    return apart.seconds == 0 && apart.nanoseconds < COPY_NANOSECONDS &&
           record_key_equal(&a->key, &b->key) && same_place(record_location(a), record_location(b));
}
