/* SPDX-License-Identifier: MIT */
#include "cmd/load/prober.h"

#include "cmd/load/clock.h"
#include "cmd/load/socket.h"

#include <string.h>
#include <sys/prctl.h>

#define BYTES_MAX    8192  /* of the largest reply: an AT line and an empty answer */
#define PAUSE_MIN_NS 20000 /* between two questions */
#define PAUSE_SHARE  8     /* of the time since the report, where that is more */

/* A connection that takes one reply after the other. */
typedef struct {
    const Endpoint *member; /* (transfer none) */
    Stream stream;
    size_t length; /* of bytes */
    char bytes[BYTES_MAX];
} Line;

struct Prober {
    const Settings *settings;
    Line target;
    Line watched;
    Outcome *outcome; /* (owned) */
};

void prober_free(Prober *prober)
{
    if (prober == NULL)
        return;
    stream_close(&prober->target.stream);
    stream_close(&prober->watched.stream);
    outcome_free(prober->outcome);
    g_free(prober);
}

static bool line_open(Line *line, const Endpoint *member, const Settings *settings, GError **error)
{
    line->member = member;
    line->stream = socket_open(member, settings->tls, settings->timeout_ns, error);
    return line->stream.descriptor >= 0;
}

Prober *prober_new(const Settings *settings, GError **error)
{
    g_autoptr(Prober) prober = g_new0(Prober, 1);

    prober->settings = settings;
    prober->outcome = outcome_new();
    prober->target.stream.descriptor = prober->watched.stream.descriptor = -1;
    if (!line_open(&prober->target, settings->targets->pdata[0], settings, error) ||
        !line_open(&prober->watched, settings->watch, settings, error))
        return NULL;
    return g_steal_pointer(&prober);
}

Outcome *prober_outcome(Prober *prober)
{
    return prober->outcome;
}

static bool say(Line *line, RequestKind kind, const Report *report, int64_t deadline,
                GError **error)
{
    char request[REQUEST_MAX];
    size_t length = protocol_find("herd")->format(request, kind, report, SLICE("0 0"));

    return socket_send_all(&line->stream, (Slice){.data = request, .length = length}, deadline,
                           error);
}

static void drop_bytes(Line *line, size_t length)
{
    line->length -= length;
    memmove(line->bytes, line->bytes + length, line->length);
}

static bool receive_more(Line *line, int64_t deadline, GError **error)
{
    if (line->length == BYTES_MAX) {
        g_set_error(error, LOAD_ERROR, LOAD_ERROR_REPLY, "a reply without end");
        return false;
    }
    size_t n = socket_receive(&line->stream, line->bytes + line->length, BYTES_MAX - line->length,
                              deadline, error);
    line->length += n;
    return n > 0;
}

/* The reply to the IAMAT, which has to be right. */
static bool hear_report(Line *line, const Report *report, int64_t deadline, GError **error)
{
    for (;;) {
        Reply reply = protocol_find("herd")->take(
            (Slice){.data = line->bytes, .length = line->length}, REQUEST_IAMAT, report);

        if (reply.state == REPLY_WRONG)
            g_set_error(error, LOAD_ERROR, LOAD_ERROR_REPLY, "wrong reply: %s", reply.why);
        if (reply.state != REPLY_PARTIAL) {
            drop_bytes(line, reply.length);
            return reply.state == REPLY_RIGHT;
        }
        if (!receive_more(line, deadline, error))
            return false;
    }
}

/* Bytes of a reply to WHATSAT, right or not: a line, or up to the empty line; 0: it has not ended.
 */
static size_t whole_answer(const Line *line)
{
    const char *end = memchr(line->bytes, '\n', line->length);

    if (end != NULL && memcmp(line->bytes, "AT ", MIN(line->length, 3)) == 0)
        end = memmem(line->bytes, line->length, "\n\n", 2);
    if (end == NULL)
        return 0;
    return (size_t)(end - line->bytes) + (line->bytes[0] == 'A' ? 2 : 1);
}

