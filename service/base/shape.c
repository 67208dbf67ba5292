#include "service/base/shape.h"

#include "service/base/check.h"

#include <stdio.h>

#define TIME_PATTERN                                                         \
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?" \
    "([Zz]|[+-][0-9]{2}:[0-9]{2})?$"

bool shape_only(const struct yaml_file *file, const struct yaml_node *node,
                const struct shape *shape, struct diag_list *diags)
{
    const char *known[SHAPE_KEYS_MAX];
    CHECK(shape->kind == SHAPE_MAPPING && shape->n_keys <= SHAPE_KEYS_MAX);
    for (int i = 0; i < shape->n_keys; i++)
        known[i] = shape->keys[i].name;
    return yaml_only(file, node, known, (size_t)shape->n_keys, diags);
}

/* ---- JSON, indented ------------------------------------------------------------------------ */

struct json {
    struct text *out;
    int depth;
    bool first; /* nothing stands in the innermost bracket yet */
};

static void line(struct json *j)
{
    text_str(j->out, j->first ? "\n" : ",\n");
    for (int i = 0; i < j->depth; i++)
        text_str(j->out, "  ");
    j->first = false;
}

static void key(struct json *j, const char *name)
{
    line(j);
    text_json_string(j->out, span_str(name));
    text_str(j->out, ": ");
}

static void open_bracket(struct json *j, char bracket)
{
    text_char(j->out, bracket);
    j->depth++;
    j->first = true;
}

static void close_bracket(struct json *j, char bracket)
{
    j->depth--;
    j->first = true; /* no comma before it */
    line(j);
    text_char(j->out, bracket);
}

static void put_text(struct json *j, const char *name, const char *value)
{
    key(j, name);
    text_json_string(j->out, span_str(value));
}

static void put_int(struct json *j, const char *name, int64_t value)
{
    key(j, name);
    text_i64(j->out, value);
}

static void put_texts(struct json *j, const char *name, const char *const *texts, int n)
{
    key(j, name);
    text_char(j->out, '[');
    for (int i = 0; i < n; i++) {
        text_str(j->out, i ? ", " : "");
        text_json_string(j->out, span_str(texts[i]));
    }
    text_char(j->out, ']');
}

/* ---- shapes -------------------------------------------------------------------------------- */

static void write_shape(struct json *j, const struct shape *s, const char *doc);

/* {"type": ...} with what limits it, within the braces. */
static void write_text(struct json *j, const struct shape *s)
{
    static const char *const scalars[] = {"string", "number", "boolean"};
    put_texts(j, "type", scalars, 3);
    if (s->pattern != NULL)
        put_text(j, "pattern", s->pattern);
    if (s->max > 0)
        put_int(j, "maxLength", s->max);
}

/* A number and one of the units. */
static void write_duration(struct json *j)
{
    static const char *const units[] = {
#define X(suffix, ms) suffix,
        YAML_DURATION_TABLE(X)
#undef X
    };
    put_text(j, "type", "string");
    key(j, "pattern");
    text_str(j->out, "\"^[0-9]+(");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        text_printf(j->out, "%s%s", i ? "|" : "", units[i]);
    text_str(j->out, ")$\"");
}

static void write_pattern(struct json *j, const char *pattern)
{
    put_text(j, "type", "string");
    put_text(j, "pattern", pattern);
}

static void write_int(struct json *j, const struct shape *s)
{
    put_text(j, "type", "integer");
    if (s->min == 0 && s->max == 0)
        return;
    put_int(j, "minimum", s->min);
    put_int(j, "maximum", s->max);
}

static void write_list(struct json *j, const struct shape *s)
{
    put_text(j, "type", "array");
    key(j, "items");
    write_shape(j, s->of, NULL);
    if (s->min > 0)
        put_int(j, "minItems", s->min);
    if (s->max > 0)
        put_int(j, "maxItems", s->max);
}

static void write_keys(struct json *j, const struct shape *s)
{
    const char *needed[SHAPE_KEYS_MAX];
    int n = 0;
    key(j, "properties");
    open_bracket(j, '{');
    for (int i = 0; i < s->n_keys; i++) {
        key(j, s->keys[i].name);
        write_shape(j, s->keys[i].value, s->keys[i].doc);
        if (s->keys[i].needed)
            needed[n++] = s->keys[i].name;
    }
    close_bracket(j, '}');
    if (n > 0)
        put_texts(j, "required", needed, n);
}

/* What is named as it likes. */
static void write_others(struct json *j, const struct shape *s)
{
    key(j, "additionalProperties");
    if (s->of == NULL)
        text_str(j->out, "false");
    else
        write_shape(j, s->of, NULL);
    if (s->pattern != NULL) {
        key(j, "propertyNames");
        open_bracket(j, '{');
        put_text(j, "pattern", s->pattern);
        close_bracket(j, '}');
    }
    if (s->max > 0)
        put_int(j, "maxProperties", s->max);
}

