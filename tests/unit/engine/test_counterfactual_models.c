/* What would have turned a decision that a model has moved; each is tried, and what is nearer. */
#include "service/engine/counterfactual_models.h"

#include "tests/unit/engine/counterfactual_bed.h"
#include "tests/unit/models/xgboost_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    MODEL_BYTES = 4 << 20,
    DEPTH = 4,
    NODES = (1 << (DEPTH + 1)) - 1,
};

static char file[MODEL_BYTES]; /* of the model */

#define RULE(id, when, score) "  - {id: " id ", when: \"" when "\", score: " score "}\n"
#define FLAGS "rules:\n" RULE("m", "models.fraud > 0.5", "80")
#define FRAUD "models:\n  fraud: {file: model}\n"

/* ---- trees, as XGBoost writes them ----------------------------------------------------------- */

struct tree {
    int n, left[NODES], input[NODES];
    double condition[NODES];
};

static void put_column(struct text *out, const char *name, const struct tree *t, int column)
{
    text_printf(out, ",\"%s\":[", name);
    for (int i = 0; i < t->n; i++) {
        bool is_leaf = t->left[i] < 0;
        double v = column == 0   ? t->left[i]
                   : column == 1 ? (is_leaf ? -1 : t->left[i] + 1)
                   : column == 2 ? t->input[i]
                   : column == 3 ? t->condition[i]
                   : column == 4 ? i % 2
                                 : 1;
        text_printf(out, "%s%.9g", i > 0 ? "," : "", v);
    }
    text_char(out, ']');
}

static void put_tree(struct text *out, const struct tree *t, int id)
{
    static const char *const names[] = {"left_children",    "right_children", "split_indices",
                                        "split_conditions", "default_left",   "sum_hessian"};
    text_printf(out, "%s{\"id\":%d", id > 0 ? "," : "", id);
    for (int i = 0; i < 6; i++)
        put_column(out, names[i], t, i);
    text_char(out, '}');
}

static void begin_model(struct text *out, const char *features, int n_features, int n_trees)
{
    text_init(out, file, sizeof file - 1);
    text_printf(out,
                "{\"learner\":{\"feature_names\":[%s],\"learner_model_param\":{\"base_score\":"
                "\"5E-1\",\"num_feature\":\"%d\",\"num_class\":\"0\",\"num_target\":\"1\"},"
                "\"objective\":{\"name\":\"binary:logistic\"},\"gradient_booster\":{\"name\":"
                "\"gbtree\",\"model\":{\"tree_info\":[",
                features, n_features);
    for (int i = 0; i < n_trees; i++)
        text_str(out, i > 0 ? ",0" : "0");
    text_str(out, "],\"trees\":[");
}

static void end_model(struct text *out)
{
    text_str(out, "]}}},\"version\":[3,2,0]}");
    assert_false(out->overflow);
    file[out->len] = '\0';
}

static struct tree stump(int input, double threshold, double below, double above)
{
    return (struct tree){
        .n = 3, .left = {1, -1, -1}, .input = {input}, .condition = {threshold, below, above}};
}

/* input < threshold ? below : above */
static const char *one_stump(const char *feature, double threshold, double below, double above)
{
    struct text out;
    struct tree t = stump(0, threshold, below, above);
    begin_model(&out, feature, 1, 1);
    put_tree(&out, &t, 0);
    end_model(&out);
    return file;
}

/* ---- one row --------------------------------------------------------------------------------- */

static void expect(const char *models, const char *model, const char *rules, const char *expected)
{
    struct counterfactual_bed b;
    counterfactual_bed_open_with(&b, models, rules, "model", model);
    counterfactual_bed_find(&b);
    assert_string_equal(counterfactual_bed_told(&b), expected);
    assert_false(b.found.is_cut);
    counterfactual_bed_close(&b);
}

static void a_split_of_a_tree_turns_the_rule_that_reads_its_score(void **state)
{
    (void)state;
    expect(FRAUD, one_stump("\"amount\"", 100, -2, 2), FLAGS, "amount<=99.9999");
    expect(FRAUD, one_stump("\"amount\"", 2000, -2, 2), FLAGS, "amount>=2000");
    expect(FRAUD, one_stump("\"n_1h\"", 4, -2, 2), FLAGS, "n_1h<=3");
    expect(FRAUD, one_stump("\"n_1h\"", 6.5, -2, 2), FLAGS, "n_1h>=7");
    expect(FRAUD, one_stump("\"amount\"", 100, 2, 2), FLAGS, "");
}

/* 16777217 is no float32: to the model it is 16777216. */
static void the_value_turns_it_as_the_model_rounds_it(void **state)
{
    (void)state;
    expect(FRAUD, one_stump("\"amount\"", 16777218, -2, 2), FLAGS, "amount>=16777217.0001");
    expect(FRAUD, one_stump("\"n_1h\"", 16777218, -2, 2), FLAGS, "n_1h>=16777218");
}

