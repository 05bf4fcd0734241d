/* SPDX-License-Identifier: MIT */
#include "cmd/load/answer.h"
#include "cmd/load/protocol.h"

#include <glib.h>

#define CLIENT "phone-0000007.example"
#define PLACE  "+34.068930-118.445127"
#define TIME   "1621464827.959498503"
#define SAID   CLIENT " " PLACE " " TIME
#define AT     "AT Bailey +0.263873386 " SAID "\n"

static Report report(void)
{
    Report r = {.length = sizeof SAID - 1, .client_length = sizeof CLIENT - 1};

    memcpy(r.text, SAID, sizeof SAID - 1);
    return r;
}

static Reply take(const char *protocol, RequestKind kind, const char *bytes)
{
    Report r = report();

    return protocol_find(protocol)->take(slice_of(bytes), kind, &r);
}

static void test_requests(void)
{
    static const struct {
        const char *protocol;
        RequestKind kind;
        const char *request;
    } rows[] = {
        {"herd", REQUEST_IAMAT, "IAMAT " SAID "\n"},
        {"herd", REQUEST_WHATSAT, "WHATSAT " CLIENT " 10.5 20\n"},
        {"echo", REQUEST_IAMAT, "IAMAT " SAID "\n"},
        {"memcached", REQUEST_IAMAT, "set " CLIENT " 0 0 42\r\n" PLACE " " TIME "\r\n"},
        {"redis-set", REQUEST_IAMAT,
         "*3\r\n$3\r\nSET\r\n$21\r\n" CLIENT "\r\n$42\r\n" PLACE " " TIME "\r\n"},
        {"redis-geoadd", REQUEST_IAMAT,
         "*5\r\n$6\r\nGEOADD\r\n$4\r\nherd\r\n$11\r\n-118.445127\r\n$10\r\n+34.068930\r\n$"
         "21\r\n" CLIENT "\r\n"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char request[REQUEST_MAX];
        Report r = report();
        size_t length =
            protocol_find(rows[i].protocol)->format(request, rows[i].kind, &r, SLICE("10.5 20"));
        g_autofree char *text = g_strndup(request, length);

        g_assert_cmpstr(text, ==, rows[i].request);
    }
    g_assert_null(protocol_find("gopher"));
}

/* Each of them is taken whole, after every shorter part of it was only a part. */
static void test_right_replies_in_parts(void)
{
    static const struct {
        const char *protocol;
        RequestKind kind;
        const char *reply;
    } rows[] = {
        {"herd", REQUEST_IAMAT, AT},
        {"herd", REQUEST_IAMAT, "AT B -173775103.604196215 " SAID "\n"},
        {"herd", REQUEST_WHATSAT, AT "{\n   \"results\" : [],\n   \"status\" : \"OK\"\n}\n\n"},
        {"herd", REQUEST_WHATSAT, AT "{\"status\":\"ZERO_RESULTS\",\"results\":[]}\n\n"},
        {"echo", REQUEST_IAMAT, "IAMAT " SAID "\n"},
        {"memcached", REQUEST_IAMAT, "STORED\r\n"},
        {"redis-set", REQUEST_IAMAT, "+OK\r\n"},
        {"redis-geoadd", REQUEST_IAMAT, ":1\r\n"},
        {"redis-geoadd", REQUEST_IAMAT, ":0\r\n"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        size_t length = strlen(rows[i].reply);

        for (size_t part = 0; part < length; part++) {
            g_autofree char *bytes = g_strndup(rows[i].reply, part);

            g_assert_cmpint(take(rows[i].protocol, rows[i].kind, bytes).state, ==, REPLY_PARTIAL);
        }
        g_autofree char *more = g_strconcat(rows[i].reply, "AT ", NULL); /* of the next one */
        Reply reply = take(rows[i].protocol, rows[i].kind, more);
        g_assert_cmpint(reply.state, ==, REPLY_RIGHT);
        g_assert_cmpuint(reply.length, ==, length);
    }
}

/* What is wrong ends where a reply ends, so that the next one is not wrong for its sake. */
static void test_wrong_replies(void)
{
    static const struct {
        const char *protocol;
        RequestKind kind;
        const char *reply;
        const char *why;
    } rows[] = {
        {"herd", REQUEST_IAMAT, "\n", "not an AT line"},
        {"herd", REQUEST_IAMAT, "? IAMAT " SAID "\n", "not an AT line"},
        {"herd", REQUEST_IAMAT,
         "AT Bailey +0.263873386 " CLIENT " " PLACE " 1621464827.959498504\n",
         "not the client, place and time of the report"},
        {"herd", REQUEST_IAMAT, "AT Bailey +0.263873386 " CLIENT " +34.06893-118.445127 " TIME "\n",
         "not the client, place and time of the report"},
        {"herd", REQUEST_IAMAT, "AT Bailey +0.263873386 phone-0000008.example " PLACE " " TIME "\n",
         "not the client, place and time of the report"},
        {"herd", REQUEST_IAMAT, "AT Bailey +0.263873386 " SAID "\r\n",
         "not the client, place and time of the report"},
        {"herd", REQUEST_IAMAT, "AT Bailey +0.263873386 " SAID " Bona\n",
         "not the client, place and time of the report"},
        {"herd", REQUEST_IAMAT, "AT " SAID "\n", "not the client, place and time of the report"},
        {"herd", REQUEST_IAMAT, "AT Bailey " SAID "\n", "not an AT line of six fields"},
        {"herd", REQUEST_IAMAT, "AT  +0.263873386 " SAID "\n", "not an AT line of six fields"},
        {"herd", REQUEST_IAMAT, "AT Bailey +0.263873386 x" SAID "\n",
         "not an AT line of six fields"},
        {"herd", REQUEST_IAMAT, "AT Bailey 0.263873386 " SAID "\n",
         "not a skew with a sign and nine decimals"},
        {"herd", REQUEST_IAMAT, "AT Bailey +0.26387338 " SAID "\n",
         "not a skew with a sign and nine decimals"},
        {"herd", REQUEST_IAMAT, "AT Bailey  +0.263873386 " SAID "\n",
         "not a skew with a sign and nine decimals"},
        {"herd", REQUEST_IAMAT, "AT Bailey +0.263873386 x " SAID "\n",
         "not a skew with a sign and nine decimals"},
        {"herd", REQUEST_WHATSAT, "? WHATSAT " CLIENT " 10 20\n", "not an AT line"},
        {"herd", REQUEST_WHATSAT, "\n", "not an AT line"},
        {"herd", REQUEST_WHATSAT,
         "AT Bailey +0.2 " CLIENT " " PLACE " 1.000000000\n{\"status\":\"OK\"}\n\n",
         "not the client, place and time of the report"},
        {"herd", REQUEST_WHATSAT, AT "{\"status\":\"OVER_QUERY_LIMIT\"}\n\n",
         "status OVER_QUERY_LIMIT"},
        {"herd", REQUEST_WHATSAT, AT "{\"results\":[]}\n\n", "no status"},
        {"herd", REQUEST_WHATSAT, AT "\n", "not JSON"},
        {"echo", REQUEST_IAMAT, "AT " SAID "\n", "not the bytes of the request"},
        {"memcached", REQUEST_IAMAT, "ERROR\r\n", "not STORED"},
        {"memcached", REQUEST_IAMAT, "STORED\n", "not STORED"},
        {"redis-set", REQUEST_IAMAT, "-ERR no\r\n", "not +OK"},
        {"redis-geoadd", REQUEST_IAMAT, ":2\r\n", "neither :1 nor :0"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *more = g_strconcat(rows[i].reply, "AT ", NULL);
        Reply reply = take(rows[i].protocol, rows[i].kind, more);

        g_test_message("%s", rows[i].reply);
        g_assert_cmpint(reply.state, ==, REPLY_WRONG);
        g_assert_cmpuint(reply.length, ==, strlen(rows[i].reply));
        g_assert_cmpstr(reply.why, ==, rows[i].why);
    }
}

static void test_answers(void)
{
    static const struct {
        const char *json;
        const char *why;
    } rows[] = {
        {"{\"status\":\"OK\"}", NULL},
        {"{ \"status\" : \"OK\" }\n\n", NULL},
        {"{\"a\":[{\"status\":\"OVER_QUERY_LIMIT\"}],\"status\":\"OK\",\"z\":{\"status\":\"x\"}}",
         NULL},
        {"{\"a\":[\"status\",\"x\"],\"b\":\"status\",\"status\":\"ZERO_RESULTS\"}", NULL},
        {"{\"a\":\"}]\\\"{\\\\\",\"status\":\"OK\"}", NULL},
        {"{\"status\":\"UNKNOWN_ERROR\"}", "status UNKNOWN_ERROR"},
        {"{\"status\":\"ok\"}", "a status that there is not"},
        {"{\"status\":[\"OK\"]}", "no status"},
        {"{\"status\":{\"status\":\"OK\"}}", "no status"},
        {"{\"x\":\"status\"}", "no status"},
        {"{\"x\":\"status\",\"y\":\"OK\"}", "no status"},
        {"{\"business_status\":\"OK\"}", "no status"},
        {"{\"\\\"status\":\"OK\"}", "no status"},
        {"", "not JSON"},
        {"[\"status\",\"OK\"]", "not JSON"},
        {"{\"status\":\"OK\"", "not JSON"},
        {"{\"status\":\"OK\"]", "not JSON"},
        {"{\"status\":\"OK}", "not JSON"},
        {"{\"a\":[1,2},\"status\":\"OK\"}", "not JSON"},
        {"{\"status\":\"OK\"}}", "not JSON"},
        {"{\"status\":\"OK\"} x", "not JSON"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].json);
        g_assert_cmpstr(answer_check(slice_of(rows[i].json)), ==, rows[i].why);
    }
}

static void test_answer_without_end_of_depth(void)
{
    g_autofree char *deep = g_strnfill(100000, '[');
    g_autofree char *json = g_strconcat("{\"a\":", deep, NULL);

    g_assert_cmpstr(answer_check(slice_of(json)), ==, "not JSON");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/load-protocol/requests", test_requests);
    g_test_add_func("/load-protocol/replies/in-parts", test_right_replies_in_parts);
    g_test_add_func("/load-protocol/replies/wrong", test_wrong_replies);
    g_test_add_func("/load-protocol/answers", test_answers);
    g_test_add_func("/load-protocol/answers/depth", test_answer_without_end_of_depth);
    return g_test_run();
}
