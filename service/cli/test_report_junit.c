/*
 * The report of `sluice test` for CI: XML as JUnit's Ant task writes it, which Jenkins, GitLab,
 * GitHub's actions and others read. No element or attribute is there that its schema has not, and
 * none is missing that the stricter one of those in use asks for.
 */
#include "rules/cel_utf8.h"
#include "service/base/check.h"
#include "service/cli/cli.h"
#include "service/cli/test_report.h"

#include <stdlib.h>

/* XML 1.0 cannot say these, in any spelling: control characters, U+FFFE and U+FFFF, and what is no
 * character: a file's name may have any byte. */
static bool is_unsayable(int32_t code)
{
    if (code < 0x20)
        return code != '\t' && code != '\n' && code != '\r';
    return code == 0xFFFE || code == 0xFFFF;
}

static void put_escaped(FILE *out, struct span s, bool in_attribute)
{
    for (size_t i = 0, next = 0; i < s.len; i = next) {
        int32_t c = cel_utf8_next(s, &next);
        if (is_unsayable(c))
            fputs("\xEF\xBF\xBD", out); /* U+FFFD */
        else if (c == '&' || c == '<' || c == '>' || c == '"' ||
                 (in_attribute && c < 0x20)) /* a raw line break there is read as a space */
            fprintf(out, "&#%d;", (int)c);
        else
            fwrite(s.base + i, 1, next - i, out);
    }
}

static void put_attribute(FILE *out, const char *name, struct span value)
{
    fprintf(out, " %s=\"", name);
    put_escaped(out, value, true);
    fputc('"', out);
}

static void put_seconds(FILE *out, int64_t us)
{
    fprintf(out, " time=\"%.6f\"", (double)us / 1e6);
}

/* What `write` prints, escaped. */
static void put_printed(FILE *out, void (*write)(FILE *to, const void *what), const void *what)
{
    char *bytes = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&bytes, &len);
    CHECK(to != NULL);
    write(to, what);
    CHECK(fclose(to) == 0);
    put_escaped(out, span_of(bytes, len), false);
    free(bytes);
}

static void write_failures(FILE *to, const void *what)
{
    const struct rule_test_result *r = what;
    int n = 0;
    for (const struct rule_test_failure *f = r->failures; f != NULL; f = f->next, n++)
        test_report_failure(to, f, false);
    if (n < r->n_failures)
        fprintf(to, "    and %d more events\n", r->n_failures - n);
}

static void write_diags(FILE *to, const void *what)
{
    cli_print_diags(what, false, to);
}

/* "decision: expected flag, actual allow" */
static void put_message(FILE *out, const struct rule_test_result *r)
{
    const struct rule_test_difference *d = r->failures->differences;
    fputs(" message=\"", out);
    put_escaped(out, span_str(d->kind), true);
    fputs(d->name.len > 0 ? " " : "", out);
    put_escaped(out, d->name, true);
    fputs(": expected ", out);
    put_escaped(out, d->expected, true);
    fputs(", actual ", out);
    put_escaped(out, d->actual, true);
    fputc('"', out);
}

static void put_case(FILE *out, const struct test_suite *s, const struct rule_test_result *r)
{
    fputs("    <testcase", out);
    put_attribute(out, "name", r->test->name);
    put_attribute(out, "classname", span_str(s->path));
    put_seconds(out, r->elapsed_us);
    if (r->n_failures == 0) {
        fputs("/>\n", out);
        return;
    }
    fputs(">\n      <failure type=\"difference\"", out);
    put_message(out, r);
    fputc('>', out);
    put_escaped(out, span_str(s->path), false);
    fprintf(out, ":%d\n", r->test->node->line);
    put_printed(out, write_failures, r);
    fputs("</failure>\n    </testcase>\n", out);
}

static void put_unread(FILE *out, const struct test_suite *s)
{
    fputs("    <testcase name=\"the file is loaded\"", out);
    put_attribute(out, "classname", span_str(s->path));
    fputs(" time=\"0\">\n      <error type=\"diagnostics\"", out);
    put_attribute(out, "message", span_str(s->diags->items[0].message));
    fputc('>', out);
    put_printed(out, write_diags, s->diags);
    fputs("</error>\n    </testcase>\n", out);
}

static void begin(FILE *out)
{
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", out);
}

/* As the schema's, without an offset: UTC. */
static void put_timestamp(FILE *out, int64_t ms)
{
    char buf[32];
    struct text t;
    text_init(&t, buf, sizeof buf);
    text_time_ms(&t, ms / 1000 * 1000);
    put_attribute(out, "timestamp", span_of(t.base, t.len - 1)); /* without the Z */
}

static void suite(FILE *out, const struct test_suite *s, bool colours)
{
    (void)colours;
    int64_t us = 0;
    for (int i = 0; i < s->n_results; i++)
        us += s->results[i].elapsed_us;
    fputs("  <testsuite", out);
    put_attribute(out, "name", span_str(s->path));
    put_timestamp(out, s->started_ms);
    fprintf(out,
            " hostname=\"localhost\" id=\"%d\" package=\"sluice\" tests=\"%d\""
            " failures=\"%d\" errors=\"%d\"",
            s->number, s->file != NULL ? s->n_results : 1, s->n_failed, s->file == NULL);
    put_seconds(out, us);
    fputs(">\n    <properties/>\n", out);
    if (s->file == NULL)
        put_unread(out, s);
    for (int i = 0; i < s->n_results; i++)
        put_case(out, s, &s->results[i]);
    fputs("    <system-out/>\n    <system-err/>\n  </testsuite>\n", out);
}

static void end(FILE *out, const struct test_totals *t)
{
    (void)t;
    fputs("</testsuites>\n", out);
}

const struct test_report_format test_report_junit = {"junit", begin, suite, end};
