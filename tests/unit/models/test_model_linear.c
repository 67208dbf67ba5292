#include "models/model_linear.h"

#include "tests/unit/models/model_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { FILE_BYTES = 256 << 10 };

static enum status load(const char *yaml)
{
    return load_model("m.yaml", span_str(yaml));
}

static double score(const double *inputs)
{
    double output;
    model_score(&model, inputs, NULL, &output);
    return output;
}

static void expect_refused(const char *yaml, int line, int col, const char *message)
{
    assert_true(load(yaml) != ST_OK);
    assert_null(model.inputs);
    assert_int_equal(diags.errors, 1);
    assert_string_equal(diags.items[0].message, message);
    assert_int_equal(diags.items[0].line, line);
    assert_int_equal(diags.items[0].col, col);
}

#define LINEAR                                                   \
    "# trained in May\n"                                         \
    "model: linear\n"                                            \
    "intercept: -1\n"                                            \
    "inputs:\n"                                                  \
    "  amount: {weight: 0.5, mean: 10, scale: 4, missing: 18}\n" \
    "  country: {categories: {GB: 0.25, NO: 1.5}, other: 2, missing: 3}\n"

static void a_linear_model_is_logistic_unless_it_says_otherwise(void **state)
{
    (void)state;
    expect_loaded("m.yaml", span_str(LINEAR), MODEL_LINEAR);
    assert_int_equal(model.n_inputs, 2);
    assert_int_equal(model_input_find(&model, span_str("country")), 1);
    double margin, output;
    model_score(&model, (double[]){2, 1}, &margin, &output);
    assert_true(margin == -1 + -1 + 1.5);
    assert_true(output == 1 / (1 + exp(0.5)));
}

static void the_link_makes_the_score(void **state)
{
    (void)state;
    assert_int_equal(load(LINEAR "link: identity\n"), ST_OK);
    assert_true(score((double[]){10, 0}) == -0.75);
    assert_int_equal(load(LINEAR "link: log\n"), ST_OK);
    assert_true(score((double[]){10, 0}) == exp(-0.75));
}

static void the_names_of_categories_have_codes_in_their_order(void **state)
{
    (void)state;
    assert_int_equal(load(LINEAR "link: identity\n"), ST_OK);
    assert_true(model.inputs[1].is_category);
    assert_int_equal(model.inputs[1].n_categories, 2);
    assert_true(span_is(model.inputs[1].categories[1], "NO"));
    assert_true(score((double[]){10, 1}) == 0.5);
    assert_true(score((double[]){10, model_other_category(&model)}) == 1);
    assert_true(score((double[]){10, NAN}) == 2);
}

static void a_missing_value_is_taken_for_the_one_the_file_says(void **state)
{
    (void)state;
    assert_int_equal(load(LINEAR "link: identity\n"), ST_OK);
    assert_true(score((double[]){NAN, 0}) == score((double[]){18, 0}));
    assert_int_equal(load("model: linear\ninputs: {a: {weight: 1}, b: {categories: {x: 1}}}"),
                     ST_OK);
    assert_true(isnan(score((double[]){NAN, 0})));
    assert_true(isnan(score((double[]){1, NAN})));
    assert_true(isnan(score((double[]){1, -1}))); /* without `other` that is missing too */
}

#define CARD                                                                           \
    "model: scorecard\n"                                                               \
    "base_points: 20\n"                                                                \
    "inputs:\n"                                                                        \
    "  age: {bins: [{below: 18, points: 20}, {below: 30, points: 12}, {points: 5}],\n" \
    "        missing: 7, neutral: 12}\n"

static void a_scorecard_is_its_points(void **state)
{
    (void)state;
    expect_loaded("m.yaml", span_str(CARD), MODEL_SCORECARD);
    assert_true(score((double[]){17}) == 40);
    assert_true(score((double[]){18}) == 32);
    assert_true(score((double[]){80}) == 25);
    assert_true(score((double[]){NAN}) == 27);
}

static void near(double a, double b)
{
    assert_true(fabs(a - b) < 1e-14);
}