static void a_rule_may_read_the_name_and_the_score_of_it(void **state)
{
    (void)state;
    expect(FRAUD, one_stump("\"amount\"", 100, -2, 2),
           "rules:\n" RULE("m", "models.fraud > 0.5 && amount < 1500.0", "80"), "amount>=1500");
    expect(FRAUD, one_stump("\"amount\"", 100, -2, 2), FLAGS RULE("a", "amount < 90.0", "80"),
           "amount=99.9999");
}

static void a_score_may_be_computed_with(void **state)
{
    (void)state;
    /* 100 / (1 + e^-2) is 88.08, 100 / (1 + e^-0.5) is 62.2 */
    expect(FRAUD, one_stump("\"amount\"", 100, 0.5, 2),
           "rules:\n" RULE("m", "true", "models.fraud * 100.0"), "amount<=99.9999");
}

static void a_card_turns_at_its_bins_and_a_slope_where_it_has_to(void **state)
{
    (void)state;
    expect(FRAUD,
           "model: scorecard\nprobability: {points: 0, odds: 1, pdo: 10}\n"
           "inputs:\n  amount: {bins: [{below: 500, points: -20}, {below: 800, points: -5},"
           " {points: 30}]}\n",
           FLAGS, "amount<=799.9999");
    expect(FRAUD,
           "model: linear\nlink: logit\nintercept: -3\ninputs:\n"
           "  amount: {weight: 2, mean: 100, scale: 500}\n  n_1h: {weight: -0.1}\n",
           FLAGS, "amount>=1000.0001 n_1h<=3");
}

static void what_is_derived_from_it_feeds_models_too(void **state)
{
    (void)state;
    expect(FRAUD, one_stump("\"half\"", 100, -2, 2), FLAGS, "amount<=199.9999");
    expect(FRAUD, one_stump("\"is_large\"", 0.5, -2, 2), FLAGS, "amount>=1000.0001");
    struct text out;
    struct tree half = stump(1, 300, -2, 2), amount = stump(0, 500, -1, 1);
    begin_model(&out, "\"amount\",\"half\"", 2, 2);
    put_tree(&out, &half, 0);
    put_tree(&out, &amount, 1);
    end_model(&out);
    expect(FRAUD, file, FLAGS, "amount<=599.9999");
}

static void calibrated_scores_and_isolation_forests_do_as_well(void **state)
{
    (void)state;
    expect("models:\n  fraud: {file: model, calibration: {platt: {a: -10, b: 6}}}\n",
           one_stump("\"amount\"", 100, 0.3, 2), FLAGS, "amount<=99.9999");
    expect(
        FRAUD,
        "{\"format\": \"sluice.isolation_forest/1\", \"max_samples\": 256,"
        " \"features\": [\"amount\"], \"trees\": [{\"left\": [1, -1, -1], \"right\": [2, -1, -1],"
        " \"feature\": [0, -2, -2], \"threshold\": [900.5, -2, -2],"
        " \"missing_left\": [1, 0, 0], \"samples\": [256, 255, 1]}]}",
        FLAGS, "amount<=900.5");
}

/* By name, the first that turns it. */
static void a_category_may_be_another_that_the_model_knows(void **state)
{
    static const char codes[] = "model: linear\nlink: logit\nintercept: -1\ninputs:\n"
                                "  mcc: {categories: {5411: 4, 5412: 0}, other: 0}\n";
    static const char texts[] = "model: linear\nlink: logit\nintercept: -1\ninputs:\n"
                                "  channel: {categories: {pos: 4, atm: 3, online: 0, web: -1},"
                                " other: 9}\n";
    (void)state;
    expect(FRAUD, codes, FLAGS, "mcc=5412");
    expect(FRAUD, codes, FLAGS RULE("c", "mcc == 5412", "80"), "");
    expect(FRAUD, texts, FLAGS, "channel=online");
    expect(FRAUD, texts, FLAGS RULE("c", "channel == 'online'", "80"), "channel=web");
    expect(FRAUD, texts, "rules:\n" RULE("m", "models.fraud > 0.99", "80"), "");
}

/* With an amount below 10 it is -0.5 for all but FR, with FR 1; then -0.25; the base is -1.1. */
static void a_category_of_trees_may_be_another(void **state)
{
    struct counterfactual_bed b;
    (void)state;
    counterfactual_bed_open_with(
        &b, "models:\n  fraud: {file: model, inputs: {country: channel}}\n",
        "rules:\n" RULE("m", "models.fraud > 0.4", "80"), "model", xgboost_case);
    b.cells[counterfactual_bed_slot(&b, "amount")] = cel_double(5);
    b.cells[counterfactual_bed_slot(&b, "channel")] = cel_string(span_str("DE"));
    counterfactual_bed_find(&b);
    assert_string_equal(counterfactual_bed_told(&b), "amount>=100 channel=FR");
    counterfactual_bed_close(&b);
}

