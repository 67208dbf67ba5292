/*
 * models.c -- one row through 200 trees of depth 6: ours, beside the libraries that trained them
 * and C that was compiled from them; the same with categories, and an isolation forest.
 *
 *     models ROUNDS FOLDER LIBXGBOOST LIB_LIGHTGBM     one object of JSON: medians, in nanoseconds
 *                                                      a row, of rounds taken by turns
 *
 * FOLDER is as model_train.py and model_rounds.py leave it. Each is asked as suits it best, by one
 * thread: what can be prepared is, and a row is where it wants it. Every row is another one than
 * the row before it, so that no branch predictor learns the way; and before anything is timed all
 * have to give the same answers.
 */
#include "models/model.h"
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/files.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Which of the files: rows and models of numbers alone, and with categories among them. */
enum kind { NUMBERS, CATEGORIES, KINDS };

enum {
    FEATURES = 24,
    ROWS = 1024,
    ROUNDS_MAX = 1001,
    PATH_BYTES = 512,
    ARENA_BYTES = 256 << 20,
    LIGHTGBM_FLOAT32 = 0, /* C_API_DTYPE_FLOAT32 */
};

/* Of the answer. treelite adds what a margin begins with last, and in float32. */
#define SAME_WITHIN 1e-5

static float rows[KINDS][ROWS][FEATURES];
static double wide_rows[KINDS][ROWS][FEATURES];
static const char *folder;
static const char *const xgboost_files[KINDS] = {"xgboost.json", "xgboost_categories.json"};
static const char *const lightgbm_files[KINDS] = {"lightgbm.txt", "lightgbm_categories.txt"};

static const char *in_folder(const char *name)
{
    static char path[PATH_BYTES];
    CHECK(snprintf(path, sizeof path, "%s/%s", folder, name) < PATH_BYTES);
    return path;
}

static void *library(const char *path)
{
    void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (lib == NULL) {
        fprintf(stderr, "models: %s\n", dlerror());
        exit(1);
    }
    return lib;
}

/* A function of it, whatever its type. */
static void function(void *lib, const char *name, void *ret_pointer)
{
    void *found = dlsym(lib, name);
    CHECK(found != NULL);
    memcpy(ret_pointer, &found, sizeof found);
}

static void read_rows(enum kind kind, const char *name)
{
    char *bytes;
    size_t len;
    CHECK(files_read(in_folder(name), sizeof rows[kind], &bytes, &len) == ST_OK);
    CHECK(len == sizeof rows[kind]);
    memcpy(rows[kind], bytes, len);
    free(bytes);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < FEATURES; j++)
            wide_rows[kind][i][j] = (double)rows[kind][i][j];
}

/* ---- ours ------------------------------------------------------------------------------------ */

static struct model of_xgboost[KINDS], of_lightgbm[KINDS], of_isolation;

static void load(const char *name, struct model *ret_model)
{
    char *bytes, said[4096];
    size_t len;
    struct diag_list diags = {0};
    struct text out;
    CHECK(files_read(in_folder(name), MODEL_FILE_MAX, &bytes, &len) == ST_OK);
    enum status st =
        model_load(name, span_of(bytes, len), arena_new(ARENA_BYTES), &diags, ret_model);
    if (st != ST_OK) {
        text_init(&out, said, sizeof said);
        diag_print_all(&diags, &out);
        fputs(said, stderr);
        exit(1);
    }
    free(bytes);
}

static void ours(const struct model *m, enum kind kind, double *scores)
{
    for (int i = 0; i < ROWS; i++)
        model_score(m, wide_rows[kind][i], NULL, &scores[i]);
}

static void ours_of_xgboost(enum kind kind, double *scores)
{
    ours(&of_xgboost[kind], kind, scores);
}

static void ours_rows(enum kind kind, double *scores)
{
    model_score_rows(&of_xgboost[kind], wide_rows[kind][0], ROWS, NULL, scores);
}

static void ours_of_lightgbm(enum kind kind, double *scores)
{
    ours(&of_lightgbm[kind], kind, scores);
}

static void ours_of_isolation(enum kind kind, double *scores)
{
    ours(&of_isolation, kind, scores);
}

