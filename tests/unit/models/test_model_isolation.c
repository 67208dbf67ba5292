#include "models/model_isolation.h"

#include "models/explain.h"
#include "tests/unit/models/model_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { FILE_BYTES = 64 << 10 };

static enum status load(const char *json)
{
    return load_model("m.json", span_str(json));
}

/*
 *     a <= 0.5 ──> 1 row              1 split
 *         └──> b <= 2 ──> 2 rows      2 splits, and 1 more would tell the two apart
 *                  └──> 1 row         2 splits
 */
#define LEFT "[1,-1,3,-1,-1]"
#define RIGHT "[2,-1,4,-1,-1]"
#define FEATURE "[0,-2,1,-2,-2]"
#define THRESHOLD "[0.5,-2,2,-2,-2]"
#define MISSING_LEFT "[1,0,0,0,0]"
#define SAMPLES "[4,1,3,2,1]"

#define TREE_OF(left, right, feature, threshold, missing_left, samples)                       \
    "{\"left\":" left ",\"right\":" right ",\"feature\":" feature ",\"threshold\":" threshold \
    ",\"missing_left\":" missing_left ",\"samples\":" samples "}"
#define TREE TREE_OF(LEFT, RIGHT, FEATURE, THRESHOLD, MISSING_LEFT, SAMPLES)

#define FILE_OF(format, max_samples, features, trees)                                   \
    "{\"format\":\"" format "\",\"max_samples\":" max_samples ",\"features\":" features \
    ",\"trees\":" trees "}"
#define FORMAT "sluice.isolation_forest/1"
#define FOREST_OF(tree) FILE_OF(FORMAT, "4", "[\"a\",\"b\"]", "[" tree "]")

static double margin(double a, double b)
{
    double m, output;
    model_score(&model, (double[]){a, b}, &m, &output);
    return m;
}

static void a_path_is_its_splits_and_those_that_would_be_left(void **state)
{
    (void)state;
    expect_loaded("m.json", span_str(FOREST_OF(TREE)), MODEL_ISOLATION);
    assert_int_equal(model_input_find(&model, span_str("b")), 1);
    assert_true(isnan(model_other_category(&model)));
    assert_true(margin(0, 0) == -1);
    assert_true(margin(1, 0) == -3);
    assert_true(margin(1, 3) == -2);
}

static void the_score_is_that_of_the_paper(void **state)
{
    (void)state;
    double c = 2 * (log(3) + 0.57721566490153286061) - 1.5, output;
    assert_int_equal(load(FOREST_OF(TREE "," TREE)), ST_OK);
    model_score(&model, (double[]){1, 0}, NULL, &output);
    assert_true(output == exp2(-6 / (2 * c)));
}

static void a_missing_value_goes_where_its_split_says(void **state)
{
    (void)state;
    assert_int_equal(load(FOREST_OF(TREE)), ST_OK);
    assert_true(margin(NAN, 0) == -1);
    assert_true(margin(1, NAN) == -2);
}

/* a <= threshold: does `a` go left? */
static bool goes_left(double a)
{
    return margin(a, 0) == -1;
}

static void an_input_is_taken_as_float32(void **state)
{
    (void)state;
    assert_int_equal(load(FOREST_OF(TREE)), ST_OK);
    double above = (double)nextafterf(0.5f, 1), middle = (0.5 + above) / 2;
    assert_true(goes_left(0.5));
    assert_true(goes_left(middle)); /* a tie, and 0.5 is the even one */
    assert_false(goes_left(nextafter(middle, 1)));
    assert_false(goes_left(above));
}

static void a_threshold_between_two_float32_keeps_the_lower_on_the_left(void **state)
{
    (void)state;
    /* 0.1 as float32 is above 0.1, so it goes right, and so does what rounds to it */
    assert_int_equal(
        load(FOREST_OF(TREE_OF(LEFT, RIGHT, FEATURE, "[0.1,0,2,0,0]", MISSING_LEFT, SAMPLES))),
        ST_OK);
    double up = (double)0.1f, down = (double)nextafterf(0.1f, 0);
    assert_true(up > 0.1);
    assert_false(goes_left(0.1));
    assert_false(goes_left(up));
    assert_true(goes_left(down));
    assert_true(goes_left(nextafter((up + down) / 2, 0)));
    assert_false(goes_left(nextafter((up + down) / 2, 1)));
}

