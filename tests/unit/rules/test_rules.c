#include "rules/rules.h"

#include "tests/unit/rules/cel_fixture.h"
#include "tests/unit/rules/temp_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct fixture f;
static struct rule_file files[2];
static struct rules rules;
static struct hits hits;

static int setup(void **state)
{
    (void)state;
    fixture_init(&f);
    temp_folder_open();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_folder_close();
    fixture_fini(&f);
    return 0;
}

static void load_file(int i, const char *yaml)
{
    const char *path = temp_file(i ? "b.yaml" : "a.yaml", yaml);
    assert_int_equal(rule_file_load(path, &f.env, f.arena, &f.diags, &files[i]), ST_OK);
}

static void load(const char *yaml, double flag_at)
{
    load_file(0, yaml);
    assert_int_equal(rules_load(files, 1, NULL, flag_at, f.arena, &f.diags, &rules), ST_OK);
}

static void run(bool explain)
{
    arena_reset(f.scratch);
    assert_int_equal(rules_run(&rules, f.row, explain, f.scratch, f.arena, &hits), ST_OK);
}

static void live_rules_that_fire_add_up(void **state)
{
    (void)state;
    load("rules:\n"
         "  - {id: a, when: count > 10, score: 30, reason: '{count} payments'}\n"
         "  - {id: b, when: count > 20, score: 100}\n"
         "  - {id: c, when: amount > 900, score: 'amount / 10.0'}\n"
         "  - {id: d, when: 'true', score: -0.5}\n",
         124.55);
    run(false);
    assert_int_equal(hits.n_fired, 3);
    assert_true(span_is(hits.fired->rule->id, "a"));
    assert_true(span_is(hits.fired->reason, "11 payments"));
    assert_true(span_is(hits.fired->next->rule->id, "c"));
    assert_true(hits.fired->next->score == 95.05);
    assert_true(hits.score == 30 + 95.05 - 0.5);
    assert_true(hits.flag);
    assert_null(hits.results);
}

static void shadow_rules_are_told_and_count_nowhere(void **state)
{
    (void)state;
    load("rules:\n"
         "  - {id: a, when: 'true', score: 100, mode: shadow, decision: flag}\n"
         "  - {id: b, when: 'true', score: 100, mode: off}\n",
         70);
    run(true);
    assert_int_equal(hits.n_shadow, 1);
    assert_int_equal(hits.n_fired, 0);
    assert_true(hits.shadow->score == 100);
    assert_true(hits.score == 0);
    assert_false(hits.flag);
    assert_int_equal(hits.results[0].outcome, RULE_FIRED);
    assert_int_equal(hits.results[1].outcome, RULE_NOT_RUN);
}

static void a_rule_that_cannot_say_does_not_fire_and_is_told(void **state)
{
    (void)state;
    load("rules:\n"
         "  - {id: a, when: absent > 1, score: 100}\n"
         "  - {id: b, when: inexact > 10, score: 100}\n"
         "  - {id: c, when: 'true', score: '1.0 / 0.0'}\n"
         "  - {id: d, when: 'true', score: '1 / 0'}\n"
         "  - {id: e, when: anything, score: 1}\n"
         "  - {id: f, when: '!has(tx.absent) || absent > 1', score: 1}\n"
         "  - {id: g, when: 'false', score: 1}\n",
         70);
    run(true);
    static const char *const texts[] = {"absent", "inexact", "out of range score",
                                        "division by zero", "no such overload condition"};
    assert_int_equal(hits.n_missing, 1);
    assert_int_equal(hits.n_errors, COUNT(texts) - 1);
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_int_equal(hits.results[i].outcome, i == 0 ? RULE_MISSING : RULE_ERROR);
        assert_true(span_is(hits.results[i].why, texts[i]));
    }
    assert_int_equal(hits.n_fired, 1);
    assert_int_equal(hits.indexes[0], 5);
    assert_int_equal(hits.results[6].outcome, RULE_NOT_FIRED);
    assert_false(hits.flag);
}

