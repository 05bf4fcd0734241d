/* SPDX-License-Identifier: MIT */
#include "cmd/tool/table.h"
#include "cmd/tool/text.h"

#include <glib.h>
#include <string.h>

static const TableColumn columns[] = {
    {.title = "NAME", .flexible = true},
    {.title = "M", .right = true},
    {.title = "VERSION", .rank = 1},
    {.title = "MEMORY", .rank = 2},
};

static const Terminal nothing = {.has_utf8 = true};

static void add_row(Table *table, const char *name, const char *distance)
{
    table_begin_row(table);
    table_add(table, STYLE_PLAIN, "%s", name);
    table_add(table, STYLE_GOOD, "%s", distance);
    table_add(table, STYLE_PLAIN, "0.1.0");
    table_add(table, STYLE_PLAIN, "12 MB");
}

static char *lay_out(const Table *table, const Terminal *terminal)
{
    GString *out = g_string_new(NULL);

    table_append(table, terminal, out);
    return g_string_free(out, FALSE);
}

static void test_columns_are_aligned(void)
{
    g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));

    add_row(table, "Café", "7");
    add_row(table, "東京駅", "1234");
    g_autofree char *text = lay_out(table, &nothing);
    g_assert_cmpstr(text, ==,
                    "NAME       M  VERSION  MEMORY\n"
                    "Café       7  0.1.0    12 MB\n"
                    "東京駅  1234  0.1.0    12 MB\n");
}

static void test_last_cell_goes_on_to_the_end(void)
{
    g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
    const Terminal narrow = {.is_terminal = true, .has_utf8 = true, .columns = 30};

    add_row(table, "Bona", "7");
    table_begin_row(table);
    table_add(table, STYLE_PLAIN, "Bailey");
    table_add(table, STYLE_PLAIN, "127.0.0.1:10000: Connection refused");
    g_autofree char *text = lay_out(table, &nothing);
    g_assert_cmpstr(text, ==,
                    "NAME    M  VERSION  MEMORY\n"
                    "Bona    7  0.1.0    12 MB\n"
                    "Bailey  127.0.0.1:10000: Connection refused\n");
    g_autofree char *cut = lay_out(table, &narrow);
    g_assert_cmpstr(cut, ==,
                    "NAME    M  VERSION  MEMORY\n"
                    "Bona    7  0.1.0    12 MB\n"
                    "Bailey  127.0.0.1:10000: Conn…\n");
}

/* At every width: no line is wider, what may not be left out is there, and in a pipe all is. */
static void test_width_of_a_terminal_is_kept(void)
{
    g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));

    add_row(table, "Kaffeehaus am Großen Markt 東京", "7");
    for (unsigned width = 14; width < 70; width++) {
        const Terminal terminal = {.is_terminal = true, .has_utf8 = true, .columns = width};
        g_autofree char *text = lay_out(table, &terminal);
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        g_assert_cmpuint(text_width(lines[0]), <=, width);
        g_assert_cmpuint(text_width(lines[1]), <=, width);
        g_assert_nonnull(strstr(lines[0], "NAME"));
        g_assert_nonnull(strstr(lines[0], "  M"));
        /* The greatest rank goes first. */
        if (strstr(lines[0], "VERSION") == NULL)
            g_assert_null(strstr(lines[0], "MEMORY"));
    }
    g_autofree char *whole = lay_out(table, &nothing);
    g_assert_nonnull(strstr(whole, "Kaffeehaus am Großen Markt 東京  7  0.1.0"));
}

/* What is never cut in a table that is as it should be is cut before a line becomes too wide. */
static void test_what_a_liar_says_is_cut_too(void)
{
    g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));

    add_row(table, "Bona", "7777777777777777777777777777777777777777");
    for (unsigned width = 12; width < 30; width++) {
        const Terminal terminal = {.is_terminal = true, .has_utf8 = true, .columns = width};
        g_autofree char *text = lay_out(table, &terminal);
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        g_assert_cmpuint(text_width(lines[1]), <=, width);
        g_assert_nonnull(strstr(lines[1], "Bona  7"));
        g_assert_nonnull(strstr(lines[1], "…"));
    }
}

static void test_colours_take_no_columns(void)
{
    g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
    const Terminal coloured = {
        .is_terminal = true, .has_colours = true, .has_utf8 = true, .columns = 80};

    add_row(table, "Bona", "7");
    g_autofree char *text = lay_out(table, &coloured);
    g_assert_nonnull(strstr(text, "Bona  \033[32m7\033[0m  0.1.0"));
    g_autofree char *plain = lay_out(table, &nothing);
    g_assert_null(strchr(plain, '\033'));
}

static void test_cells_are_cleaned(void)
{
    g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));

    add_row(table, "\033]0;title\a", "1\n2");
    g_autofree char *text = lay_out(table, &nothing);
    g_assert_nonnull(strstr(text, "\\x1b]0;title\\x07  1\\x0a2"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tool/table/columns-are-aligned", test_columns_are_aligned);
    g_test_add_func("/tool/table/last-cell-goes-on-to-the-end", test_last_cell_goes_on_to_the_end);
    g_test_add_func("/tool/table/width-of-a-terminal-is-kept", test_width_of_a_terminal_is_kept);
    g_test_add_func("/tool/table/what-a-liar-says-is-cut-too", test_what_a_liar_says_is_cut_too);
    g_test_add_func("/tool/table/colours-take-no-columns", test_colours_take_no_columns);
    g_test_add_func("/tool/table/cells-are-cleaned", test_cells_are_cleaned);
    return g_test_run();
}
