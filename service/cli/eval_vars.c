#include "service/cli/eval_vars.h"

#include "service/cli/eval_json.h"

struct typed {
    struct cel_value value;
    const struct cel_type *type;
};

struct reading {
    struct arena *arena;
    int depth;
    const char *wrong; /* NULL: nothing yet */
};

static bool read_any(struct reading *r, const json_t *j, struct typed *ret);

static bool fail(struct reading *r, const char *wrong)
{
    r->wrong = wrong;
    return false;
}

static void *room(struct reading *r, size_t size)
{
    void *mem = arena_try(r->arena, size);
    if (mem == NULL)
        r->wrong = "too large";
    return mem;
}

static bool read_text(struct reading *r, struct span s, struct cel_value *ret_value)
{
    struct span copy = arena_try_copy(r->arena, s);
    if (copy.base == NULL)
        return fail(r, "too large");
    *ret_value = cel_string(copy);
    return true;
}

/* The type of both: dyn where they differ, as deep inside as can be. */
static const struct cel_type *join(struct reading *r, const struct cel_type *a,
                                   const struct cel_type *b)
{
    if (a == NULL || cel_type_same(a, b))
        return b;
    struct cel_type *both = a->kind == b->kind && a->n_params > 0 ? room(r, sizeof *both) : NULL;
    if (both == NULL)
        return &cel_type_dyn;
    *both = *a;
    for (int i = 0; i < a->n_params; i++)
        both->params[i] = join(r, a->params[i], b->params[i]);
    return both;
}

static bool keep_type(struct reading *r, struct cel_type type, const struct cel_type **ret_type)
{
    struct cel_type *t = room(r, sizeof *t);
    if (t == NULL)
        return false;
    *t = type;
    *ret_type = t;
    return true;
}

static bool read_array(struct reading *r, const json_t *j, struct typed *ret)
{
    size_t n = json_array_size(j);
    struct cel_list *list = room(r, sizeof *list);
    struct cel_value *items = room(r, n * sizeof *items);
    const struct cel_type *item = n > 0 ? NULL : &cel_type_dyn;
    for (size_t i = 0; i < n && r->wrong == NULL; i++) {
        struct typed one;
        if (!read_any(r, json_array_get(j, i), &one))
            return false;
        items[i] = one.value;
        item = join(r, item, one.type);
    }
    if (r->wrong != NULL)
        return false;
    *list = (struct cel_list){.count = n, .items = items};
    ret->value = cel_list_of(list);
    return keep_type(r, (struct cel_type){.kind = CEL_T_LIST, .n_params = 1, .params = {item}},
                     &ret->type);
}

static bool read_object(struct reading *r, const json_t *j, struct typed *ret)
{
    json_t *object = (json_t *)(uintptr_t)j; /* looked at only */
    size_t n = json_object_size(j), i = 0;
    struct cel_map *map = room(r, sizeof *map);
    struct cel_entry *entries = room(r, n * sizeof *entries);
    const struct cel_type *value = n > 0 ? NULL : &cel_type_dyn;
    for (void *at = json_object_iter(object); at != NULL && r->wrong == NULL;
         at = json_object_iter_next(object, at)) {
        struct typed one;
        if (!read_text(r, span_str(json_object_iter_key(at)), &entries[i].key) ||
            !read_any(r, json_object_iter_value(at), &one))
            return false;
        entries[i++].value = one.value;
        value = join(r, value, one.type);
    }
    if (r->wrong != NULL)
        return false;
    *map = (struct cel_map){.count = n, .entries = entries};
    ret->value = cel_map_of(map);
    return keep_type(
        r, (struct cel_type){.kind = CEL_T_MAP, .n_params = 2, .params = {&cel_type_string, value}},
        &ret->type);
}

static bool read_nested(struct reading *r, const json_t *j, struct typed *ret)
{
    if (r->depth == EVAL_DEPTH_MAX)
        return fail(r, "nested too deeply");
    r->depth++;
    bool ok = json_is_array(j) ? read_array(r, j, ret) : read_object(r, j, ret);
    r->depth--;
    return ok;
}

static bool read_any(struct reading *r, const json_t *j, struct typed *ret)
{
    switch (json_typeof(j)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        return read_nested(r, j, ret);
    case JSON_STRING:
        ret->type = &cel_type_string;
        return read_text(r, span_of(json_string_value(j), json_string_length(j)), &ret->value);
    case JSON_INTEGER:
        *ret = (struct typed){cel_int(json_integer_value(j)), &cel_type_int};
        return true;
    case JSON_REAL:
        *ret = (struct typed){cel_double(json_real_value(j)), &cel_type_double};
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        *ret = (struct typed){cel_bool(json_is_true(j)), &cel_type_bool};
        return true;
    case JSON_NULL:
        *ret = (struct typed){cel_null(), &cel_type_null};
        return true;
    }
    return fail(r, "no value");
}

static bool read_vars(struct reading *r, json_t *object, struct eval_vars *vars)
{
    size_t n = json_object_size(object);
    if (n > EVAL_NAMES_MAX)
        return fail(r, "too many variables");
    vars->names = room(r, n * sizeof *vars->names);
    vars->values = room(r, n * sizeof *vars->values);
    for (void *at = json_object_iter(object); at != NULL && r->wrong == NULL;
         at = json_object_iter_next(object, at)) {
        struct cel_value name;
        struct typed one;
        if (!read_text(r, span_str(json_object_iter_key(at)), &name) ||
            !read_any(r, json_object_iter_value(at), &one))
            return false;
        int i = vars->count++;
        vars->names[i] = (struct cel_name){.name = name.text, .type = one.type, .slot = i};
        vars->values[i] = one.value;
    }
    return r->wrong == NULL;
}

enum status eval_vars_read(struct span json, struct arena *arena, struct diag_list *diags,
                           struct eval_vars *ret_vars)
{
    static const char form[] = "write it as {\"amount\": 12.5, \"currency\": \"EUR\"}";
    struct diag_at at = {.file = "--vars", .content = json, .line = 1, .col = 1};
    struct reading r = {.arena = arena};
    struct eval_vars vars = {0};
    json_error_t error;
    json_t *j = json_loadb(json.base, json.len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    if (j == NULL) {
        at.line = error.line;
        at.col = error.column > 0 ? error.column : 1;
        diag_error(diags, at, form, "not JSON: %s", error.text);
        return ST_INVALID;
    }
    bool ok = json_is_object(j) ? read_vars(&r, j, &vars) : fail(&r, "not an object");
    json_decref(j);
    if (!ok) {
        diag_error(diags, at, form, "%s", r.wrong);
        return ST_INVALID;
    }
    *ret_vars = vars;
    return ST_OK;
}
