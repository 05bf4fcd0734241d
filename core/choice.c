/* SPDX-License-Identifier: MIT */
#include "core/choice.h"

#include <glib.h>
#include <string.h>

bool choice_parse(const char *const *choices, const char *value, unsigned *ret_choice,
                  char **ret_why)
{
    for (unsigned i = 0; choices[i] != NULL; i++) {
        if (strcmp(value, choices[i]) == 0) {
            *ret_choice = i;
            return true;
        }
    }
    GString *why = g_string_new(NULL);
    g_string_append_printf(why, "\"%s\" is none of:", value);
    for (unsigned i = 0; choices[i] != NULL; i++)
        g_string_append_printf(why, "%s %s", i > 0 ? "," : "", choices[i]);
    *ret_why = g_string_free(why, FALSE);
    return false;
}
