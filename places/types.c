/* SPDX-License-Identifier: MIT */
#include "places/types.h"

#include <string.h>

bool types_next(Slice *types, Slice *ret_type)
{
    if (types->length == 0)
        return false;

    const char *comma = memchr(types->data, ',', types->length);
    size_t length = comma == NULL ? types->length : (size_t)(comma - types->data);
    size_t taken = length + (comma != NULL);

    *ret_type = (Slice){.data = types->data, .length = length};
    *types = (Slice){.data = types->data + taken, .length = types->length - taken};
    return true;
}

bool types_have(Slice types, Slice type)
{
    Slice one;

    while (types_next(&types, &one))
        if (slice_equal(one, type))
            return true;
    return false;
}
