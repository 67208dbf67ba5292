#include "service/cli/eval_rows.h"

#include "rules/cel_func.h"
#include "service/base/check.h"
#include "service/cli/eval_json.h"
#include "service/engine/row.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

enum {
    /* Bindings of the longest line, and compiling the longest expression. Pages that no row
     * touches take nothing. */
    ARENA_BYTES = 256 << 20,
    WHY_MAX = 2 * DIAG_MESSAGE_MAX + 64,
};

/* What one row sets up. */
struct setup {
    struct arena *arena;
    const json_t *row;
    struct cel_env env;
    struct cel_name names[EVAL_NAMES_MAX];
    struct cel_func functions[EVAL_FUNCTIONS_MAX];
    struct cel_value cells[EVAL_NAMES_MAX];
    size_t types_a_call; /* that trying all overloads makes, at most */
    struct diag_list diags;
    char why[WHY_MAX]; /* why there is no answer */
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct setup *up, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(up->why, sizeof up->why, format, args);
    va_end(args);
    return false;
}

/* ---- names -------------------------------------------------------------------------------- */

/* One with a NUL byte would be another one where it is a C string. */
static bool is_name(const json_t *j)
{
    size_t len = json_string_length(j);
    return json_is_string(j) && len <= EVAL_NAME_BYTES_MAX && strlen(json_string_value(j)) == len;
}

static struct cel_name *name_of(struct setup *up, const char *name)
{
    for (int i = 0; i < up->env.n_names; i++)
        if (span_is(up->names[i].name, name))
            return &up->names[i];
    if (up->env.n_names == EVAL_NAMES_MAX || strlen(name) > EVAL_NAME_BYTES_MAX) {
        refuse(up, "too many names, or too long a one: '%.64s'", name);
        return NULL;
    }
    int slot = up->env.n_names++;
    up->names[slot] =
        (struct cel_name){.name = span_str(name), .type = &cel_type_dyn, .slot = slot};
    up->cells[slot] = (struct cel_value){.kind = CEL_MISSING};
    return &up->names[slot];
}

static bool declare_variable(struct setup *up, const char *name, const json_t *type)
{
    struct eval_signature none = {.arena = up->arena};
    struct cel_name *declared = name_of(up, name);
    const char *wrong = declared ? eval_type_read(type, &none, &declared->type) : NULL;
    if (wrong != NULL)
        return refuse(up, "type_env: '%.64s': %s", name, wrong);
    return declared != NULL;
}

/* ---- functions ---------------------------------------------------------------------------- */

/* Those of one name and style stand together (cel_func.h). */
static struct cel_func *place_function(struct setup *up, const char *name, bool is_method)
{
    int at = up->env.n_functions;
    for (int i = 0; i < up->env.n_functions; i++)
        if (up->functions[i].is_method == is_method && strcmp(up->functions[i].name, name) == 0)
            at = i + 1;
    memmove(&up->functions[at + 1], &up->functions[at],
            (size_t)(up->env.n_functions - at) * sizeof *up->functions);
    up->env.n_functions++;
    return &up->functions[at];
}

/* A parameter that the result alone has could be anything: it is dyn there. */
static const char *read_signature(struct setup *up, const json_t *overload, struct cel_func *f)
{
    struct eval_signature in = {.arena = up->arena, .is_open = true};
    const json_t *params = json_object_get(overload, "params");
    f->is_method = json_is_true(json_object_get(overload, "receiver"));
    f->n_args = (int)json_array_size(params);
    if (f->n_args > CEL_ARGS_MAX || f->n_args < f->is_method)
        return f->is_method ? "too many params, or no receiver" : "too many params";
    for (int i = 0; i < f->n_args; i++) {
        const char *wrong = eval_type_read(json_array_get(params, (size_t)i), &in, &f->args[i]);
        if (wrong != NULL)
            return wrong;
    }
    in.is_open = false;
    const char *wrong = eval_type_read(json_object_get(overload, "result"), &in, &f->result);
    up->types_a_call += CEL_TYPE_PARAMS_MAX + (size_t)in.n_nodes * CEL_TYPE_NODES_MAX;
    return wrong;
}

static bool declare_function(struct setup *up, const char *name, const json_t *overloads)
{
    if (!json_is_array(overloads))
        return refuse(up, "type_env: '%.64s': overloads are an array", name);
    for (size_t i = 0; i < json_array_size(overloads); i++) {
        struct cel_func f = {.name = name};
        if (up->env.n_functions == EVAL_FUNCTIONS_MAX)
            return refuse(up, "type_env: more than %d overloads", EVAL_FUNCTIONS_MAX);
        const char *wrong = read_signature(up, json_array_get(overloads, i), &f);
        if (wrong != NULL)
            return refuse(up, "type_env: '%.64s': %s", name, wrong);
        *place_function(up, name, f.is_method) = f;
    }
    return true;
}

