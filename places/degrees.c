/* SPDX-License-Identifier: MIT */
#include "places/degrees.h"

#include "core/decimal.h"
#include "places/geometry.h"

#include <glib.h>

#define UNIT_DIGITS 7 /* of 1e-7 degrees */

static bool plain_parse(Slice text, int64_t limit, int32_t *ret_units)
{
    Decimal d;

    if (!decimal_parse(text, &d) || decimal_exceeds(&d, limit))
        return false;
    int64_t units = d.whole * UNITS_PER_DEGREE + decimal_fraction(&d, UNIT_DIGITS);
    if (d.fraction.length > UNIT_DIGITS && d.fraction.data[UNIT_DIGITS] >= '5')
        units++;
    *ret_units = (int32_t)(d.sign == '-' ? -units : units);
    return true;
}

/* Appends @mantissa, a decimal number, with its point @exponent digits to the right. */
static void append_shifted(GString *plain, Slice mantissa, int64_t exponent)
{
    const char *point = memchr(mantissa.data, '.', mantissa.length);
    size_t before = point == NULL ? mantissa.length : (size_t)(point - mantissa.data);
    GString *digits = plain;
    size_t begin = plain->len;

    /* Zeros on both sides, so that the point falls among digits wherever it goes. */
    for (unsigned i = 0; i < DEGREES_EXPONENT_MAX; i++)
        g_string_append_c(digits, '0');
    g_string_append_len(digits, mantissa.data, (gssize)before);
    if (point != NULL)
        g_string_append_len(digits, point + 1, (gssize)(mantissa.length - before - 1));
    for (unsigned i = 0; i <= DEGREES_EXPONENT_MAX; i++)
        g_string_append_c(digits, '0');
    g_string_insert_c(digits, (gssize)((int64_t)(begin + DEGREES_EXPONENT_MAX + before) + exponent),
                      '.');
}

bool degrees_parse(Slice text, int64_t limit, int32_t *ret_units)
{
    const char *e = text.length == 0 ? NULL : memchr(text.data, 'e', text.length);

    if (e == NULL && text.length > 0)
        e = memchr(text.data, 'E', text.length);
    if (e == NULL)
        return plain_parse(text, limit, ret_units);

    Slice mantissa = {.data = text.data, .length = (size_t)(e - text.data)};
    Slice exponent = {.data = e + 1, .length = text.length - mantissa.length - 1};
    Decimal m;
    Decimal x;
    if (!decimal_parse(mantissa, &m) || !decimal_parse(exponent, &x) || x.fraction.length > 0 ||
        x.whole > DEGREES_EXPONENT_MAX)
        return false;

    size_t sign = m.sign != 0;
    g_autoptr(GString) plain = g_string_new_len(mantissa.data, (gssize)sign);
    append_shifted(plain, (Slice){.data = mantissa.data + sign, .length = mantissa.length - sign},
                   x.sign == '-' ? -x.whole : x.whole);
    return plain_parse((Slice){.data = plain->str, .length = plain->len}, limit, ret_units);
}
