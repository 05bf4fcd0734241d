/* SPDX-License-Identifier: MIT */
#include "places/fixedpoint.h"

#define TEXT_MAX 24 /* sign, point, twenty digits */

void fixedpoint_append(GString *out, int64_t value, unsigned digits)
{
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    char text[TEXT_MAX];
    size_t at = sizeof text;

    /* From the right. Zeros at the end are not written, nor is the point when they are all of the
     * fraction. */
    for (; digits > 0 && left % 10 == 0; digits--)
        left /= 10;
    if (digits > 0) {
        for (; digits > 0; digits--, left /= 10)
            text[--at] = (char)('0' + left % 10);
        text[--at] = '.';
    }
    do {
        text[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0)
        text[--at] = '-';
    g_string_append_len(out, text + at, (gssize)(sizeof text - at));
}
