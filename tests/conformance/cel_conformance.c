/*
 * cel_conformance.c -- the CEL specification's conformance tests, from a file of JSON lines.
 *
 *     cel_conformance FILE.jsonl [-v]
 *
 * Each line: expr, bindings, and expect_value, expect_error or expect_type; perhaps type_env,
 * container, disable_check, check_only. Prints each section in which tests fail, and each test of
 * the core that does; the last line is `core: N passed, N failed, N known to fail`. What is known
 * to fail stands in a list below; one of those that passes has failed, so that the list stays
 * true. Tests of extensions (`ext:...`) are counted apart, shown with -v, and decide nothing.
 * Exit status: 0; 1 something of the core failed, or nothing of it was there; 2 usage, no file.
 */
#include "rules/cel.h"
#include "rules/cel_func.h"

#include <jansson.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>

enum {
    ARENA_BYTES = 64 << 20,
    NAMES_MAX = 64,
    SECTIONS_MAX = 512,
};

/* These use `optional`, which is an extension that we do not have. */
static const char *const known_to_fail[] = {
    "type_deduction/flexible_type_parameter_assignment/optional_dyn_promotion_2",
    "type_deduction/flexible_type_parameter_assignment/optional_in_ternary",
};

enum outcome { PASSED, FAILED, KNOWN, OUTCOMES };

struct section {
    char name[128];
    bool core;
    int counts[OUTCOMES];
};

static struct section sections[SECTIONS_MAX];
static int n_sections;

struct suite {
    struct arena *arena;
    bool verbose;
};

/* ---- from JSON ------------------------------------------------------------------------------ */

static struct span text_of(const json_t *j)
{
    return span_of(json_string_value(j), json_string_length(j));
}

static struct cel_value value_of(struct suite *s, const json_t *j);

static struct cel_value list_of(struct suite *s, const json_t *j)
{
    struct cel_list *list = arena_must(s->arena, sizeof *list);
    list->count = json_array_size(j);
    list->items = arena_must(s->arena, (list->count + 1) * sizeof *list->items);
    for (size_t i = 0; i < list->count; i++)
        list->items[i] = value_of(s, json_array_get(j, i));
    return cel_list_of(list);
}

static struct cel_value map_of(struct suite *s, const json_t *j)
{
    struct cel_map *map = arena_must(s->arena, sizeof *map);
    map->count = json_array_size(j);
    map->entries = arena_must(s->arena, (map->count + 1) * sizeof *map->entries);
    for (size_t i = 0; i < map->count; i++) {
        const json_t *pair = json_array_get(j, i);
        map->entries[i].key = value_of(s, json_array_get(pair, 0));
        map->entries[i].value = value_of(s, json_array_get(pair, 1));
    }
    return cel_map_of(map);
}

static double double_of(const json_t *j)
{
    if (json_is_number(j))
        return json_number_value(j);
    return strtod(json_string_value(j), NULL); /* "NaN", "Infinity" */
}

static struct cel_value bytes_of(struct suite *s, struct span base64)
{
    size_t len = 0;
    unsigned char *mem = arena_must(s->arena, base64.len + 1);
    sodium_base642bin(mem, base64.len + 1, base64.base, base64.len, NULL, &len, NULL,
                      sodium_base64_VARIANT_ORIGINAL);
    return cel_bytes(span_of(mem, len));
}

/* timestamp("...") and the like: our own function, so it must be right itself. */
static struct cel_value converted(struct suite *s, const char *function, struct span text)
{
    struct cel_env env = {0};
    struct cel_context cx = {.arena = s->arena, .steps = CEL_STEPS_MAX};
    int count;
    const struct cel_func *f = cel_func_find(&env, span_str(function), false, &count);
    struct cel_value arg = cel_string(text);
    return cel_func_call(&cx, f, count, &arg, 1);
}

static struct cel_value value_of(struct suite *s, const json_t *j)
{
    const char *kind = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)j));
    const json_t *v = json_object_get(j, kind);
    struct span t = json_is_string(v) ? text_of(v) : span_of(NULL, 0);
    if (strcmp(kind, "int") == 0)
        return cel_int(strtoll(t.base, NULL, 10));
    if (strcmp(kind, "uint") == 0)
        return cel_uint(strtoull(t.base, NULL, 10));
    if (strcmp(kind, "double") == 0)
        return cel_double(double_of(v));
    if (strcmp(kind, "bool") == 0)
        return cel_bool(json_is_true(v));
    if (strcmp(kind, "string") == 0)
        return cel_string(t);
    if (strcmp(kind, "bytes") == 0)
        return bytes_of(s, t);
    if (strcmp(kind, "list") == 0)
        return list_of(s, v);
    if (strcmp(kind, "map") == 0)
        return map_of(s, v);
    if (strcmp(kind, "type") == 0)
        return cel_type_named(t);
    if (strcmp(kind, "timestamp") == 0 || strcmp(kind, "duration") == 0)
        return converted(s, kind, t);
    return cel_null();
}