static void a_bool_may_be_the_other_to_a_model_or_a_rule(void **state)
{
    (void)state;
    expect(FRAUD, one_stump("\"is_new\"", 0.5, -2, 2), FLAGS, "is_new=true");
    expect(NULL, "", "rules:\n" RULE("a", "is_new && n_1h > 5", "80"), "is_new=true");
}

static void a_model_that_no_live_rule_reads_turns_nothing(void **state)
{
    (void)state;
    expect(FRAUD, one_stump("\"amount\"", 100, -2, 2),
           "rules:\n  - {id: m, when: models.fraud > 0.5, score: 80, mode: shadow}\n", "");
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* Each dollar of the amount adds a little, or also takes it away again. */
static void open_staircase(struct counterfactual_bed *b, int n, bool falls_too)
{
    struct text out;
    begin_model(&out, "\"amount\"", 1, n);
    for (int i = 0; i < n; i++) {
        double by = falls_too && i % 2 == 1 ? -0.001 : 0.001;
        struct tree t = stump(0, i, -by, by);
        put_tree(&out, &t, i);
    }
    end_model(&out);
    counterfactual_bed_open_with(b, FRAUD, "rules:\n" RULE("m", "models.fraud > 0.51", "80"),
                                 "model", file);
    b->cells[counterfactual_bed_slot(b, "amount")] = cel_double(n * 0.75);
    counterfactual_bed_find(b);
}

static void thresholds_that_find_no_room_are_looked_through_by_halves(void **state)
{
    struct counterfactual_bed b;
    (void)state;
    open_staircase(&b, COUNTERFACTUAL_MODEL_EDGES_MAX / 2 + 10, false);
    assert_false(b.found.is_cut);
    assert_int_equal(b.found.count, 1);
    double would = b.found.items[0].would.f64;
    assert_int_equal(b.found.items[0].sign, '<');
    assert_true(counterfactual_bed_turns(&b, b.found.items[0].slot, cel_double(would), true));
    assert_false(
        counterfactual_bed_turns(&b, b.found.items[0].slot, cel_double(would + 0.0001), true));
    counterfactual_bed_close(&b);
}

static void a_search_through_too_many_trees_is_cut_and_says_so(void **state)
{
    struct counterfactual_bed b;
    (void)state;
    open_staircase(&b, COUNTERFACTUAL_MODEL_EDGES_MAX, true);
    assert_true(b.found.is_cut);
    counterfactual_bed_close(&b);
}

/* ---- whatever trees -------------------------------------------------------------------------- */

static uint64_t seed = 7;

static int below(int n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)((seed >> 33) % (uint64_t)n);
}

static const char *const inputs[] = {"amount", "items", "n_1h", "half", "avg_1d"};
enum { INPUTS = sizeof inputs / sizeof *inputs };

static void grow(struct tree *t, int at, int depth)
{
    t->left[at] = -1;
    t->condition[at] = (below(200) - 100) / 100.0;
    if (depth == DEPTH || (depth > 0 && below(4) == 0))
        return;
    t->input[at] = below(INPUTS);
    bool is_count = t->input[at] == 1 || t->input[at] == 2;
    t->condition[at] = is_count ? below(40) : (20 + below(2000)) / 10.0;
    t->left[at] = t->n;
    t->n += 2;
    int left = t->left[at];
    grow(t, left, depth + 1);
    grow(t, left + 1, depth + 1);
}

static void random_model(int n_trees, struct tree *trees)
{
    struct text out;
    begin_model(&out, "\"amount\",\"items\",\"n_1h\",\"half\",\"avg_1d\"", INPUTS, n_trees);
    for (int i = 0; i < n_trees; i++) {
        trees[i] = (struct tree){.n = 1};
        grow(&trees[i], 0, 0);
        put_tree(&out, &trees[i], i);
    }
    end_model(&out);
}

enum { TREES = 12 };

struct check {
    struct counterfactual_bed *b;
    const struct tree *trees;
    int slot;
    double is, least, nearest;
    bool is_int, was;
};

static struct cel_value value_of(const struct check *c, double v)
{
    return c->is_int ? cel_int((int64_t)v) : cel_double(v);
}

static void try_value(struct check *c, double v)
{
    if (v != c->is && v >= c->least &&
        counterfactual_bed_turns(c->b, c->slot, value_of(c, v), c->was))
        c->nearest = fmin(c->nearest, counterfactual_bed_change(c->is, v));
}

/* One decimal on either side of a threshold, and itself. */
static void try_around(struct check *c, double threshold)
{
    double unit = c->is_int ? 1 : 1e4, k = rint((double)(float)threshold * unit);
    for (int i = -2; i <= 2; i++)
        try_value(c, (k + i) / unit);
}

