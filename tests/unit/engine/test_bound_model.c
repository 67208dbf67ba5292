/* What a row's values are to a model. */
#include "service/engine/bound_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { CELLS = 4 };

static struct linear_input adds[CELLS]; /* of a linear model: the sum of its inputs */
static const struct linear sum = {.inputs = adds, .n_inputs = CELLS};
static double no_base[1];
static struct model_source sources[CELLS];
static struct bound_model model;

static int make_model(void **state)
{
    (void)state;
    for (int i = 0; i < CELLS; i++) {
        adds[i] = (struct linear_input){.weight = 1, .scale = 1, .missing = 100};
        sources[i] = (struct model_source){.slot = CELLS - 1 - i, .feature = -1, .unknown = NAN};
    }
    model = (struct bound_model){
        .model = {.n_inputs = CELLS, .n_outputs = 1, .base = no_base, .linear = &sum, .scale = 1},
        .threshold = NAN,
        .sources = sources};
    return 0;
}

static void numbers_bools_and_times_are_numbers_by_their_slots(void **state)
{
    const struct cel_value row[CELLS] = {cel_bool(true), cel_int(-3), cel_double(0.5),
                                         cel_timestamp(10, 500000000)};
    struct model_result r;
    double inputs[CELLS];
    (void)state;
    bound_model_gather(&model, row, NULL, inputs, &r);
    assert_true(inputs[0] == 10.5 && inputs[1] == 0.5 && inputs[2] == -3 && inputs[3] == 1);
    assert_int_equal(r.n_missing, 0);
    assert_false(r.is_inexact);
    bound_model_score(&model, row, NULL, inputs, &r);
    assert_true(r.score == 9 && r.output == 9);
    assert_ptr_equal(r.inputs, inputs);
}

static void what_is_missing_or_an_error_is_missing_to_a_model(void **state)
{
    const struct cel_value row[CELLS] = {{.kind = CEL_MISSING},
                                         cel_error(CEL_ERR_DIVIDE, span_of(NULL, 0)),
                                         cel_duration(2500000000),
                                         cel_int(1)};
    struct model_result r;
    double inputs[CELLS];
    (void)state;
    bound_model_score(&model, row, NULL, inputs, &r);
    assert_int_equal(r.n_missing, 2);
    assert_true(r.score == 100 + 100 + 2.5 + 1);
    adds[2].missing = NAN; /* one that must not be */
    bound_model_score(&model, row, NULL, inputs, &r);
    assert_true(isnan(r.score));
}

static void an_inexact_feature_is_what_it_says_it_is(void **state)
{
    const struct cel_value row[CELLS] = {
        cel_range_int(2, 9), cel_error(CEL_ERR_INEXACT, span_str("")), cel_int(0), cel_int(0)};
    const struct window_value values[2] = {{.scale = 1, .value.i64 = 7},
                                           {.missing = true, .maybe_missing = true}};
    struct model_result r;
    double inputs[CELLS];
    (void)state;
    sources[3].feature = 0;
    sources[2].feature = 1;
    bound_model_gather(&model, row, values, inputs, &r);
    assert_true(inputs[3] == 7 && isnan(inputs[2]));
    assert_true(r.is_inexact);
    assert_int_equal(r.n_missing, 1);
    bound_model_gather(&model, row, NULL, inputs, &r);
    assert_int_equal(r.n_missing, 2);
}

static void a_text_is_its_categorys_code(void **state)
{
    static const struct model_category codes[] = {
        {{"7", 1}, 2}, {{"food", 4}, 0}, {{"fuel", 4}, 1}};
    const struct cel_value row[CELLS] = {cel_string(span_str("fuel")), cel_int(7),
                                         cel_string(span_str("foo")), cel_string(span_str(""))};
    struct model_result r;
    double inputs[CELLS];
    (void)state;
    for (int i = 0; i < CELLS; i++) {
        sources[i].categories = codes;
        sources[i].n_categories = 3;
    }
    sources[0].unknown = sources[1].unknown = -1;
    bound_model_gather(&model, row, NULL, inputs, &r);
    assert_true(inputs[3] == 1);
    assert_true(inputs[2] == 2); /* trainers name an integer's category by its digits */
    assert_true(inputs[1] == -1);
    assert_true(isnan(inputs[0])); /* an empty text is missing, and no other category */
    assert_int_equal(r.n_missing, 1);
}

static void a_probability_has_its_bounds(void **state)
{
    (void)state;
    model.model.transform = MODEL_SIGMOID;
    assert_true(bound_model_bounds(&model).lo == 0 && bound_model_bounds(&model).hi == 1);
    model.model.transform = MODEL_EXP;
    assert_true(bound_model_bounds(&model).lo == 0 && isinf(bound_model_bounds(&model).hi));
    model.model.transform = MODEL_IDENTITY;
    assert_true(isinf(bound_model_bounds(&model).lo));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(numbers_bools_and_times_are_numbers_by_their_slots, make_model),
        cmocka_unit_test_setup(what_is_missing_or_an_error_is_missing_to_a_model, make_model),
        cmocka_unit_test_setup(an_inexact_feature_is_what_it_says_it_is, make_model),
        cmocka_unit_test_setup(a_text_is_its_categorys_code, make_model),
        cmocka_unit_test_setup(a_probability_has_its_bounds, make_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
