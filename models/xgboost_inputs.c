#include "models/xgboost_inputs.h"

static enum status refuse(const struct model_file *file, enum status st, const char *hint,
                          const char *problem, size_t feature)
{
    diag_error(file->diags, (struct diag_at){.file = file->name}, hint, "feature %zu: %s", feature,
               problem);
    return st;
}

static enum status no_space(const struct model_file *file)
{
    diag_error(file->diags, (struct diag_at){.file = file->name}, "give models more memory",
               "there is no memory left for its features");
    return ST_NO_SPACE;
}

/* ---- names and types ---- */

static struct span text_at(const json_t *array, size_t i)
{
    const json_t *text = json_array_get(array, i);
    return span_of(json_string_value(text), json_string_length(text));
}

static enum status read_name(const struct model_file *file, const json_t *names, size_t i,
                             struct span *ret_name)
{
    char bytes[MODEL_INPUT_NAME_MAX];
    struct text made;
    text_init(&made, bytes, sizeof bytes);
    text_printf(&made, "f%zu", i);
    struct span name = json_array_size(names) == 0 ? text_span(&made) : text_at(names, i);
    if (name.len == 0)
        return refuse(file, ST_INVALID, NULL, "it has no name", i);
    if (name.len > MODEL_INPUT_NAME_MAX)
        return refuse(file, ST_TOO_LARGE, "128 bytes are the most", "its name is too long", i);
    struct span copy = arena_try_copy(file->arena, name);
    if (copy.base == NULL)
        return no_space(file);
    *ret_name = copy;
    return ST_OK;
}

static bool is_there_before(const struct model_input *inputs, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (span_eq(inputs[k].name, inputs[i].name))
            return true;
    return false;
}

static enum status check_counts(const struct model_file *file, size_t names, size_t types, size_t n)
{
    if ((names == 0 || names == n) && (types == 0 || types == n))
        return ST_OK;
    diag_error(file->diags, (struct diag_at){.file = file->name}, NULL,
               "%zu features by num_feature, %zu names, %zu types", n, names, types);
    return ST_INVALID;
}

enum status xgboost_inputs_read(const struct model_file *file, const json_t *learner, size_t n,
                                struct model_input **ret_inputs)
{
    const json_t *names = json_object_get(learner, "feature_names");
    const json_t *types = json_object_get(learner, "feature_types");
    void *mem;
    enum status st = check_counts(file, json_array_size(names), json_array_size(types), n);
    if (st != ST_OK)
        return st;
    if (arena_alloc(file->arena, n * sizeof **ret_inputs, &mem) != ST_OK)
        return no_space(file);
    struct model_input *inputs = mem;
    for (size_t i = 0; i < n; i++) {
        st = read_name(file, names, i, &inputs[i].name);
        if (st != ST_OK)
            return st;
        if (is_there_before(inputs, i))
            return refuse(file, ST_INVALID, NULL, "its name is there before", i);
        inputs[i].is_category = span_is(text_at(types, i), "c");
    }
    *ret_inputs = inputs;
    return ST_OK;
}

/* ---- categories ---- */

static bool integer_at(const json_t *array, size_t i, json_int_t *ret_v)
{
    const json_t *json = json_array_get(array, i);
    *ret_v = json_integer_value(json);
    return json_is_integer(json);
}

/* values[begin..end) as bytes. They are int8, so the upper half is below zero. */
static bool copy_bytes(const struct model_file *file, const json_t *values, json_int_t begin,
                       json_int_t end, struct span *ret_name)
{
    char bytes[MODEL_INPUT_NAME_MAX];
    json_int_t v, n = end - begin;
    if (begin < 0 || n < 0 || n > (json_int_t)sizeof bytes)
        return false;
    for (json_int_t i = 0; i < n; i++) {
        if (!integer_at(values, (size_t)(begin + i), &v))
            return false;
        bytes[i] = (char)v;
    }
    *ret_name = arena_try_copy(file->arena, span_of(bytes, (size_t)n));
    return ret_name->base != NULL;
}

static bool copy_number(const struct model_file *file, const json_t *values, size_t i,
                        struct span *ret_name)
{
    char bytes[32];
    struct text text;
    json_int_t v;
    if (!integer_at(values, i, &v))
        return false;
    text_init(&text, bytes, sizeof bytes);
    text_i64(&text, v);
    *ret_name = arena_try_copy(file->arena, text_span(&text));
    return ret_name->base != NULL;
}

static bool copy_category(const struct model_file *file, const json_t *enc, size_t i,
                          struct span *ret_name)
{
    const json_t *offsets = json_object_get(enc, "offsets");
    const json_t *values = json_object_get(enc, "values");
    json_int_t begin, end;
    if (offsets == NULL)
        return copy_number(file, values, i, ret_name);
    return integer_at(offsets, i, &begin) && integer_at(offsets, i + 1, &end) &&
           copy_bytes(file, values, begin, end, ret_name);
}

static size_t count_categories(const json_t *enc)
{
    const json_t *offsets = json_object_get(enc, "offsets");
    size_t n = json_array_size(offsets);
    return offsets == NULL ? json_array_size(json_object_get(enc, "values")) : n == 0 ? 0 : n - 1;
}

static bool is_ascii(struct span name)
{
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.base[i] >= 0x80)
            return false;
    return true;
}

/* From data frames of pandas the library (3.1, 3.2) counts offsets in characters, and cuts the
 * names after as many bytes: they would be others than those of the data. */
static bool can_be_trusted(const struct model_file *file, const struct model_input *input,
                           const struct span *names, size_t n)
{
    size_t i = 0;
    while (i < n && is_ascii(names[i]))
        i++;
    if (i < n)
        diag_warning(
            file->diags, (struct diag_at){.file = file->name},
            "name them where the model is used, in the order of their codes",
            "the names of the categories of '%.*s' are not all ASCII, and XGBoost may have "
            "cut them: they are not taken",
            SPAN_ARG(input->name));
    return i == n;
}

static enum status name_categories(const struct model_file *file, const json_t *enc, size_t feature,
                                   struct model_input *input)
{
    size_t n = count_categories(enc);
    void *mem;
    if (n == 0)
        return ST_OK;
    if (n > MODEL_CATEGORIES_MAX)
        return refuse(file, ST_TOO_LARGE, "4096 are the most", "it has too many categories",
                      feature);
    if (arena_alloc(file->arena, n * sizeof *input->categories, &mem) != ST_OK)
        return no_space(file);
    struct span *names = mem;
    for (size_t i = 0; i < n; i++)
        if (!copy_category(file, enc, i, &names[i]))
            return refuse(file, ST_INVALID, "128 bytes are the most for a name",
                          "a category's name cannot be read", feature);
    input->is_category = true;
    if (!can_be_trusted(file, input, names, n))
        return ST_OK;
    input->categories = names;
    input->n_categories = (int)n;
    return ST_OK;
}

enum status xgboost_inputs_name_categories(const struct model_file *file, const json_t *cats,
                                           struct model_input *inputs, size_t n)
{
    const json_t *enc = json_object_get(cats, "enc");
    enum status st = ST_OK;
    if (json_array_size(enc) != 0 && json_array_size(enc) != n) {
        diag_error(file->diags, (struct diag_at){.file = file->name}, NULL,
                   "%zu features by num_feature, and categories of %zu", n, json_array_size(enc));
        return ST_INVALID;
    }
    for (size_t i = 0; i < json_array_size(enc) && st == ST_OK; i++)
        st = name_categories(file, json_array_get(enc, i), i, &inputs[i]);
    return st;
}
