/* SPDX-License-Identifier: MIT */
#include "core/log.h"

#include "core/journal.h"
#include "core/thread.h"
#include "core/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A line of a message is cut here in the log; the number of bytes left out is said. */
#define SHOWN_BYTES 4096
#define ESCAPED_MAX 4 /* bytes for one: \x00 */
#define LINE_SIZE   (SHOWN_BYTES * ESCAPED_MAX + 512)

/* How long the log thread lets lines gather, so that a busy member wakes it fifty times a second,
 * not once a line. */
#define GATHER_MS 20

/* How long log_free() waits for a disk that takes nothing, which may be for ever. */
#define STUCK_MS 2000

GQuark herd_log_error_quark(void)
{
    return g_quark_from_static_string("herd-log-error-quark");
}

struct Log {
    char *path;           /* (owned) (nullable) NULL: to the journal; read-only after new */
    char *member;         /* (owned) read-only after new */
    atomic_uint level;    /* atomic; LogLevel, below which nothing is logged */
    atomic_uint messages; /* atomic; LogMessages */
    pthread_t thread;     /* read-only after new */
    int descriptor;       /* (owned) of the file, or -1; owned by the log thread after new */
    bool mid_line;        /* the last write ended inside a line; owned by the log thread */

    pthread_mutex_t lock;
    pthread_cond_t news; /* there is something for the log thread; signalled under lock */
    char *filling;    /* (owned) LOG_BUFFER_SIZE bytes that lines are added to; protected by lock */
    char *writing;    /* (owned) the other one; owned by the log thread */
    size_t filled;    /* protected by lock */
    uint64_t dropped; /* lines, since the start; protected by lock */
    uint64_t dropped_said; /* of them in the log already; owned by the log thread */
    bool idle;             /* the log thread waits for a first line; protected by lock */
    bool reopen;           /* protected by lock */
    bool stop;             /* protected by lock */
};

/* Text that grows inside a line of LINE_SIZE bytes; what does not fit is cut. */
typedef struct {
    size_t length;
    char bytes[LINE_SIZE];
} Line;

static void line_bytes(Line *line, const char *bytes, size_t length)
{
    size_t room = LINE_SIZE - 1 - line->length; /* one is kept for the LF */

    if (length > room)
        length = room;
    memcpy(line->bytes + line->length, bytes, length);
    line->length += length;
}

static void line_text(Line *line, const char *text)
{
    line_bytes(line, text, strlen(text));
}

static void line_time(Line *line)
{
    static _Thread_local int64_t shown_second = -1;
    static _Thread_local char shown[sizeof "2026-01-31T12:00:00"];
    Timestamp now = timestamp_now();
    char fraction[sizeof ".123456789Z"];

    if (now.seconds != shown_second) {
        time_t second = (time_t)now.seconds;
        struct tm parts;

        gmtime_r(&second, &parts);
        strftime(shown, sizeof shown, "%Y-%m-%dT%H:%M:%S", &parts);
        shown_second = now.seconds;
    }
    fraction[0] = '.';
    for (size_t i = 9; i > 0; i--, now.nanoseconds /= 10)
        fraction[i] = (char)('0' + now.nanoseconds % 10);
    fraction[10] = 'Z';
    line_text(line, shown);
    line_bytes(line, fraction, 11);
}

/* Printable ASCII as it is, all else as \xNN, so that the file is text whatever came over the wire.
 */
static void line_escaped(Line *line, Slice text)
{
    static const char hex[] = "0123456789abcdef";
    size_t shown = MIN(text.length, SHOWN_BYTES);
    size_t plain = 0; /* from here on nothing needs escaping so far */

    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c >= ' ' && c < 0x7f && c != '\\')
            continue;
        line_bytes(line, text.data + plain, i - plain);
        line_bytes(line, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, ESCAPED_MAX);
        plain = i + 1;
    }
    line_bytes(line, text.data + plain, shown - plain);
    if (shown < text.length) {
        char rest[48];

        snprintf(rest, sizeof rest, " (+%zu bytes)", text.length - shown);
        line_text(line, rest);
    }
}

static void line_begin(Line *line, LogLevel level)
{
    static const char *const names[] = {
        [LOG_INFO] = " info ", [LOG_WARNING] = " warning ", [LOG_ERROR] = " error "};

    line->length = 0;
    line_time(line);
    line_text(line, names[level]);
    line_text(line, thread_name());
    line_text(line, " ");
}

