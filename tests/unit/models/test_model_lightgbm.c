#include "models/model_lightgbm.h"

#include "models/model_json.h"
#include "tests/unit/models/model_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { FILE_BYTES = 4 << 20 };

/* Two inputs, one of them a category; two trees, one of them a leaf. As LightGBM 4 saves it. */
static const char file[] = "tree\n"                                              /*  1 */
                           "version=v4\n"                                        /*  2 */
                           "num_class=1\n"                                       /*  3 */
                           "num_tree_per_iteration=1\n"                          /*  4 */
                           "label_index=0\n"                                     /*  5 */
                           "max_feature_idx=1\n"                                 /*  6 */
                           "objective=binary sigmoid:0.5\n"                      /*  7 */
                           "feature_names=amount country\n"                      /*  8 */
                           "feature_infos=[0:950] -1:2:0:1\n"                    /*  9 */
                           "tree_sizes=400 400\n"                                /* 10 */
                           "\n"                                                  /* 11 */
                           "Tree=0\n"                                            /* 12 */
                           "num_leaves=3\n"                                      /* 13 */
                           "num_cat=1\n"                                         /* 14 */
                           "split_feature=0 1\n"                                 /* 15 */
                           "split_gain=2 1\n"                                    /* 16 */
                           "threshold=0.5 0\n"                                   /* 17 */
                           "decision_type=10 1\n"                                /* 18 */
                           "left_child=-1 -2\n"                                  /* 19 */
                           "right_child=1 -3\n"                                  /* 20 */
                           "leaf_value=1 0.10000000000000001 -2e-1\n"            /* 21 */
                           "leaf_weight=3 2 1\n"                                 /* 22 */
                           "leaf_count=30 20 10\n"                               /* 23 */
                           "internal_value=0 0\n"                                /* 24 */
                           "internal_weight=6 3\n"                               /* 25 */
                           "internal_count=60 30\n"                              /* 26 */
                           "cat_boundaries=0 2\n"                                /* 27 */
                           "cat_threshold=4 2\n"                                 /* 28 */
                           "is_linear=0\n"                                       /* 29 */
                           "shrinkage=1\n"                                       /* 30 */
                           "\n\n"                                                /* 31, 32 */
                           "Tree=1\n"                                            /* 33 */
                           "num_leaves=1\n"                                      /* 34 */
                           "num_cat=0\n"                                         /* 35 */
                           "leaf_value=0.25\n"                                   /* 36 */
                           "is_linear=0\n"                                       /* 37 */
                           "\n\n"                                                /* 38, 39 */
                           "end of trees\n"                                      /* 40 */
                           "\n"                                                  /* 41 */
                           "parameters:\n"                                       /* 42 */
                           "[categorical_feature: 1]\n"                          /* 43 */
                           "end of parameters\n"                                 /* 44 */
                           "\n"                                                  /* 45 */
                           "pandas_categorical:[[\"FR\", \"GB\", 5411, true]]\n" /* 46 */
    ;

static char bytes[FILE_BYTES];

static enum status load(struct span text)
{
    return load_model("m.txt", text);
}

static struct span whole(const struct text *t)
{
    assert_false(t->overflow);
    return text_span(t);
}

/* The file, with the first `what` replaced. */
static struct span with(const char *what, const char *by)
{
    const char *at = strstr(file, what);
    struct text t;
    assert_non_null(at);
    text_init(&t, bytes, sizeof bytes);
    text_put(&t, span_of(file, (size_t)(at - file)));
    text_str(&t, by);
    text_str(&t, at + strlen(what));
    return whole(&t);
}

static double score(double amount, double country)
{
    double output;
    model_score(&model, (double[]){amount, country}, NULL, &output);
    return output;
}

static double margin(double amount, double country)
{
    double output, sum;
    model_score(&model, (double[]){amount, country}, &sum, &output);
    return sum;
}

