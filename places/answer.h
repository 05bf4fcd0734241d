/* SPDX-License-Identifier: MIT */
#pragma once

/* The parts that every provider's answers have in common; places.h has those that others need too.
 */

#include "places/places.h"

/* Appends an answer without results, in R14's layout; without error_message if @message is NULL. */
void answer_append_empty(GString *json, PlacesStatus status, const char *message);
