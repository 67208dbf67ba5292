#include "models/model_xgboost.h"

#include "tests/unit/models/xgboost_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { FILE_MAX = 1 << 16, ARENA_BYTES = 1 << 20 };

static struct diag_list diags;
static struct arena *arena;
static char edited[FILE_MAX];

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(ARENA_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* The case with `find`, which is there, as `put`. */
static struct span edit(const char *file, const char *find, const char *put)
{
    const char *at = strstr(file, find);
    assert_non_null(at);
    int n =
        snprintf(edited, sizeof edited, "%.*s%s%s", (int)(at - file), file, put, at + strlen(find));
    return span_of(edited, (size_t)n);
}

/* The edited case with another `find` as `put`. */
static struct span edit_too(const char *find, const char *put)
{
    static char before[FILE_MAX];
    memcpy(before, edited, sizeof before);
    return edit(before, find, put);
}

static enum status load(struct span bytes, struct model *ret_model)
{
    diags = (struct diag_list){0};
    arena_reset(arena);
    return model_load("fraud.json", bytes, arena, &diags, ret_model);
}

static struct model loaded(struct span bytes)
{
    struct model model;
    enum status st = load(bytes, &model);
    if (st != ST_OK)
        print_error("%s\n", diags.items[0].message);
    assert_int_equal(st, ST_OK);
    return model;
}

static struct model of_case(void)
{
    return loaded(span_str(xgboost_case));
}

static float margin_of(const struct model *m, double amount, double country)
{
    double margin, output;
    model_score(m, (double[]){amount, country}, &margin, &output);
    return (float)margin;
}

/* What float32 has for base_score 0.25. */
static float base(void)
{
    return -logf(1.0f / 0.25f - 1.0f);
}

static void it_knows_its_inputs(void **state)
{
    (void)state;
    struct model m = of_case();
    assert_int_equal(m.format, MODEL_XGBOOST);
    assert_true(span_is(m.objective, "binary:logistic"));
    assert_int_equal(m.n_inputs, 2);
    assert_true(span_is(m.inputs[0].name, "amount"));
    assert_false(m.inputs[0].is_category);
    assert_true(span_is(m.inputs[1].name, "country"));
    assert_true(m.inputs[1].is_category);
    assert_int_equal(m.inputs[1].n_categories, 3);
    assert_true(span_is(m.inputs[1].categories[2], "US"));
}

static void a_row_is_scored_by_its_trees(void **state)
{
    (void)state;
    struct model m = of_case();
    assert_true(margin_of(&m, 50, 0) == base() + 0.5f - 0.25f);
    assert_true(margin_of(&m, 5, 0) == base() - 0.5f - 0.25f);
    assert_true(margin_of(&m, 5, 1) == base() + 1.0f - 0.25f);
    assert_true(margin_of(&m, 100, 1) == base() + 0.5f + 0.25f);
}

static void a_missing_value_goes_its_own_way(void **state)
{
    (void)state;
    struct model m = of_case();
    assert_true(margin_of(&m, NAN, 1) == base() + 1.0f + 0.25f);
    assert_true(margin_of(&m, 5, NAN) == base() - 0.5f - 0.25f);
    m = loaded(edit(xgboost_case, "\"default_left\":[1,1", "\"default_left\":[0,0"));
    assert_true(margin_of(&m, NAN, 0) == base() + 0.5f + 0.25f);
    assert_true(margin_of(&m, 5, NAN) == base() + 1.0f - 0.25f);
}

static void a_category_that_was_never_seen_is_none_of_a_split(void **state)
{
    (void)state;
    struct model m = of_case();
    assert_true(margin_of(&m, 5, 63) == base() - 0.5f - 0.25f);
    assert_true(margin_of(&m, 5, 64) == base() - 0.5f - 0.25f);
    assert_true(margin_of(&m, 5, 1e9) == base() - 0.5f - 0.25f);
    assert_true(margin_of(&m, 5, -1) == base() - 0.5f - 0.25f);
    assert_true(margin_of(&m, 5, 1.9) == base() + 1.0f - 0.25f); /* its whole part counts */
}

static void a_margin_becomes_a_probability(void **state)
{
    (void)state;
    struct model m = of_case();
    double output;
    model_score(&m, (double[]){50, 0}, NULL, &output);
    assert_true(fabs(output - 1 / (1 + exp(-(double)(base() + 0.25f)))) < 1e-12);
}

static void covers_are_kept_with_their_nodes(void **state)
{
    (void)state;
    struct model m = of_case();
    static const double covers[] = {90, 60, 30, 20, 40, 90, 60, 30}; /* FR comes first */
    assert_int_equal(m.forest->n_nodes, 8);
    for (int i = 0; i < 8; i++)
        assert_true(m.forest->covers[i] == covers[i]);
}

static void ubjson_is_the_same_model(void **state)
{
    (void)state;
    static char bytes[FILE_MAX];
    struct text text;
    text_init(&text, bytes, sizeof bytes);
    xgboost_case_ubjson(&text);
    assert_false(text.overflow);
    struct model m = loaded(text_span(&text));
    assert_true(margin_of(&m, 5, 1) == base() + 1.0f - 0.25f);
    assert_true(span_is(m.inputs[1].categories[1], "FR"));
}

static void features_without_names_are_numbered(void **state)
{
    (void)state;
    struct model m =
        loaded(edit(xgboost_case, "[\"amount\",\"country\"],\"feature_types\":[\"float\",\"c\"]",
                    "[],\"feature_types\":[]"));
    assert_true(span_is(m.inputs[1].name, "f1"));
    assert_true(m.inputs[1].is_category); /* a split says so */
}

static void categories_may_be_numbers(void **state)
{
    (void)state;
    struct model m =
        loaded(edit(xgboost_case, "{\"offsets\":[0,2,4,6],\"values\":[68,69,70,82,85,83]}",
                    "{\"type\":15,\"values\":[10,-20]}"));
    assert_int_equal(m.inputs[1].n_categories, 2);
    assert_true(span_is(m.inputs[1].categories[0], "10"));
    assert_true(span_is(m.inputs[1].categories[1], "-20"));
}

/* XGBoost 3.2 writes Ünï after "DE" so: the offsets of characters, and as many bytes. */
static void names_of_categories_that_it_may_have_cut_are_not_taken(void **state)
{
    (void)state;
    struct model m =
        loaded(edit(xgboost_case, "{\"offsets\":[0,2,4,6],\"values\":[68,69,70,82,85,83]}",
                    "{\"offsets\":[0,2,5],\"values\":[68,69,-61,-100,110]}"));
    assert_true(m.inputs[1].is_category);
    assert_null(m.inputs[1].categories);
    assert_int_equal(diags.count, 1);
    assert_int_equal(diags.errors, 0);
    assert_string_equal(diags.items[0].message,
                        "the names of the categories of 'country' are not all ASCII, and XGBoost "
                        "may have cut them: they are not taken");
}

static void an_older_file_has_its_base_score_bare_and_no_categories(void **state)
{
    (void)state;
    (void)edit(xgboost_case, "[2.5E-1]", "2.5E-1");
    struct model m = loaded(edit_too("\"cats\"", "\"cots\""));
    assert_true(margin_of(&m, 50, 0) == base() + 0.5f - 0.25f);
    assert_null(m.inputs[1].categories);
}

static void each_objective_has_its_own_margin_and_output(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum model_transform transform;
        float base;
    } cases[] = {
        {"binary:logitraw", MODEL_IDENTITY, 0.25f},
        {"reg:squarederror", MODEL_IDENTITY, 0.25f},
        {"reg:absoluteerror", MODEL_IDENTITY, 0.25f},
        {"reg:pseudohubererror", MODEL_IDENTITY, 0.25f},
        {"reg:squaredlogerror", MODEL_IDENTITY, 0.25f},
        {"reg:logistic", MODEL_SIGMOID, -1.0986123f},
        {"count:poisson", MODEL_EXP, -1.3862944f},
        {"reg:gamma", MODEL_EXP, -1.3862944f},
        {"reg:tweedie", MODEL_EXP, -1.3862944f},
        {"reg:quantileerror", MODEL_IDENTITY, 0.25f},
        {"rank:pairwise", MODEL_IDENTITY, 0.25f},
        {"rank:ndcg", MODEL_IDENTITY, 0.25f},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model m = loaded(edit(xgboost_case, "binary:logistic", cases[i].name));
        assert_int_equal(m.transform, cases[i].transform);
        assert_true((float)m.base[0] == cases[i].base);
    }
}