static void expect(enum status want, struct span text, int line, const char *message)
{
    assert_int_equal(load(text), want);
    assert_null(model.inputs);
    assert_int_equal(diags.errors, 1);
    assert_string_equal(diags.items[0].message, message);
    assert_int_equal(diags.items[0].line, line);
}

/* ---- what is read ---- */

static void a_model_of_two_trees_scores_as_it_says(void **state)
{
    (void)state;
    expect_loaded("m.txt", span_str(file), MODEL_LIGHTGBM);
    assert_true(span_is(model.objective, "binary"));
    assert_int_equal(model.n_inputs, 2);
    assert_int_equal(model_input_find(&model, span_str("country")), 1);
    assert_true(margin(0.5, 2) == 1.25);                       /* equal goes left */
    assert_true(margin(0.6, 2) == 0.10000000000000001 + 0.25); /* bit 2 */
    assert_true(margin(0.6, 0) == -0.2 + 0.25);
    assert_true(score(0.5, 0) == 1 / (1 + exp(-0.5 * 1.25)));
}

static void what_is_missing_goes_by_default_and_of_categories_right(void **state)
{
    (void)state;
    assert_int_equal(load(span_str(file)), ST_OK);
    assert_true(margin(NAN, 0) == 1.25);
    assert_int_equal(load(with("decision_type=10", "decision_type=8")), ST_OK);
    assert_true(margin(NAN, 2) == 0.10000000000000001 + 0.25);
    assert_true(margin(NAN, NAN) == -0.2 + 0.25);
}

static void categories_past_a_set_or_below_all_go_right(void **state)
{
    (void)state;
    static const double outside[] = {-1, 3, 64, 65536, 1e12, INFINITY, -INFINITY};
    assert_int_equal(load(span_str(file)), ST_OK);
    assert_true(margin(0.6, 33) == 0.10000000000000001 + 0.25); /* of the second word */
    assert_true(margin(0.6, 2.9) == 0.10000000000000001 + 0.25);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        assert_true(margin(0.6, outside[i]) == -0.2 + 0.25);
}

static void where_nothing_was_missing_a_missing_value_is_zero(void **state)
{
    (void)state;
    assert_int_equal(load(with("decision_type=10", "decision_type=0")), ST_OK);
    assert_true(margin(NAN, 0) == 1.25);
    assert_int_equal(
        load(with("threshold=0.5 0\ndecision_type=10", "threshold=-0.5 0\ndecision_type=2")),
        ST_OK);
    assert_true(margin(NAN, 0) == -0.2 + 0.25);
}

static void zero_is_missing_where_the_model_says_so(void **state)
{
    (void)state;
    assert_int_equal(load(with("decision_type=10", "decision_type=4")), ST_OK);
    assert_true(margin(0, 0) == -0.2 + 0.25);
    assert_true(margin(NAN, 0) == -0.2 + 0.25);
    assert_true(margin(0.1, 0) == 1.25);
    assert_int_equal(load(with("decision_type=10", "decision_type=6")), ST_OK);
    assert_true(margin(0, 0) == 1.25);
}

static void values_that_are_nearly_zero_are_zero(void **state)
{
    (void)state;
    assert_int_equal(load(with("threshold=0.5", "threshold=0")), ST_OK);
    assert_true(margin((double)1e-35f, 0) == 1.25);
    assert_true(margin(1.1e-35, 0) == -0.2 + 0.25);
    assert_int_equal(load(with("threshold=0.5", "threshold=-1e-36")), ST_OK);
    assert_true(margin(-(double)1e-35f, 0) == -0.2 + 0.25);
    assert_true(margin(-1.1e-35, 0) == 1.25);
}

static void a_threshold_of_inf_parts_what_is_missing_from_all_else(void **state)
{
    (void)state;
    static const double inputs[] = {-INFINITY, -1, 0, 1e300, INFINITY};
    assert_int_equal(
        load(with("threshold=0.5 0\ndecision_type=10", "threshold=inf 0\ndecision_type=8")), ST_OK);
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++)
        assert_true(margin(inputs[i], 0) == 1.25);
    assert_true(margin(NAN, 0) == -0.2 + 0.25);
}

