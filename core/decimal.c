/* SPDX-License-Identifier: MIT */
#include "core/decimal.h"

#define WHOLE_LIMIT \
    INT64_C(100000000000000000) /* of DECIMAL_DIGITS_MAX digits: no room for one more */

bool decimal_parse(Slice text, Decimal *ret_decimal)
{
    Decimal d = {.sign = 0};
    size_t at = 0;

    if (at < text.length && (text.data[at] == '+' || text.data[at] == '-'))
        d.sign = text.data[at++];

    while (at < text.length && digit_is(text.data[at])) {
        if (d.whole >= WHOLE_LIMIT)
            return false;
        d.whole = d.whole * 10 + (text.data[at++] - '0');
        d.whole_digits++;
    }
    if (d.whole_digits == 0)
        return false;

    if (at < text.length) {
        if (text.data[at++] != '.' || at == text.length)
            return false;
        d.fraction = (Slice){.data = text.data + at, .length = text.length - at};
        for (; at < text.length; at++)
            if (!digit_is(text.data[at]))
                return false;
    }
    *ret_decimal = d;
    return true;
}

int64_t decimal_fraction(const Decimal *decimal, unsigned digits)
{
    int64_t value = 0;

    for (unsigned i = 0; i < digits; i++) {
        value *= 10;
        if (i < decimal->fraction.length)
            value += decimal->fraction.data[i] - '0';
    }
    return value;
}

bool decimal_exceeds(const Decimal *decimal, int64_t limit)
{
    if (decimal->whole != limit)
        return decimal->whole > limit;
    for (size_t i = 0; i < decimal->fraction.length; i++)
        if (decimal->fraction.data[i] != '0')
            return true;
    return false;
}