static void what_stops_just_under_its_threshold_is_a_near_miss(void **state)
{
    (void)state;
    load("rules:\n"
         "  - {id: far, when: count > 100, score: 1}\n"
         "  - {id: near, when: count > 11, score: 1}\n"
         "  - {id: fires, when: count > 10, score: 1}\n"
         "  - {id: shadow, when: amount >= 1000.0 && currency == 'EUR', score: 1, mode: shadow}\n"
         "  - {id: other, when: amount >= 1000.0 && currency == 'USD', score: 1}\n"
         "  - {id: missing, when: amount >= 1000.0 && absent > 1, score: 1}\n"
         "  - {id: off, when: count > 11, score: 1, mode: off}\n",
         70);
    for (int explain = 0; explain < 2; explain++) {
        run(explain);
        assert_int_equal(hits.n_near, 2);
        assert_int_equal(hits.near[0], 3);
        assert_int_equal(hits.near[1], 1);
        assert_int_equal(hits.n_fired, 1);
        assert_int_equal(hits.n_missing, 0);
    }
    for (int i = 0; i < rules.count; i++)
        assert_int_equal(hits.results[i].is_near, i == 1 || i == 3);
    assert_int_equal(hits.results[1].outcome, RULE_NOT_FIRED);
}

/* Which of four rules fire, and the decision: the table of rules.h. */
struct precedence {
    const char *fired; /* s: score 100, f: flag, a: allow, o: allow with override */
    bool flag;
};