static const struct cel_type *type_of(struct suite *s, const json_t *j)
{
    static const struct {
        const char *name;
        const struct cel_type *type;
    } names[] = {
        {"int", &cel_type_int},           {"uint", &cel_type_uint},
        {"double", &cel_type_double},     {"bool", &cel_type_bool},
        {"string", &cel_type_string},     {"bytes", &cel_type_bytes},
        {"null", &cel_type_null},         {"timestamp", &cel_type_timestamp},
        {"duration", &cel_type_duration}, {"type", &cel_type_type},
    };
    for (size_t i = 0; json_is_string(j) && i < sizeof names / sizeof *names; i++) {
        if (strcmp(json_string_value(j), names[i].name) == 0)
            return names[i].type;
    }
    struct cel_type *t = arena_must(s->arena, sizeof *t);
    const json_t *v, *params = NULL;
    if ((v = json_object_get(j, "list")) != NULL)
        return cel_type_list(s->arena, type_of(s, v));
    if ((v = json_object_get(j, "map")) != NULL)
        return cel_type_map(s->arena, type_of(s, json_array_get(v, 0)),
                            type_of(s, json_array_get(v, 1)));
    if ((v = json_object_get(j, "wrapper")) != NULL)
        return cel_type_wrapper(s->arena, type_of(s, v));
    if ((v = json_object_get(j, "param")) != NULL) {
        *t = (struct cel_type){.kind = CEL_T_PARAM, .id = (json_string_value(v)[0] - 'A') % 3};
        return t;
    }
    if ((v = json_object_get(j, "abstract")) == NULL)
        return &cel_type_dyn;
    *t = (struct cel_type){.kind = CEL_T_ABSTRACT, .name = text_of(v)};
    params = json_object_get(j, "params");
    t->n_params = (int)json_array_size(params);
    for (int i = 0; i < t->n_params; i++)
        t->params[i] = type_of(s, json_array_get(params, (size_t)i));
    return t;
}

/* ---- one test ------------------------------------------------------------------------------- */

struct setup {
    struct cel_env env;
    struct cel_name names[NAMES_MAX];
    struct cel_func functions[NAMES_MAX];
    struct cel_value row[NAMES_MAX];
};

static int name_slot(struct setup *up, struct span name)
{
    for (int i = 0; i < up->env.n_names; i++) {
        if (span_eq(up->names[i].name, name))
            return i;
    }
    int slot = up->env.n_names++;
    up->names[slot] = (struct cel_name){.name = name, .type = &cel_type_dyn, .slot = slot};
    return slot;
}

static void declare(struct suite *s, struct setup *up, const json_t *decl)
{
    const json_t *overloads = json_object_get(decl, "overloads");
    struct span name = text_of(json_object_get(decl, "name"));
    if (overloads == NULL) {
        up->names[name_slot(up, name)].type = type_of(s, json_object_get(decl, "type"));
        return;
    }
    for (size_t i = 0; i < json_array_size(overloads); i++) {
        const json_t *o = json_array_get(overloads, i), *params = json_object_get(o, "params");
        struct cel_func *f = &up->functions[up->env.n_functions++];
        *f = (struct cel_func){.name = name.base, .n_args = (int)json_array_size(params)};
        f->is_method = json_is_true(json_object_get(o, "receiver"));
        f->result = type_of(s, json_object_get(o, "result"));
        for (int a = 0; a < f->n_args; a++)
            f->args[a] = type_of(s, json_array_get(params, (size_t)a));
    }
}

static void set_up(struct suite *s, const json_t *test, struct setup *up)
{
    const json_t *decls = json_object_get(test, "type_env");
    json_t *bindings = json_object_get(test, "bindings"), *value;
    const char *key;
    memset(up, 0, sizeof *up);
    up->env.names = up->names;
    up->env.functions = up->functions;
    up->env.unchecked = json_is_true(json_object_get(test, "disable_check"));
    if (json_object_get(test, "container") != NULL)
        up->env.container = text_of(json_object_get(test, "container"));
    for (size_t i = 0; i < json_array_size(decls); i++)
        declare(s, up, json_array_get(decls, i));
    json_object_foreach(bindings, key, value) up->row[name_slot(up, span_str(key))] =
        value_of(s, value);
}

static bool same(struct cel_value want, struct cel_value got)
{
    if (want.kind != got.kind)
        return false;
    if (want.kind == CEL_DOUBLE && isnan(want.f64))
        return isnan(got.f64);
    return cel_equal(want, got, NULL);
}

static bool expected(struct suite *s, const json_t *test, const struct cel_program *program,
                     struct cel_value got)
{
    const json_t *want = json_object_get(test, "expect_value");
    const json_t *type = json_object_get(test, "expect_type");
    bool error = program == NULL || cel_is_error(got);
    if (json_object_get(test, "expect_error") != NULL)
        return error;
    if (program == NULL || (type != NULL && !cel_type_same(program->result, type_of(s, type))))
        return false;
    if (json_is_true(json_object_get(test, "check_only")))
        return true;
    return !error && same(want ? value_of(s, want) : cel_bool(true), got);
}