static void check_name(struct counterfactual_bed *b, const struct tree *trees, const char *name,
                       bool was)
{
    struct check c = {.b = b, .trees = trees, .nearest = INFINITY, .was = was};
    c.slot = counterfactual_bed_slot(b, name);
    c.is_int = b->cells[c.slot].kind == CEL_INT;
    c.is = c.is_int ? (double)b->cells[c.slot].i64 : b->cells[c.slot].f64;
    c.least = strcmp(name, "n_1h") == 0 ? 0 : -INFINITY;
    for (int i = 0; i < TREES; i++)
        for (int k = 0; k < trees[i].n; k++) {
            const char *input = inputs[trees[i].input[k]];
            if (trees[i].left[k] >= 0 && strcmp(input, name) == 0)
                try_around(&c, trees[i].condition[k]);
            if (trees[i].left[k] >= 0 && strcmp(input, "half") == 0 && strcmp(name, "amount") == 0)
                try_around(&c, 2 * trees[i].condition[k]);
        }
    if (strcmp(name, "amount") == 0) /* what a rule compares with, as well */
        try_around(&c, 20.0 * (double)b->cells[counterfactual_bed_slot(b, "items")].i64);
    for (int v = -42; v <= 42; v++)
        try_value(&c, v);
    const struct counterfactual *found = counterfactual_bed_of(b, c.slot);
    assert_int_equal(found != NULL, isfinite(c.nearest));
    if (found == NULL)
        return;
    assert_true(counterfactual_bed_turns(b, c.slot, found->would, was));
    double would = c.is_int ? (double)found->would.i64 : found->would.f64;
    assert_true(counterfactual_bed_change(c.is, would) == c.nearest);
}

static void each_is_true_and_none_is_nearer_whatever_the_trees(void **state)
{
    static const char *const rules[] = {
        "rules:\n" RULE("m", "models.fraud > 0.5", "80"),
        "rules:\n" RULE("m", "models.fraud > 0.6 && n_1h > 5", "80"),
        "rules:\n" RULE("m", "true", "models.fraud * 120.0"),
        "rules:\n" RULE("m", "models.fraud > 0.4", "40") RULE("n", "items > 20", "40"),
        "rules:\n" RULE("m", "models.fraud > 0.3 && amount * 2.0 > 40.0 * double(items)", "80")};
    struct tree trees[TREES];
    int n_found = 0, n_cut = 0;
    (void)state;
    for (int round = 0; round < 40; round++) {
        struct counterfactual_bed b;
        random_model(TREES, trees);
        counterfactual_bed_open_with(&b, FRAUD, rules[round % 5], "model", file);
        for (int row = 0; row < 10; row++) {
            b.cells[counterfactual_bed_slot(&b, "amount")] = cel_double(1 + below(2000000) / 1e4);
            b.cells[counterfactual_bed_slot(&b, "avg_1d")] = cel_double(1 + below(2000000) / 1e4);
            b.cells[counterfactual_bed_slot(&b, "items")] = cel_int(below(40));
            b.cells[counterfactual_bed_slot(&b, "n_1h")] = cel_int(below(40));
            counterfactual_bed_find(&b);
            bool was = b.hits.flag;
            n_found += b.found.count;
            n_cut += b.found.is_cut;
            for (int i = 0; i < INPUTS && !b.found.is_cut; i++)
                if (strcmp(inputs[i], "half") != 0)
                    check_name(&b, trees, inputs[i], was);
        }
        counterfactual_bed_close(&b);
    }
    assert_true(n_found > 200 && n_cut < 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_split_of_a_tree_turns_the_rule_that_reads_its_score),
        cmocka_unit_test(the_value_turns_it_as_the_model_rounds_it),
        cmocka_unit_test(a_rule_may_read_the_name_and_the_score_of_it),
        cmocka_unit_test(a_score_may_be_computed_with),
        cmocka_unit_test(a_card_turns_at_its_bins_and_a_slope_where_it_has_to),
        cmocka_unit_test(what_is_derived_from_it_feeds_models_too),
        cmocka_unit_test(calibrated_scores_and_isolation_forests_do_as_well),
        cmocka_unit_test(a_category_may_be_another_that_the_model_knows),
        cmocka_unit_test(a_category_of_trees_may_be_another),
        cmocka_unit_test(a_bool_may_be_the_other_to_a_model_or_a_rule),
        cmocka_unit_test(a_model_that_no_live_rule_reads_turns_nothing),
        cmocka_unit_test(thresholds_that_find_no_room_are_looked_through_by_halves),
        cmocka_unit_test(a_search_through_too_many_trees_is_cut_and_says_so),
        cmocka_unit_test(each_is_true_and_none_is_nearer_whatever_the_trees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
