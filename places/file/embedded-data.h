/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The places file that is part of the program: GeoNames's towns and quarters (NOTICE), made at
 * build time by embed-cities from data/cities500.tsv.xz.
 */

#include <stdint.h>

extern const unsigned char places_embedded_data[]; /* aligned to 64 */
extern const uint64_t places_embedded_size;        /* bytes */