static void counts_are_the_covers_of_nodes(void **state)
{
    (void)state;
    assert_int_equal(load(span_str(file)), ST_OK);
    const struct forest *f = model.forest;
    assert_int_equal(f->n_nodes, 6);
    assert_true(f->covers[0] == 60);
    assert_true(f->covers[f->nodes[0].left] == 30);
    assert_true(f->covers[f->nodes[0].left + 1] == 30);
    assert_int_equal(f->trees[0].depth, 2);
    assert_int_equal(load(with("internal_count=60 30\n", "")), ST_OK);
    assert_null(model.forest->covers);
}

static void each_objective_has_its_transform(void **state)
{
    (void)state;
    const struct {
        const char *objective;
        double output; /* of 1.25 */
    } cases[] = {
        {"regression", 1.25},
        {"huber", 1.25},
        {"regression sqrt", 1.25 * 1.25},
        {"poisson", exp(1.25)},
        {"tweedie", exp(1.25)},
        {"lambdarank", 1.25},
        {"rank_xendcg", 1.25},
        {"cross_entropy", 1 / (1 + exp(-1.25))},
        {"binary sigmoid:2", 1 / (1 + exp(-2.5))},
        {"multiclassova num_class:1 sigmoid:2", 1 / (1 + exp(-2.5))},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(load(with("binary sigmoid:0.5", cases[i].objective)), ST_OK);
        assert_true(score(0.5, 0) == cases[i].output);
    }
    assert_int_equal(load(with("objective=binary sigmoid:0.5\n", "")), ST_OK);
    assert_true(span_is(model.objective, "custom"));
    assert_true(score(0.5, 0) == 1.25);
}

static void a_square_keeps_its_sign(void **state)
{
    (void)state;
    assert_int_equal(load(with("binary sigmoid:0.5", "regression sqrt")), ST_OK);
    assert_true(score(0.6, 0) == (-0.2 + 0.25) * (-0.2 + 0.25));
    assert_int_equal(load(with("leaf_value=0.25", "leaf_value=0")), ST_OK);
    model.transform = MODEL_SQUARE;
    assert_true(score(0.6, 0) == -(0.2 * 0.2));
}

static void a_forest_of_averages_divides_by_its_iterations(void **state)
{
    (void)state;
    assert_int_equal(load(with("feature_names=", "average_output\nfeature_names=")), ST_OK);
    assert_true(margin(0.5, 0) == 1.25 / 2);
}

static void classes_take_trees_in_turn(void **state)
{
    (void)state;
    double outputs[2];
    assert_int_equal(load(with("num_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n"
                               "max_feature_idx=1\nobjective=binary sigmoid:0.5",
                               "num_class=2\nnum_tree_per_iteration=2\nlabel_index=0\n"
                               "max_feature_idx=1\nobjective=multiclass num_class:2")),
                     ST_OK);
    assert_int_equal(model.n_outputs, 2);
    model_score(&model, (double[]){0.5, 0}, NULL, outputs);
    assert_true(fabs(outputs[0] - 1 / (1 + exp(0.25 - 1))) < 1e-15);
    assert_true(fabs(outputs[0] + outputs[1] - 1) < 1e-15);
}

static void categories_of_pandas_have_their_names(void **state)
{
    (void)state;
    assert_int_equal(load(span_str(file)), ST_OK);
    assert_false(model.inputs[0].is_category);
    assert_true(model.inputs[1].is_category);
    assert_int_equal(model.inputs[1].n_categories, 4);
    assert_true(span_is(model.inputs[1].categories[1], "GB"));
    assert_true(span_is(model.inputs[1].categories[2], "5411"));
    assert_true(span_is(model.inputs[1].categories[3], "true"));
    assert_int_equal(load(with("[[\"FR\", \"GB\", 5411, true]]", "null")), ST_OK);
    assert_null(model.inputs[1].categories);
}

