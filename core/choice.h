/* SPDX-License-Identifier: MIT */
#pragma once

/* A value in the configuration that is one of a few words. */

#include <stdbool.h>

/* Which of @choices, up to a NULL, @value is. FALSE: none; @ret_why (transfer full) names them. */
bool choice_parse(const char *const *choices, const char *value, unsigned *ret_choice,
                  char **ret_why);
