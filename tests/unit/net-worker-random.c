/* SPDX-License-Identifier: MIT */
#include "core/thread.h"
#include "net/pool.h"

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#define BLOCKS true /* the provider is fenced */

#define DEADLINE_MS 60000 /* for what is to happen at once */

/* What workers need, and a provider that takes its time. */
typedef struct {
    char *folder;           /* (owned) */
    ConfigCurrent *configs; /* (owned) */
    const Config *config;   /* of configs */
    WorkerContext context;
    Pool *pool;
    atomic_uint asked; /* lookups so far */
} Rig;

typedef struct {
    int socket;
    Connection *connection; /* the pool's; of use as long as it cannot have been closed */
} Client;

static void append_answer(const PlacesQuery *query, GString *json)
{
    g_string_append_printf(json, "{\n   \"radius\" : %d,\n   \"bound\" : %u\n}",
                           (int)(query->radius / MILLIMETRES_PER_KM), query->bound);
}

static void fake_nearby(void *self, const PlacesQuery *query, GString *json)
{
    Rig *rig = self;

    /* Some take longer than others. */
    for (unsigned i = atomic_fetch_add(&rig->asked, 1) % 16; i > 0; i--)
        sched_yield();
    append_answer(query, json);
}

static bool fake_at_once(void *self, const PlacesQuery *query, GString *json)
{
    if (BLOCKS && query->radius != 0)
        return false;
    fake_nearby(self, query, json);
    return true;
}

static void fake_refuse(void *self G_GNUC_UNUSED, const PlacesQuery *query G_GNUC_UNUSED,
                        GString *json)
{
    g_string_append(json, "{ refused }");
}

/* Everything but the pool; @options: of the configuration. */
static Rig *rig_new(const char *options, unsigned active, unsigned most, unsigned most_waiting)
{
    Rig *rig = g_new0(Rig, 1);
    g_autoptr(GError) error = NULL;

    rig->folder = g_dir_make_tmp("herd-worker-XXXXXX", &error);
    g_assert_no_error(error);
    g_autofree char *path = g_build_filename(rig->folder, "herd.conf", NULL);
    g_autofree char *text =
        g_strdup_printf("[herd]\nlog_dir = %s\nlog_messages = none\n%s\n"
                        "[member Bailey]\nlisten = 127.0.0.1:1\nneighbours = Bona\n"
                        "[member Bona]\nlisten = 127.0.0.1:2\n",
                        rig->folder, options);
    g_assert_true(g_file_set_contents(path, text, -1, &error));
    Config *config = config_load(path, "Bailey", &error);
    g_assert_no_error(error);
    rig->configs = config_current_new(config);
    rig->config = config;
    g_remove(path);

    WorkerContext *context = &rig->context;
    context->configs = rig->configs;
    context->session.store = store_new();
    context->session.log = log_new(rig->folder, "Bailey", rig->config->log_messages, &error);
    g_assert_no_error(error);
    context->session.flood =
        flood_new(rig->configs, NULL, NULL, context->session.store, context->session.log, &error);
    g_assert_no_error(error);
    context->session.nearby = (Nearby){
        .self = rig, .at_once = fake_at_once, .nearby = fake_nearby, .refuse = fake_refuse};
    context->ready = ready_set_new(&error);
    g_assert_no_error(error);
    context->active = active_set_new(active);
    context->connections = connections_new();
    context->lookups = lookups_new(context->ready, most, most_waiting, 1000000);
    return rig;
}

static void rig_start(Rig *rig, unsigned workers)
{
    g_autoptr(GError) error = NULL;

    rig->pool = pool_new(&rig->context, workers, &error);
    g_assert_no_error(error);
}

static void rig_free(Rig *rig)
{
    WorkerContext *context = &rig->context;
    g_autofree char *path = g_build_filename(rig->folder, "Bailey.log", NULL);

    pool_free(rig->pool);
    flood_free(context->session.flood);
    connections_free(context->connections);
    lookups_free(context->lookups);
    active_set_free(context->active);
    ready_set_free(context->ready);
    store_free(context->session.store);
    log_free(context->session.log);
    config_current_free(rig->configs);
    g_remove(path);
    g_rmdir(rig->folder);
    g_free(rig->folder);
    g_free(rig);
}