static void names_that_cannot_be_assigned_are_warned_of(void **state)
{
    (void)state;
    assert_int_equal(load(with("[[", "[[1.5],[")), ST_OK);
    assert_null(model.inputs[1].categories);
    assert_int_equal(diags.errors, 0);
    assert_int_equal(diags.count, 1);
    assert_string_equal(diags.items[0].message,
                        "pandas_categorical has categories of 2 inputs, and 1 are categorical");
    assert_int_equal(load(with("feature: 1]", "feature: 0,1,7,99999999999999999999]")), ST_OK);
    assert_true(model.inputs[0].is_category);
}

static void lines_may_end_as_windows_ends_them(void **state)
{
    (void)state;
    struct text t;
    text_init(&t, bytes, sizeof bytes);
    for (const char *c = file; *c != '\0'; c++) {
        if (*c == '\n')
            text_char(&t, '\r');
        text_char(&t, *c);
    }
    assert_int_equal(load(text_span(&t)), ST_OK);
    assert_true(margin(0.5, 2) == 1.25);
}

/* ---- what is refused ---- */

static void what_is_not_known_is_refused_with_what_is(void **state)
{
    (void)state;
    expect(ST_UNSUPPORTED, with("binary sigmoid:0.5", "cross_entropy_lambda"), 7,
           "the objective 'cross_entropy_lambda' is not known");
    assert_non_null(strstr(diags.items[0].hint, "binary cross_entropy multiclass"));
    expect(ST_UNSUPPORTED, with("sigmoid:0.5", "temper:2"), 7,
           "the objective 'binary temper:2' is not known");
    expect(ST_UNSUPPORTED, with("binary sigmoid:0.5", "\033[2J"), 7,
           "the objective '?' is not known");
    expect(ST_UNSUPPORTED, with("v4", "v2"), 2, "version 'v2' of LightGBM's text is not known");
    expect(ST_UNSUPPORTED, with("is_linear=0", "is_linear=1"), 29,
           "tree 0: linear trees are not read");
}

