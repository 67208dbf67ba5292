#include "api/problem.h"

static const struct {
    unsigned status;
    const char *slug;
    const char *title;
} problems[] = {
#define X(name, status, slug, title) {status, slug, title},
    PROBLEM_TABLE(X)
#undef X
};

unsigned problem_status(enum problem p)
{
    return problems[p].status;
}

enum problem problem_of_status(unsigned status)
{
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++)
        if (problems[i].status == status)
            return (enum problem)i;
    return PROBLEM_INTERNAL;
}

static void put_member(struct text *out, const char *name, const char *value)
{
    text_str(out, ",\"");
    text_str(out, name);
    text_str(out, "\":");
    text_json_string(out, span_str(value));
}

static void put_error(struct text *out, const char *pointer, int64_t offset, const char *detail)
{
    text_str(out, "{\"pointer\":");
    text_json_string(out, span_str(pointer));
    if (offset >= 0) {
        text_str(out, ",\"offset\":");
        text_i64(out, offset);
    }
    put_member(out, "detail", detail);
    text_char(out, '}');
}

/* Those that fit, with the two brackets behind them. */
static void put_more_errors(struct text *out, const struct reader_error *e)
{
    for (; e != NULL; e = e->next) {
        const size_t len = out->len;
        text_char(out, ',');
        put_error(out, e->pointer, (int64_t)e->offset, e->detail);
        if (!out->overflow && out->cap - out->len >= 2)
            continue;
        out->len = len;
        out->overflow = false;
        return;
    }
}

static void put_errors(struct text *out, const struct problem_error *e)
{
    if (e->pointer == NULL)
        return;
    text_str(out, ",\"errors\":[");
    put_error(out, e->pointer, e->offset, e->detail);
    put_more_errors(out, e->more);
    text_char(out, ']');
}

void problem_write(enum problem p, const struct problem_about *about, struct text *out)
{
    text_char(out, '{');
    if (about->line > 0) {
        text_str(out, "\"line\":");
        text_i64(out, (int64_t)about->line);
        text_char(out, ',');
    }
    text_str(out, "\"type\":\"urn:sluice:problem:");
    text_str(out, problems[p].slug);
    text_char(out, '"');
    put_member(out, "title", problems[p].title);
    text_str(out, ",\"status\":");
    text_i64(out, problems[p].status);
    if (about->detail != NULL)
        put_member(out, "detail", about->detail);
    if (about->request_id != 0) {
        text_str(out, ",\"instance\":\"urn:sluice:request:");
        text_hex(out, about->request_id, 16);
        text_char(out, '"');
    }
    if (about->error != NULL)
        put_errors(out, about->error);
    text_char(out, '}');
}