/* Asks once; @ret_has: whether the member has the report. */
static bool ask(Line *line, const Report *report, int64_t deadline, bool *ret_has, GError **error)
{
    size_t length;

    if (!say(line, REQUEST_WHATSAT, report, deadline, error))
        return false;
    while ((length = whole_answer(line)) == 0)
        if (!receive_more(line, deadline, error))
            return false;
    const char *end = memchr(line->bytes, '\n', length);
    *ret_has =
        protocol_check_at((Slice){.data = line->bytes, .length = (size_t)(end - line->bytes)},
                          report) == NULL;
    drop_bytes(line, length);
    return true;
}

/* One report, until it is there, which is at @ret_seen. FALSE with @error set; @ret_line is where
 * it failed. */
static bool probe(Prober *p, int64_t wall, int64_t *ret_seen, const Line **ret_line, GError **error)
{
    int64_t begin = now_ns(), deadline = begin + p->settings->timeout_ns;
    Report report = {0};
    bool has = false;

    population_write_other(p->settings->prefix, "probe", wall, &report);
    *ret_line = &p->target;
    if (!say(&p->target, REQUEST_IAMAT, &report, deadline, error))
        return false;
    *ret_line = &p->watched;
    while (!has) {
        if (now_ns() >= deadline) {
            g_set_error(error, LOAD_ERROR, LOAD_ERROR_TIMEOUT, "a report has not come in time");
            return false;
        }
        wait_until_ns(now_ns() + MAX(PAUSE_MIN_NS, (now_ns() - begin) / PAUSE_SHARE));
        if (!ask(&p->watched, &report, now_ns() + p->settings->timeout_ns, &has, error))
            return false;
    }
    *ret_seen = now_ns();
    *ret_line = &p->target;
    return hear_report(&p->target, &report, deadline, error);
}

static ErrorKind kind_of(const GError *error)
{
    switch ((LoadError)error->code) {
    case LOAD_ERROR_TIMEOUT:
        return ERROR_TIMEOUT;
    case LOAD_ERROR_REPLY:
        return ERROR_WRONG_REPLY;
    case LOAD_ERROR_CONNECT:
    case LOAD_ERROR_PROCESS:
        return ERROR_LOST_CONNECTION;
    }
    g_assert_not_reached();
}

/* What this thread has used of its CPU. */
static int64_t cpu_now(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

void prober_run(Prober *prober, int64_t begin)
{
    const Settings *settings = prober->settings;
    Outcome *outcome = prober->outcome;
    int64_t measure_begin = begin + settings->warmup_ns;
    int64_t measure_end = measure_begin + settings->measured_ns;
    int64_t cpu_begin = cpu_now(), last = 0;
    bool counts = false;

    prctl(PR_SET_TIMERSLACK, 1);
    for (uint64_t i = 0;; i++) {
        int64_t due = begin + (int64_t)((double)i * (double)NS_PER_S / settings->probes);
        g_autoptr(GError) error = NULL;
        const Line *line = NULL;
        int64_t seen = 0;

        if (due >= measure_end)
            break;
        bool is_late = now_ns() > due;
        wait_until_ns(due);
        int64_t start = is_late ? due : now_ns();
        if (due >= measure_begin && !counts) {
            counts = true;
            cpu_begin = cpu_now();
        }
        /* Later than the one before, whatever the wall clock does. */
        last = MAX(clock_ns(CLOCK_REALTIME), last + 1);
        if (!probe(prober, last, &seen, &line, &error)) {
            outcome_add_errors(outcome, kind_of(error), 1, "probe, %s: %s", line->member->text,
                               error->message);
            break;
        }
        if (counts)
            histogram_record(outcome->propagation, seen - start);
    }
    outcome->cpu_ns = counts ? cpu_now() - cpu_begin : 0;
    outcome->busiest_ns = outcome->cpu_ns;
}
