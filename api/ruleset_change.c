#include "api/ruleset_change.h"

#include "service/base/check.h"

#include <stdio.h>

const char *ruleset_etag(struct request *r, const char *id)
{
    char quoted[OFFER_ID_BYTES + 2];
    snprintf(quoted, sizeof quoted, "\"%s\"", id);
    return arena_try_copy(&r->arena, span_str(quoted)).base;
}

enum status ruleset_if_match(struct request *r, const char **ret_id)
{
    const char *header = request_header(r, "If-Match");
    char id[OFFER_ID_BYTES + 1];
    if (header == NULL || strcmp(header, "*") == 0) {
        *ret_id = header;
        return ST_OK;
    }
    snprintf(id, sizeof id, "%s", header[0] == '"' ? header + 1 : "");
    id[OFFER_ID_BYTES - 1] = '\0';
    if (strlen(header) != OFFER_ID_BYTES + 1 || header[OFFER_ID_BYTES] != '"' ||
        !version_is_id(id)) {
        request_problem(r, PROBLEM_PARAMETER,
                        "If-Match is * or the ETag of GET /v1/ruleset: \"9f2c41d07be83a56\"");
        return ST_INVALID;
    }
    *ret_id = arena_try_copy(&r->arena, span_str(id)).base;
    CHECK(*ret_id != NULL); /* nothing else is in it but the path's parameters */
    return ST_OK;
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
        text_printf(out, "%s decides", report->previous);
    else if (report->result == OFFER_BUSY)
        text_str(out, "another ruleset is being checked");
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