/* The case with two classes, its second tree for the second. */
static struct model of_classes(const char *objective, const char *base_score)
{
    (void)edit(xgboost_case, "binary:logistic", objective);
    (void)edit_too("\"num_class\":\"0\"", "\"num_class\":\"2\"");
    (void)edit_too("[2.5E-1]", base_score);
    return loaded(edit_too("\"tree_info\":[0,0]", "\"tree_info\":[0,1]"));
}

static void classes_have_trees_and_a_base_of_their_own(void **state)
{
    (void)state;
    double margins[2], outputs[2];
    struct model m = of_classes("multi:softprob", "[5E-1,-1E0]");
    model_score(&m, (double[]){50, 0}, margins, outputs);
    assert_true(margins[0] == 1.0 && margins[1] == -1.25);
    assert_true(fabs(outputs[0] - 1 / (1 + exp(-2.25))) < 1e-12);
    m = of_classes("multi:softmax", "5E-1");
    model_score(&m, (double[]){50, 0}, margins, outputs);
    assert_true(margins[0] == 1.0 && margins[1] == 0.25);
    assert_true(fabs(outputs[0] + outputs[1] - 1) < 1e-12);
}

static void a_softmax_has_its_differences_in_float32(void **state)
{
    (void)state;
    double margins[2], outputs[2];
    struct model m = of_classes("multi:softprob", "[8.1E0,1.3E0]");
    model_score(&m, (double[]){50, 0}, margins, outputs);
    double wide = margins[1] - margins[0], narrow = (double)(float)wide;
    assert_true(wide != narrow);
    assert_true(fabs(outputs[1] / outputs[0] / exp(narrow) - 1) < 1e-12);
}