/* ---- XGBoost: in place, into a proxy that is kept -------------------------------------------- */

static int (*xgb_predict)(void *booster, const char *values, const char *config, void *proxy,
                          const uint64_t **ret_shape, uint64_t *ret_dim, const float **ret_result);
static void *xgb_boosters[KINDS], *xgb_proxy;
static float xgb_row[FEATURES];
static char xgb_values[256];

static void open_xgboost(const char *path)
{
    int (*create)(const void **, uint64_t, void **), (*load_model)(void *, const char *);
    int (*set)(void *, const char *, const char *), (*create_proxy)(void **);
    void *lib = library(path);
    function(lib, "XGBoosterCreate", &create);
    function(lib, "XGBoosterLoadModel", &load_model);
    function(lib, "XGBoosterSetParam", &set);
    function(lib, "XGProxyDMatrixCreate", &create_proxy);
    function(lib, "XGBoosterPredictFromDense", &xgb_predict);
    for (int kind = 0; kind < KINDS; kind++) {
        CHECK(create(NULL, 0, &xgb_boosters[kind]) == 0);
        CHECK(load_model(xgb_boosters[kind], in_folder(xgboost_files[kind])) == 0);
        CHECK(set(xgb_boosters[kind], "nthread", "1") == 0);
    }
    CHECK(create_proxy(&xgb_proxy) == 0);
    snprintf(xgb_values, sizeof xgb_values,
             "{\"data\": [%llu, true], \"shape\": [1, %d], \"typestr\": \"<f4\", \"version\": 3}",
             (unsigned long long)(uintptr_t)xgb_row, FEATURES);
}

static double xgboost_row(void *booster, const float *row)
{
    static const char config[] =
        "{\"type\": 0, \"iteration_begin\": 0, \"iteration_end\": 0, \"missing\": NaN, "
        "\"training\": false, \"strict_shape\": false, \"cache_id\": 0}";
    const uint64_t *shape;
    const float *result;
    uint64_t dim;
    memcpy(xgb_row, row, sizeof xgb_row);
    CHECK(xgb_predict(booster, xgb_values, config, xgb_proxy, &shape, &dim, &result) == 0);
    return (double)*result;
}

static void xgboost(enum kind kind, double *scores)
{
    for (int i = 0; i < ROWS; i++)
        scores[i] = xgboost_row(xgb_boosters[kind], rows[kind][i]);
}

/* ---- LightGBM: what it calls fast, for single rows ------------------------------------------ */

static int (*lgb_predict)(void *fast, const void *data, int64_t *ret_len, double *ret_result);
static void *lgb_fast[KINDS];

static void open_lightgbm(const char *path)
{
    int (*create)(const char *, int *, void **), iterations;
    int (*prepare)(void *, int, int, int, int, int32_t, const char *, void **);
    void *lib = library(path), *booster;
    function(lib, "LGBM_BoosterCreateFromModelfile", &create);
    function(lib, "LGBM_BoosterPredictForMatSingleRowFastInit", &prepare);
    function(lib, "LGBM_BoosterPredictForMatSingleRowFast", &lgb_predict);
    for (int kind = 0; kind < KINDS; kind++) {
        CHECK(create(in_folder(lightgbm_files[kind]), &iterations, &booster) == 0);
        CHECK(prepare(booster, 0, 0, -1, LIGHTGBM_FLOAT32, FEATURES, "num_threads=1 verbose=-1",
                      &lgb_fast[kind]) == 0);
    }
}

static void lightgbm(enum kind kind, double *scores)
{
    int64_t len;
    for (int i = 0; i < ROWS; i++)
        CHECK(lgb_predict(lgb_fast[kind], rows[kind][i], &len, &scores[i]) == 0);
}

/* ---- what treelite made of XGBoost's --------------------------------------------------------- */

union entry {
    int missing; /* -1 */
    float value;
};

static void (*compiled_predict)(union entry *data, int margin, float *ret_result);

static void open_compiled(void)
{
    function(library(in_folder("compiled.so")), "predict", &compiled_predict);
}

