#include "api/ruleset_change.h"

#include "api/if_match.h"
#include "service/base/background.h"
#include "service/base/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const char *ruleset_etag(struct request *r, const char *id)
{
    char quoted[OFFER_ID_BYTES + 2];
    snprintf(quoted, sizeof quoted, "\"%s\"", id);
    return arena_try_copy(&r->arena, span_str(quoted)).base;
}

enum status ruleset_if_match(struct request *r, const char **ret_ids)
{
    const char *header = request_header(r, "If-Match");
    struct text ids;
    void *mem;
    if (header == NULL) {
        *ret_ids = NULL;
        return ST_OK;
    }
    size_t room = strlen(header) + 1;
    if (arena_alloc(&r->arena, room, &mem) != ST_OK) {
        request_problem(r, PROBLEM_HEADERS_TOO_LARGE, "If-Match has too many ETags");
        return ST_NO_SPACE;
    }
    text_init(&ids, mem, room);
    if (if_match_read(span_str(header), &ids) != ST_OK) {
        request_problem(r, PROBLEM_PARAMETER,
                        "If-Match must be *, or ETags with their quotes as GET /v1/ruleset has "
                        "them: \"9f2c41d07be83a56\"");
        return ST_INVALID;
    }
    *ret_ids = mem; /* which is zeroed, and longer than what was written */
    return ST_OK;
}

void ruleset_unknown(struct request *r, const char *id)
{
    char detail[128];
    snprintf(detail, sizeof detail,
             "no version is kept here under %s%s; GET /v1/ruleset/versions lists those that are",
             id[0] != '\0' ? "the id " : "that name, for an id has 16 hex digits", id);
    request_problem(r, PROBLEM_NOT_FOUND, detail);
}

static ssize_t read_upload(void *user, uint64_t offset, char *out, size_t cap)
{
    return spool_read(user, offset, out, cap);
}

static enum status make_scratch(struct versions *versions, const char *spool_dir,
                                char ret_folder[FILES_PATH_MAX])
{
    if (versions != NULL)
        return versions_scratch(versions, ret_folder);
    int n = snprintf(ret_folder, FILES_PATH_MAX, "%s/sluice-bundle-XXXXXX", spool_dir);
    return n > 0 && n < FILES_PATH_MAX && mkdtemp(ret_folder) != NULL ? ST_OK : ST_IO;
}

struct unpacking {
    struct spool *upload;
    const char *folder;
    struct diag_list *diags;
    char *path;
    enum status status;
};

static void unpack(void *user)
{
    struct unpacking *u = user;
    const struct bundle_source source = {read_upload, u->upload};
    u->status = bundle_unpack(&source, u->folder, u->diags, u->path);
}

enum status ruleset_unpack(struct spool *upload, struct versions *versions, const char *spool_dir,
                           struct diag_list *diags, char ret_folder[FILES_PATH_MAX],
                           char ret_path[BUNDLE_PATH_BYTES])
{
    struct unpacking u = {.upload = upload, .folder = ret_folder, .diags = diags, .path = ret_path};
    if (make_scratch(versions, spool_dir, ret_folder) != ST_OK) {
        ret_folder[0] = '\0';
        diag_error(diags, (struct diag_at){.file = "bundle"}, "see reload.dir",
                   "there is no room to unpack it: %s", strerror(errno));
        return ST_IO;
    }
    background_run(unpack, &u);
    return u.status;
}

static const enum problem problems[OFFER_RESULTS] = {
    [OFFER_REFUSED] = PROBLEM_RULESET,
    [OFFER_GATED] = PROBLEM_GATED,
    [OFFER_MISMATCH] = PROBLEM_MISMATCH,
    [OFFER_BUSY] = PROBLEM_OVERLOADED,
};

static void write_detail(const struct offer_report *report, struct text *out)
{
    const struct diag *first = &report->diags.items[0];
    if (report->result == OFFER_GATED)
        text_str(out, report->gate.why);
    else if (report->result == OFFER_MISMATCH)
        text_printf(out,
                    "If-Match does not name the ruleset that decides, which is \"%s\": look at "
                    "GET /v1/ruleset what was changed, and ask again with that",
                    report->previous);
    else if (report->result == OFFER_BUSY)
        text_str(out, "another ruleset is being checked: ask again when that has its answer");
    else if (report->diags.count > 0)
        diag_write_line(first, out);
    if (report->diags.errors > 1)
        text_str(out, ", and more");
}

/* A problem is an object: the report becomes its last member. */
static void write_problem(const struct request *r, const struct offer_report *report,
                          struct text *out)
{
    char detail[DIAG_FILE_MAX + 2 * DIAG_MESSAGE_MAX + GATE_WHY_MAX];
    struct text words;
    text_init(&words, detail, sizeof detail - 1);
    write_detail(report, &words);
    detail[words.len] = '\0';
    const struct problem_about about = {.detail = detail, .request_id = r->id};
    problem_write(problems[report->result], &about, out);
    CHECK(out->len > 0 && out->base[out->len - 1] == '}');
    out->len--;
    text_str(out, ",\"report\":");
    offer_report_write(report, out);
    text_char(out, '}');
}

void ruleset_reply(struct request *r, const struct offer_report *report)
{
    struct text out;
    bool good = offer_result_is_good(report->result);
    if (request_heap_text(r, OFFER_REPORT_BYTES + PROBLEM_BYTES_MAX, &out) != ST_OK)
        return;
    if (good)
        offer_report_write(report, &out);
    else
        write_problem(r, report, &out);
    if (report->result == OFFER_LOADED || report->result == OFFER_UNCHANGED)
        r->reply.etag = ruleset_etag(r, report->ruleset);
    r->reply.retry_after = report->result == OFFER_BUSY;
    request_reply(r, good ? 200 : problem_status(problems[report->result]),
                  good ? "application/json" : "application/problem+json", text_span(&out));
}