static void dart_weighs_its_trees(void **state)
{
    (void)state;
    (void)edit(xgboost_case, "\"gradient_booster\":{\"model\"",
               "\"gradient_booster\":{\"name\":\"dart\",\"weight_drop\":[5E-1,1E-1],"
               "\"gbtree\":{\"model\"");
    struct model m = loaded(edit_too("\"name\":\"gbtree\"}", "\"name\":\"gbtree\"}}"));
    assert_true(margin_of(&m, 50, 0) == base() + 0.5f * 0.5f + -0.25f * 0.1f);
}

static void a_node_that_nothing_leads_to_is_left_out(void **state)
{
    (void)state;
    (void)edit(xgboost_case, "[1,3,-1,-1,-1]", "[-1,3,-1,-1,-1]");
    struct model m = loaded(edit_too("[1E1,", "[7E0,"));
    assert_int_equal(m.forest->n_nodes, 4);
    assert_true(margin_of(&m, 50, 0) == base() + 7.0f - 0.25f);
}

static void early_stopping_is_warned_of_and_all_rounds_are_scored(void **state)
{
    (void)state;
    struct model m =
        loaded(edit(xgboost_case, "\"best_iteration\":\"1\"", "\"best_iteration\":\"0\""));
    assert_int_equal(diags.count, 1);
    assert_int_equal(diags.errors, 0);
    assert_string_equal(diags.items[0].message,
                        "all 2 rounds are scored, and early stopping found the first 1 best");
    assert_true(margin_of(&m, 50, 0) == base() + 0.5f - 0.25f);
    of_case();
    assert_int_equal(diags.count, 0);
}

/* ---- what is refused ---- */

