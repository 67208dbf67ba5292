#include "models/model_json.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span without_blanks(struct span s)
{
    while (s.len > 0 && is_blank(s.base[0]))
        s = span_of(s.base + 1, s.len - 1);
    return s;
}

/* What stands behind the '{'; {NULL, 0}: there is none. */
static struct span within(struct span bytes)
{
    struct span in = without_blanks(bytes), brace;
    if (!span_take(&in, 1, &brace) || brace.base[0] != '{')
        return (struct span){0};
    return without_blanks(in);
}

bool model_json_begins(struct span bytes, const char *name)
{
    /* { L 0000000000000007 learner: how long a length is, its type says, and how long the name is
     * nobody needs to ask. */
    static const int behind[] = {['i'] = 2, ['U'] = 2, ['I'] = 3, ['l'] = 5, ['L'] = 9};
    struct span in = within(bytes), skipped;
    if (ubjson_is(bytes)) {
        int type = bytes.base[1];
        size_t n = (size_t)type < sizeof behind / sizeof *behind ? (size_t)behind[type] : 0;
        return span_take(&in, n, &skipped) && n > 0 && span_starts(in, span_str(name));
    }
    return span_take(&in, 1, &skipped) && skipped.base[0] == '"' &&
           span_starts(in, span_str(name)) && in.len > strlen(name) && in.base[strlen(name)] == '"';
}

/* ---- reading ---- */

static struct diag_at at_file(const struct model_file *file)
{
    return (struct diag_at){.file = file->name};
}

_Static_assert(MODEL_VALUES_MAX == 8388608 && MODEL_NESTED_MAX == 1048576 &&
                   MODEL_NAMES_MAX == 1048576,
               "as is said below");

/* No fewer are counted than jansson will make. */
const char *model_json_over(struct span json)
{
    size_t n_values = 1, n_nested = 0, n_names = 0;
    for (size_t i = 0; i < json.len; i++) {
        bool is_nested = json.base[i] == '[' || json.base[i] == '{';
        n_nested += is_nested;
        n_names += json.base[i] == ':';
        n_values += is_nested || json.base[i] == ',';
    }
    if (n_values > MODEL_VALUES_MAX)
        return "8388608 values";
    if (n_names > MODEL_NAMES_MAX)
        return "1048576 names";
    return n_nested > MODEL_NESTED_MAX ? "1048576 arrays and objects" : NULL;
}

static enum status refuse_json(const struct model_file *file, const json_error_t *error)
{
    struct diag_at at = at_file(file);
    at.content = file->bytes;
    at.line = error->line;
    at.col = error->column;
    diag_error(file->diags, at, NULL, "this is no JSON: %s", error->text);
    return ST_INVALID;
}

static enum status read_json(const struct model_file *file, json_t **ret_object)
{
    json_error_t error;
    const char *over = model_json_over(file->bytes);
    if (over != NULL) {
        diag_error(file->diags, at_file(file), "train fewer or smaller trees", "more than %s",
                   over);
        return ST_TOO_LARGE;
    }
    json_t *json = json_loadb(file->bytes.base, file->bytes.len, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL)
        return refuse_json(file, &error);
    if (!json_is_object(json)) {
        diag_error(file->diags, at_file(file), NULL, "this is no object");
        json_decref(json);
        return ST_INVALID;
    }
    *ret_object = json;
    return ST_OK;
}

static enum status read_ubjson(const struct model_file *file, json_t **ret_object)
{
    struct ubjson_error error;
    enum status st = ubjson_read(file->bytes, MODEL_VALUES_MAX, ret_object, &error);
    if (st != ST_OK)
        diag_error(file->diags, at_file(file), NULL, "this is no UBJSON: at byte %zu %s",
                   error.offset, error.problem);
    return st;
}

enum status model_json_read(const struct model_file *file, json_t **ret_object)
{
    return ubjson_is(file->bytes) ? read_ubjson(file, ret_object) : read_json(file, ret_object);
}

enum status model_json_load(const struct model_file *file, struct model begun,
                            enum status (*read)(const struct model_file *file, json_t *object,
                                                struct model *model),
                            struct model *ret_model)
{
    json_t *object;
    enum status st = model_json_read(file, &object);
    if (st != ST_OK)
        return st;
    st = read(file, object, &begun);
    json_decref(object);
    if (st == ST_OK)
        *ret_model = begun;
    return st;
}

/* ---- columns ---- */

int model_json_columns(const json_t *tree, const char *const *keys, int n, size_t n_values,
                       const json_t **columns)
{
    for (int i = 0; i < n; i++) {
        columns[i] = json_object_get(tree, keys[i]);
        if (!json_is_array(columns[i]) || json_array_size(columns[i]) != n_values)
            return i;
    }
    return -1;
}