static bool declare(struct setup *up, const json_t *declaration)
{
    const json_t *name = json_object_get(declaration, "name");
    const json_t *overloads = json_object_get(declaration, "overloads");
    if (!is_name(name))
        return refuse(up, "type_env: a name is a string of at most %d bytes", EVAL_NAME_BYTES_MAX);
    if (overloads != NULL)
        return declare_function(up, json_string_value(name), overloads);
    return declare_variable(up, json_string_value(name), json_object_get(declaration, "type"));
}

static bool declare_all(struct setup *up)
{
    const json_t *declarations = json_object_get(up->row, "type_env");
    if (declarations != NULL && !json_is_array(declarations))
        return refuse(up, "type_env: not an array");
    for (size_t i = 0; i < json_array_size(declarations); i++)
        if (!declare(up, json_array_get(declarations, i)))
            return false;
    return true;
}

/* ---- bindings ----------------------------------------------------------------------------- */

static bool fits(struct cel_value v, const struct cel_type *t);

static bool list_fits(const struct cel_list *list, const struct cel_type *item)
{
    for (size_t i = 0; i < list->count; i++)
        if (!fits(list->items[i], item))
            return false;
    return true;
}

static bool map_fits(const struct cel_map *map, const struct cel_type *key,
                     const struct cel_type *value)
{
    for (size_t i = 0; i < map->count; i++)
        if (!fits(map->entries[i].key, key) || !fits(map->entries[i].value, value))
            return false;
    return true;
}

/* To the innermost: a program goes by the types that were declared. */
static bool fits(struct cel_value v, const struct cel_type *t)
{
    if (!cel_type_takes(t, v))
        return false;
    switch (t->kind) {
    case CEL_T_LIST:
        return list_fits(v.list, t->params[0]);
    case CEL_T_MAP:
        return map_fits(v.map, t->params[0], t->params[1]);
    case CEL_T_OPTIONAL:
        return v.some == NULL || fits(*v.some, t->params[0]);
    default:
        return true; /* a wrapper's is a scalar */
    }
}

static bool bind(struct setup *up, const char *name, const json_t *value)
{
    struct cel_name *bound = name_of(up, name);
    if (bound == NULL)
        return false;
    const char *wrong = eval_value_read(value, up->arena, &up->cells[bound->slot]);
    if (wrong == NULL && !fits(up->cells[bound->slot], bound->type))
        wrong = "the value is not of the type that is declared";
    return wrong == NULL || refuse(up, "bindings: '%.64s': %s", name, wrong);
}

static bool bind_all(struct setup *up)
{
    json_t *bindings = json_object_get(up->row, "bindings");
    if (bindings != NULL && !json_is_object(bindings))
        return refuse(up, "bindings: not an object");
    for (void *at = json_object_iter(bindings); at; at = json_object_iter_next(bindings, at))
        if (!bind(up, json_object_iter_key(at), json_object_iter_value(at)))
            return false;
    return true;
}

/* ---- one row ------------------------------------------------------------------------------ */

/* true, false or not there. */
static bool read_flag(struct setup *up, const char *key, bool *ret_flag)
{
    const json_t *j = json_object_get(up->row, key);
    if (j != NULL && !json_is_boolean(j))
        return refuse(up, "%s: not true or false", key);
    *ret_flag = json_is_true(j);
    return true;
}

static bool read_container(struct setup *up)
{
    const json_t *j = json_object_get(up->row, "container");
    int parts = 1;
    if (j == NULL)
        return true;
    if (!is_name(j))
        return refuse(up, "container: not a name of at most %d bytes", EVAL_NAME_BYTES_MAX);
    up->env.container = span_of(json_string_value(j), json_string_length(j));
    for (size_t i = 0; i < up->env.container.len; i++)
        parts += up->env.container.base[i] == '.';
    return parts <= EVAL_CONTAINER_PARTS_MAX ||
           refuse(up, "container: more than %d parts", EVAL_CONTAINER_PARTS_MAX);
}

/* What the compiler may need besides what it asks for itself: each call tries each overload that
 * the row declares, with types made anew, and a parameter may stand for the largest. */
static bool has_room(const struct setup *up, struct span source)
{
    size_t calls = source.len < CEL_SOURCE_MAX ? source.len / 2 + 1 : CEL_SOURCE_MAX / 2;
    return calls * up->types_a_call * sizeof(struct cel_type) <
           up->arena->cap_bytes - up->arena->used_bytes;
}

static bool refuse_by(struct setup *up, const struct diag *d)
{
    return refuse(up, "%d:%d: %s%s%s", d->line, d->col, d->message, d->hint[0] ? "; " : "",
                  d->hint);
}

