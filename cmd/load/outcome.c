/* SPDX-License-Identifier: MIT */
#include "cmd/load/outcome.h"

#include "cmd/load/clock.h"

#define SHOWN_MAX 200 /* bytes of a wrong reply */

Outcome *outcome_new(void)
{
    Outcome *outcome = g_new0(Outcome, 1);

    for (size_t i = 0; i < REQUEST_KINDS; i++)
        outcome->latency[i] = histogram_new();
    outcome->fill = histogram_new();
    outcome->propagation = histogram_new();
    return outcome;
}

void outcome_free(Outcome *outcome)
{
    if (outcome == NULL)
        return;
    for (size_t i = 0; i < REQUEST_KINDS; i++)
        histogram_free(outcome->latency[i]);
    histogram_free(outcome->fill);
    histogram_free(outcome->propagation);
    g_free(outcome->first_error);
    g_free(outcome);
}

void outcome_add_errors(Outcome *outcome, ErrorKind kind, uint64_t count, const char *format, ...)
{
    outcome->errors[kind] += count;
    if (outcome->first_error != NULL)
        return;

    va_list arguments;
    va_start(arguments, format);
    outcome->first_error = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    outcome->first_error_at = now_ns();
}

void outcome_add_wrong(Outcome *outcome, const char *server, Slice request, Slice reply,
                       const char *why)
{
    g_autofree char *sent = g_strndup(request.data, request.length);
    g_autofree char *escaped_sent = g_strescape(sent, NULL);
    g_autofree char *came = g_strndup(reply.data, MIN(reply.length, SHOWN_MAX));
    g_autofree char *escaped_came = g_strescape(came, NULL);

    outcome_add_errors(outcome, ERROR_WRONG_REPLY, 1, "%s: %s: \"%s\" in reply to \"%s\"", server,
                       why, escaped_came, escaped_sent);
}

void outcome_merge(Outcome *outcome, const Outcome *other)
{
    outcome->sent += other->sent;
    outcome->answered += other->answered;
    outcome->answered_in_time += other->answered_in_time;
    outcome->reconnects += other->reconnects;
    outcome->repeated += other->repeated;
    for (size_t i = 0; i < ERROR_KINDS; i++)
        outcome->errors[i] += other->errors[i];
    if (other->first_error != NULL &&
        (outcome->first_error == NULL || other->first_error_at < outcome->first_error_at)) {
        g_free(outcome->first_error);
        outcome->first_error = g_strdup(other->first_error);
        outcome->first_error_at = other->first_error_at;
    }
    for (size_t i = 0; i < REQUEST_KINDS; i++)
        histogram_merge(outcome->latency[i], other->latency[i]);
    histogram_merge(outcome->fill, other->fill);
    histogram_merge(outcome->propagation, other->propagation);
    outcome->cpu_ns += other->cpu_ns;
    outcome->busiest_ns = MAX(outcome->busiest_ns, other->busiest_ns);
    outcome->ended = MAX(outcome->ended, other->ended);
}

uint64_t outcome_errors(const Outcome *outcome)
{
    uint64_t total = 0;

    for (size_t i = 0; i < ERROR_KINDS; i++)
        total += outcome->errors[i];
    return total;
}
