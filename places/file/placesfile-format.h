/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The places file, byte for byte. All numbers are little-endian, wherever the file was made or is
 * read.
 *
 *   header      128 bytes
 *   points      rows x 12: the position as a unit vector of three float32, in the order of the tree
 *   rows        rows x 24: exact position, and where the row's text is
 *   type lists  type_lists x 16: each different `types` once
 *   pool        text: attribution, type lists, then id, name and vicinity of each row, one after
 * another
 *
 * Each part begins at a multiple of 64 bytes, in that order; what lies between is zero. Row i
 * belongs to point i.
 *
 * The tree is implied by the order of the points. A range [first, end) of more than
 * PLACESFILE_BUCKET points, at depth d, is split at its middle, first + (end - first) / 2: along
 * axis d % 3 no point before the middle lies above it, none after it lies below it. Smaller ranges
 * are in no order. So there is nothing to build, or even to read, on opening, and processes that
 * map one file share it.
 *
 * Unit vectors know no poles and no date line. float32 puts a point within about a metre of where
 * it is; a reader must therefore look PLACESFILE_CHORD_SLACK further than it wants to see, and then
 * measure the exact position.
 */

#include <stdint.h>

#define PLACESFILE_MAGIC   "herdplc\n"
#define PLACESFILE_VERSION 1
#define PLACESFILE_ALIGN   64
#define PLACESFILE_BUCKET  8

/*
 * A component of a unit vector is off by at most 2^-25 as float32, for the point and for the centre
 * of a query, and their difference by as much again in the subtraction: in three dimensions at
 * most 1.6e-7 of the Earth's radius. The rest is for the rounding of sums of squares, which is
 * relative: at most 4e-7 of a chord.
 */
#define PLACESFILE_CHORD_SLACK          2e-7
#define PLACESFILE_CHORD_SLACK_RELATIVE 1e-6

/* The vicinity of a row that is its name. */
#define PLACESFILE_VICINITY_IS_NAME UINT16_MAX

typedef struct {
    char magic[8];
    uint32_t version;
    uint32_t header_size; /* sizeof(PlacesFileHeader) */
    uint64_t file_size;
    uint32_t row_count;
    uint32_t type_list_count;
    uint64_t points_offset; /* this and all below: bytes from the start of the file */
    uint64_t rows_offset;
    uint64_t type_lists_offset;
    uint64_t pool_offset;
    uint64_t pool_size;
    uint64_t attribution; /* in the pool: HTML that names the source, or nothing */
    uint32_t attribution_length;
    uint32_t reserved[11]; /* zero */
} PlacesFileHeader;

typedef struct {
    uint32_t axis[3]; /* the bits of a float32: toward 0N 0E, 0N 90E, the north pole */
} PlacesFilePoint;

typedef struct {
    int32_t latitude;  /* 1e-7 degrees */
    int32_t longitude; /* 1e-7 degrees */
    uint64_t text;     /* in the pool: id, name, vicinity */
    uint16_t id_length;
    uint16_t name_length;
    uint16_t vicinity_length; /* or PLACESFILE_VICINITY_IS_NAME, and then it is not in the pool */
    uint16_t type_list;
} PlacesFileRow;

typedef struct {
    uint64_t text; /* in the pool: the types with a comma between two */
    uint32_t length;
    uint32_t reserved; /* zero */
} PlacesFileTypeList;

_Static_assert(sizeof(PlacesFileHeader) == 128, "part of the format");
_Static_assert(sizeof(PlacesFilePoint) == 12, "part of the format");
_Static_assert(sizeof(PlacesFileRow) == 24, "part of the format");
_Static_assert(sizeof(PlacesFileTypeList) == 16, "part of the format");