static const char *text_at(const json_t *test, const char *key)
{
    const char *text = json_string_value(json_object_get(test, key));
    return text ? text : "";
}

static bool is_core(const json_t *test)
{
    return strcmp(text_at(test, "feature"), "core") == 0;
}

static bool is_known_to_fail(const json_t *test)
{
    char id[256];
    snprintf(id, sizeof id, "%s/%s/%s", text_at(test, "file"), text_at(test, "section"),
             text_at(test, "name"));
    for (size_t i = 0; i < sizeof known_to_fail / sizeof *known_to_fail; i++) {
        if (strcmp(id, known_to_fail[i]) == 0)
            return true;
    }
    return false;
}

static void report(const json_t *test, const struct diag_list *diags, struct cel_value got)
{
    char buf[4096];
    struct text t;
    text_init(&t, buf, sizeof buf);
    if (diags->count > 0)
        text_str(&t, diags->items[0].message);
    else if (cel_is_error(got))
        cel_error_write(got, &t);
    else
        cel_value_write(got, &t);
    printf("FAILED %s/%s/%s%s\n    %.300s\n    gives %.*s\n", text_at(test, "file"),
           text_at(test, "section"), text_at(test, "name"),
           is_known_to_fail(test) ? ", which is known to fail: it passes" : "",
           text_at(test, "expr"), SPAN_ARG(text_span(&t)));
}

static enum outcome run_test(struct suite *s, const json_t *test)
{
    static struct setup up;
    static struct diag_list diags;
    const struct cel_program *program = NULL;
    struct cel_value got = cel_null();
    arena_reset(s->arena);
    memset(&diags, 0, sizeof diags);
    set_up(s, test, &up);
    enum status st = cel_compile(&up.env, text_of(json_object_get(test, "expr")),
                                 (struct diag_at){0}, s->arena, &diags, &program);
    if (st == ST_OK && !json_is_true(json_object_get(test, "check_only")))
        got = cel_run(program, up.row, s->arena);
    bool passed = expected(s, test, st == ST_OK ? program : NULL, got);
    bool known = is_known_to_fail(test);
    if (passed != known)
        return passed ? PASSED : KNOWN;
    if (is_core(test) || s->verbose)
        report(test, &diags, got);
    return FAILED;
}

/* ---- all of them ---------------------------------------------------------------------------- */

static struct section *section_of(const json_t *test)
{
    char name[sizeof sections->name];
    snprintf(name, sizeof name, "%s/%s", text_at(test, "file"), text_at(test, "section"));
    for (int i = 0; i < n_sections; i++) {
        if (strcmp(sections[i].name, name) == 0)
            return &sections[i];
    }
    if (n_sections == SECTIONS_MAX)
        return &sections[SECTIONS_MAX - 1];
    struct section *s = &sections[n_sections++];
    snprintf(s->name, sizeof s->name, "%s", name);
    s->core = is_core(test);
    return s;
}

/* false: it cannot be read to its end, and why is said. */
static bool run_file(struct suite *s, const char *path)
{
    FILE *in = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    bool good = in != NULL;
    if (in == NULL)
        perror(path);
    while (good && getline(&line, &room, in) > 0) {
        json_error_t error;
        json_t *test = json_loads(line, JSON_ALLOW_NUL, &error);
        good = test != NULL;
        if (good)
            section_of(test)->counts[run_test(s, test)]++;
        else
            fprintf(stderr, "%s: %s\n", path, error.text);
        json_decref(test);
    }
    free(line);
    if (in)
        fclose(in);
    return good;
}

static void print_section(const struct section *sec)
{
    if (sec->counts[FAILED] > 0)
        printf("  %-50s %4d passed %4d failed%s\n", sec->name, sec->counts[PASSED],
               sec->counts[FAILED], sec->core ? "" : " (extension)");
}

int main(int argc, char **argv)
{
    struct suite s = {.verbose = argc == 3 && strcmp(argv[2], "-v") == 0};
    int total[2][OUTCOMES] = {{0}};
    if ((argc != 2 && !s.verbose) || sodium_init() < 0) {
        fprintf(stderr, "usage: cel_conformance FILE.jsonl [-v]\n");
        return 2;
    }
    s.arena = arena_new(ARENA_BYTES);
    bool good = run_file(&s, argv[1]);
    arena_free(s.arena);
    if (!good)
        return 2;
    for (int i = 0; i < n_sections; i++) {
        if (sections[i].core || s.verbose)
            print_section(&sections[i]);
        for (int o = 0; o < OUTCOMES; o++)
            total[sections[i].core][o] += sections[i].counts[o];
    }
    printf("extensions: %d passed, %d failed\n", total[0][PASSED], total[0][FAILED]);
    printf("core: %d passed, %d failed, %d known to fail\n", total[1][PASSED], total[1][FAILED],
           total[1][KNOWN]);
    return total[1][FAILED] > 0 || total[1][PASSED] == 0;
}