static void points_that_double_the_odds_make_a_probability(void **state)
{
    (void)state;
    assert_int_equal(load(CARD "probability: {points: 40, odds: 0.25, pdo: 15}\n"), ST_OK);
    near(score((double[]){17}), 0.2);
    near(score((double[]){80}), 0.125 / 1.125); /* 15 points fewer */
    near(model.base[0] + linear_neutral(model.linear), log(0.25) - 8 * log(2) / 15);
}

static void a_card_whose_points_are_good_scores_the_lack_of_them(void **state)
{
    (void)state;
    assert_int_equal(load(CARD "probability: {points: 40, odds: 0.25, pdo: -15}\n"), ST_OK);
    near(score((double[]){17}), 0.2);
    near(score((double[]){80}), 0.5 / 1.5);
}

static void what_is_wrong_is_said_where_it_stands(void **state)
{
    (void)state;
    expect_refused("model: forest\n", 1, 8, "`model` is linear or scorecard");
    expect_refused("model: linear\n", 1, 1, "a model has 1 to 512 `inputs`, by name");
    expect_refused("model: linear\ninputs: {}\n", 2, 9, "a model has 1 to 512 `inputs`, by name");
    expect_refused("model: linear\ninputs: {a: {weight: 1}}\nbase_points: 3\n", 3, 1,
                   "unknown key 'base_points'");
    expect_refused("model: linear\nlink: probit\ninputs: {a: {weight: 1}}\n", 2, 7,
                   "`link` is logit, identity or log");
    expect_refused("model: linear\ninputs: {a: 3}\n", 2, 13,
                   "an input has `weight`, `bins` or `categories`");
    expect_refused("model: linear\ninputs: {a: {weight: x}}\n", 2, 22, "expected a number");
    expect_refused("model: linear\ninputs: {a: {weight: 1e16}}\n", 2, 22,
                   "a number is at most 1e15 from zero");
    expect_refused("model: linear\ninputs: {a: {weight: 1, scale: 0}}\n", 2, 32,
                   "a scale is a standard deviation, at least 1e-15");
    expect_refused("model: linear\ninputs: {a: {weight: 1, bins: []}}\n", 2, 25,
                   "unknown key 'bins'");
    expect_refused("model: linear\ninputs: {a: {categories: {}}}\n", 2, 26,
                   "expected a mapping of 1 to 4096 texts to numbers");
    expect_refused("a: 1\n", 0, 0, "this is no model file");
}

static void bins_ascend_and_the_last_takes_the_rest(void **state)
{
    (void)state;
    expect_refused("model: scorecard\ninputs: {a: {bins: []}}\n", 2, 20,
                   "expected a list of 1 to 256 bins");
    expect_refused("model: scorecard\ninputs: {a: {bins: [{below: 1, points: 2}]}}\n", 2, 21,
                   "the last bin has no `below`: it takes the rest");
    expect_refused("model: scorecard\ninputs: {a: {bins: [{points: 1}, {points: 2}]}}\n", 2, 21,
                   "`below` is missing here");
    expect_refused("model: scorecard\ninputs: {a: {bins: [{below: 1, points: 1}, "
                   "{below: 1, points: 2}, {points: 2}]}}\n",
                   2, 52, "bins ascend: this is not above the one before");
}

static void a_probability_needs_odds_and_points_that_double_them(void **state)
{
    (void)state;
    const char *message = "`odds` are at least 1e-15, and `pdo` is so far from 0";
    expect_refused(CARD "probability: {points: 40, odds: 0, pdo: 15}\n", 6, 14, message);
    expect_refused(CARD "probability: {points: 40, odds: 1, pdo: 0}\n", 6, 14, message);
    expect_refused(CARD "probability: {points: 40, odds: 1}\n", 6, 14, "`pdo` is missing here");
}

