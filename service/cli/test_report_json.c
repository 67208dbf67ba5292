/* The report of `sluice test` for programs: an object a test, a line each. */
#include "rules/cel_utf8.h"
#include "service/base/check.h"
#include "service/cli/cli.h"
#include "service/cli/test_report.h"

#include <jansson.h>
#include <stdlib.h>

static void set(json_t *in, const char *key, json_t *value_take)
{
    CHECK(json_object_set_new(in, key, value_take) == 0);
}

/* A file's name may have any byte, and JSON is UTF-8: what is none becomes U+FFFD. */
static json_t *text_of(struct span s)
{
    char *bytes = malloc(3 * s.len + 1);
    struct text out;
    CHECK(bytes != NULL);
    text_init(&out, bytes, 3 * s.len + 1);
    for (size_t i = 0; i < s.len;) {
        int32_t c = cel_utf8_next(s, &i);
        cel_utf8_put(&out, c < 0 ? 0xFFFD : (uint32_t)c);
    }
    json_t *json = json_stringn_nocheck(bytes, out.len);
    free(bytes);
    return json;
}

static json_t *difference_of(const struct rule_test_difference *d)
{
    json_t *json = json_object();
    set(json, "kind", json_string(d->kind));
    if (d->name.len > 0)
        set(json, "name", text_of(d->name));
    set(json, "line", json_integer(d->line));
    set(json, "col", json_integer(d->col));
    set(json, "expected", text_of(d->expected));
    set(json, "actual", text_of(d->actual));
    return json;
}

static json_t *failure_of(const struct rule_test_failure *f)
{
    json_t *json = json_object(), *differences = json_array();
    char buf[32];
    struct text t;
    text_init(&t, buf, sizeof buf);
    text_time_ms(&t, f->ts_ms);
    set(json, "line", json_integer(f->event->node->line));
    set(json, "event", json_integer(f->event_number));
    set(json, "time", json_integer(f->time));
    set(json, "timestamp", text_of(text_span(&t)));
    set(json, "transaction_id", text_of(f->transaction_id));
    set(json, "fired", text_of(f->fired));
    for (const struct rule_test_difference *d = f->differences; d != NULL; d = d->next)
        CHECK(json_array_append_new(differences, difference_of(d)) == 0);
    set(json, "differences", differences);
    set(json, "differences_in_all", json_integer(f->n_differences));
    return json;
}

static void put_line(FILE *out, json_t *json_take)
{
    CHECK(json_take != NULL);
    json_dumpf(json_take, out, JSON_COMPACT | JSON_REAL_PRECISION(6));
    fputc('\n', out);
    json_decref(json_take);
}

static void put_result(FILE *out, const struct test_suite *s, const struct rule_test_result *r)
{
    json_t *json = json_object(), *failures = json_array();
    set(json, "file", text_of(span_str(s->path)));
    set(json, "line", json_integer(r->test->node->line));
    set(json, "name", text_of(r->test->name));
    set(json, "passed", json_boolean(r->n_failures == 0));
    set(json, "seconds", json_real((double)r->elapsed_us / 1e6));
    for (const struct rule_test_failure *f = r->failures; f != NULL; f = f->next)
        CHECK(json_array_append_new(failures, failure_of(f)) == 0);
    set(json, "failures", failures);
    set(json, "failures_in_all", json_integer(r->n_failures));
    put_line(out, json);
}

static void begin(FILE *out)
{
    (void)out;
}

static void suite(FILE *out, const struct test_suite *s, bool colours)
{
    (void)colours;
    if (s->file == NULL)
        cli_print_diags(s->diags, true, out);
    for (int i = 0; i < s->n_results; i++)
        put_result(out, s, &s->results[i]);
}

static void end(FILE *out, const struct test_totals *t)
{
    put_line(out, json_pack("{s:i, s:i, s:i}", "passed", t->passed, "failed", t->failed,
                            "files_not_run", t->unread));
}

const struct test_report_format test_report_json = {"json", begin, suite, end};