static void a_wrong_line_is_named_with_what_it_must_be(void **state)
{
    (void)state;
    static const struct {
        const char *what, *by;
        int line;
        const char *message;
    } cases[] = {
        {"num_class=1", "num_class=2", 4, "num_tree_per_iteration is 1, and num_class is 2"},
        {"num_class=1\n", "", 10, "num_class is missing before the first tree"},
        {"num_class=1", "num_class=65", 3, "num_class has 65, which is out of its range"},
        {"num_class=1", "num_class=1.5", 3, "num_class has 1.5, which must be a whole number"},
        {"idx=1", "idx=512", 6, "max_feature_idx has 512, which is out of its range"},
        {"idx=1", "idx=2", 8, "feature_names has 2, and max_feature_idx is 2"},
        {"[0:950]", "", 9, "feature_infos has 1, and max_feature_idx is 1"},
        {"amount", "country", 8, "the name of input 1 is that of another"},
        {"amount", "am\001unt", 8, "the name of input 0 is no text in UTF-8"},
        {"amount", "am\xffunt", 8, "the name of input 0 is no text in UTF-8"},
        {"sigmoid:0.5", "sigmoid:0", 7, "sigmoid has 0, which is out of its range"},
        {"Tree=0", "Tree=1", 12, "Tree=0 must stand here"},
        {"num_leaves=3", "num_leaves=0", 13, "num_leaves has 0, which is out of its range"},
        {"num_leaves=3\n", "", 12, "tree 0: num_leaves is missing"},
        {"num_leaves=3", "num_leaves=900000", 13,
         "num_leaves is 900000, and the file has no room for them"},
        {"num_leaves=3", "num_leaves=4", 21, "tree 0: leaf_value has 3 numbers, and must have 4"},
        {"num_cat=1", "num_cat=3", 14, "tree 0: num_cat has 3, which is out of its range"},
        {"num_cat=1", "num_cat=0", 17,
         "tree 0: split 1 is by set 0 of categories, and num_cat is 0"},
        {"feature=0 1", "feature=0 2", 15,
         "tree 0: split_feature has 2, which is out of its range"},
        {"threshold=0.5 0", "threshold=0.5 nan", 17, "tree 0: threshold has what is no number"},
        {"threshold=0.5 0", "threshold=1e999 0", 17, "tree 0: threshold has what is no number"},
        {"threshold=0.5 0", "threshold=0x1 0", 17, "tree 0: threshold has what is no number"},
        {"threshold=0.5 0", "threshold=-inf 0", 17, "tree 0: threshold has what is no number"},
        {"value=0.25", "value=inf", 36, "tree 1: leaf_value has inf, which is out of its range"},
        {"threshold=0.5 0", "threshold=0.5 1", 17,
         "tree 0: split 1 is by set 1 of categories, and num_cat is 1"},
        {"threshold=0.5 0\n", "", 12, "tree 0: threshold is missing"},
        {"threshold=0.5 0\n", "threshold=0.5 0\nthreshold=0.5 0\n", 18,
         "threshold stands there again, it was in line 17"},
        {"type=10 1", "type=12 1", 18, "tree 0: decision_type has 12, which is out of its range"},
        {"left_child=-1", "left_child=0", 19,
         "tree 0: split 0 has left_child 0, which is not behind it"},
        {"left_child=-1", "left_child=1", 20,
         "tree 0: split 0 has right_child 1, which has a parent"},
        {"left_child=-1", "left_child=-4", 19,
         "tree 0: left_child has -4, which is out of its range"},
        {"child=-1 -2", "child=-1 -1", 19, "tree 0: split 1 has left_child -1, which has a parent"},
        {"right_child=1", "right_child=-3", 19, "tree 0: split 1 has no parent before it"},
        {"leaf_count=30", "leaf_count=-1", 23,
         "tree 0: leaf_count has -1, which is out of its range"},
        {"internal_count=60", "internal_count=0", 26,
         "tree 0: internal_count has 0, which is out of its range"},
        {"boundaries=0 2", "boundaries=0 3", 28,
         "tree 0: cat_threshold has 2 numbers, and cat_boundaries ends with 3"},
        {"boundaries=0 2", "boundaries=1 2", 27,
         "tree 0: cat_boundaries must begin with 0 and not fall"},
        {"cat_threshold=4", "cat_threshold=4294967296", 28,
         "tree 0: cat_threshold has 4294967296, which is out of its range"},
        {"end of trees", "end", 46, "the file ends without \"end of trees\""},
        {"[[\"FR\"", "[\"FR\"", 46, "pandas_categorical is not JSON"},
        {"[[\"FR\", \"GB\", 5411, true]]", "[7]", 46, "pandas_categorical must be a list of lists"},
        {"\"FR\"", "null", 46, "pandas_categorical has a category that is no text and no number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct span text = with(cases[i].what, cases[i].by);
        assert_true(load(text) != ST_OK);
        assert_string_equal(diags.items[0].message, cases[i].message);
        assert_int_equal(diags.items[0].line, cases[i].line);
        assert_int_equal(diags.errors, 1);
        assert_null(model.inputs);
    }
}

static void a_wrong_number_is_pointed_at(void **state)
{
    (void)state;
    assert_true(load(with("0.10000000000000001", "0.1x")) != ST_OK);
    assert_int_equal(diags.items[0].line, 21);
    assert_int_equal(diags.items[0].col, 14);
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    (void)state;
    size_t end = (size_t)(strstr(file, "end of trees") - file) + strlen("end of trees");
    for (size_t len = strlen("tree\n"); len < end; len++) {
        assert_int_equal(load(span_of(file, len)), ST_INVALID);
        assert_int_equal(diags.errors, 1);
    }
    assert_int_equal(load(span_of(file, end)), ST_OK);
}

static void a_model_that_does_not_fit_is_refused_wherever_room_ends(void **state)
{
    (void)state;
    expect_refused_where_room_ends("m.txt", span_str(file));
    assert_int_equal(model.n_inputs, 2);
}

/* ---- limits ---- */

/* Into `bytes`: what stands before the first tree. */
static struct text up_to_trees(void)
{
    struct text t;
    text_init(&t, bytes, sizeof bytes);
    text_put(&t, span_of(file, (size_t)(strstr(file, "Tree=0") - file)));
    return t;
}

/* `n` leaves in one tree, each split the right child of the one before it. */
static struct span chain(int n)
{
    struct text t = up_to_trees();
    text_printf(&t, "Tree=0\nnum_leaves=%d\nnum_cat=0\n", n);
    static const char *const same[] = {"split_feature=", "threshold=", "decision_type="};
    for (int k = 0; k < 3; k++) {
        text_str(&t, same[k]);
        for (int i = 0; i + 1 < n; i++)
            text_str(&t, "0 ");
        text_str(&t, "\n");
    }
    text_str(&t, "left_child=");
    for (int i = 0; i + 1 < n; i++)
        text_printf(&t, "%d ", -i - 1);
    text_str(&t, "\nright_child=");
    for (int i = 0; i + 1 < n; i++)
        text_printf(&t, "%d ", i + 2 < n ? i + 1 : -n);
    text_str(&t, "\nleaf_value=");
    for (int i = 0; i < n; i++)
        text_printf(&t, "%d ", i);
    text_str(&t, "\nend of trees\n");
    return whole(&t);
}

static void a_tree_is_256_splits_deep_at_most(void **state)
{
    (void)state;
    assert_int_equal(load(chain(FOREST_DEPTH_MAX + 1)), ST_OK);
    assert_int_equal(model.forest->trees[0].depth, FOREST_DEPTH_MAX);
    assert_true(margin(1, 0) == FOREST_DEPTH_MAX);
    expect(ST_TOO_LARGE, chain(FOREST_DEPTH_MAX + 2), 18, "tree 0: it is deeper than 256 splits");
}

static void a_category_is_below_65536(void **state)
{
    (void)state;
    static char words[FILE_BYTES / 2];
    struct text t;
    for (int n = 2048; n <= 2049; n++) {
        text_init(&t, words, sizeof words);
        text_printf(&t, "cat_boundaries=0 %d\ncat_threshold=", n);
        for (int i = 1; i < n; i++)
            text_str(&t, "0 ");
        text_str(&t, "2147483648");
        text_char(&t, '\0');
        struct span text = with("cat_boundaries=0 2\ncat_threshold=4 2", words);
        if (n == 2048) {
            assert_int_equal(load(text), ST_OK);
            assert_true(margin(0.6, 65535) == 0.10000000000000001 + 0.25);
        } else {
            expect(ST_TOO_LARGE, text, 28,
                   "tree 0: a category of 65536 or more, and codes are below 65536");
        }
    }
}

static struct span many_trees(int n)
{
    struct text t = up_to_trees();
    for (int i = 0; i < n; i++)
        text_printf(&t, "Tree=%d\nnum_leaves=1\nleaf_value=1\n", i);
    text_str(&t, "end of trees\n");
    return whole(&t);
}

static void trees_are_20000_at_most_and_one_at_least(void **state)
{
    (void)state;
    assert_int_equal(load(many_trees(FOREST_TREES_MAX)), ST_OK);
    assert_true(margin(0, 0) == FOREST_TREES_MAX);
    expect(ST_TOO_LARGE, many_trees(FOREST_TREES_MAX + 1), 12 + 3 * FOREST_TREES_MAX,
           "more than 20000 trees");
    expect(ST_INVALID, many_trees(0), 11, "0 trees, and num_tree_per_iteration is 1");
}

static void nodes_are_two_million_at_most(void **state)
{
    (void)state;
    enum { LEAVES = FOREST_NODES_MAX / 2 };
    struct text t = up_to_trees();
    text_printf(&t, "Tree=0\nnum_leaves=%d\n", LEAVES + 1);
    while (t.len + 1 < sizeof bytes)
        text_char(&t, ' ');
    expect(ST_TOO_LARGE, text_span(&t), 13, "more than 2097152 nodes in all trees");
}

static void a_name_is_128_bytes_at_most(void **state)
{
    (void)state;
    char name[MODEL_INPUT_NAME_MAX + 2];
    memset(name, 'n', sizeof name - 1);
    name[MODEL_INPUT_NAME_MAX] = '\0';
    assert_int_equal(load(with("amount", name)), ST_OK);
    name[MODEL_INPUT_NAME_MAX] = 'n';
    name[MODEL_INPUT_NAME_MAX + 1] = '\0';
    expect(ST_INVALID, with("amount", name), 8, "the name of input 0 is longer than 128 bytes");
}

/* Each costs jansson fifty bytes, whatever it takes in the file. */
static void values_of_categories_are_counted_before_there_is_memory_for_them(void **state)
{
    (void)state;
    size_t head = (size_t)(strstr(file, "[[\"FR") - file), n = MODEL_VALUES_MAX;
    char *long_file = malloc(head + n);
    assert_non_null(long_file);
    memcpy(long_file, file, head);
    memset(long_file + head, ',', n);
    expect(ST_INVALID, span_of(long_file, head + n - 1), 46, "pandas_categorical is not JSON");
    expect(ST_TOO_LARGE, span_of(long_file, head + n), 46,
           "pandas_categorical has more than 8388608 values");
    free(long_file);
}

static void categories_by_name_are_4096_at_most(void **state)
{
    (void)state;
    static char names[FILE_BYTES / 2];
    for (int n = MODEL_CATEGORIES_MAX; n <= MODEL_CATEGORIES_MAX + 1; n++) {
        struct text t;
        text_init(&t, names, sizeof names);
        text_str(&t, "[[0");
        for (int i = 1; i < n; i++)
            text_printf(&t, ",%d", i);
        text_str(&t, "]]");
        text_char(&t, '\0');
        struct span text = with("[[\"FR\", \"GB\", 5411, true]]", names);
        if (n == MODEL_CATEGORIES_MAX)
            assert_int_equal(load(text), ST_OK);
        else
            expect(ST_INVALID, text, 46,
                   "pandas_categorical has more than 4096 categories of one input");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_of_two_trees_scores_as_it_says),
        cmocka_unit_test(what_is_missing_goes_by_default_and_of_categories_right),
        cmocka_unit_test(categories_past_a_set_or_below_all_go_right),
        cmocka_unit_test(where_nothing_was_missing_a_missing_value_is_zero),
        cmocka_unit_test(zero_is_missing_where_the_model_says_so),
        cmocka_unit_test(values_that_are_nearly_zero_are_zero),
        cmocka_unit_test(a_threshold_of_inf_parts_what_is_missing_from_all_else),
        cmocka_unit_test(counts_are_the_covers_of_nodes),
        cmocka_unit_test(each_objective_has_its_transform),
        cmocka_unit_test(a_square_keeps_its_sign),
        cmocka_unit_test(a_forest_of_averages_divides_by_its_iterations),
        cmocka_unit_test(classes_take_trees_in_turn),
        cmocka_unit_test(categories_of_pandas_have_their_names),
        cmocka_unit_test(names_that_cannot_be_assigned_are_warned_of),
        cmocka_unit_test(lines_may_end_as_windows_ends_them),
        cmocka_unit_test(what_is_not_known_is_refused_with_what_is),
        cmocka_unit_test(a_wrong_line_is_named_with_what_it_must_be),
        cmocka_unit_test(a_wrong_number_is_pointed_at),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(a_model_that_does_not_fit_is_refused_wherever_room_ends),
        cmocka_unit_test(a_tree_is_256_splits_deep_at_most),
        cmocka_unit_test(a_category_is_below_65536),
        cmocka_unit_test(trees_are_20000_at_most_and_one_at_least),
        cmocka_unit_test(nodes_are_two_million_at_most),
        cmocka_unit_test(a_name_is_128_bytes_at_most),
        cmocka_unit_test(values_of_categories_are_counted_before_there_is_memory_for_them),
        cmocka_unit_test(categories_by_name_are_4096_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
