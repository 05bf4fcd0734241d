/* SPDX-License-Identifier: MIT */
#include "core/pattern.h"

/* The end of the set that begins at @at, behind its ], which stands for itself where it comes
 * first. 0: it has none. */
static size_t set_end(Slice pattern, size_t at)
{
    at++;
    if (at < pattern.length && pattern.data[at] == '!')
        at++;
    for (size_t first = at; at < pattern.length; at++) {
        if (pattern.data[at] == ']' && at > first)
            return at + 1;
        if (pattern.data[at] == '\\')
            at++;
    }
    return 0;
}

bool pattern_check(Slice pattern, const char **ret_why)
{
    size_t at = 0;

    while (at < pattern.length) {
        switch (pattern.data[at]) {
        case '\\':
            at += 2;
            if (at > pattern.length) {
                *ret_why = "has nothing behind its last \\";
                return false;
            }
            break;
        case '[':
            at = set_end(pattern, at);
            if (at == 0) {
                *ret_why = "has a [ without its ]";
                return false;
            }
            break;
        default:
            at++;
            break;
        }
    }
    return true;
}

bool pattern_is_literal(Slice pattern)
{
    for (size_t at = 0; at < pattern.length; at++)
        if (pattern.data[at] != '\0' && strchr("*?[\\", pattern.data[at]) != NULL)
            return false;
    return true;
}

/* A byte of a set, which may be quoted; moves @at behind it. */
static unsigned char set_byte(Slice pattern, size_t *at)
{
    if (pattern.data[*at] == '\\')
        (*at)++;
    return (unsigned char)pattern.data[(*at)++];
}

/* Whether @byte is of the set from @at to @end. */
static bool set_has(Slice pattern, size_t at, size_t end, unsigned char byte)
{
    bool negated = pattern.data[++at] == '!', found = false;

    at += negated;
    while (at < end - 1) {
        unsigned char least = set_byte(pattern, &at), most = least;

        if (at < end - 2 && pattern.data[at] == '-') {
            at++;
            most = set_byte(pattern, &at);
        }
        found |= byte >= least && byte <= most;
    }
    return found != negated;
}

/* Whether what stands at @at, no star, takes @byte; then @ret_next is behind it. */
static bool takes(Slice pattern, size_t at, unsigned char byte, size_t *ret_next)
{
    switch (pattern.data[at]) {
    case '?':
        *ret_next = at + 1;
        return true;
    case '[':
        *ret_next = set_end(pattern, at);
        return set_has(pattern, at, *ret_next, byte);
    case '\\':
        at++;
        break;
    default:
        break;
    }
    *ret_next = at + 1;
    return (unsigned char)pattern.data[at] == byte;
}

bool pattern_matches(Slice pattern, Slice text)
{
    size_t at = 0, taken = 0;
    size_t star = 0,
           star_taken = 0; /* behind the last star, and what it has taken up to; 0: none */

    while (taken < text.length) {
        if (at < pattern.length && pattern.data[at] == '*') {
            star = ++at;
            star_taken = taken;
        } else if (at < pattern.length &&
                   takes(pattern, at, (unsigned char)text.data[taken], &at)) {
            taken++;
        } else if (star > 0) {
            /* Only the last star need take more: what came before it has matched as early as it
             * can. */
            at = star;
            taken = ++star_taken;
        } else {
            return false;
        }
    }
    while (at < pattern.length && pattern.data[at] == '*')
        at++;
    return at == pattern.length;
}
