#include "service/trial/rule_test_message.h"

#include "service/base/check.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

enum { STEP_BYTES_MAX = 1024 }; /* of a path; the names of ISO 20022 have 30 */

/* ---- values ---- */

static json_t *json_of_text(struct span s)
{
    json_t *json = json_stringn_nocheck(s.base, s.len); /* YAML is UTF-8 */
    CHECK(json != NULL);
    return json;
}

/* A number as a double; what is none stays a text, for the reader to refuse. */
static json_t *json_of_number(const struct yaml_node *node)
{
    char *end;
    double v = strtod(node->text.base, &end);
    json_t *json = node->plain && node->text.len > 0 && *end == '\0' ? json_real(v) : NULL;
    return json != NULL ? json : json_of_text(node->text); /* jansson has no infinity */
}

static json_t *json_of_integer(const struct yaml_node *node)
{
    char *end;
    errno = 0;
    long long v = strtoll(node->text.base, &end, 10);
    bool good = node->plain && node->text.len > 0 && *end == '\0' && errno == 0;
    return good ? json_integer(v) : json_of_text(node->text);
}

static json_t *json_of_bool(const struct yaml_node *node)
{
    bool yes = span_is(node->text, "true");
    bool good = node->plain && (yes || span_is(node->text, "false"));
    return good ? json_boolean(yes) : json_of_text(node->text);
}

static json_t *json_of_place(const struct yaml_node *node)
{
    json_t *json = json_object();
    for (const struct yaml_node *n = node->child; n != NULL; n = n->next)
        CHECK(json_object_set_new(json, n->key.base, json_of_number(n)) == 0);
    return json;
}

/* An amount is sent as a text: no double on its way. */
static json_t *json_of(const struct rule_test_field *f)
{
    const struct yaml_node *node = f->value;
    if (yaml_is_null(node))
        return json_null();
    switch (f->of != NULL ? f->of->type : FIELD_STRING) {
    case FIELD_NUMBER:
        return json_of_number(node);
    case FIELD_INTEGER:
        return json_of_integer(node);
    case FIELD_BOOL:
        return json_of_bool(node);
    case FIELD_GEO:
        return node->kind == YAML_MAPPING ? json_of_place(node) : json_of_text(node->text);
    default:
        return json_of_text(node->text);
    }
}

/* ---- paths ---- */

/* The first step of a JSON Pointer, unescaped and with a NUL; *path is then behind it. false: it
 * is longer than any that is meant. */
static bool take_step(struct span *path, char ret_step[STEP_BYTES_MAX])
{
    size_t n = 0, i = 1; /* behind the '/' */
    for (; i < path->len && path->base[i] != '/'; i++) {
        char c = path->base[i];
        if (c == '~' && i + 1 < path->len)
            c = path->base[++i] == '1' ? '/' : '~';
        if (n == STEP_BYTES_MAX - 1)
            return false;
        ret_step[n++] = c;
    }
    ret_step[n] = '\0';
    *path = span_of(path->base + i, path->len - i);
    return true;
}

static bool is_index(const char *step)
{
    return step[0] != '\0' && step[strspn(step, "0123456789")] == '\0';
}

static json_t *get(json_t *in, const char *step)
{
    return json_is_array(in) ? json_array_get(in, strtoul(step, NULL, 10))
                             : json_object_get(in, step);
}

/* false: an array has no member of that name. */
static bool set(json_t *in, const char *step, json_t *value_take)
{
    if (!json_is_array(in)) {
        CHECK(json_object_set_new_nocheck(in, step, value_take) == 0);
        return true;
    }
    if (!is_index(step)) {
        json_decref(value_take);
        return false;
    }
    size_t at = strtoul(step, NULL, 10); /* of six digits at most, as the schema has it */
    while (json_array_size(in) <= at)
        CHECK(json_array_append_new(in, json_null()) == 0);
    CHECK(json_array_set_new(in, at, value_take) == 0);
    return true;
}

/* What stands at `step`, made for `next` when nothing can be put in; NULL: see set(). */
static json_t *enter(json_t *in, const char *step, const char *next)
{
    json_t *inner = get(in, step);
    if (json_is_object(inner) || json_is_array(inner))
        return inner;
    inner = is_index(next) ? json_array() : json_object();
    return set(in, step, inner) ? inner : NULL;
}

/* Put a value where the path says; a step that is a number is an array's index. */
static bool put(json_t *in, struct span path, json_t *value_take)
{
    char step[STEP_BYTES_MAX], next[STEP_BYTES_MAX];
    bool ok = take_step(&path, step);
    while (ok && path.len > 0) {
        ok = take_step(&path, next) && (in = enter(in, step, next)) != NULL;
        memcpy(step, next, sizeof step);
    }
    if (ok)
        return set(in, step, value_take);
    json_decref(value_take);
    return false;
}

/* ---- messages ---- */

/* A label carries fields by name, a transaction by path. */
static bool put_fields(json_t *message, const struct rule_test_fields *fields, bool by_name)
{
    for (int i = 0; i < fields->count; i++) {
        const struct rule_test_field *f = &fields->items[i];
        bool ok = f->of == NULL || by_name ? set(message, f->value->key.base, json_of(f))
                                           : put(message, f->of->path, json_of(f));
        if (!ok)
            return false;
    }
    return true;
}

static void put_id(json_t *message, const struct schema *schema, int number)
{
    char id[24];
    snprintf(id, sizeof id, "t-%d", number);
    CHECK(put(message, schema->fields[SCHEMA_TRANSACTION_ID].path, json_string(id)));
}

static bool put_time(json_t *message, const struct schema *schema,
                     const struct rule_test_moment *moment)
{
    char buf[32];
    struct text t;
    text_init(&t, buf, sizeof buf);
    text_time_ms(&t, moment->ts_ms);
    struct span path =
        moment->event->is_label ? span_str("/timestamp") : schema->fields[SCHEMA_TIMESTAMP].path;
    return put(message, path, json_of_text(text_span(&t)));
}

char *rule_test_message(const struct rule_test_file *file, const struct rule_test_moment *moment)
{
    const struct schema *schema = &file->snap->schema;
    const struct rule_test_event *e = moment->event;
    json_t *message = json_object();
    CHECK(message != NULL);
    bool ok = true;
    if (!e->is_label) {
        put_id(message, schema, moment->number);
        ok = put_fields(message, &file->defaults, false) &&
             put_fields(message, &moment->test->defaults, false);
    }
    ok = ok && put_fields(message, &e->fields, e->is_label) && put_time(message, schema, moment);
    char *bytes = ok ? json_dumps(message, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    CHECK(bytes != NULL || !ok);
    json_decref(message);
    return bytes;
}
