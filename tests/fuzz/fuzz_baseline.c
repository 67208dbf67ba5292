/*
 * fuzz_baseline.c -- any bytes are the baseline of a model, or are refused with a reason.
 *
 * What is loaded has edges that ascend and shares that are a whole, one distribution for each input
 * and one for the score, whose counts lie one behind the other; any value is in one of its bins.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/seed_text.h"

#include "models/baseline.h"
#include "service/base/check.h"

#include <float.h>
#include <math.h>

enum { BLOCK_BYTES = 1 << 20, INPUTS = 2 };

static char block[BLOCK_BYTES];
static struct diag_list diags;
static struct model_input inputs[INPUTS] = {{.name = {"amount", 6}}, {.name = {"age", 3}}};
static const struct model model = {
    .inputs = inputs, .n_inputs = INPUTS, .n_outputs = 1, .hash = "0123456789abcdef"};

static void check_distribution(const struct distribution *d)
{
    static const double values[] = {NAN, -INFINITY, -DBL_MAX, -1, 0, 9.5, 40, DBL_MAX, INFINITY};
    double sum = 0;
    CHECK(d->n_bins >= 1 && d->n_bins <= BASELINE_BINS_MAX);
    for (int i = 0; i < d->n_bins - 1; i++)
        CHECK(isfinite(d->edges[i]) && (i == 0 || d->edges[i] > d->edges[i - 1]));
    for (int i = 0; i <= d->n_bins; i++) {
        CHECK(d->shares[i] >= 0 && d->shares[i] <= 1);
        sum += d->shares[i];
    }
    CHECK(fabs(sum - 1) < 0.1);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        int bin = distribution_bin(d, values[i]);
        CHECK(isnan(values[i]) ? bin == d->n_bins : bin >= 0 && bin < d->n_bins);
    }
}

static void check_baseline(const struct baseline *b)
{
    int first = 0;
    CHECK(b->n == INPUTS + 1);
    for (int i = 0; i < b->n; i++) {
        check_distribution(&b->of[i]);
        CHECK(b->of[i].first == first);
        first += b->of[i].n_bins + 1;
    }
    CHECK(b->n_counts == first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct baseline b;
    struct model_file file = {
        .name = "b.json", .bytes = span_of(data, size), .arena = &arena, .diags = &diags};
    arena_init(&arena, block, sizeof block);
    memset(&diags, 0, sizeof diags);
    enum status st = baseline_load(&file, &model, &b);
    CHECK((st == ST_OK) == (diags.errors == 0));
    if (st == ST_OK)
        check_baseline(&b);
    return 0;
}

#define SHA256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OF "{\"edges\":[9.5,40],\"shares\":[0.3,0.5,0.1],\"missing\":0.1}"

static const char *const files[] = {
    "{\"format\":\"sluice.baseline/1\",\"model_sha256\":\"" SHA256 "\",\"inputs\":{\"amount\":" OF
    ",\"age\":" OF "},\"score\":" OF "}",
    "{\"format\":\"sluice.baseline/1\",\"inputs\":{\"age\":{\"edges\":[],\"shares\":[1],\"missing\""
    ":0},\"amount\":" OF "},\"score\":" OF "}",
};

size_t fuzz_seed(size_t i, uint8_t *buf, size_t cap)
{
    return fuzz_seed_text(files, sizeof files / sizeof *files, i, buf, cap);
}

const char *fuzz_word(size_t i)
{
    static const char *const words[] = {
        "\"edges\":", "\"shares\":", "\"missing\":", "\"score\":", "\"amount\"", "1e308",
        "-1e308",     "5e-324",      "0.1,",         "null",       "[]",         "{}",
        OF,           "[0.5,0.5]"};
    return i < sizeof words / sizeof *words ? words[i] : NULL;
}