static const struct {
    const char *find, *put;
    enum status st;
    const char *message;
} faults[] = {
    {"binary:logistic", "binary:hinge", ST_UNSUPPORTED,
     "the objective 'binary:hinge' is not known"},
    {"\"name\":\"gbtree\"", "\"name\":\"gblinear\"", ST_UNSUPPORTED,
     "the booster 'gblinear' is not read; gbtree and dart are"},
    {"\"num_target\":\"1\"", "\"num_target\":\"2\"", ST_UNSUPPORTED,
     "it has 2 targets, and one is read"},
    {"\"size_leaf_vector\":\"1\"", "\"size_leaf_vector\":\"3\"", ST_UNSUPPORTED,
     "tree 0: its leaves are vectors, which are not read: multi_strategy=multi_output_tree"},
    {"[2.5E-1]", "[1E0]", ST_INVALID, "base_score '[1E0]' is no prediction of binary:logistic"},
    {"[2.5E-1]", "[1E-1,1E-1]", ST_INVALID,
     "base_score '[1E-1,1E-1]' is no prediction of binary:logistic"},
    {"[2.5E-1]", "x", ST_INVALID, "base_score 'x' is no prediction of binary:logistic"},
    {"\"num_class\":\"0\"", "\"num_class\":\"3\"", ST_INVALID,
     "this is no model of XGBoost: num_class does not fit the objective"},
    {"\"num_class\":\"0\"", "\"num_class\":\"65\"", ST_TOO_LARGE,
     "65 classes, and 64 are the most"},
    {"\"num_class\":\"0\"", "\"num_class\":\"-1\"", ST_INVALID,
     "this is no model of XGBoost: num_feature, num_class and num_target are numbers"},
    {"\"num_feature\":\"2\",\"num_target\"", "\"num_feature\":\"513\",\"num_target\"", ST_TOO_LARGE,
     "513 features, and 512 are the most"},
    {"\"num_feature\":\"2\",\"num_target\"", "\"num_feature\":\"3\",\"num_target\"", ST_INVALID,
     "3 features by num_feature, 2 names, 2 types"},
    {"\"trees\"", "\"forest\"", ST_INVALID,
     "this is no model of XGBoost: Object item not found: trees"},
    {"\"tree_info\":[0,0]", "\"tree_info\":[0]", ST_INVALID,
     "this is no model of XGBoost: tree_info has not one for each tree"},
    {"\"tree_info\":[0,0]", "\"tree_info\":[0,1]", ST_INVALID,
     "this is no model of XGBoost: tree_info names a class that is none"},
    {"\"id\":1", "\"id\":5", ST_INVALID, "tree 1: it stands where another should, by its id"},
    {"\"sum_hessian\":[9E1,", "\"sum_hessian\":[", ST_INVALID,
     "tree 0: not one for each node: sum_hessian"},
    {"\"split_indices\":[0,1", "\"split_indices\":[0,31", ST_INVALID,
     "tree 0, node 1: its split names feature 31, and there are 2"},
    {"\"split_indices\":[0,1", "\"split_indices\":[0,-1", ST_INVALID,
     "tree 0, node 1: its split names no feature"},
    {"\"left_children\":[1,3", "\"left_children\":[1,0", ST_INVALID,
     "tree 0, node 1: it leads to node 0, which has a parent already"},
    {"\"left_children\":[1,3", "\"left_children\":[1,4", ST_INVALID,
     "tree 0, node 1: it leads to node 4, which has a parent already"},
    {"\"left_children\":[1,3", "\"left_children\":[1,9", ST_INVALID,
     "tree 0, node 1: it leads to node 9, and there are 5"},
    {"\"left_children\":[1,3", "\"left_children\":[1,2.5", ST_INVALID,
     "tree 0, node 1: it leads nowhere on the left, or has no cover"},
    {"\"right_children\":[2", "\"right_children\":[-1", ST_INVALID,
     "tree 0, node 0: it leads nowhere on the right, or when a value is missing"},
    {"\"default_left\":[1", "\"default_left\":[2", ST_INVALID,
     "tree 0, node 0: it leads nowhere on the right, or when a value is missing"},
    {"\"split_conditions\":[1E1", "\"split_conditions\":[1E60", ST_INVALID,
     "tree 0, node 0: its threshold is no number that float32 has"},
    {"5E-1,-5E-1", "null,-5E-1", ST_INVALID,
     "tree 0, node 2: its leaf is no number that float32 has"},
    {"\"split_type\":[0,1", "\"split_type\":[0,2", ST_INVALID,
     "tree 0, node 1: its split is of no type that is known"},
    {"\"categories_nodes\":[1]", "\"categories_nodes\":[2]", ST_INVALID,
     "tree 0, node 1: it splits by category, and has no categories"},
    {"\"categories_sizes\":[1]", "\"categories_sizes\":[2]", ST_INVALID,
     "tree 0, node 1: it splits by category, and has no categories"},
    {"\"categories\":[1]", "\"categories\":[65536]", ST_INVALID,
     "tree 0, node 1: a category of it is not 0 to 65535"},
    {"\"amount\",\"country\"", "\"amount\",\"amount\"", ST_INVALID,
     "feature 1: its name is there before"},
    {"\"amount\",\"country\"", "\"amount\",7", ST_INVALID, "feature 1: it has no name"},
    {"[0,2,4,6]", "[0,2,4,7]", ST_INVALID, "feature 1: a category's name cannot be read"},
    {"[0,2,4,6]", "[0,2,-4,6]", ST_INVALID, "feature 1: a category's name cannot be read"},
};

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct model untouched = {.n_inputs = 77};
        enum status st = load(edit(xgboost_case, faults[i].find, faults[i].put), &untouched);
        assert_int_equal(diags.count, 1);
        assert_string_equal(diags.items[0].message, faults[i].message);
        assert_string_equal(diags.items[0].file, "fraud.json");
        assert_int_equal(st, faults[i].st);
        assert_int_equal(untouched.n_inputs, 77);
    }
}

