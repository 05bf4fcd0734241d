/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How a JsonTree comes from what yajl reads: for readers of JSON that hand over a part of a text as
 * a tree. All others want jsontree.h.
 */

#include "places/json/jsontree.h"

#include <stddef.h>
#include <yajl/yajl_parse.h>

/* A tree without a value yet, which takes at most @values_max values and @text_max bytes of keys,
 * strings and numbers. jsontree_root() is NULL until there is one. (transfer full) */
JsonTree *jsonbuilder_new(size_t values_max, size_t text_max);

/* Their context is the JsonTree. 0: the value does not fit in, or lies deeper than
 * JSONTREE_DEPTH_MAX; what there is of the tree is then good for nothing but jsontree_free(). */
extern const yajl_callbacks jsonbuilder_callbacks;