static void line_commit(Line *line, Log *log)
{
    bool wake = false;

    line->bytes[line->length++] = '\n';

    mutex_lock(&log->lock);
    if (line->length > LOG_BUFFER_SIZE - log->filled) {
        log->dropped++;
    } else {
        memcpy(log->filling + log->filled, line->bytes, line->length);
        log->filled += line->length;
        /* A log thread that gathers is woken early only when half the room is gone. */
        wake = log->idle || (log->filled > LOG_BUFFER_SIZE / 2 &&
                             log->filled - line->length <= LOG_BUFFER_SIZE / 2);
        log->idle = false;
    }
    if (wake)
        condition_signal(&log->news);
    mutex_unlock(&log->lock);
}

/* -1 with errno set. */
static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

/* Whether the file ends inside a line, which an earlier run was not able to finish. */
static bool ends_mid_line(const char *path)
{
    /* O_NONBLOCK: it may be a pipe. */
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    char last;

    if (descriptor < 0)
        return false;
    bool mid_line = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
                    status.st_size > 0 && pread(descriptor, &last, 1, status.st_size - 1) == 1 &&
                    last != '\n';
    close(descriptor);
    return mid_line;
}

/* Called from the log thread, no lock held. FALSE: the rest of @bytes is not in the file. */
static bool write_all(Log *log, const char *bytes, size_t length, size_t *ret_written)
{
    *ret_written = 0;
    while (*ret_written < length) {
        ssize_t n = write(log->descriptor, bytes + *ret_written, length - *ret_written);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        *ret_written += (size_t)n;
        log->mid_line = bytes[*ret_written - 1] != '\n';
    }
    return true;
}

/* Ends the half of a line that a full disk left behind. FALSE: the disk is still full. Called from
 * the log thread. */
static bool end_half_line(Log *log)
{
    size_t written;

    return !log->mid_line || write_all(log, "\n", 1, &written);
}

/* Whole lines for the file; returns how many of them are not in it. */
static uint64_t write_to_file(Log *log, const char *bytes, size_t length)
{
    size_t written = 0;
    uint64_t lost = 0;

    if (length > 0 && end_half_line(log))
        write_all(log, bytes, length, &written);
    for (size_t i = written; i < length; i++)
        lost += bytes[i] == '\n';
    return lost;
}

/* The same for the journal. */
static uint64_t write_to_journal(const Log *log, const char *bytes, size_t length)
{
    uint64_t lost = 0;

    for (size_t at = 0; at < length;) {
        const char *end = memchr(bytes + at, '\n', length - at);
        Slice line = {.data = bytes + at, .length = (size_t)(end - (bytes + at))};

        lost += !journal_write(log->member, line);
        at += line.length + 1;
    }
    return lost;
}

static uint64_t write_out(Log *log, const char *bytes, size_t length)
{
    return log->path != NULL ? write_to_file(log, bytes, length)
                             : write_to_journal(log, bytes, length);
}

/* Writes what the log thread took. What is not taken from it is counted as dropped. Called from
 * the log thread, no lock held. */
static void write_lines(Log *log, const char *bytes, size_t length)
{
    uint64_t lost = write_out(log, bytes, length);

    mutex_lock(&log->lock);
    log->dropped += lost;
    uint64_t dropped = log->dropped;
    mutex_unlock(&log->lock);

    if (dropped > log->dropped_said && lost == 0) {
        Line line;
        char count[64];

        line_begin(&line, LOG_WARNING);
        snprintf(count, sizeof count, "log dropped %" PRIu64 " lines\n",
                 dropped - log->dropped_said);
        line_text(&line, count);
        if (write_out(log, line.bytes, line.length) == 0)
            log->dropped_said = dropped;
    }
}

static void reopen_file(Log *log)
{
    if (log->path == NULL)
        return;

    int descriptor = open_file(log->path);

    if (descriptor < 0) {
        /* The old file goes on being written: better there than nowhere. */
        log_event(log, LOG_ERROR, "log cannot open %s again: %s", log->path, g_strerror(errno));
        return;
    }
    close(log->descriptor);
    log->descriptor = descriptor;
    log->mid_line = ends_mid_line(log->path);
}

static void log_main(void *argument)
{
    Log *log = argument;
    bool more = true;

    while (more) {
        mutex_lock(&log->lock);
        log->idle = log->filled == 0;
        while (log->filled == 0 && !log->reopen && !log->stop)
            condition_wait(&log->news, &log->lock);
        log->idle = false;

        int64_t deadline = monotonic_ms() + GATHER_MS;
        while (log->filled <= LOG_BUFFER_SIZE / 2 && !log->reopen && !log->stop &&
               condition_wait_until(&log->news, &log->lock, deadline))
            ;

        char *taken = log->filling;
        size_t length = log->filled;
        bool reopen = log->reopen;
        /* Once more after the last line: opening the file anew may have had something to say. */
        more = !log->stop || length > 0 || reopen;
        log->filling = log->writing;
        log->writing = taken;
        log->filled = 0;
        log->reopen = false;
        mutex_unlock(&log->lock);

        if (reopen)
            reopen_file(log);
        write_lines(log, taken, length);
    }
}

