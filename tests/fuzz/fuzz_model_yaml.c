/*
 * fuzz_model_yaml.c -- any text is a linear model or a scorecard, or is refused with a reason.
 *
 * What is loaded answers for any row, the same each time: what inputs add is finite or missing, and
 * a probability is 0 to 1. A `calibration:` beside it is loaded too, and never falls.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/model_world.h"
#include "tests/fuzz/seed_text.h"

#include "models/calibration.h"
#include "models/model_linear.h"
#include "service/base/check.h"

#include <math.h>

enum { BLOCK_BYTES = 32 << 20, STEPS = 64 };

static char block[BLOCK_BYTES];
static struct arena arena;
static struct diag_list diags;

static const double values[] = {NAN, -1, 0, 1, 17.5, -1e15, 1e15, 1e300};
enum { VALUES = sizeof values / sizeof *values };

static void check_input(const struct linear_input *in)
{
    CHECK(in->n_points >= 0 && in->n_points <= MODEL_CATEGORIES_MAX && !isinf(in->missing));
    for (int i = 0; i < in->n_points; i++)
        CHECK(isfinite(in->points[i]));
    for (int i = 0; i < in->n_points - 1 && in->kind == LINEAR_BINS; i++)
        CHECK(i == 0 || in->below[i] > in->below[i - 1]);
}

static void check_model(const struct model *m)
{
    static double row[MODEL_INPUTS_MAX];
    CHECK(m->n_inputs >= 1 && m->n_inputs <= MODEL_INPUTS_MAX && m->n_outputs == 1);
    CHECK(isfinite(m->base[0]) && m->linear->n_inputs == m->n_inputs);
    for (int i = 0; i < m->n_inputs; i++) {
        check_input(&m->linear->inputs[i]);
        CHECK(model_input_find(m, m->inputs[i].name) == i); /* no name twice */
    }
    for (int k = 0; k < VALUES; k++) {
        double output, margin;
        for (int i = 0; i < m->n_inputs; i++)
            row[i] = values[(k + i) % VALUES];
        model_score(m, row, &margin, &output);
        CHECK(isnan(margin) == isnan(output));
        CHECK(m->transform != MODEL_SIGMOID || isnan(output) || (output >= 0 && output <= 1));
    }
}

static void check_calibration(const struct calibration *c)
{
    double before = -INFINITY;
    for (int i = -STEPS; i <= STEPS; i++) {
        double p = calibration_apply(c, i / 16.0);
        CHECK(p >= before && (c->kind == CALIBRATION_NONE || (p >= 0 && p <= 1)));
        before = p;
    }
    CHECK(isnan(calibration_apply(c, NAN)));
}

static void try_model(struct span bytes)
{
    struct model model;
    arena_init(&arena, block, sizeof block);
    if (model_world_load("fuzz.yaml", bytes, &arena, &model))
        check_model(&model);
}

static void try_calibration(struct span bytes)
{
    struct yaml_file file;
    struct calibration c;
    arena_init(&arena, block, sizeof block);
    memset(&diags, 0, sizeof diags);
    if (yaml_parse("fuzz.yaml", bytes, &arena, &diags, &file) != ST_OK)
        return;
    enum status st =
        calibration_load(&file, yaml_get(file.root, "calibration"), &arena, &diags, &c);
    CHECK((st == ST_OK) == (diags.errors == 0));
    if (st == ST_OK)
        check_calibration(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_of(data, size);
    if (model_linear_is_its(bytes))
        try_model(bytes);
    else
        try_calibration(bytes);
    return 0;
}

/* ---- where mutations start ------------------------------------------------------------------- */

#define LINEAR                                                   \
    "model: linear\nlink: logit\nintercept: -1\ninputs:\n"       \
    "  amount: {weight: 0.5, mean: 10, scale: 4, missing: 18}\n" \
    "  country: {categories: {GB: 0.25, NO: 1.5}, other: 2, missing: 3, neutral: 1}\n"

#define CARD                                                     \
    "model: scorecard\nbase_points: 20\n"                        \
    "probability: {points: 40, odds: 0.25, pdo: -15}\ninputs:\n" \
    "  age: {bins: [{below: 18, points: 20}, {below: 30, points: 12}, {points: 5}]}\n"

static const char *const files[] = {
    LINEAR,
    CARD,
    "model: linear\nlink: log\ninputs: {a: {weight: 1}, b: {bins: [{points: 0}]}}\n",
    "calibration: {platt: {a: -2, b: 1}}\n",
    "calibration: {isotonic: {x: [0.25, 0.5, 1, 3], y: [0.125, 0.25, 0.25, 0.75]}}\n",
    "calibration: none\n",
};

static const char *const file_words[] = {
    "model: ",  "linear",   "scorecard",   "inputs:",     "weight: ",  "mean: ",
    "scale: ",  "missing:", "bins: ",      "below: ",     "points: ",  "categories: ",
    "other: ",  "neutral:", "intercept: ", "base_points", "odds: ",    "pdo: ",
    "identity", "1e15",     "-1e-15",      "isotonic: ",  "platt: {a", "probability: ",
};

size_t fuzz_seed(size_t i, uint8_t *buf, size_t cap)
{
    return fuzz_seed_text(files, sizeof files / sizeof *files, i, buf, cap);
}

const char *fuzz_word(size_t i)
{
    return i < sizeof file_words / sizeof *file_words ? file_words[i] : NULL;
}
