/* What the tests of the language share: an arena, an env of typical names, a row. */
#ifndef SLUICE_TESTS_UNIT_RULES_CEL_FIXTURE_H
#define SLUICE_TESTS_UNIT_RULES_CEL_FIXTURE_H

#include "rules/cel.h"

/* X(name, group, type): the row's slots, in order */
#define FIXTURE_NAME_TABLE(X)                     \
    X(amount, "tx", cel_type_double)              \
    X(count, "tx", cel_type_int)                  \
    X(currency, "tx", cel_type_string)            \
    X(is_night, "tx", cel_type_bool)              \
    X(time, "tx", cel_type_timestamp)             \
    X(absent, "tx", cel_type_int)                 \
    X(inexact, "tx", cel_type_int)                \
    X(inexact_avg, "tx", cel_type_double)         \
    X(location, "tx", cel_type_map_string_double) \
    X(score, "models", cel_type_double)           \
    X(anything, "tx", cel_type_dyn)

enum fixture_slot {
#define X(name, group, type) FIXTURE_##name,
    FIXTURE_NAME_TABLE(X)
#undef X
        FIXTURE_merchant_country,
    FIXTURE_SLOTS,
};

struct fixture {
    struct arena *arena, *scratch;
    struct cel_env env;
    struct cel_name names[FIXTURE_SLOTS + 2];
    struct cel_value row[FIXTURE_SLOTS];
    struct cel_value countries, codes; /* lists.countries, lists.codes */
    struct diag_list diags;
    char text[4096];
};

/*
 * amount 950.5, count 11, currency "EUR", is_night true, time 2026-01-05T12:00:10Z, absent missing,
 * inexact [9, 12], inexact_avg [1.5, 2.5], location {lat: 50.5, lon: 4.25}, score 0.5,
 * merchant.country "BE", anything [1, 2, 3]; countries ["XX", "BE"], codes [1, 2, 3].
 */
void fixture_init(struct fixture *f);
void fixture_fini(struct fixture *f);

/* The program, or NULL with f->diags filled. */
const struct cel_program *fixture_compile(struct fixture *f, const char *source);
/* The value of an expression; CHECKs that it compiles. */
struct cel_value fixture_eval(struct fixture *f, const char *source);
/* Its value as in reasons, or "error: ..." */
const char *fixture_text(struct fixture *f, const char *source);
/* An expression, and its fixture_text(). */
struct program {
    const char *source, *value;
};
/* Asserts that each has its value. */
void fixture_all_hold(struct fixture *f, const struct program *programs, size_t n);
/* All diagnostics of compiling it. */
const char *fixture_diags(struct fixture *f, const char *source);

/* A test file's own fixture, `f`, filled before each TEST() and given back after it. */
#define FIXTURE_OF_TESTS              \
    static struct fixture f;          \
    static int setup(void **state)    \
    {                                 \
        *state = &f;                  \
        fixture_init(&f);             \
        return 0;                     \
    }                                 \
    static int teardown(void **state) \
    {                                 \
        (void)state;                  \
        fixture_fini(&f);             \
        return 0;                     \
    }
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define ALL_HOLD(programs) fixture_all_hold(&f, programs, sizeof(programs) / sizeof *(programs))

#endif
