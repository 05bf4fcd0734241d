/* SPDX-License-Identifier: MIT */

/*
 * Rules of who may report for whom: a file is taken or refused with one line that names it; what it
 * allows is what its lines allow, each by itself; and a pattern stands for what the C library says,
 * as far as the two have the same idea of one.
 */

#include "fuzz.h"

#include "core/access.h"
#include "core/message.h"
#include "core/pattern.h"

#include <fnmatch.h>

#define NAME       "rules"
#define FIELDS_MAX 20

/* Who asks, and for whom. */
typedef struct {
    const char *certificate; /* (nullable) */
    const uint8_t *digest;   /* (nullable) */
    Slice client;
} Question;

static Access *parse(Slice text)
{
    g_autoptr(GError) error = NULL;
    Access *access = access_parse(NAME, text, &error);

    g_assert_true((access == NULL) == (error != NULL));
    if (error != NULL) {
        g_assert_true(error->domain == HERD_ACCESS_ERROR && error->code == HERD_ACCESS_ERROR_RULE);
        g_assert_true(g_str_has_prefix(error->message, NAME ", line "));
        g_assert_null(strchr(error->message, '\n'));
    }
    return access;
}

static bool allows(const Access *access, const Question *question)
{
    return access_allows(access, question->certificate, question->digest, question->client);
}

/* What @text allows is what one of its lines does. */
static void check_lines(Slice text, const Access *whole, const Question *question)
{
    bool allowed = false;

    while (text.length > 0) {
        const char *end = memchr(text.data, '\n', text.length);
        size_t length = end != NULL ? (size_t)(end - text.data) : text.length;
        g_autoptr(Access) line = parse((Slice){.data = text.data, .length = length});

        g_assert_nonnull(line);
        allowed |= allows(line, question);
        length += end != NULL;
        text.data += length;
        text.length -= length;
    }
    g_assert_true(allows(whole, question) == allowed);
}

/* Shell patterns of ASCII without sets mean the same to both. */
static void check_pattern(Slice pattern, Slice text)
{
    const char *why = NULL;
    g_autofree char *p = g_strndup(pattern.data, pattern.length);
    g_autofree char *t = g_strndup(text.data, text.length);
    unsigned stars = 0;

    if (!pattern_check(pattern, &why)) {
        g_assert_nonnull(why);
        return;
    }
    bool matches = pattern_matches(pattern, text);
    if (pattern_is_literal(pattern))
        g_assert_true(matches == slice_equal(pattern, text));
    for (const char *at = p; *at != '\0'; at++)
        stars += *at == '*';
    if (strchr(p, '[') == NULL && stars <= 4 && strlen(p) == pattern.length &&
        strlen(t) == text.length && g_str_is_ascii(p) && g_str_is_ascii(t))
        g_assert_true(matches == (fnmatch(p, t, 0) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Slice text = slice_of_input(data, size);
    Chance chance = chance_of(text);
    g_autoptr(Access) access = parse(text);
    Slice fields[FIELDS_MAX];
    unsigned count = MIN(message_split(text, fields, FIELDS_MAX), FIELDS_MAX);

    if (access == NULL)
        return 0;
    for (unsigned i = 0; i < count; i++) {
        Slice client = fields[chance_below(&chance, count)];
        Slice name = fields[chance_below(&chance, count)];
        uint8_t digest[ACCESS_DIGEST_BYTES];

        /* A part of a pattern is often something that it stands for. */
        client.length = 1 + chance_below(&chance, client.length);
        g_autofree char *certificate = g_strndup(name.data, name.length);
        access_digest(SLICE("token"), digest);
        Question question = {.certificate = chance_below(&chance, 2) > 0 ? certificate : NULL,
                             .digest = chance_below(&chance, 2) > 0 ? digest : NULL,
                             .client = client};

        check_lines(text, access, &question);
        check_pattern(fields[i], client);
        check_pattern(fields[i], name);
        if (access_knows_token(access, digest))
            g_assert_true(access_has_tokens(access));
    }
    return 0;
}
