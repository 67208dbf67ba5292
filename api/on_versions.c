/* GET /v1/ruleset/versions, /{ruleset} and /diff: what has decided here, each as the bundle it was,
 * and what is another in one of them. */
#include "api/http_worker.h"
#include "api/offload.h"
#include "api/ruleset_change.h"
#include "service/base/check.h"
#include "service/release/bundle.h"
#include "service/release/ruleset_diff.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SHOWN_MAX = 1000,      /* of the list; the newest */
    VERSION_BYTES = 1024,  /* one as JSON: its texts are names of keys and addresses */
    DIFF_BYTES = 16 << 20, /* some ten thousand changes */
};

struct look {
    struct versions *versions; /* NULL: none are kept */
    struct offers *offers;
    char id[VERSION_ID_BYTES];
    char to[VERSION_ID_BYTES]; /* of a diff, which is from `id` */
    enum status st;
    bool is_to_unknown; /* and not `id` */
    char *bytes;        /* what was made: JSON, or a bundle */
    size_t len;
};

static struct look *new_look(struct request *r)
{
    struct look *l = calloc(1, sizeof *l);
    CHECK(l != NULL);
    l->versions = r->worker->server->options.versions;
    l->offers = r->worker->server->options.offers;
    return l;
}

static void drop_look(struct look *l)
{
    free(l->bytes);
    free(l);
}

/* The bytes become the reply's. */
static void reply_bytes(struct request *r, struct look *l, const char *type)
{
    r->reply.owned = l->bytes;
    l->bytes = NULL;
    request_reply(r, 200, type, span_of(r->reply.owned, l->len));
}

/* ---- the list ---- */

static void put_text(struct text *out, const char *name, const char *value)
{
    text_str(out, name);
    if (value[0] == '\0')
        text_str(out, "null");
    else
        text_json_string(out, span_str(value));
}

static void put_version(struct text *out, const struct version *v, const char *active)
{
    put_text(out, "{\"ruleset\":", v->id);
    text_printf(out, ",\"active\":%s,\"at\":\"", strcmp(v->id, active) == 0 ? "true" : "false");
    text_time_ms(out, v->at_ms);
    put_text(out, "\",\"who\":", v->who);
    put_text(out, ",\"from\":", v->from);
    put_text(out, ",\"previous\":", v->previous);
    text_char(out, '}');
}

static void list_versions(void *user)
{
    struct look *l = user;
    struct version *all = calloc(SHOWN_MAX, sizeof *all);
    l->bytes = malloc(SHOWN_MAX * VERSION_BYTES);
    CHECK(all != NULL && l->bytes != NULL);
    int n = l->versions != NULL ? versions_list(l->versions, all, SHOWN_MAX) : 0;
    struct version_active active = {.id = ""};
    if (l->versions != NULL)
        active = versions_active(l->versions);
    struct text out;
    text_init(&out, l->bytes, SHOWN_MAX * VERSION_BYTES);
    put_text(&out, "{\"active\":", active.id);
    put_text(&out, ",\"previous\":", active.previous);
    text_str(&out, ",\"versions\":[");
    for (int i = 0; i < n; i++) {
        if (i > 0)
            text_char(&out, ',');
        put_version(&out, &all[i], active.id);
    }
    text_str(&out, "]}");
    l->len = out.len;
    free(all);
}

static void list_done(struct request *r, void *user)
{
    reply_bytes(r, user, "application/json");
    drop_look(user);
}

void on_versions(struct request *r)
{
    struct look *l = new_look(r);
    if (request_offload(r, list_versions, list_done, l) != ST_OK)
        drop_look(l);
}

/* ---- one ---- */

static void pack_version(void *user)
{
    struct look *l = user;
    struct diag_list diags = {.count = 0};
    struct snapshot *snap = NULL;
    l->st = offers_load_version(l->offers, l->id, &diags, &snap);
    if (l->st == ST_OK)
        l->st = bundle_pack(&snap->files, &diags, &l->bytes, &l->len);
    snapshot_unref(snap);
}

static void pack_done(struct request *r, void *user)
{
    struct look *l = user;
    if (l->st == ST_OK) {
        r->reply.etag = ruleset_etag(r, l->id);
        reply_bytes(r, l, "application/gzip");
    } else if (l->st == ST_NOT_FOUND) {
        ruleset_unknown(r, l->id);
    } else {
        request_problem(r, PROBLEM_INTERNAL, "the version cannot be read");
    }
    drop_look(l);
}

void on_version(struct request *r)
{
    struct look *l = new_look(r);
    if (r->params[0].len == VERSION_ID_BYTES - 1)
        memcpy(l->id, r->params[0].base, VERSION_ID_BYTES - 1);
    if (!version_is_id(l->id))
        l->id[0] = '\0';
    if (request_offload(r, pack_version, pack_done, l) != ST_OK)
        drop_look(l);
}

/* ---- two ---- */

static enum status make_diff(struct look *l, struct arena *arena)
{
    struct diag_list diags = {.count = 0};
    struct snapshot *from = NULL, *to = NULL;
    struct ruleset_diff diff;
    struct text out;
    enum status st = offers_load_version(l->offers, l->id, &diags, &from);
    if (st == ST_OK) {
        st = offers_load_version(l->offers, l->to, &diags, &to);
        l->is_to_unknown = st == ST_NOT_FOUND;
    }
    if (st == ST_OK)
        st = ruleset_diff_make(from, to, arena, &diff);
    if (st == ST_OK) {
        l->bytes = malloc(DIFF_BYTES);
        CHECK(l->bytes != NULL);
        text_init(&out, l->bytes, DIFF_BYTES);
        ruleset_diff_json(&diff, &out);
        l->len = out.len;
        st = out.overflow ? ST_TOO_LARGE : ST_OK;
    }
    snapshot_unref(from);
    snapshot_unref(to);
    return st;
}

static void diff_versions(void *user)
{
    struct look *l = user;
    struct arena *arena = arena_new(DIFF_ARENA_BYTES);
    l->st = make_diff(l, arena);
    arena_free(arena);
}

static void diff_done(struct request *r, void *user)
{
    struct look *l = user;
    if (l->st == ST_OK)
        reply_bytes(r, l, "application/json");
    else if (l->st == ST_NOT_FOUND)
        ruleset_unknown(r, l->is_to_unknown ? l->to : l->id);
    else
        request_problem(r, PROBLEM_INTERNAL, "the versions cannot be compared");
    drop_look(l);
}

static bool read_id(struct request *r, const char *name, const char *otherwise,
                    char ret_id[VERSION_ID_BYTES])
{
    const char *id = request_query(r, name);
    char detail[128];
    id = id != NULL ? id : otherwise;
    if (id == NULL || !version_is_id(id)) {
        snprintf(
            detail, sizeof detail,
            "%s must be the id of a version, 16 hex digits as GET /v1/ruleset/versions has it%s",
            name, otherwise != NULL ? "; without it is meant what decides" : "");
        request_problem(r, PROBLEM_PARAMETER, detail);
        return false;
    }
    memcpy(ret_id, id, VERSION_ID_BYTES);
    return true;
}

void on_diff(struct request *r)
{
    struct snapshot *now = snapshot_current(r->worker->engine->snapshots);
    struct look *l = new_look(r);
    bool ok = read_id(r, "from", NULL, l->id) && read_id(r, "to", now->id_text, l->to);
    snapshot_unref(now);
    if (!ok || request_offload(r, diff_versions, diff_done, l) != ST_OK)
        drop_look(l);
}
