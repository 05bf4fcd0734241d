/* SPDX-License-Identifier: MIT */
#include "cmd/tool/member-status.h"

#include "cmd/tool/text.h"

#include "places/json/jsontree.h"

#include <math.h>

#define NUMBER_MAX 64 /* bytes of a number that is one */

/* The member of @object by the names in @path, "workers.active"; NULL if there is none. */
static const JsonValue *find(const JsonValue *object, const char *path)
{
    const char *dot;

    while (object != NULL && object->type == JSON_OBJECT) {
        dot = strchr(path, '.');
        Slice key = {.data = path, .length = dot != NULL ? (size_t)(dot - path) : strlen(path)};

        object = jsontree_member(object, key, NULL);
        if (dot == NULL)
            return object;
        path = dot + 1;
    }
    return NULL;
}

static double get_number(const JsonValue *object, const char *path)
{
    const JsonValue *value = find(object, path);
    char text[NUMBER_MAX];

    if (value == NULL || value->type != JSON_NUMBER || value->text.length >= sizeof text)
        return (double)NAN;
    memcpy(text, value->text.data, value->text.length);
    text[value->text.length] = '\0';
    return g_ascii_strtod(text, NULL);
}

static char *get_text(const JsonValue *object, const char *path)
{
    const JsonValue *value = find(object, path);

    return value != NULL && value->type == JSON_STRING ? text_clean(value->text) : NULL;
}

static bool get_truth(const JsonValue *object, const char *path)
{
    const JsonValue *value = find(object, path);

    return value != NULL && value->type == JSON_TRUE;
}

static void clear_link(void *data)
{
    LinkView *link = data;

    g_free(link->neighbour);
    g_free(link->state);
    g_free(link->reason);
}

static void read_links(const JsonValue *links, GArray *views)
{
    if (links == NULL || links->type != JSON_ARRAY)
        return;
    for (const JsonValue *one = links->first; one != NULL; one = one->next) {
        LinkView view = {
            .neighbour = get_text(one, "neighbour"),
            .state = get_text(one, "state"),
            .reason = get_text(one, "reason"),
            .since = get_number(one, "since"),
            .pending = get_number(one, "pending"),
            .lag_ms = get_number(one, "lag_ms"),
            .joined = get_truth(one, "joined"),
        };

        if (view.neighbour != NULL)
            g_array_append_val(views, view);
        else
            clear_link(&view);
    }
}

MemberStatus *memberstatus_parse(Slice text, char **ret_why)
{
    JsonTree *parsed = NULL;

    if (jsontree_parse(text, &parsed) != JSONTREE_OK) {
        *ret_why = g_strdup("/status is no JSON");
        return NULL;
    }
    g_autoptr(JsonTree) tree = parsed;
    const JsonValue *root = jsontree_root(tree);
    char *name = get_text(root, "member");
    if (name == NULL) {
        *ret_why = g_strdup("/status does not say which member it is of");
        return NULL;
    }
    MemberStatus *status = g_new0(MemberStatus, 1);
    *status = (MemberStatus){
        .name = name,
        .version = get_text(root, "version"),
        .pid = get_number(root, "pid"),
        .uptime_s = get_number(root, "uptime_s"),
        .ready = get_truth(root, "ready"),
        .connections = get_number(root, "connections.open"),
        .connections_most = get_number(root, "connections.most"),
        .workers = get_number(root, "workers.all"),
        .workers_active = get_number(root, "workers.active"),
        .workers_in_lookups = get_number(root, "workers.in_lookups"),
        .lookups_waiting = get_number(root, "lookups.waiting"),
        .iamat_rate = get_number(root, "rates.iamat"),
        .whatsat_rate = get_number(root, "rates.whatsat"),
        .invalid_rate = get_number(root, "rates.invalid"),
        .records = get_number(root, "records"),
        .memory_bytes = get_number(root, "memory_bytes"),
        .provider = get_text(root, "places.provider"),
        .provider_state = get_text(root, "places.state"),
        .provider_detail = get_text(root, "places.detail"),
        .links = g_array_new(FALSE, FALSE, sizeof(LinkView)),
    };
    g_array_set_clear_func(status->links, clear_link);
    read_links(find(root, "links"), status->links);
    return status;
}

void memberstatus_free(MemberStatus *status)
{
    if (status == NULL)
        return;
    g_free(status->name);
    g_free(status->version);
    g_free(status->provider);
    g_free(status->provider_state);
    g_free(status->provider_detail);
    g_array_unref(status->links);
    g_free(status);
}

const LinkView *memberstatus_link(const MemberStatus *status, const char *neighbour)
{
    for (unsigned i = 0; i < status->links->len; i++) {
        const LinkView *link = &g_array_index(status->links, LinkView, i);

        if (g_str_equal(link->neighbour, neighbour))
            return link;
    }
    return NULL;
}
