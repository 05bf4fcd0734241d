/* SPDX-License-Identifier: MIT */
#include "cmd/tally.h"

#define LINES_KEPT 5

typedef struct {
    char *reason; /* (owned) */
    uint64_t count;
    uint64_t lines[LINES_KEPT];
} Entry;

struct Tally {
    GPtrArray *entries; /* owned Entry, in the order of their first line */
};

static void entry_free(void *pointer)
{
    Entry *entry = pointer;

    g_free(entry->reason);
    g_free(entry);
}

Tally *tally_new(void)
{
    Tally *tally = g_new0(Tally, 1);

    tally->entries = g_ptr_array_new_with_free_func(entry_free);
    return tally;
}

void tally_free(Tally *tally)
{
    if (tally == NULL)
        return;
    g_ptr_array_unref(tally->entries);
    g_free(tally);
}

static Entry *entry_of(Tally *tally, const char *reason)
{
    for (unsigned i = 0; i < tally->entries->len; i++) {
        Entry *entry = tally->entries->pdata[i];

        if (g_str_equal(entry->reason, reason))
            return entry;
    }
    Entry *entry = g_new0(Entry, 1);
    entry->reason = g_strdup(reason);
    g_ptr_array_add(tally->entries, entry);
    return entry;
}

void tally_add(Tally *tally, const char *reason, uint64_t line)
{
    Entry *entry = entry_of(tally, reason);

    if (entry->count < LINES_KEPT)
        entry->lines[entry->count] = line;
    entry->count++;
}

uint64_t tally_total(const Tally *tally)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < tally->entries->len; i++)
        total += ((const Entry *)tally->entries->pdata[i])->count;
    return total;
}

static int compare_counts(const void *a, const void *b)
{
    const Entry *left = *(Entry *const *)a;
    const Entry *right = *(Entry *const *)b;

    return (left->count < right->count) - (left->count > right->count);
}

static void describe_entry(const Entry *entry, GString *text)
{
    g_string_append_printf(text, "%s: %" G_GUINT64_FORMAT " (line%s ", entry->reason, entry->count,
                           entry->count == 1 ? "" : "s");
    for (size_t i = 0; i < MIN(entry->count, LINES_KEPT); i++)
        g_string_append_printf(text, "%s%" G_GUINT64_FORMAT, i > 0 ? ", " : "", entry->lines[i]);
    g_string_append(text, entry->count > LINES_KEPT ? ", ...)\n" : ")\n");
}

void tally_describe(const Tally *tally, GString *text)
{
    g_ptr_array_sort(tally->entries, compare_counts);
    for (unsigned i = 0; i < tally->entries->len; i++)
        describe_entry(tally->entries->pdata[i], text);
}
