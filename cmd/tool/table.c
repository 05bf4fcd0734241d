/* SPDX-License-Identifier: MIT */
#include "cmd/tool/table.h"

#include "cmd/tool/text.h"

#define GAP 2 /* blanks between two columns */

typedef struct {
    char *text; /* (owned) */
    Style style;
} Cell;

struct Table {
    const TableColumn *columns;
    size_t count;
    GPtrArray *rows; /* owned GArray of Cell */
};

/* How a table is laid out on one terminal. */
typedef struct {
    size_t *widths; /* (owned) a column */
    bool *shown;    /* (owned) a column */
} Layout;

static void clear_cell(void *cell)
{
    g_free(((Cell *)cell)->text);
}

static void free_row(void *row)
{
    g_array_unref(row);
}

Table *table_new(const TableColumn *columns, size_t count)
{
    Table *table = g_new0(Table, 1);

    table->columns = columns;
    table->count = count;
    table->rows = g_ptr_array_new_with_free_func(free_row);
    return table;
}

void table_free(Table *table)
{
    if (table == NULL)
        return;
    g_ptr_array_unref(table->rows);
    g_free(table);
}

void table_begin_row(Table *table)
{
    GArray *row = g_array_new(FALSE, FALSE, sizeof(Cell));

    g_array_set_clear_func(row, clear_cell);
    g_ptr_array_add(table->rows, row);
}

void table_add(Table *table, Style style, const char *format, ...)
{
    GArray *row = table->rows->pdata[table->rows->len - 1];
    va_list arguments;

    g_return_if_fail(row->len < table->count);
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    Cell cell = {.text = text_clean(slice_of(text)), .style = style};
    g_array_append_val(row, cell);
}

size_t table_length(const Table *table)
{
    return table->rows->len;
}

/* What a terminal with @layout would need at least. */
static size_t least_width(const Table *table, const Layout *layout)
{
    size_t width = 0;

    for (size_t i = 0; i < table->count; i++) {
        size_t least = table->columns[i].flexible ? MIN(layout->widths[i], TABLE_CUT_LEAST)
                                                  : layout->widths[i];
        if (layout->shown[i])
            width += least + (width > 0 ? GAP : 0);
    }
    return width;
}

static size_t whole_width(const Table *table, const Layout *layout)
{
    size_t width = 0;

    for (size_t i = 0; i < table->count; i++)
        if (layout->shown[i])
            width += layout->widths[i] + (width > 0 ? GAP : 0);
    return width;
}

/* The column to be left out first; table->count: none may be. */
static size_t most_dispensable(const Table *table, const Layout *layout)
{
    size_t found = table->count;

    for (size_t i = 0; i < table->count; i++)
        if (layout->shown[i] && table->columns[i].rank > 0 &&
            (found == table->count || table->columns[i].rank > table->columns[found].rank))
            found = i;
    return found;
}

/* The widest of the columns that are wider than @least, and flexible if @flexible; table->count:
 * there is none. */
static size_t widest(const Table *table, const Layout *layout, bool flexible, size_t least)
{
    size_t found = table->count;

    for (size_t i = 0; i < table->count; i++)
        if (layout->shown[i] && layout->widths[i] > least &&
            (table->columns[i].flexible || !flexible) &&
            (found == table->count || layout->widths[i] > layout->widths[found]))
            found = i;
    return found;
}

static void fit(const Table *table, const Terminal *terminal, Layout *layout)
{
    size_t column;

    if (terminal->columns == 0)
        return;
    while (least_width(table, layout) > terminal->columns &&
           (column = most_dispensable(table, layout)) < table->count)
        layout->shown[column] = false;
    while (whole_width(table, layout) > terminal->columns &&
           (column = widest(table, layout, true, TABLE_CUT_LEAST)) < table->count)
        layout->widths[column]--;
    /* Names and figures are short, but for those of a member that makes them up. */
    while (whole_width(table, layout) > terminal->columns &&
           (column = widest(table, layout, false, 1)) < table->count)
        layout->widths[column]--;
}

static Layout lay_out(const Table *table, const Terminal *terminal)
{
    Layout layout = {.widths = g_new0(size_t, table->count), .shown = g_new0(bool, table->count)};

    for (size_t i = 0; i < table->count; i++) {
        layout.widths[i] = text_width(table->columns[i].title);
        layout.shown[i] = true;
    }
    for (unsigned r = 0; r < table->rows->len; r++) {
        const GArray *row = table->rows->pdata[r];
        /* A cell that goes on to the end of the line makes no column wider. */
        size_t aligned = row->len < table->count ? row->len - (row->len > 0) : row->len;

        for (size_t i = 0; i < aligned; i++) {
            size_t width = text_width(g_array_index(row, Cell, i).text);

            layout.widths[i] = MAX(layout.widths[i], width);
        }
    }
    fit(table, terminal, &layout);
    return layout;
}

static void append_blanks(GString *out, size_t count)
{
    g_string_append_printf(out, "%*s", (int)count, "");
}

/* The cell of column @i, of @width columns at most; @last has no blanks behind it. Returns how many
 * columns it takes. */
static size_t append_cell(const Terminal *terminal, GString *out, const Cell *cell,
                          const TableColumn *column, size_t width, bool last)
{
    g_autoptr(GString) text = g_string_new(NULL);
    size_t taken = text_append_cut(text, cell->text, width);
    size_t blanks = width - taken;

    if (column->right && !last)
        append_blanks(out, blanks);
    g_string_append_printf(out, "%s%s%s", terminal_begin(terminal, cell->style), text->str,
                           terminal_end(terminal, cell->style));
    if (!column->right && !last)
        append_blanks(out, blanks);
    return last ? taken : width;
}

static void append_row(const Table *table, const Terminal *terminal, const Layout *layout,
                       const GArray *row, GString *out)
{
    size_t begin = out->len;
    size_t at = 0; /* columns of the terminal */

    for (size_t i = 0; i < row->len; i++) {
        bool spans = row->len < table->count && i + 1 == row->len;

        if (!layout->shown[i] && !spans)
            continue;
        if (at > 0) {
            append_blanks(out, GAP);
            at += GAP;
        }
        size_t width = layout->widths[i];
        if (spans)
            width = terminal->columns == 0   ? G_MAXINT
                    : terminal->columns > at ? terminal->columns - at
                                             : 0;
        at += append_cell(terminal, out, &g_array_index(row, Cell, i), &table->columns[i], width,
                          spans);
    }
    while (out->len > begin && out->str[out->len - 1] == ' ')
        g_string_truncate(out, out->len - 1);
    g_string_append_c(out, '\n');
}

void table_append(const Table *table, const Terminal *terminal, GString *out)
{
    Layout layout = lay_out(table, terminal);
    g_autoptr(GArray) titles = g_array_new(FALSE, FALSE, sizeof(Cell));

    g_array_set_clear_func(titles, clear_cell);
    for (size_t i = 0; i < table->count; i++) {
        Cell title = {.text = g_strdup(table->columns[i].title), .style = STYLE_TITLE};

        g_array_append_val(titles, title);
    }
    append_row(table, terminal, &layout, titles, out);
    for (unsigned r = 0; r < table->rows->len; r++)
        append_row(table, terminal, &layout, table->rows->pdata[r], out);
    g_free(layout.widths);
    g_free(layout.shown);
}