/* A connection to the pool whose sockets have as little room as the kernel gives, or as much as is
 * usual. */
static Client client_new(Rig *rig, bool small)
{
    int ends[2], least = 1;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), ==,
                    0);
    for (int i = 0; i < 2 && small; i++)
        g_assert_cmpint(setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &least, sizeof least), ==, 0);

    Connection *connection = connection_new(ends[1], &(struct sockaddr_storage){0});
    connections_add(rig->context.connections, connection);
    g_assert_true(ready_set_add(rig->context.ready, connection));
    return (Client){.socket = ends[0], .connection = connection};
}

/* The skew of each AT line depends on the clock: it becomes "*". */
static void hide_skews(GString *text)
{
    static const char begin[] = "AT Bailey ";

    for (size_t at = 0; at < text->len;) {
        const char *line = text->str + at;

        if (g_str_has_prefix(line, begin)) {
            size_t skew = at + strlen(begin);
            size_t length = strcspn(text->str + skew, " ");

            g_string_erase(text, (gssize)skew, (gssize)length);
            g_string_insert_c(text, (gssize)skew, '*');
        }
        const char *end = memchr(text->str + at, '\n', text->len - at);
        if (end == NULL)
            return;
        at = (size_t)(end - text->str) + 1;
    }
}

static void end_input(const Client *client)
{
    g_assert_cmpint(shutdown(client->socket, SHUT_WR), ==, 0);
}

/* A client of a random run: what it says, in pieces, and what it is to be told. */
typedef struct {
    Client client;
    GString *text;
    GString *replies;
    GString *got;
    size_t said;
    bool ended;
} Talker;

static void talker_plan(Talker *talker, unsigned number)
{
    int newest = -1; /* time of the record of this talker's own client */

    for (int lines = g_test_rand_int_range(0, 40); lines > 0; lines--) {
        int time = g_test_rand_int_range(0, 20);

        switch (g_test_rand_int_range(0, 5)) {
        case 0:
            g_string_append_printf(talker->text, "IAMAT c%u +%d+%d %d\n", number, time, time, time);
            g_string_append_printf(talker->replies, "AT Bailey * c%u +%d+%d %d\n", number, time,
                                   time, time);
            newest = MAX(newest, time);
            break;
        case 1:
        case 2: {
            PlacesQuery query = {.bound = (unsigned)g_test_rand_int_range(0, 3)};
            int radius = g_test_rand_int_range(0, 3);

            query.radius = radius * MILLIMETRES_PER_KM;
            g_string_append_printf(talker->text, "WHATSAT c%u %d %u\r\n", number, radius,
                                   query.bound);
            if (newest < 0) {
                g_string_append_printf(talker->replies, "? WHATSAT c%u %d %u\n", number, radius,
                                       query.bound);
                break;
            }
            g_string_append_printf(talker->replies, "AT Bailey * c%u +%d+%d %d\n", number, newest,
                                   newest, newest);
            append_answer(&query, talker->replies);
            g_string_append(talker->replies, "\n\n");
            break;
        }
        case 3:
            g_string_append(talker->text, "\n");
            g_string_append(talker->replies, "? \n");
            break;
        default:
            for (int k = g_test_rand_int_range(0, 4) == 0 ? 1500 : 1; k > 0; k--) {
                g_string_append_printf(talker->text, "%d what?\n", k);
                g_string_append_printf(talker->replies, "? %d what?\n", k);
            }
        }
    }
    /* R1: the last may lack its LF. */
    if (g_test_rand_bit() && g_str_has_suffix(talker->text->str, "?\n"))
        g_string_truncate(talker->text, talker->text->len - 1);
}