static bool compile(struct setup *up, const struct cel_program **ret_program)
{
    const json_t *j = json_object_get(up->row, "expr");
    struct span source = span_of(json_string_value(j), json_string_length(j));
    if (!json_is_string(j))
        return refuse(up, "expr: not a string");
    if (!has_room(up, source))
        return refuse(up, "type_env: too many overloads for so long an expression");
    if (cel_compile(&up->env, source, (struct diag_at){0}, up->arena, &up->diags, ret_program) !=
        ST_OK)
        return refuse_by(up, &up->diags.items[0]);
    return true;
}

static bool set_up(struct setup *up, const json_t *row, struct arena *arena, bool *ret_check_only)
{
    up->arena = arena;
    up->row = row;
    up->types_a_call = 0;
    up->env = (struct cel_env){.names = up->names, .functions = up->functions};
    up->diags.count = up->diags.errors = up->diags.dropped = 0;
    if (!json_is_object(row))
        return refuse(up, "a row is an object");
    return read_flag(up, "disable_check", &up->env.unchecked) &&
           read_flag(up, "check_only", ret_check_only) && read_container(up) && declare_all(up) &&
           bind_all(up);
}

static bool refuse_error(struct setup *up, struct cel_value error)
{
    struct text t;
    text_init(&t, up->why, sizeof up->why - 1);
    cel_error_write(error, &t);
    t.base[t.len] = '\0';
    return false;
}

static void write_answer(const char *key, struct text *out)
{
    text_printf(out, "{\"%s\":", key);
}

static bool answer_value(struct setup *up, const struct cel_program *program, struct arena *scratch,
                         struct text *out)
{
    struct cel_value v = cel_run(program, up->cells, scratch);
    if (cel_is_error(v))
        return refuse_error(up, v);
    write_answer("value", out);
    eval_value_write(v, out);
    return true;
}

static bool answer_row(struct setup *up, struct eval_rows *rows, const json_t *row,
                       struct text *out)
{
    const struct cel_program *program = NULL;
    bool check_only = false;
    if (!set_up(up, row, rows->arena, &check_only) || !compile(up, &program))
        return false;
    if (!check_only)
        return answer_value(up, program, rows->scratch, out);
    write_answer("type", out);
    eval_type_write(program->result, out);
    return true;
}

static void answer_error(const char *why, struct text *out)
{
    write_answer("error", out);
    eval_string_write(span_str(why), out);
    text_char(out, '}');
}

void eval_rows_answer(struct eval_rows *rows, struct span row, struct text *out)
{
    static struct setup up; /* large, and set up anew by each row */
    size_t start = out->len;
    json_error_t error;
    arena_reset(rows->arena);
    arena_reset(rows->scratch);
    json_t *json = json_loadb(row.base, row.len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    bool answered = json != NULL ? answer_row(&up, rows, json, out)
                                 : refuse(&up, "not JSON: column %d: %s", error.column, error.text);
    json_decref(json);
    if (answered && out->overflow)
        answered = refuse(&up, "the value is too large, or nested too deeply, to be written");
    if (answered) {
        text_char(out, '}');
        return;
    }
    out->len = start;
    out->overflow = false;
    answer_error(up.why, out);
}

/* ---- all of them -------------------------------------------------------------------------- */

void eval_rows_init(struct eval_rows *rows)
{
    rows->arena = arena_new(ARENA_BYTES);
    rows->scratch = arena_new(ROW_SCRATCH_BYTES);
}

void eval_rows_fini(struct eval_rows *rows)
{
    arena_free(rows->arena);
    arena_free(rows->scratch);
}

/* A line without its newline; of one that is too long the rest is passed over, and line->overflow
 * set. false: there is none. */
static bool next_line(FILE *in, struct text *line)
{
    int c = getc_unlocked(in);
    line->len = 0;
    line->overflow = false;
    if (c == EOF)
        return false;
    for (; c != EOF && c != '\n'; c = getc_unlocked(in))
        text_char(line, (char)c);
    return true;
}

static void answer_line(struct eval_rows *rows, const struct text *line, struct text *out)
{
    out->len = 0;
    if (line->overflow)
        answer_error("a line has at most 16 MiB", out);
    else
        eval_rows_answer(rows, text_span(line), out);
    text_char(out, '\n');
}

enum status eval_rows_run(FILE *in, FILE *out)
{
    struct eval_rows rows;
    struct text line, answer;
    char *line_bytes = malloc(EVAL_LINE_MAX), *answer_bytes = malloc(EVAL_ANSWER_MAX + 1);
    CHECK(line_bytes != NULL && answer_bytes != NULL);
    text_init(&line, line_bytes, EVAL_LINE_MAX);
    text_init(&answer, answer_bytes, EVAL_ANSWER_MAX + 1);
    eval_rows_init(&rows);
    while (!ferror(out) && next_line(in, &line)) {
        answer_line(&rows, &line, &answer);
        fwrite(answer.base, 1, answer.len, out);
        fflush(out); /* whoever asks one by one waits for it */
    }
    eval_rows_fini(&rows);
    free(line_bytes);
    free(answer_bytes);
    return ferror(in) || ferror(out) ? ST_IO : ST_OK;
}
