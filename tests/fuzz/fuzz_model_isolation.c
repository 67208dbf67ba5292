/*
 * fuzz_model_isolation.c -- any bytes are an isolation forest, or are refused with a reason.
 *
 * Of what is loaded model_world.h's promises hold, and more: each node has rows, no path is less
 * than nothing, a score is 0 to 1, and what inputs contribute adds up to the margin.
 *
 * Bytes that begin with no '{' are the numbers of a tree, whose JSON is written here: few mutations
 * of JSON are JSON, and all of these are.
 */
#include "tests/fuzz/fuzz.h"

#include "models/explain.h"
#include "models/model_isolation.h"
#include "service/base/check.h"
#include "tests/fuzz/model_world.h"

#include <math.h>

enum { BLOCK_BYTES = 8 << 20, JSON_BYTES = 4096 };

static char block[BLOCK_BYTES];
static struct arena arena;

static const double values[] = {NAN, 0, -1, 0.5, 17.25, -1e300, INFINITY};
enum { VALUES = sizeof values / sizeof *values };

static void check_node(const struct forest *f, uint32_t at)
{
    const struct forest_node *n = &f->nodes[at];
    CHECK(f->covers[at] >= 1);
    if (n->lane == 0)
        CHECK(n->value <= 0);
    else
        CHECK(n->kind == FOREST_BY_THRESHOLD && isfinite(n->threshold));
}

static void check_row(const struct model *m, const double *row)
{
    static double parts[MODEL_INPUTS_MAX + 1];
    double margin, output, rest;
    model_score(m, row, &margin, &output);
    CHECK(output >= 0 && output <= 1); /* 0: a path of 256 splits, among two rows a tree */
    if (model_explain(m, row, 0, &arena, parts) != ST_OK)
        return;
    rest = margin;
    for (int i = 0; i <= m->n_inputs; i++)
        rest -= parts[i];
    CHECK(fabs(rest) <= 1e-6 * (1 + fabs(margin)));
}

static void check_model(const struct model *m)
{
    static double row[MODEL_INPUTS_MAX];
    model_world_check(m);
    CHECK(m->n_inputs >= 1 && m->n_outputs == 1);
    for (uint32_t at = 0; at < m->forest->n_nodes; at++)
        check_node(m->forest, at);
    for (int k = 0; k < VALUES; k++) {
        for (int i = 0; i < m->n_inputs; i++)
            row[i] = values[(k + i) % VALUES];
        check_row(m, row);
    }
}

static void try_file(struct span bytes)
{
    struct model model;
    if (!model_isolation_is_its(bytes))
        return;
    arena_init(&arena, block, sizeof block);
    if (model_world_load("fuzz.json", bytes, &arena, &model))
        check_model(&model);
}

#define HEAD "{\"format\":\"sluice.isolation_forest/1\",\"max_samples\":"

/* Small numbers, some of them wrong, as most are; 0 behind the end. */
static int number_at(const uint8_t *data, size_t size, size_t i)
{
    return i < size ? data[i] % 16 - 2 : 0;
}

/* The first two bytes are max_samples and the number of nodes; a row of those for each column. */
static struct span written(const uint8_t *data, size_t size)
{
    static const char *const columns[] = {"left",      "right",        "feature",
                                          "threshold", "missing_left", "samples"};
    static char json[JSON_BYTES];
    struct text t;
    int nodes = number_at(data, size, 1);
    size_t at = 2;
    text_init(&t, json, sizeof json);
    text_printf(&t, HEAD "%d,\"features\":[\"a\",\"b\"],\"trees\":[{", number_at(data, size, 0));
    for (int c = 0; c < 6; c++) {
        text_printf(&t, "%s\"%s\":[", c > 0 ? "," : "", columns[c]);
        for (int i = 0; i < nodes; i++)
            text_printf(&t, "%s%d", i > 0 ? "," : "", number_at(data, size, at++));
        text_str(&t, "]");
    }
    text_str(&t, "}]}");
    CHECK(!t.overflow);
    return text_span(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool is_text = size == 0 || data[0] == '{';
    try_file(is_text ? span_of(data, size) : written(data, size));
    return 0;
}

/* ---- where mutations start ------------------------------------------------------------------- */

#define STUMP                                                                                \
    "{\"left\":[1,-1,-1],\"right\":[2,-1,-1],\"feature\":[0,-2,-2],\"threshold\":[0.5,0,0]," \
    "\"missing_left\":[0,0,0],\"samples\":[2,1,1]}"
#define TREE                                                                        \
    "{\"left\":[1,-1,3,-1,-1],\"right\":[2,-1,4,-1,-1],\"feature\":[0,-2,1,-2,-2]," \
    "\"threshold\":[0.1,-2,17.25,-2,-2],\"missing_left\":[1,0,0,0,0],\"samples\":[4,1,3,2,1]}"

static const char *const files[] = {
    HEAD "4,\"features\":[\"a\",\"b\"],\"trees\":[" TREE "]}",
    HEAD "2,\"features\":[\"a\"],\"trees\":[" STUMP "," STUMP "]}",
    HEAD "4,\"features\":[\"a\",\"b\",\"c\"],\"trees\":[" TREE "," STUMP "," TREE "," STUMP "," TREE
         "," STUMP "," TREE "," STUMP "," TREE "]}",
};

static const char *const file_words[] = {
    "\"left\":",    "\"right\":", "\"feature\":", "\"threshold\":", "\"missing_left\":",
    "\"samples\":", "-1,",        "[2,-1,-1]",    "3.5e38",         "1e-46",
    "1073741824",   "null",       STUMP ",",      TREE ",",
};

/* TREE, each number two more than it is. */
static const uint8_t numbers[] = {6, 7, 3, 1, 5, 1, 1, 4, 1, 6, 1, 1, 2, 0, 3, 0,
                                  0, 2, 0, 4, 0, 0, 3, 2, 2, 2, 2, 6, 3, 5, 4, 3};

size_t fuzz_seed(size_t i, uint8_t *buf, size_t cap)
{
    enum { FILES = sizeof files / sizeof *files, TREES = 12 };
    struct text t;
    if (i >= FILES + TREES)
        return SIZE_MAX;
    text_init(&t, buf, cap);
    if (i < FILES)
        text_str(&t, files[i]);
    else
        text_raw(&t, numbers, sizeof numbers);
    return t.len;
}

const char *fuzz_word(size_t i)
{
    return i < sizeof file_words / sizeof *file_words ? file_words[i] : NULL;
}