static void a_file_that_is_cut_off_is_refused_wherever_that_is(void **state)
{
    (void)state;
    struct model model;
    struct text ubjson;
    text_init(&ubjson, edited, sizeof edited);
    xgboost_case_ubjson(&ubjson);
    for (size_t n = 0; n < strlen(xgboost_case); n++)
        assert_int_not_equal(load(span_of(xgboost_case, n), &model), ST_OK);
    for (size_t n = 0; n < ubjson.len; n++)
        assert_int_not_equal(load(span_of(edited, n), &model), ST_OK);
}

static void an_arena_that_is_full_is_said(void **state)
{
    (void)state;
    struct model model;
    for (size_t left = 0; left < 1024; left += 8) {
        diags = (struct diag_list){0};
        arena_reset(arena);
        arena_must(arena, ARENA_BYTES - left - 64);
        enum status st = model_load("fraud.json", span_str(xgboost_case), arena, &diags, &model);
        assert_true(st == ST_OK || st == ST_NO_SPACE || st == ST_INVALID);
        assert_int_equal(diags.errors, st != ST_OK);
    }
}

static void a_base_score_is_a_text_of_4096_bytes_at_most(void **state)
{
    (void)state;
    char text[4096 + 2];
    struct model untouched;
    memset(text, ' ', sizeof text);
    memcpy(text, "2.5E-1", strlen("2.5E-1"));
    text[4097] = '\0';
    assert_int_equal(load(edit(xgboost_case, "[2.5E-1]", text), &untouched), ST_TOO_LARGE);
    assert_string_equal(diags.items[0].message, "4097 bytes of base_score, and 4096 are the most");
    text[4096] = '\0';
    loaded(edit(xgboost_case, "[2.5E-1]", text));
}

/* Else a file of a megabyte would be read for a minute. */
static void categories_are_of_one_split(void **state)
{
    (void)state;
    struct model untouched;
    edit(xgboost_case, "\"categories\":[1],\"categories_nodes\":[1]",
         "\"categories\":[1,2],\"categories_nodes\":[0,1]");
    edit_too("\"categories_segments\":[0],\"categories_sizes\":[1]",
             "\"categories_segments\":[0,1],\"categories_sizes\":[1,1]");
    struct span two = edit_too("\"split_type\":[0,1,", "\"split_type\":[1,1,");
    loaded(two);
    struct span shared = edit_too("\"categories_segments\":[0,1],\"categories_sizes\":[1,1]",
                                  "\"categories_segments\":[0,0],\"categories_sizes\":[2,1]");
    assert_int_equal(load(shared, &untouched), ST_INVALID);
    assert_string_equal(diags.items[0].message,
                        "tree 0, node 1: its categories are those of other splits, too");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_knows_its_inputs),
        cmocka_unit_test(a_row_is_scored_by_its_trees),
        cmocka_unit_test(a_missing_value_goes_its_own_way),
        cmocka_unit_test(a_category_that_was_never_seen_is_none_of_a_split),
        cmocka_unit_test(a_margin_becomes_a_probability),
        cmocka_unit_test(covers_are_kept_with_their_nodes),
        cmocka_unit_test(ubjson_is_the_same_model),
        cmocka_unit_test(features_without_names_are_numbered),
        cmocka_unit_test(categories_may_be_numbers),
        cmocka_unit_test(names_of_categories_that_it_may_have_cut_are_not_taken),
        cmocka_unit_test(an_older_file_has_its_base_score_bare_and_no_categories),
        cmocka_unit_test(each_objective_has_its_own_margin_and_output),
        cmocka_unit_test(classes_have_trees_and_a_base_of_their_own),
        cmocka_unit_test(a_softmax_has_its_differences_in_float32),
        cmocka_unit_test(dart_weighs_its_trees),
        cmocka_unit_test(a_node_that_nothing_leads_to_is_left_out),
        cmocka_unit_test(early_stopping_is_warned_of_and_all_rounds_are_scored),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(a_file_that_is_cut_off_is_refused_wherever_that_is),
        cmocka_unit_test(an_arena_that_is_full_is_said),
        cmocka_unit_test(categories_are_of_one_split),
        cmocka_unit_test(a_base_score_is_a_text_of_4096_bytes_at_most),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
