/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of messages say and expect. */

#include "core/message.h"

#include <glib.h>

static Slice slice(const char *text)
{
    return (Slice){.data = text, .length = strlen(text)};
}

static void assert_slice(Slice got, const char *wanted)
{
    g_autofree char *text = g_strndup(got.data, got.length);

    g_assert_cmpstr(text, ==, wanted);
}

static MessageKind kind_of(const char *line)
{
    return message_parse(slice(line)).kind;
}

static void expect_kind(const char *line, MessageKind wanted)
{
    MessageKind kind = kind_of(line);

    if (kind != wanted)
        g_test_fail_printf("\"%s\": kind %d instead of %d", line, (int)kind, (int)wanted);
}
