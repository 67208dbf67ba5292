#include "models/lightgbm_categories.h"

#include "models/model_json.h"

#include <jansson.h>

struct categories {
    const struct model_file *file;
    struct model_input *inputs;
    int n_inputs;
    struct span pandas; /* a JSON list of lists; empty: there is none */
    int line;           /* where it stands */
};

static struct diag_at at_line(const struct categories *c)
{
    return (struct diag_at){.file = c->file->name, .line = c->line};
}

static enum status complain(const struct categories *c, const char *what)
{
    diag_error(c->file->diags, at_line(c), NULL, "pandas_categorical %s", what);
    return ST_INVALID;
}

static enum status complain_of_room(const struct categories *c)
{
    (void)complain(c, "has more than there is room for");
    return ST_NO_SPACE;
}

/* ---- which they are ---- */

static void mark(struct categories *c, size_t index)
{
    if (index < (size_t)c->n_inputs)
        c->inputs[index].is_category = true;
}

/* "1,2,3". It is a parameter of the training, so what is no input's index is passed over. */
static void mark_listed(struct categories *c, struct span list)
{
    size_t index = 0, digits = 0;
    for (size_t i = 0; i < list.len; i++) {
        char d = list.base[i];
        if (d >= '0' && d <= '9') {
            index = index < MODEL_INPUTS_MAX ? index * 10 + (size_t)(d - '0') : index;
            digits++;
            continue;
        }
        if (digits > 0)
            mark(c, index);
        index = digits = 0;
    }
}

static bool take_prefix(struct span line, const char *prefix, struct span *ret_rest)
{
    struct span part;
    if (!span_starts(line, span_str(prefix)) || !span_take(&line, strlen(prefix), &part))
        return false;
    *ret_rest = line;
    return true;
}

static void read_lines(struct categories *c, struct lightgbm_text *t)
{
    struct span line, rest;
    while (lightgbm_line(t, &line)) {
        if (take_prefix(line, "[categorical_feature: ", &rest))
            mark_listed(c, rest); /* the "]" ends the last one */
        if (take_prefix(line, "pandas_categorical:", &rest) && !span_is(rest, "null")) {
            c->pandas = rest;
            c->line = t->line;
        }
    }
}

/* ---- their names ---- */

/* Text as it is; a number as JSON writes it. */
static struct span name_of(struct arena *arena, const json_t *category)
{
    char number[32];
    struct text t;
    text_init(&t, number, sizeof number);
    if (json_is_string(category))
        return arena_try_copy(arena,
                              span_of(json_string_value(category), json_string_length(category)));
    if (json_is_boolean(category))
        text_str(&t, json_is_true(category) ? "true" : "false");
    else if (json_is_integer(category))
        text_i64(&t, json_integer_value(category));
    else
        text_double(&t, json_number_value(category));
    return arena_try_copy(arena, text_span(&t));
}

static enum status put_name(const struct categories *c, const json_t *category,
                            struct span *ret_name)
{
    if (category == NULL || json_is_array(category) || json_is_object(category) ||
        json_is_null(category))
        return complain(c, "has a category that is no text and no number");
    struct span name = name_of(c->file->arena, category);
    if (name.base == NULL)
        return complain_of_room(c);
    *ret_name = name;
    return ST_OK;
}

static enum status put_names(const struct categories *c, const json_t *names,
                             struct model_input *input)
{
    size_t n = json_array_size(names);
    void *mem;
    if (!json_is_array(names))
        return complain(c, "must be a list of lists");
    if (n > MODEL_CATEGORIES_MAX)
        return complain(c, "has more than 4096 categories of one input");
    if (arena_alloc(c->file->arena, n * sizeof *input->categories, &mem) != ST_OK)
        return complain_of_room(c);
    input->categories = mem;
    input->n_categories = (int)n;
    for (size_t i = 0; i < n; i++) {
        enum status st = put_name(c, json_array_get(names, i), &input->categories[i]);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

static size_t count_categorical(const struct categories *c)
{
    size_t n = 0;
    for (int i = 0; i < c->n_inputs; i++)
        n += c->inputs[i].is_category;
    return n;
}

static enum status put_lists(const struct categories *c, const json_t *lists)
{
    size_t next = 0, n = json_array_size(lists), inputs = count_categorical(c);
    if (!json_is_array(lists))
        return complain(c, "must be a list of lists");
    if (n != inputs && n > 0)
        diag_warning(c->file->diags, at_line(c), "name the codes where the model is used",
                     "pandas_categorical has categories of %zu inputs, and %zu are categorical", n,
                     inputs);
    if (n != inputs)
        return ST_OK;
    for (int i = 0; i < c->n_inputs; i++) {
        if (!c->inputs[i].is_category)
            continue;
        enum status st = put_names(c, json_array_get(lists, next++), &c->inputs[i]);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

enum status lightgbm_categories_read(struct lightgbm_text *t, struct model_input *inputs,
                                     int n_inputs)
{
    struct categories c = {.file = t->file, .inputs = inputs, .n_inputs = n_inputs};
    json_error_t error;
    read_lines(&c, t);
    if (c.pandas.len == 0)
        return ST_OK;
    const char *over = model_json_over(c.pandas);
    if (over != NULL) {
        diag_error(t->file->diags, at_line(&c), NULL, "pandas_categorical has more than %s", over);
        return ST_TOO_LARGE;
    }
    json_t *lists = json_loadb(c.pandas.base, c.pandas.len, 0, &error);
    if (lists == NULL)
        return complain(&c, "is not JSON");
    enum status st = put_lists(&c, lists);
    json_decref(lists);
    return st;
}
