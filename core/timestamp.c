/* SPDX-License-Identifier: MIT */
#include "core/timestamp.h"

#include "core/decimal.h"

#include <glib.h>
#include <time.h>

#define NANOSECONDS_PER_SECOND INT32_C(1000000000)
#define NANOSECOND_DIGITS      9
#define TIME_SECONDS_DIGITS    12 /* PROTOCOL R8 */
#define SKEW_SECONDS_DIGITS    13 /* the span between two twelve-digit times of opposite sign */
#define SKEW_SECONDS_LIMIT     INT64_C(10000000000000) /* of SKEW_SECONDS_DIGITS: no room for more */
#define EXPONENT_MAX           400                     /* past that of any double */

static Timestamp negate(Timestamp t)
{
    if (t.nanoseconds == 0)
        return (Timestamp){.seconds = -t.seconds};
    return (Timestamp){.seconds = -t.seconds - 1,
                       .nanoseconds = NANOSECONDS_PER_SECOND - t.nanoseconds};
}

bool timestamp_parse(Slice text, Timestamp *ret_time)
{
    Decimal d;

    if (!decimal_parse(text, &d) || d.whole_digits > TIME_SECONDS_DIGITS)
        return false;

    Timestamp t = {.seconds = d.whole,
                   .nanoseconds = (int32_t)decimal_fraction(&d, NANOSECOND_DIGITS)};
    *ret_time = d.sign == '-' ? negate(t) : t;
    return true;
}

bool timestamp_parse_skew(Slice text, Timestamp *ret_skew)
{
    Decimal d;

    if (!decimal_parse(text, &d) || d.whole_digits > SKEW_SECONDS_DIGITS || d.sign == 0 ||
        d.fraction.length != NANOSECOND_DIGITS)
        return false;

    Timestamp t = {.seconds = d.whole,
                   .nanoseconds = (int32_t)decimal_fraction(&d, NANOSECOND_DIGITS)};
    *ret_skew = d.sign == '-' ? negate(t) : t;
    return true;
}

/* The @index-th of the digits of @whole and then of @fraction; zeros stand before and behind. */
static int digit_at(Slice whole, Slice fraction, int64_t index)
{
    int64_t behind = index - (int64_t)whole.length;

    if (index < 0 || behind >= (int64_t)fraction.length)
        return 0;
    return (behind < 0 ? whole.data[index] : fraction.data[behind]) - '0';
}

static bool parse_exponent(Slice text, int *ret_exponent)
{
    Decimal d;

    if (!decimal_parse(text, &d) || d.fraction.length > 0 || d.whole > EXPONENT_MAX)
        return false;
    *ret_exponent = (int)(d.sign == '-' ? -d.whole : d.whole);
    return true;
}

bool timestamp_parse_printed(Slice text, Timestamp *ret_time)
{
    Slice mantissa = {.data = text.data};
    Decimal d;
    int exponent = 0;

    while (mantissa.length < text.length && text.data[mantissa.length] != 'e' &&
           text.data[mantissa.length] != 'E')
        mantissa.length++;
    if (!decimal_parse(mantissa, &d))
        return false;
    if (mantissa.length < text.length) {
        size_t skipped = mantissa.length + 1;
        Slice rest = {.data = text.data + skipped, .length = text.length - skipped};

        if (!parse_exponent(rest, &exponent))
            return false;
    }

    Slice whole = {.data = mantissa.data + (d.sign != 0), .length = d.whole_digits};
    int64_t point = (int64_t)d.whole_digits + exponent; /* how many digits stand before it */
    Timestamp t = {0};
    for (int64_t i = 0; i < point; i++) {
        t.seconds = t.seconds * 10 + digit_at(whole, d.fraction, i);
        if (t.seconds >= SKEW_SECONDS_LIMIT)
            return false;
    }
    for (int64_t i = point; i < point + NANOSECOND_DIGITS; i++)
        t.nanoseconds = t.nanoseconds * 10 + digit_at(whole, d.fraction, i);
    *ret_time = d.sign == '-' ? negate(t) : t;
    return true;
}

int timestamp_compare(Timestamp a, Timestamp b)
{
    if (a.seconds != b.seconds)
        return a.seconds < b.seconds ? -1 : 1;
    return (a.nanoseconds > b.nanoseconds) - (a.nanoseconds < b.nanoseconds);
}

Timestamp timestamp_add(Timestamp a, Timestamp b)
{
    Timestamp s = {.seconds = a.seconds + b.seconds, .nanoseconds = a.nanoseconds + b.nanoseconds};

    if (s.nanoseconds >= NANOSECONDS_PER_SECOND) {
        s.seconds++;
        s.nanoseconds -= NANOSECONDS_PER_SECOND;
    }
    return s;
}

Timestamp timestamp_subtract(Timestamp a, Timestamp b)
{
    Timestamp d = {.seconds = a.seconds - b.seconds, .nanoseconds = a.nanoseconds - b.nanoseconds};

    if (d.nanoseconds < 0) {
        d.seconds--;
        d.nanoseconds += NANOSECONDS_PER_SECOND;
    }
    return d;
}

size_t timestamp_format_skew(Timestamp skew, char buffer[static TIMESTAMP_SKEW_MAX])
{
    bool negative = skew.seconds < 0;
    Timestamp span = negative ? negate(skew) : skew;
    char text[TIMESTAMP_SKEW_MAX];
    char *begin = text + sizeof text; /* written from the end */
    uint32_t nanoseconds = (uint32_t)span.nanoseconds;
    uint64_t seconds = (uint64_t)span.seconds;

    for (int i = 0; i < NANOSECOND_DIGITS; i++, nanoseconds /= 10)
        *--begin = (char)('0' + nanoseconds % 10);
    *--begin = '.';
    do {
        *--begin = (char)('0' + seconds % 10);
        seconds /= 10;
    } while (seconds > 0 && begin > text + 1);
    *--begin = negative ? '-' : '+';

    size_t length = (size_t)(text + sizeof text - begin);
    memcpy(buffer, begin, length);
    return length;
}

Timestamp timestamp_now(void)
{
    struct timespec now;
    int failed = clock_gettime(CLOCK_REALTIME, &now);

    g_assert(failed == 0);
    return (Timestamp){.seconds = now.tv_sec, .nanoseconds = (int32_t)now.tv_nsec};
}