/* "model: linear" with `head`, then n times `item`, which takes the number. */
static const char *file_of(const char *head, int n, const char *item, const char *tail)
{
    static char yaml[FILE_BYTES];
    struct text t;
    text_init(&t, yaml, sizeof yaml - 1);
    text_printf(&t, "model: linear\ninputs: %s", head);
    for (int i = 0; i < n; i++) {
        text_str(&t, item);
        text_printf(&t, "%d", i);
        text_str(&t, tail);
    }
    assert_false(t.overflow);
    yaml[t.len] = '\0';
    return yaml;
}

static void each_limit_is_met_and_not_passed(void **state)
{
    (void)state;
    assert_int_equal(load(file_of("", MODEL_INPUTS_MAX, "\n  i", ": {weight: 1}")), ST_OK);
    expect_refused(file_of("", MODEL_INPUTS_MAX + 1, "\n  i", ": {weight: 1}"), 3, 3,
                   "a model has 1 to 512 `inputs`, by name");
    const char *categories = "\n  a:\n    categories:";
    assert_int_equal(load(file_of(categories, MODEL_CATEGORIES_MAX, "\n      c", ": 1")), ST_OK);
    assert_int_equal(model.inputs[0].n_categories, MODEL_CATEGORIES_MAX);
    assert_true(load(file_of(categories, MODEL_CATEGORIES_MAX + 1, "\n      c", ": 1")) != ST_OK);
    const char *bins = "\n  a:\n    bins:\n    - {below: -1, points: 1}";
    const char *bin = "\n    - {below: ", *points = ", points: 1}";
    assert_true(load(file_of(bins, LINEAR_BINS_MAX, bin, points)) != ST_OK);
    assert_string_equal(diags.items[0].message, "expected a list of 1 to 256 bins");
}

static void as_many_bins_as_there_may_be_are_loaded(void **state)
{
    (void)state;
    static char yaml[FILE_BYTES];
    struct text t;
    text_init(&t, yaml, sizeof yaml - 1);
    text_str(&t, "model: linear\nlink: identity\ninputs:\n  a:\n    bins:\n");
    for (int i = 0; i < LINEAR_BINS_MAX - 1; i++)
        text_printf(&t, "    - {below: %d, points: %d}\n", i, i);
    text_str(&t, "    - {points: 9999}\n");
    yaml[t.len] = '\0';
    assert_int_equal(load(yaml), ST_OK);
    assert_true(score((double[]){200.5}) == 201);
    assert_true(score((double[]){1e9}) == 9999);
}

static void a_name_has_at_most_128_bytes(void **state)
{
    (void)state;
    char yaml[512];
    snprintf(yaml, sizeof yaml, "model: linear\ninputs: {%0128d: {weight: 1}}\n", 0);
    assert_int_equal(load(yaml), ST_OK);
    snprintf(yaml, sizeof yaml, "model: linear\ninputs: {%0129d: {weight: 1}}\n", 0);
    expect_refused(yaml, 2, 10, "a name has 1 to 128 bytes");
}

static void a_model_that_does_not_fit_is_refused_wherever_room_ends(void **state)
{
    (void)state;
    expect_refused_where_room_ends("m.yaml", span_str(LINEAR));
    assert_int_equal(model.n_inputs, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_linear_model_is_logistic_unless_it_says_otherwise),
        cmocka_unit_test(the_link_makes_the_score),
        cmocka_unit_test(the_names_of_categories_have_codes_in_their_order),
        cmocka_unit_test(a_missing_value_is_taken_for_the_one_the_file_says),
        cmocka_unit_test(a_scorecard_is_its_points),
        cmocka_unit_test(points_that_double_the_odds_make_a_probability),
        cmocka_unit_test(a_card_whose_points_are_good_scores_the_lack_of_them),
        cmocka_unit_test(what_is_wrong_is_said_where_it_stands),
        cmocka_unit_test(bins_ascend_and_the_last_takes_the_rest),
        cmocka_unit_test(a_probability_needs_odds_and_points_that_double_them),
        cmocka_unit_test(each_limit_is_met_and_not_passed),
        cmocka_unit_test(as_many_bins_as_there_may_be_are_loaded),
        cmocka_unit_test(a_name_has_at_most_128_bytes),
        cmocka_unit_test(a_model_that_does_not_fit_is_refused_wherever_room_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