static void the_decision_follows_the_table(void **state)
{
    static const struct precedence table[] = {
        {"", false},    {"s", true},    {"f", true},    {"a", false},
        {"o", false},   {"sf", true},   {"sa", false},  {"so", false},
        {"fa", true},   {"fo", false},  {"ao", false},  {"sfa", true},
        {"sfo", false}, {"sao", false}, {"fao", false}, {"sfao", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        char yaml[1024] = {0};
        struct text t;
        const char *fired = table[i].fired;
        text_init(&t, yaml, sizeof yaml - 1);
        text_printf(&t, "rules:\n  - {id: s, when: '%s', score: 100}\n",
                    strchr(fired, 's') ? "true" : "false");
        text_printf(&t, "  - {id: f, when: '%s', decision: flag}\n",
                    strchr(fired, 'f') ? "true" : "false");
        text_printf(&t, "  - {id: a, when: '%s', decision: allow}\n",
                    strchr(fired, 'a') ? "true" : "false");
        text_printf(&t, "  - {id: o, when: '%s', decision: allow, override: true}\n",
                    strchr(fired, 'o') ? "true" : "false");
        load(yaml, 70);
        run(false);
        assert_int_equal(hits.flag, table[i].flag);
    }
}

static void the_score_that_flags_is_reached_exactly(void **state)
{
    (void)state;
    load("rules:\n  - {id: a, when: 'true', score: 70}\n", 70);
    run(false);
    assert_true(hits.flag);
    load("rules:\n  - {id: a, when: 'true', score: 69.99}\n", 70);
    run(false);
    assert_false(hits.flag);
}

static void an_id_stands_once_in_all_files(void **state)
{
    (void)state;
    load_file(0, "rules:\n  - {id: a, when: 'true', score: 1}\n");
    load_file(1, "rules:\n  - {id: b, when: 'true', score: 1}\n"
                 "  - {id: a, when: 'true', score: 1}\n");
    assert_int_equal(rules_load(files, 2, NULL, 70, f.arena, &f.diags, &rules), ST_INVALID);
    assert_non_null(strstr(f.diags.items[0].message, "a.yaml:2 already"));
    assert_int_equal(f.diags.items[0].line, 3);
}

static void rules_are_numbered_over_all_files(void **state)
{
    (void)state;
    load_file(0, "rules:\n  - {id: a, when: 'true', score: 1}\n");
    load_file(1, "rules:\n  - {id: b, when: 'true', score: 1}\n");
    assert_int_equal(rules_load(files, 2, NULL, 70, f.arena, &f.diags, &rules), ST_OK);
    assert_int_equal(rules.count, 2);
    assert_int_equal(rules.rules[1]->index, 1);
    run(false);
    assert_true(span_is(hits.fired->next->rule->id, "b"));
}

static void a_full_arena_is_a_status_and_leaves_the_hits(void **state)
{
    char block[32];
    struct arena small;
    (void)state;
    arena_init(&small, block, sizeof block);
    load("rules:\n  - {id: a, when: 'true', score: 1}\n", 70);
    hits.n_fired = -1;
    assert_int_equal(rules_run(&rules, f.row, false, f.scratch, &small, &hits), ST_NO_SPACE);
    assert_int_equal(hits.n_fired, -1);
}

static void what_a_run_needs_is_enough_whatever_fires(void **state)
{
    enum { N = 3 * RULES_SHOWN_MAX };
    static char yaml[64 << 10];
    size_t at = (size_t)snprintf(yaml, sizeof yaml, "rules:\n");
    (void)state;
    for (int i = 0; i < N; i++)
        at += (size_t)snprintf(yaml + at, sizeof yaml - at,
                               "  - {id: r%d, when: \"%s\", score: 1, mode: %s, reason: \"%s\"}\n",
                               i, i % 3 == 2 ? "1 / 0 > 0" : "('x' + 'y').size() == 2",
                               i % 3 ? "live" : "shadow",
                               "{'0123456789abcdef0123456789abcdef' + '0123456789abcdef'}");
    load(yaml, 70);
    for (int explain = 0; explain < 2; explain++) {
        f.arena->used_bytes = f.arena->cap_bytes - rules_run_bytes(&rules, explain);
        assert_int_equal(rules_run(&rules, f.row, explain, f.scratch, f.arena, &hits), ST_OK);
        assert_int_equal(hits.n_fired, N / 3);
        assert_int_equal(hits.n_shadow, N / 3);
        assert_int_equal(hits.n_errors, N / 3);
        assert_int_equal(hits.indexes[N * 2 / 3 - 1], N - 2);
    }
}

static void what_a_rule_may_build_does_not_depend_on_the_answer(void **state)
{
    enum { ROOM = 8 << 10 };
    static const char digits[] = "[count, 1, 2, 3, 4, 5, 6, 7, 8, 9]";
    char yaml[512];
    struct arena *scratch = arena_new(ROOM);
    (void)state;
    snprintf(
        yaml, sizeof yaml,
        "rules:\n"
        "  - {id: fits, when: 'size(%s.map(x, %s)) == 10', score: 1}\n"
        "  - {id: does-not, when: 'size(%s.map(x, %s.map(y, [x, y, x, y]))) == 10', score: 1}\n"
        "  - {id: behind, when: 'size(%s.map(x, %s)) == 10', score: 1}\n",
        digits, digits, digits, digits, digits, digits);
    load(yaml, 2);
    for (int full = 0; full < 4; full++) {
        bool explain = full % 2 == 1;
        if (full >= 2)
            f.arena->used_bytes = f.arena->cap_bytes - rules_run_bytes(&rules, explain);
        assert_int_equal(rules_run(&rules, f.row, explain, scratch, f.arena, &hits), ST_OK);
        assert_int_equal(hits.n_fired, 2);
        assert_int_equal(hits.n_errors, 1);
        assert_int_equal(scratch->used_bytes, 0);
    }
    arena_free(scratch);
}

static void more_rules_than_the_limit_are_refused(void **state)
{
    (void)state;
    load_file(0, "rules:\n  - {id: a, when: 'true', score: 1}\n");
    files[0].count = RULES_MAX;
    load_file(1, "rules:\n  - {id: b, when: 'true', score: 1}\n");
    assert_int_equal(rules_load(files, 2, NULL, 70, f.arena, &f.diags, &rules), ST_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(live_rules_that_fire_add_up),
        TEST(shadow_rules_are_told_and_count_nowhere),
        TEST(a_rule_that_cannot_say_does_not_fire_and_is_told),
        TEST(what_stops_just_under_its_threshold_is_a_near_miss),
        TEST(the_decision_follows_the_table),
        TEST(the_score_that_flags_is_reached_exactly),
        TEST(an_id_stands_once_in_all_files),
        TEST(rules_are_numbered_over_all_files),
        TEST(a_full_arena_is_a_status_and_leaves_the_hits),
        TEST(what_a_run_needs_is_enough_whatever_fires),
        TEST(what_a_rule_may_build_does_not_depend_on_the_answer),
        TEST(more_rules_than_the_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