static double compiled_row(const float *row)
{
    union entry data[FEATURES];
    float result = 0; /* it adds to what is there */
    for (int i = 0; i < FEATURES; i++)
        if (isnan(row[i]))
            data[i].missing = -1;
        else
            data[i].value = row[i];
    compiled_predict(data, 0, &result);
    return (double)result;
}

static void compiled(enum kind kind, double *scores)
{
    for (int i = 0; i < ROWS; i++)
        scores[i] = compiled_row(rows[kind][i]);
}

/* ---- rounds ---------------------------------------------------------------------------------- */

static const struct contender {
    const char *name;
    /* [ROWS], one after the other but for `ours_rows` */
    void (*score)(enum kind kind, double *scores);
    enum kind kind;
    int ours; /* which contender has to say, and is held against, the same */
} contenders[] = {
    {"ours", ours_of_xgboost, NUMBERS, 0},
    {"ours_rows", ours_rows, NUMBERS, 0},
    {"xgboost", xgboost, NUMBERS, 0},
    {"compiled", compiled, NUMBERS, 0},
    {"ours_of_lightgbm", ours_of_lightgbm, NUMBERS, 4},
    {"lightgbm", lightgbm, NUMBERS, 4},
    {"ours_categories", ours_of_xgboost, CATEGORIES, 6},
    {"xgboost_categories", xgboost, CATEGORIES, 6},
    {"ours_of_lightgbm_categories", ours_of_lightgbm, CATEGORIES, 8},
    {"lightgbm_categories", lightgbm, CATEGORIES, 8},
    {"ours_of_isolation", ours_of_isolation, NUMBERS, 10},
};

enum { CONTENDERS = sizeof contenders / sizeof *contenders };

static double scores[ROWS];
static double took_ns[CONTENDERS][ROUNDS_MAX], times_ours[CONTENDERS][ROUNDS_MAX];

static void compare(const struct contender *c)
{
    static double wanted[ROWS];
    contenders[c->ours].score(contenders[c->ours].kind, wanted);
    c->score(c->kind, scores);
    for (int i = 0; i < ROWS; i++) {
        if (fabs(scores[i] - wanted[i]) <= SAME_WITHIN * fabs(wanted[i]))
            continue;
        fprintf(stderr, "models: row %d: %s says %.9g, ours %.9g\n", i, c->name, scores[i],
                wanted[i]);
        exit(1);
    }
}

static double time_rows(const struct contender *c)
{
    int64_t begun_us = clock_mono_us();
    c->score(c->kind, scores);
    return (double)(clock_mono_us() - begun_us) * 1000 / ROWS;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *at, int n)
{
    qsort(at, (size_t)n, sizeof *at, by_size);
    return at[n / 2];
}

static void measure(int rounds)
{
    for (int i = 0; i < rounds; i++) {
        for (int c = 0; c < CONTENDERS; c++)
            took_ns[c][i] = time_rows(&contenders[c]);
        for (int c = 0; c < CONTENDERS; c++)
            times_ours[c][i] = took_ns[c][i] / took_ns[contenders[c].ours][i];
    }
    printf("{");
    for (int c = 0; c < CONTENDERS; c++)
        printf("%s\"%s\": {\"ns\": %.0f, \"times_ours\": %.2f}", c > 0 ? ", " : "",
               contenders[c].name, median(took_ns[c], rounds), median(times_ours[c], rounds));
    printf("}\n");
}

int main(int argc, char **argv)
{
    int rounds = argc == 5 ? atoi(argv[1]) : 0;
    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: models ROUNDS (1 to %d) FOLDER LIBXGBOOST LIB_LIGHTGBM\n",
                ROUNDS_MAX);
        return 2;
    }
    folder = argv[2];
    read_rows(NUMBERS, "rows.f32");
    read_rows(CATEGORIES, "rows_categories.f32");
    for (int kind = 0; kind < KINDS; kind++) {
        load(xgboost_files[kind], &of_xgboost[kind]);
        load(lightgbm_files[kind], &of_lightgbm[kind]);
    }
    load("isolation.json", &of_isolation);
    open_xgboost(argv[3]);
    open_lightgbm(argv[4]);
    open_compiled();
    for (int c = 0; c < CONTENDERS; c++)
        compare(&contenders[c]);
    measure(rounds);
    return 0;
}