/* Starts the thread that writes into the file @descriptor at @path, or into the journal. Takes
 * both. */
static Log *start(const char *member, char *path, int descriptor, LogMessages messages,
                  GError **error)
{
    Log *log = g_new0(Log, 1);

    log->path = path;
    log->member = g_strdup(member);
    log->descriptor = descriptor;
    log->mid_line = path != NULL && ends_mid_line(path);
    log_set_level(log, LOG_INFO, messages);
    log->filling = g_malloc(LOG_BUFFER_SIZE);
    log->writing = g_malloc(LOG_BUFFER_SIZE);
    pthread_mutex_init(&log->lock, NULL);
    condition_init(&log->news);
    if (!thread_start(&log->thread, "log", log_main, log, error)) {
        log->thread = pthread_self(); /* none to join */
        log_free(log);
        return NULL;
    }
    return log;
}

Log *log_new_journal(const char *member, LogMessages messages, GError **error)
{
    if (!journal_is_there()) {
        g_set_error(error, HERD_LOG_ERROR, HERD_LOG_ERROR_OPEN,
                    "cannot log to the journal: its socket: %s; is this a system with systemd? "
                    "log_target = file needs none",
                    g_strerror(errno));
        return NULL;
    }
    return start(member, NULL, -1, messages, error);
}

Log *log_new(const char *directory, const char *member, LogMessages messages, GError **error)
{
    if (g_mkdir_with_parents(directory, 0750) != 0) {
        g_set_error(error, HERD_LOG_ERROR, HERD_LOG_ERROR_OPEN, "cannot make the folder %s: %s",
                    directory, g_strerror(errno));
        return NULL;
    }

    g_autofree char *name = g_strconcat(member, ".log", NULL);
    g_autofree char *path = g_build_filename(directory, name, NULL);
    int descriptor = open_file(path);
    if (descriptor < 0) {
        g_set_error(error, HERD_LOG_ERROR, HERD_LOG_ERROR_OPEN, "cannot open %s: %s", path,
                    g_strerror(errno));
        return NULL;
    }
    return start(member, g_steal_pointer(&path), descriptor, messages, error);
}

void log_free(Log *log)
{
    if (log == NULL)
        return;
    if (!pthread_equal(log->thread, pthread_self())) {
        mutex_lock(&log->lock);
        log->stop = true;
        condition_signal(&log->news);
        mutex_unlock(&log->lock);
        if (!thread_join_within(log->thread, STUCK_MS))
            return; /* what it uses has to stay */
    }
    if (log->descriptor >= 0)
        close(log->descriptor);
    pthread_cond_destroy(&log->news);
    pthread_mutex_destroy(&log->lock);
    g_free(log->filling);
    g_free(log->writing);
    g_free(log->path);
    g_free(log->member);
    g_free(log);
}

void log_reopen(Log *log)
{
    mutex_lock(&log->lock);
    log->reopen = true;
    condition_signal(&log->news);
    mutex_unlock(&log->lock);
}

void log_event(Log *log, LogLevel level, const char *format, ...)
{
    Line line;
    va_list arguments;

    if (level < atomic_load_explicit(&log->level, memory_order_relaxed))
        return;
    line_begin(&line, level);
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    line_escaped(&line, (Slice){.data = text, .length = strlen(text)});
    line_commit(&line, log);
}

void log_set_level(Log *log, LogLevel level, LogMessages messages)
{
    /* Lines of messages are events of LOG_INFO. */
    atomic_store_explicit(&log->messages, level == LOG_INFO ? messages : LOG_MESSAGES_NONE,
                          memory_order_relaxed);
    atomic_store_explicit(&log->level, level, memory_order_relaxed);
}

bool log_wants_messages(const Log *log)
{
    return atomic_load_explicit(&log->messages, memory_order_relaxed) == LOG_MESSAGES_ALL;
}

bool log_wants_invalid(const Log *log)
{
    return atomic_load_explicit(&log->messages, memory_order_relaxed) != LOG_MESSAGES_NONE;
}

static void log_message(Log *log, const char *what, const char *peer, Slice text)
{
    Line line;

    line_begin(&line, LOG_INFO);
    line_text(&line, what);
    line_text(&line, peer);
    line_text(&line, " ");
    line_escaped(&line, text);
    line_commit(&line, log);
}

void log_received(Log *log, const char *peer, Slice line)
{
    log_message(log, "recv ", peer, line);
}

void log_sent(Log *log, const char *peer, Slice line)
{
    log_message(log, "send ", peer, line);
}

uint64_t log_dropped(Log *log)
{
    mutex_lock(&log->lock);
    uint64_t dropped = log->dropped;
    mutex_unlock(&log->lock);
    return dropped;
}
