/* The report of `sluice test` for people: what is expected beside what is. */
#include "service/cli/cli.h"
#include "service/cli/test_report.h"

#include <inttypes.h>

enum {
    NAME_WIDTH_MAX = 48, /* columns are no wider; what is longer pushes its own line */
    SIDE_WIDTH_MAX = 32,
};

#define RED "\033[31m"
#define GREEN "\033[32m"
#define BOLD_RED "\033[1;31m"

static void put_coloured(FILE *out, const char *colour, bool colours, struct span s)
{
    fputs(colours ? colour : "", out);
    for (size_t i = 0; i < s.len; i++) { /* a text of the user's must not move the cursor */
        bool control = (unsigned char)s.base[i] < 0x20 || s.base[i] == 0x7f;
        fputc(control ? '?' : s.base[i], out);
    }
    fputs(colours ? "\033[0m" : "", out);
}

static void put(FILE *out, struct span s)
{
    put_coloured(out, "", false, s);
}

/* Characters, not bytes. */
static int width_of(struct span s)
{
    int n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.base[i] & 0xC0) != 0x80;
    return n;
}

static void pad(FILE *out, int width, int to)
{
    fprintf(out, "%*s", width < to ? to - width + 2 : 2, "");
}

/* 90061001 as 1d1h1m1s1ms */
static void put_after(FILE *out, int64_t ms)
{
    static const struct {
        const char *suffix;
        int64_t ms;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    if (ms == 0)
        fputs("0s", out);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (ms >= units[i].ms)
            fprintf(out, "%" PRId64 "%s", ms / units[i].ms, units[i].suffix);
        ms %= units[i].ms;
    }
}

static void put_place(FILE *out, const struct rule_test_failure *f)
{
    char buf[32];
    struct text t;
    const struct rule_test_event *e = f->event;
    text_init(&t, buf, sizeof buf);
    text_time_ms(&t, f->ts_ms);
    fprintf(out, "    line %d: event %d", e->node->line, f->event_number);
    if (e->times > 1)
        fprintf(out, " (%d of %d)", f->time, e->times);
    fputs(" at ", out);
    put_after(out, e->at_ms + (f->time - 1) * e->every_ms);
    fprintf(out, " (%.*s)", SPAN_ARG(text_span(&t)));
    if (f->transaction_id.len > 0) {
        fputs(", ", out);
        put(out, f->transaction_id);
    }
    if (f->is_decided) {
        fputs(f->fired.len > 0 ? "; fired: " : "; nothing fired", out);
        put(out, f->fired);
    }
    fputc('\n', out);
}

static int name_width(const struct rule_test_difference *d)
{
    return width_of(span_str(d->kind)) + (d->name.len > 0 ? 1 : 0) + width_of(d->name);
}

static int at_most(int n, int max)
{
    return n < max ? n : max;
}

void test_report_failure(FILE *out, const struct rule_test_failure *f, bool colours)
{
    int names = 0, sides = (int)sizeof "expected" - 1;
    for (const struct rule_test_difference *d = f->differences; d != NULL; d = d->next) {
        names = name_width(d) > names ? at_most(name_width(d), NAME_WIDTH_MAX) : names;
        int width = at_most(width_of(d->expected), SIDE_WIDTH_MAX);
        sides = width > sides ? width : sides;
    }
    put_place(out, f);
    fprintf(out, "        %*s  %-*s  actual\n", names, "", sides, "expected");
    int n = 0;
    for (const struct rule_test_difference *d = f->differences; d != NULL; d = d->next, n++) {
        fprintf(out, "        %s%s", d->kind, d->name.len > 0 ? " " : "");
        put(out, d->name);
        pad(out, name_width(d), names);
        put_coloured(out, GREEN, colours, d->expected);
        pad(out, width_of(d->expected), sides);
        put_coloured(out, RED, colours, d->actual);
        fputc('\n', out);
    }
    if (n < f->n_differences)
        fprintf(out, "        and %d more\n", f->n_differences - n);
}

static void begin(FILE *out)
{
    (void)out;
}

static void put_failed(FILE *out, const struct test_suite *s, const struct rule_test_result *r,
                       bool colours)
{
    int n = 0;
    put_coloured(out, BOLD_RED, colours, span_str("FAILED"));
    fprintf(out, " %s:%d: ", s->path, r->test->node->line);
    put(out, r->test->name);
    fputc('\n', out);
    for (const struct rule_test_failure *f = r->failures; f != NULL; f = f->next, n++)
        test_report_failure(out, f, colours);
    if (n < r->n_failures)
        fprintf(out, "    and %d more events\n", r->n_failures - n);
}

static void suite(FILE *out, const struct test_suite *s, bool colours)
{
    if (s->file == NULL)
        cli_print_diags(s->diags, false, out);
    for (int i = 0; i < s->n_results; i++)
        if (s->results[i].n_failures > 0)
            put_failed(out, s, &s->results[i], colours);
}

static void end(FILE *out, const struct test_totals *t)
{
    fprintf(out, "%d passed, %d failed", t->passed, t->failed);
    if (t->unread > 0)
        fprintf(out, ", %d %s not run", t->unread, t->unread == 1 ? "file" : "files");
    fputc('\n', out);
}

const struct test_report_format test_report_text = {"text", begin, suite, end};
