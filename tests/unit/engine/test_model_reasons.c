/* What a ruleset may say of a model's reasons, and what is told where it may not. */
#include "service/engine/model_reasons.h"

#include "models/reasons.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { INPUTS = 3 };

static struct model_input inputs[INPUTS] = {
    {.name = {"amount", 6}}, {.name = {"terminal_risk_7d", 16}}, {.name = {"category", 8}}};
static const struct cel_name names[] = {
    {.name = {"amount", 6}, .group = "tx", .type = &cel_type_double, .slot = 0},
    {.name = {"terminal_id", 11}, .group = "tx", .type = &cel_type_string, .slot = 1},
    {.name = {"terminal_risk_7d", 16}, .group = "tx", .type = &cel_type_double, .slot = 2},
};
static const struct cel_env env = {.names = names, .n_names = 3};
static const struct linear sum = {.n_inputs = INPUTS};

static struct arena *arena;
static struct yaml_file file;
static struct diag_list diags;
static struct bound_model m;
static double cost;

/* What stands under the model's name, of a linear model. */
static enum status load(const char *yaml)
{
    const struct model_names bound = {.env = &env};
    diags = (struct diag_list){0};
    assert_int_equal(yaml_parse("ruleset.yaml", span_str(yaml), arena, &diags, &file), ST_OK);
    return model_reasons_load(&file, file.root, &bound, &cost, arena, &diags, &m);
}

static int make(void **state)
{
    (void)state;
    arena = arena_new(8 << 20);
    cost = 0;
    m = (struct bound_model){
        .name = span_str("fraud"),
        .model = {.inputs = inputs, .n_inputs = INPUTS, .n_outputs = 1, .linear = &sum}};
    return 0;
}

static int drop(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void refused(const char *yaml, const char *message, const char *hint, int line, int col)
{
    assert_int_equal(load(yaml), ST_INVALID);
    const struct diag *d = &diags.items[0];
    assert_string_equal(d->message, message);
    assert_string_equal(d->hint, hint);
    assert_int_equal(d->line, line);
    assert_int_equal(d->col, col);
}

static void unsaid_there_are_four_of_a_twentieth_at_least(void **state)
{
    (void)state;
    assert_int_equal(load("{file: fraud.json}"), ST_OK);
    assert_int_equal(m.reasons.max, 4);
    assert_true(m.reasons.least == 0.05);
    assert_null(m.reasons.texts);
    assert_int_equal(m.reasons.unexplained, MODEL_IS_EXPLAINED);
    assert_true(cost == 0);
}

static void texts_stand_with_the_inputs_of_their_names(void **state)
{
    (void)state;
    assert_int_equal(load("reasons_max: 16\n"
                          "reasons_least: 1\n"
                          "reasons:\n"
                          "  category: ''\n"
                          "  terminal_risk_7d: 'terminal {terminal_id} had {terminal_risk_7d:%} "
                          "fraud'\n"),
                     ST_OK);
    assert_int_equal(m.reasons.max, REASONS_MAX);
    assert_true(m.reasons.least == 1);
    assert_null(m.reasons.texts[0]);
    assert_int_equal(m.reasons.texts[1]->count, 5);
    assert_int_equal(m.reasons.texts[2]->count, 0); /* nothing is a text, too */
}

static void mistakes_are_pointed_at(void **state)
{
    (void)state;
    refused("reasons:\n  terminal_risk_30d: x\n", "the model has no input 'terminal_risk_30d'",
            "did you mean 'terminal_risk_7d'?", 2, 3);
    refused("reasons:\n  amount: 'of {amont:.2f}'\n", "unknown name 'amont'",
            "did you mean 'amount'?", 2, 16);
    refused("reasons:\n  amount: '{amount:.2}'\n", "'.2' is no format",
            "a format is one of %, .0% to .6%, .0f to .6f", 2, 20);
    refused("reasons: [x]\n", "`reasons:` holds the model's names, and texts", "", 1, 10);
    refused("reasons:\n  amount: [x]\n", "expected a text",
            "a text that begins with [ or { stands in quotes", 2, 11);
    refused("reasons_max: 17\n", "expected an integer from 0 to 16", "", 1, 14);
    refused("reasons_least: 1.5\n", "a share is 0 to 1", "reasons_least: 0.05", 1, 16);
    refused("reasons_least: -0.1\n", "a share is 0 to 1", "reasons_least: 0.05", 1, 16);
}

static void each_wrong_text_is_told(void **state)
{
    (void)state;
    assert_int_equal(load("reasons:\n  amount: '{x'\n  category: 'y}'\n"), ST_INVALID);
    assert_int_equal(diags.errors, 2);
}

/* ---- models that are not explained ---- */

enum { NODES = 100001, POINTS = 4 }; /* 8 splits deep, of 8 inputs or more */

static double covers[1];
static struct forest_tree tree = {.n_nodes = NODES, .depth = 2 * POINTS};

static struct forest as_forest(struct forest_tree *trees, uint32_t n, double *counts)
{
    m.model.linear = NULL;
    return (struct forest){.trees = trees, .n_trees = n, .covers = counts};
}

static void of_a_file_without_counts_there_are_no_reasons(void **state)
{
    (void)state;
    const struct forest f = as_forest(&tree, 1, NULL);
    m.model.forest = &f;
    assert_int_equal(load("{file: fraud.txt}"), ST_OK);
    assert_int_equal(m.reasons.unexplained, MODEL_WITHOUT_COUNTS);
    refused("reasons: {amount: x}\n",
            "there are no reasons of the model 'fraud': its file does not say how many rows came "
            "to each node",
            "save it with all its statistics, or leave `reasons:` out", 1, 1);
}

static void models_that_take_too_long_together_are_not_explained(void **state)
{
    (void)state;
    const struct forest f = as_forest(&tree, 1, covers);
    double own = (double)NODES * 2; /* three inputs are on a way at most: two points */
    m.model.forest = &f;
    cost = MODEL_REASONS_COST_MAX - own;
    assert_int_equal(load("reasons: {amount: x}"), ST_OK);
    assert_true(cost == MODEL_REASONS_COST_MAX);
    assert_int_equal(load("{file: fraud.txt}"), ST_OK);
    assert_int_equal(m.reasons.unexplained, MODEL_TOO_LARGE);
    assert_true(cost == MODEL_REASONS_COST_MAX);
    refused("reasons: {amount: x}", "there are no reasons of the model 'fraud': it is too large",
            "it takes 0.2 million steps, and all models together may take 5", 1, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, drop)
    const struct CMUnitTest tests[] = {
        TEST(unsaid_there_are_four_of_a_twentieth_at_least),
        TEST(texts_stand_with_the_inputs_of_their_names),
        TEST(mistakes_are_pointed_at),
        TEST(each_wrong_text_is_told),
        TEST(of_a_file_without_counts_there_are_no_reasons),
        TEST(models_that_take_too_long_together_are_not_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
