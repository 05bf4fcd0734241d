/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Bytes that are too many for memory: appended to a temporary file without a name, then mapped.
 *
 * The file is gone with the process, however that ends. Its pages are the kernel's to write out and
 * to drop, so they never count as this process' own memory. A Spill belongs to one thread.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Spill Spill;

/* In @folder, which should have the room. NULL with HERD_PLACES_ERROR_DISK set. */
Spill *spill_new(const char *folder, GError **error);
void spill_free(Spill *spill);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Spill, spill_free)

/* FALSE with HERD_PLACES_ERROR_DISK set, as when the disk is full: the spill is of no more use. */
bool spill_append(Spill *spill, const void *data, size_t size, GError **error);

/* Bytes appended so far. */
uint64_t spill_size(const Spill *spill);

/* All that was appended, to be read and changed in place until spill_free(). Nothing can be
 * appended any more. NULL with HERD_PLACES_ERROR_DISK set. (transfer none) */
void *spill_map(Spill *spill, GError **error);
