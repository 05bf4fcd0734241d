/* SPDX-License-Identifier: MIT */

/*
 * Lays JSON texts out the way members do, for test_layout.py.
 *
 * In and out: the length of a text in decimal, LF, and its bytes; any number of times. Out is "-"
 * and LF for what is no JSON, or too large.
 */

#include "places/json/jsonlayout.h"
#include "places/json/jsontree.h"

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    size_t length;

    while (scanf("%zu", &length) == 1) {
        g_autofree char *text = g_malloc(length);
        g_autoptr(JsonTree) tree = NULL;
        g_autoptr(GString) out = g_string_new(NULL);

        if (getchar() != '\n' || fread(text, 1, length, stdin) != length)
            return EXIT_FAILURE;
        if (jsontree_parse((Slice){.data = text, .length = length}, &tree) != JSONTREE_OK) {
            printf("-\n");
            continue;
        }
        jsonlayout_append(out, jsontree_root(tree), 0);
        printf("%zu\n", out->len);
        fwrite(out->str, 1, out->len, stdout);
    }
    return feof(stdin) ? EXIT_SUCCESS : EXIT_FAILURE;
}
