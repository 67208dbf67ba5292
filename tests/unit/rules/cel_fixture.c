#include "tests/unit/rules/cel_fixture.h"

#include "service/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { ARENA_BYTES = 8 << 20, SCRATCH_BYTES = 256 << 10 };

static struct cel_value list_of(struct arena *arena, const struct cel_value *items, size_t n)
{
    struct cel_list *list = arena_must(arena, sizeof *list);
    bool repeated;
    list->items = arena_must(arena, n * sizeof *items);
    memcpy(list->items, items, n * sizeof *items);
    list->count = n;
    list->index = cel_index_build(arena, list->items, n, sizeof *items, &repeated);
    CHECK(list->index != NULL && !repeated);
    return cel_list_of(list);
}

static struct cel_value location(struct arena *arena)
{
    struct cel_map *map = arena_must(arena, sizeof *map);
    map->count = 2;
    map->entries = arena_must(arena, 2 * sizeof *map->entries);
    map->entries[0] = (struct cel_entry){cel_string(span_str("lat")), cel_double(50.5)};
    map->entries[1] = (struct cel_entry){cel_string(span_str("lon")), cel_double(4.25)};
    return cel_map_of(map);
}

static void fill_row(struct fixture *f)
{
    const struct cel_value numbers[] = {cel_int(1), cel_int(2), cel_int(3)};
    const struct cel_value countries[] = {cel_string(span_str("XX")), cel_string(span_str("BE"))};
    f->codes = list_of(f->arena, numbers, 3);
    f->countries = list_of(f->arena, countries, 2);
    f->row[FIXTURE_amount] = cel_double(950.5);
    f->row[FIXTURE_count] = cel_int(11);
    f->row[FIXTURE_currency] = cel_string(span_str("EUR"));
    f->row[FIXTURE_is_night] = cel_bool(true);
    f->row[FIXTURE_time] = cel_timestamp_ms(INT64_C(1767614410000));
    f->row[FIXTURE_inexact] = cel_range_int(9, 12);
    f->row[FIXTURE_inexact_avg] = cel_range_double(1.5, 2.5);
    f->row[FIXTURE_location] = location(f->arena);
    f->row[FIXTURE_score] = cel_double(0.5);
    f->row[FIXTURE_merchant_country] = cel_string(span_str("BE"));
    f->row[FIXTURE_anything] = f->codes;
}

void fixture_init(struct fixture *f)
{
    int n = 0;
    memset(f, 0, sizeof *f);
    f->arena = arena_new(ARENA_BYTES);
    f->scratch = arena_new(SCRATCH_BYTES);
    fill_row(f);
#define X(name_, group_, type_)        \
    f->names[n++] = (struct cel_name){ \
        .name = span_str(#name_), .group = group_, .type = &type_, .slot = FIXTURE_##name_};
    FIXTURE_NAME_TABLE(X)
#undef X
    f->names[n++] = (struct cel_name){.name = span_str("merchant.country"),
                                      .group = "tx",
                                      .type = &cel_type_string,
                                      .slot = FIXTURE_merchant_country};
    f->names[n++] = (struct cel_name){.name = span_str("countries"),
                                      .group = "lists",
                                      .type = &cel_type_list_string,
                                      .slot = -1,
                                      .constant = &f->countries};
    f->names[n++] = (struct cel_name){.name = span_str("codes"),
                                      .group = "lists",
                                      .type = &cel_type_list_int,
                                      .slot = -1,
                                      .constant = &f->codes};
    f->env = (struct cel_env){.names = f->names, .n_names = n};
}

void fixture_fini(struct fixture *f)
{
    arena_free(f->arena);
    arena_free(f->scratch);
}

const struct cel_program *fixture_compile(struct fixture *f, const char *source)
{
    const struct cel_program *program = NULL;
    const struct diag_at at = {.file = "r.yaml"};
    memset(&f->diags, 0, sizeof f->diags);
    if (cel_compile(&f->env, span_str(source), at, f->arena, &f->diags, &program) != ST_OK)
        return NULL;
    return program;
}

static struct span printed(struct fixture *f)
{
    struct text t;
    memset(f->text, 0, sizeof f->text);
    text_init(&t, f->text, sizeof f->text - 1);
    diag_print_all(&f->diags, &t);
    return text_span(&t);
}

struct cel_value fixture_eval(struct fixture *f, const char *source)
{
    const struct cel_program *program = fixture_compile(f, source);
    if (program == NULL)
        fprintf(stderr, "%s: %.*s", source, SPAN_ARG(printed(f)));
    CHECK(program != NULL);
    arena_reset(f->scratch);
    return cel_run(program, f->row, f->scratch);
}

const char *fixture_text(struct fixture *f, const char *source)
{
    struct cel_value v = fixture_eval(f, source);
    struct text t;
    memset(f->text, 0, sizeof f->text);
    text_init(&t, f->text, sizeof f->text - 1);
    if (cel_is_error(v)) {
        text_str(&t, "error: ");
        cel_error_write(v, &t);
    } else {
        cel_value_write(v, &t);
    }
    return f->text;
}

void fixture_all_hold(struct fixture *f, const struct program *programs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *got = fixture_text(f, programs[i].source);
        if (strcmp(got, programs[i].value) != 0)
            print_error("%s\n    gives %s, not %s\n", programs[i].source, got, programs[i].value);
        assert_string_equal(got, programs[i].value);
    }
}

const char *fixture_diags(struct fixture *f, const char *source)
{
    fixture_compile(f, source);
    printed(f);
    return f->text;
}