/* {"required": [NAME]} */
static void write_required(struct json *j, const char *name)
{
    open_bracket(j, '{');
    put_texts(j, "required", &name, 1);
    close_bracket(j, '}');
}

static void write_one_of(struct json *j, const struct shape *s)
{
    key(j, "anyOf");
    open_bracket(j, '[');
    for (int i = 0; i < s->n_one_of; i++) {
        line(j);
        write_required(j, s->one_of[i]);
    }
    close_bracket(j, ']');
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_case(const struct shape_case *a, const struct shape_case *b)
{
    return same_text(a->key, b->key) && same_text(a->needs, b->needs) &&
           same_text(a->refuses, b->refuses);
}

/* "if": the key is there, and one of the values of the cases that are like the i-th. */
static void write_if(struct json *j, const struct shape *s, int i)
{
    const char *values[64];
    int n = 0;
    for (int k = i; k < s->n_cases && n < 64; k++)
        if (same_case(&s->cases[i], &s->cases[k]))
            values[n++] = s->cases[k].value;
    key(j, "if");
    open_bracket(j, '{');
    key(j, "properties");
    open_bracket(j, '{');
    key(j, s->cases[i].key);
    open_bracket(j, '{');
    put_texts(j, "enum", values, n);
    close_bracket(j, '}');
    close_bracket(j, '}');
    put_texts(j, "required", &s->cases[i].key, 1);
    close_bracket(j, '}');
}

static void write_then(struct json *j, const struct shape_case *c)
{
    key(j, "then");
    open_bracket(j, '{');
    if (c->needs != NULL)
        put_texts(j, "required", &c->needs, 1);
    if (c->refuses != NULL) {
        key(j, "properties");
        open_bracket(j, '{');
        key(j, c->refuses);
        text_str(j->out, "false");
        close_bracket(j, '}');
    }
    close_bracket(j, '}');
}

static bool is_first(const struct shape *s, int i)
{
    for (int k = 0; k < i; k++)
        if (same_case(&s->cases[k], &s->cases[i]))
            return false;
    return s->cases[i].needs != NULL || s->cases[i].refuses != NULL;
}

static void write_cases(struct json *j, const struct shape *s)
{
    key(j, "allOf");
    open_bracket(j, '[');
    for (int i = 0; i < s->n_cases; i++) {
        if (!is_first(s, i))
            continue;
        line(j);
        open_bracket(j, '{');
        write_if(j, s, i);
        write_then(j, &s->cases[i]);
        close_bracket(j, '}');
    }
    close_bracket(j, ']');
}

static void write_mapping(struct json *j, const struct shape *s)
{
    put_text(j, "type", "object");
    if (s->n_keys > 0)
        write_keys(j, s);
    write_others(j, s);
    if (s->n_one_of > 0)
        write_one_of(j, s);
    if (s->n_cases > 0)
        write_cases(j, s);
}

static void write_either(struct json *j, const struct shape *s)
{
    key(j, "anyOf");
    open_bracket(j, '[');
    for (int i = 0; i < s->n_either; i++) {
        line(j);
        write_shape(j, s->either[i], NULL);
    }
    close_bracket(j, ']');
}

static void write_body(struct json *j, const struct shape *s)
{
    switch (s->kind) {
    case SHAPE_ANY:
        break;
    case SHAPE_NULL:
        put_text(j, "type", "null");
        break;
    case SHAPE_TEXT:
    case SHAPE_EXPRESSION:
        write_text(j, s);
        break;
    case SHAPE_NUMBER:
        put_text(j, "type", "number");
        break;
    case SHAPE_INT:
        write_int(j, s);
        break;
    case SHAPE_BOOL:
        put_text(j, "type", "boolean");
        break;
    case SHAPE_DURATION:
        write_duration(j);
        break;
    case SHAPE_TIME:
        write_pattern(j, TIME_PATTERN);
        break;
    case SHAPE_CHOICE:
        put_texts(j, "enum", s->choices, s->n_choices);
        break;
    case SHAPE_LIST:
        write_list(j, s);
        break;
    case SHAPE_MAPPING:
        write_mapping(j, s);
        break;
    case SHAPE_EITHER:
        write_either(j, s);
        break;
    }
}

static void write_shape(struct json *j, const struct shape *s, const char *doc)
{
    open_bracket(j, '{');
    if (doc != NULL)
        put_text(j, "description", doc);
    write_body(j, s);
    close_bracket(j, '}');
}

void shape_write_schema(const struct shape *shape, struct text *out)
{
    struct json j = {.out = out};
    open_bracket(&j, '{');
    put_text(&j, "$schema", "http://json-schema.org/draft-07/schema#");
    if (shape->title != NULL)
        put_text(&j, "title", shape->title);
    write_body(&j, shape);
    close_bracket(&j, '}');
    text_char(out, '\n');
}
