/* PUT /v1/ruleset, POST /v1/ruleset/rollback: another ruleset is to decide. */
#include "api/http_worker.h"
#include "api/offload.h"
#include "api/ruleset_change.h"
#include "service/base/check.h"

#include <jansson.h>
#include <stdlib.h>

/* One change on its way: what the pool's thread reads of the request was copied or stays. */
struct change {
    struct offers *offers;
    struct versions *versions; /* NULL: none are kept */
    const char *spool_dir;
    struct spool *upload;
    struct offer offer;
    char to[VERSION_ID_BYTES]; /* of a rollback; "": the one before */
    bool is_unknown;           /* there is no such version */
    struct offer_report report;
};

static struct change *new_change(struct request *r, enum offer_from from)
{
    const struct http_options *o = &r->worker->server->options;
    struct change *c = calloc(1, sizeof *c);
    CHECK(c != NULL);
    c->offers = o->offers;
    c->versions = o->versions;
    c->spool_dir = o->spool_dir;
    c->offer = (struct offer){
        .from = from, .who = r->who, .address = r->address, .request_id = r->id, .at_once = true};
    return c;
}

/* ---- PUT ---- */

static void offer_bundle(struct change *c, char folder[FILES_PATH_MAX])
{
    struct diag_list diags = {.count = 0};
    char path[BUNDLE_PATH_BYTES], inside[BUNDLE_PATH_BYTES];
    if (ruleset_unpack(c->upload, c->versions, c->spool_dir, &diags, folder, path) != ST_OK) {
        offers_refuse(c->offers, &c->offer, &diags, &c->report);
        return;
    }
    memcpy(inside, path, sizeof inside);
    *strrchr(inside, '/') = '\0';
    c->offer.path = path;
    c->offer.folder = inside;
    offers_run(c->offers, &c->offer, &c->report);
}

static void run_put(void *user)
{
    char folder[FILES_PATH_MAX];
    offer_bundle(user, folder);
    if (folder[0] != '\0' && files_remove(folder) != ST_OK)
        return; /* the next start does it */
}

static void put_done(struct request *r, void *user)
{
    struct change *c = user;
    ruleset_reply(r, &c->report);
    free(c);
}

void on_ruleset_put(struct request *r)
{
    bool dry_run, force;
    const char *if_match;
    if (request_query_bool(r, "dry_run", &dry_run) != ST_OK ||
        request_query_bool(r, "force", &force) != ST_OK || ruleset_if_match(r, &if_match) != ST_OK)
        return;
    if (r->upload == NULL) {
        request_problem(r, PROBLEM_RULESET,
                        "there is no bundle in the body: send the ruleset's folder as a tar");
        return;
    }
    struct change *c = new_change(r, OFFER_PUT);
    c->upload = r->upload;
    c->offer.dry_run = dry_run;
    c->offer.force = force;
    c->offer.if_match = if_match;
    if (request_offload(r, run_put, put_done, c) != ST_OK)
        free(c);
}

/* ---- rollback ---- */

/* {"to": "9f2c41d07be83a56"}, or nothing. false: something else, and the problem was sent. */
static bool read_target(struct request *r, char ret_to[VERSION_ID_BYTES])
{
    bool ok = r->body.len == 0;
    json_t *body = ok ? NULL : json_loadb(r->body.base, r->body.len, 0, NULL);
    json_t *to = json_object_get(body, "to");
    ret_to[0] = '\0';
    if (json_is_object(body) && json_object_size(body) == (to != NULL)) {
        ok = to == NULL || json_is_null(to) ||
             (json_is_string(to) && version_is_id(json_string_value(to)));
        if (ok && json_is_string(to))
            memcpy(ret_to, json_string_value(to), VERSION_ID_BYTES);
    }
    json_decref(body);
    if (!ok)
        request_problem(
            r, PROBLEM_BAD_REQUEST,
            "the body must be {\"to\": \"9f2c41d07be83a56\"}, with the id of a version as "
            "GET /v1/ruleset/versions has it, or empty: to the one before");
    return ok;
}

static void run_rollback(void *user)
{
    struct change *c = user;
    const char *to = c->to[0] != '\0' ? c->to : NULL;
    c->is_unknown = offers_roll_back(c->offers, to, &c->offer, &c->report) != ST_OK;
}

/* Nothing to go back to. */
static void refuse_rollback(struct request *r, const struct change *c)
{
    if (c->versions == NULL)
        request_problem(
            r, PROBLEM_NOT_FOUND,
            "no versions are kept here, so there is none to go back to: set reload.dir");
    else if (c->to[0] != '\0')
        ruleset_unknown(r, c->to);
    else
        request_problem(r, PROBLEM_NOT_FOUND,
                        "there is no older version kept here to go back to; "
                        "GET /v1/ruleset/versions lists those that are, for {\"to\": ID}");
}

static void rollback_done(struct request *r, void *user)
{
    struct change *c = user;
    if (c->is_unknown)
        refuse_rollback(r, c);
    else
        ruleset_reply(r, &c->report);
    free(c);
}

void on_rollback(struct request *r)
{
    const char *if_match;
    char to[VERSION_ID_BYTES];
    if (ruleset_if_match(r, &if_match) != ST_OK || !read_target(r, to))
        return;
    struct change *c = new_change(r, OFFER_ROLLBACK);
    c->offer.if_match = if_match;
    memcpy(c->to, to, sizeof c->to);
    if (request_offload(r, run_rollback, rollback_done, c) != ST_OK)
        free(c);
}
