/* SPDX-License-Identifier: MIT */
#include "places/types.h"

bool types_have(Slice types, Slice type)
{
    while (types.length > 0) {
        const char *comma = memchr(types.data, ',', types.length);
        size_t length = comma == NULL ? types.length : (size_t)(comma - types.data);

        if (slice_equal((Slice){.data = types.data, .length = length}, type))
            return true;
        length += comma != NULL;
        types = (Slice){.data = types.data + length, .length = types.length - length};
    }
    return false;
}