/* Says or hears a little, as its socket lets it. FALSE: it is at its end. */
static bool talk(Talker *talker, GRand *random)
{
    int socket = talker->client.socket;
    char bytes[5000];

    if (talker->said < talker->text->len) {
        size_t piece = (size_t)g_rand_int_range(random, 1, 300);
        ssize_t n = send(socket, talker->text->str + talker->said,
                         MIN(piece, talker->text->len - talker->said), MSG_NOSIGNAL);

        talker->said += n > 0 ? (size_t)n : 0;
        g_assert_true(n > 0 || errno == EAGAIN);
    } else if (!talker->ended) {
        end_input(&talker->client);
        talker->ended = true;
    }
    ssize_t n = recv(socket, bytes, (size_t)g_rand_int_range(random, 1, sizeof bytes), 0);
    if (n > 0)
        g_string_append_len(talker->got, bytes, n);
    g_assert_true(n >= 0 || errno == EAGAIN);
    return n != 0;
}

/* Shows where they differ, not all of both. */
static void assert_same(const GString *got, const GString *expected)
{
    size_t at = 0;

    if (g_string_equal(got, expected))
        return;
    while (at < MIN(got->len, expected->len) && got->str[at] == expected->str[at])
        at++;
    size_t from = at > 60 ? at - 60 : 0;
    g_error("at %zu of %zu and %zu bytes: got \"%.120s\", not \"%.120s\"", at, got->len,
            expected->len, got->str + from, expected->str + from);
}

static void run_talkers(unsigned count, unsigned workers, unsigned active, unsigned most)
{
    Rig *rig = rig_new("", active, most, count);
    g_autofree Talker *talkers = g_new0(Talker, count);
    g_autofree struct pollfd *polled = g_new0(struct pollfd, count);
    /* Of its own, since how often it is asked depends on the kernel: what is said has to come from
     * the seed alone. */
    g_autoptr(GRand) random = g_rand_new_with_seed((guint32)g_test_rand_int());

    for (unsigned i = 0; i < count; i++) {
        talkers[i].text = g_string_new(NULL);
        talkers[i].replies = g_string_new(NULL);
        talkers[i].got = g_string_new(NULL);
        talker_plan(&talkers[i], i);
        talkers[i].client = client_new(rig, g_test_rand_bit());
        polled[i].fd = talkers[i].client.socket;
    }
    rig_start(rig, workers);
    for (unsigned left = count; left > 0;) {
        for (unsigned i = 0; i < count; i++)
            polled[i].events = talkers[i].ended ? POLLIN : POLLIN | POLLOUT;
        g_assert_cmpint(poll(polled, count, DEADLINE_MS), >, 0);
        for (unsigned i = 0; i < count; i++) {
            if (polled[i].fd < 0 || polled[i].revents == 0 || talk(&talkers[i], random))
                continue;
            polled[i].fd = -1;
            left--;
        }
    }
    g_assert_true(connections_wait_none(rig->context.connections, monotonic_ms() + DEADLINE_MS));
    for (unsigned i = 0; i < count; i++) {
        hide_skews(talkers[i].got);
        assert_same(talkers[i].got, talkers[i].replies);
        close(talkers[i].client.socket);
        g_string_free(talkers[i].text, TRUE);
        g_string_free(talkers[i].replies, TRUE);
        g_string_free(talkers[i].got, TRUE);
    }
    rig_free(rig);
}

/* Whatever clients say, in whatever pieces, each gets its replies, all of them and in order, and no
 * connection is lost. */
static void test_property_every_reply_in_order(void)
{
    int rounds = g_getenv("HERD_TEST_SANITIZER") != NULL ? 20 : 100;

    for (int round = 0; round < rounds; round++) {
        unsigned workers = (unsigned)g_test_rand_int_range(2, 9);
        unsigned active = (unsigned)g_test_rand_int_range(1, 4);
        unsigned most = (unsigned)g_test_rand_int_range(1, (int)workers);

        run_talkers((unsigned)g_test_rand_int_range(1, 25), workers, MIN(active, workers), most);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/property/every-reply-in-order", test_property_every_reply_in_order);
    return g_test_run();
}