static void thresholds_reach_to_the_ends_of_float32(void **state)
{
    (void)state;
    const char *const most = FOREST_OF(
        TREE_OF(LEFT, RIGHT, FEATURE, "[3.4028234663852886e38,0,2,0,0]", MISSING_LEFT, SAMPLES));
    assert_int_equal(load(most), ST_OK);
    assert_true(goes_left(3.4028234663852886e38));
    assert_false(goes_left(3.5e38));
    const char *const least = FOREST_OF(
        TREE_OF(LEFT, RIGHT, FEATURE, "[-3.4028234663852886e38,0,2,0,0]", MISSING_LEFT, SAMPLES));
    assert_int_equal(load(least), ST_OK);
    assert_true(goes_left(-3.4028234663852886e38));
    assert_false(goes_left(-3.4028e38));
}

static void what_makes_a_row_odd_contributes_above_zero(void **state)
{
    (void)state;
    double parts[3];
    assert_int_equal(load(FOREST_OF(TREE)), ST_OK);
    assert_int_equal(model_explain(&model, (double[]){0, 0}, 0, &arena, parts), ST_OK);
    assert_true(parts[0] > 0);
    assert_true(fabs(parts[0] + parts[1] + parts[2] - margin(0, 0)) < 1e-12);
    assert_true(fabs(parts[2] - (1 * -1 + 2 * -3 + 1 * -2) / 4.0) < 1e-12);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void expect_refused(const char *json, enum status st, const char *message)
{
    assert_int_equal(load(json), st);
    assert_null(model.inputs);
    assert_int_equal(diags.errors, 1);
    assert_string_equal(diags.items[0].message, message);
}

static void a_tree_that_is_none_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json, *message;
    } cases[] = {
        {FOREST_OF("{}"), "tree 0: `left` has not one for each node"},
        {FOREST_OF("7"), "tree 0: `left` has not one for each node"},
        {FOREST_OF(TREE_OF(LEFT, "[2,-1,4,-1]", FEATURE, THRESHOLD, MISSING_LEFT, SAMPLES)),
         "tree 0: `right` has not one for each node"},
        {FOREST_OF(TREE_OF("[5,-1,3,-1,-1]", RIGHT, FEATURE, THRESHOLD, MISSING_LEFT, SAMPLES)),
         "tree 0, node 0: it leads to no node of 0 to 4"},
        {FOREST_OF(TREE_OF(LEFT, "[2,-1,-1,-1,-1]", FEATURE, THRESHOLD, MISSING_LEFT, SAMPLES)),
         "tree 0, node 2: it leads to no node of 0 to 4"},
        {FOREST_OF(TREE_OF("[1.0,-1,3,-1,-1]", RIGHT, FEATURE, THRESHOLD, MISSING_LEFT, SAMPLES)),
         "tree 0, node 0: it leads to no node of 0 to 4"},
        {FOREST_OF(
             TREE_OF(LEFT, "[2,-1,1,-1,-1]", FEATURE, THRESHOLD, MISSING_LEFT, "[5,2,3,1,1]")),
         "tree 0, node 0: its samples are not 1 to max_samples, 4"},
        {FOREST_OF(TREE_OF(LEFT, RIGHT, FEATURE, THRESHOLD, MISSING_LEFT, "[4,1,3,2,0]")),
         "tree 0, node 2: its samples are not those of the two nodes below"},
        {FOREST_OF(TREE_OF(LEFT, RIGHT, FEATURE, THRESHOLD, MISSING_LEFT, "[4,1,2,1,1]")),
         "tree 0, node 0: its samples are not those of the two nodes below"},
        {FOREST_OF(
             TREE_OF(LEFT, "[2,-1,3,-1,-1]", FEATURE, THRESHOLD, MISSING_LEFT, "[3,1,2,1,1]")),
         "tree 0, node 2: it leads to node 3, which has a parent already"},
        {FOREST_OF(TREE_OF(LEFT, RIGHT, "[2,0,1,0,0]", THRESHOLD, MISSING_LEFT, SAMPLES)),
         "tree 0, node 0: its feature is not 0 to 1, or missing_left not 0 or 1"},
        {FOREST_OF(TREE_OF(LEFT, RIGHT, FEATURE, THRESHOLD, "[2,0,0,0,0]", SAMPLES)),
         "tree 0, node 0: its feature is not 0 to 1, or missing_left not 0 or 1"},
        {FOREST_OF(TREE_OF(LEFT, RIGHT, FEATURE, "[1e39,0,0,0,0]", MISSING_LEFT, SAMPLES)),
         "tree 0, node 0: its threshold is not within float32"},
        {FOREST_OF(TREE_OF(LEFT, RIGHT, FEATURE, "[\"1\",0,0,0,0]", MISSING_LEFT, SAMPLES)),
         "tree 0, node 0: its threshold is not within float32"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_refused(cases[i].json, ST_INVALID, cases[i].message);
}

#define NO_FOREST "this is no isolation forest: "

static void a_file_that_is_no_forest_is_refused(void **state)
{
    (void)state;
    expect_refused(FILE_OF("sluice.isolation_forest/2", "4", "[\"a\"]", "[]"), ST_UNSUPPORTED,
                   "the format 'sluice.isolation_forest/2' is not read here");
    expect_refused(FILE_OF(FORMAT, "1", "[\"a\"]", "[" TREE "]"), ST_INVALID,
                   NO_FOREST "max_samples are not 2 to 1073741824");
    expect_refused(FILE_OF(FORMAT, "1073741825", "[\"a\"]", "[" TREE "]"), ST_INVALID,
                   NO_FOREST "max_samples are not 2 to 1073741824");
    expect_refused(FILE_OF(FORMAT, "4", "[\"a\"]", "[]"), ST_INVALID, NO_FOREST "it has no trees");
    expect_refused(FILE_OF(FORMAT, "4", "[]", "[" TREE "]"), ST_INVALID,
                   NO_FOREST "its features are not 1 to 512 names");
    expect_refused(FILE_OF(FORMAT, "4", "[\"a\",\"a\"]", "[" TREE "]"), ST_INVALID,
                   NO_FOREST "two features have one name");
    expect_refused(FILE_OF(FORMAT, "4", "[\"\"]", "[" TREE "]"), ST_INVALID,
                   NO_FOREST "a feature's name is no text of 1 to 128 bytes");
    expect_refused("{\"format\":\"" FORMAT "\"}", ST_INVALID,
                   NO_FOREST "Object item not found: max_samples");
}

/* A file whose one tree is split `n` times, each time to the right of the last. */
static const char *deep_file(int n)
{
    static char json[FILE_BYTES];
    struct text t;
    text_init(&t, json, sizeof json - 1);
    text_printf(&t,
                "{\"format\":\"" FORMAT "\",\"max_samples\":%d,\"features\":[\"a\"],"
                "\"trees\":[{\"left\":[-1",
                n + 1);
    t.len -= 2; /* the root's own comes first */
    static const char *const columns[] = {"right", "feature", "threshold", "missing_left"};
    for (int i = 0; i < n; i++)
        text_printf(&t, "%d,-1,", 2 * i + 1);
    text_str(&t, "-1]");
    for (int c = 0; c < 4; c++) {
        text_printf(&t, ",\"%s\":[", columns[c]);
        for (int i = 0; i < n; i++)
            text_printf(&t, "%d,0,", c == 0 ? 2 * i + 2 : 0);
        text_str(&t, "0]");
    }
    text_str(&t, ",\"samples\":[");
    for (int i = 0; i < n; i++)
        text_printf(&t, "%d,1,", n + 1 - i);
    text_str(&t, "1]}]}");
    assert_false(t.overflow);
    json[t.len] = '\0';
    return json;
}

static void a_tree_is_as_deep_as_any_and_not_deeper(void **state)
{
    (void)state;
    assert_int_equal(load(deep_file(FOREST_DEPTH_MAX)), ST_OK);
    double output, m;
    model_score(&model, (double[]){1}, &m, &output);
    assert_true(m == -FOREST_DEPTH_MAX);
    assert_int_equal(load(deep_file(FOREST_DEPTH_MAX + 1)), ST_INVALID);
    assert_int_equal(diags.errors, 1);
}

static void a_model_that_does_not_fit_is_refused_wherever_room_ends(void **state)
{
    (void)state;
    expect_refused_where_room_ends("m.json", span_str(FOREST_OF(TREE)));
    assert_int_equal(model.n_inputs, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_its_splits_and_those_that_would_be_left),
        cmocka_unit_test(the_score_is_that_of_the_paper),
        cmocka_unit_test(a_missing_value_goes_where_its_split_says),
        cmocka_unit_test(an_input_is_taken_as_float32),
        cmocka_unit_test(a_threshold_between_two_float32_keeps_the_lower_on_the_left),
        cmocka_unit_test(thresholds_reach_to_the_ends_of_float32),
        cmocka_unit_test(what_makes_a_row_odd_contributes_above_zero),
        cmocka_unit_test(a_tree_that_is_none_is_refused),
        cmocka_unit_test(a_file_that_is_no_forest_is_refused),
        cmocka_unit_test(a_tree_is_as_deep_as_any_and_not_deeper),
        cmocka_unit_test(a_model_that_does_not_fit_is_refused_wherever_room_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
