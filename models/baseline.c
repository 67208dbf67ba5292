#include "models/baseline.h"

#include "models/model_json.h"
#include "service/base/hash.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SHARES_OFF_MAX 1e-3 /* shares that a person rounded */

struct reading {
    const struct model_file *file;
    const char *name; /* of the input, or "score" */
};

/* Where the name stands first as a key; line 0: it is not there, or written with escapes. */
static struct diag_at place_of(const struct reading *r)
{
    struct span bytes = r->file->bytes;
    struct diag_at at = {.file = r->file->name};
    char key[MODEL_INPUT_NAME_MAX + 3];
    size_t len = (size_t)snprintf(key, sizeof key, "\"%s\"", r->name);
    const char *found = len < sizeof key ? memmem(bytes.base, bytes.len, key, len) : NULL;
    if (found == NULL)
        return at;
    at.content = bytes;
    at.line = at.col = 1;
    for (const char *c = bytes.base; c < found; c++) {
        at.line += *c == '\n';
        at.col = *c == '\n' ? 1 : at.col + 1;
    }
    return at;
}

static enum status refuse_with(const struct reading *r, const char *hint, const char *problem)
{
    struct diag_at at = place_of(r);
    diag_error(r->file->diags, at, hint, "`%s`: %s", r->name, problem);
    return ST_INVALID;
}

static enum status refuse(const struct reading *r, const char *problem)
{
    return refuse_with(r, "a baseline is written by models/train/train.py", problem);
}

/* ---- one distribution ---- */

static enum status read_edges(const struct reading *r, const json_t *edges, struct distribution *d)
{
    size_t n = json_array_size(edges);
    if (!json_is_array(edges))
        return refuse(r, "`edges` is no list");
    if (n >= BASELINE_BINS_MAX)
        return refuse(r, "more than 31 edges");
    for (size_t i = 0; i < n; i++) {
        const json_t *edge = json_array_get(edges, i);
        d->edges[i] = json_number_value(edge);
        if (!json_is_number(edge) || (i > 0 && d->edges[i] <= d->edges[i - 1]))
            return refuse(r, "edges are numbers, each above the one before");
    }
    d->n_bins = (int)n + 1;
    return ST_OK;
}

static bool is_share(const json_t *value)
{
    return json_is_number(value) && json_number_value(value) >= 0 && json_number_value(value) <= 1;
}

static enum status read_shares(const struct reading *r, const json_t *shares, const json_t *missing,
                               struct distribution *d)
{
    double sum = 0;
    if (json_array_size(shares) != (size_t)d->n_bins)
        return refuse(r, "`shares` has to have one more than `edges`");
    for (int i = 0; i <= d->n_bins; i++) {
        const json_t *share = i < d->n_bins ? json_array_get(shares, (size_t)i) : missing;
        if (!is_share(share))
            return refuse(r, "`shares` and `missing` are numbers from 0 to 1");
        sum += d->shares[i] = json_number_value(share);
    }
    if (fabs(sum - 1) > SHARES_OFF_MAX)
        return refuse(r, "`shares` and `missing` together have to be 1");
    return ST_OK;
}

static enum status read_meaning(const struct reading *r, const json_t *meaning,
                                struct distribution *d)
{
    const char *text = json_string_value(meaning);
    if (meaning == NULL)
        return ST_OK;
    if (text == NULL || strlen(text) != BASELINE_MEANING_DIGITS ||
        strspn(text, "0123456789abcdef") != BASELINE_MEANING_DIGITS)
        return refuse(r, "`meaning` is 16 hex digits");
    memcpy(d->meaning, text, sizeof d->meaning);
    return ST_OK;
}

static enum status read_distribution(const struct reading *r, const json_t *json,
                                     struct distribution *d)
{
    if (json == NULL)
        return refuse(r, "it is not in the baseline");
    enum status st = read_edges(r, json_object_get(json, "edges"), d);
    if (st == ST_OK)
        st = read_shares(r, json_object_get(json, "shares"), json_object_get(json, "missing"), d);
    if (st == ST_OK)
        st = read_meaning(r, json_object_get(json, "meaning"), d);
    return st;
}

/* ---- all of them ---- */

static enum status refuse_input(const struct model_file *file, const struct model *model,
                                const char *name)
{
    char hint[DIAG_MESSAGE_MAX];
    int near = model_input_nearest(model, span_str(name));
    if (near >= 0)
        snprintf(hint, sizeof hint, "did you mean '%.*s'?", SPAN_ARG(model->inputs[near].name));
    else
        snprintf(hint, sizeof hint, "is it the baseline of another model?");
    return refuse_with(&(struct reading){file, name}, hint, "it is no input of the model");
}

static enum status refuse_others(const struct model_file *file, const struct model *model,
                                 json_t *inputs)
{
    const char *name;
    json_t *value;
    json_object_foreach(inputs, name, value)
    {
        if (model_input_find(model, span_str(name)) < 0)
            return refuse_input(file, model, name);
    }
    return ST_OK;
}

/* A model that was trained anew has other scores, and was trained on other rows. */
static enum status refuse_another_model(const struct model_file *file, const struct model *model,
                                        const json_t *sha256)
{
    const struct reading r = {file, "model_sha256"};
    const char *text = json_string_value(sha256);
    if (sha256 == NULL)
        return ST_OK;
    if (text == NULL || strlen(text) != 2 * HASH_SHA256_BYTES)
        return refuse(&r, "it has to be 64 hex digits");
    if (strncmp(text, model->hash, strlen(model->hash)) == 0)
        return ST_OK;
    return refuse_with(&r, "train.py writes both files at once: take the two of one training",
                       "this is the baseline of another model");
}

static enum status read_inputs(const struct model_file *file, const struct model *model,
                               const json_t *inputs, struct baseline *b)
{
    enum status st = ST_OK;
    for (int i = 0; st == ST_OK && i < model->n_inputs; i++) {
        struct span name = model->inputs[i].name;
        char shown[MODEL_INPUT_NAME_MAX + 1];
        snprintf(shown, sizeof shown, "%.*s", (int)name.len, name.base);
        st = read_distribution(&(struct reading){file, shown},
                               json_object_getn(inputs, name.base, name.len), &b->of[i]);
    }
    return st;
}

static void count_counts(struct baseline *b)
{
    for (int i = 0; i < b->n; i++) {
        b->of[i].first = b->n_counts;
        b->n_counts += b->of[i].n_bins + 1;
    }
}

static enum status read_all(const struct model_file *file, const struct model *model,
                            const json_t *json, struct baseline *b)
{
    const char *format = json_string_value(json_object_get(json, "format"));
    json_t *inputs = json_object_get(json, "inputs");
    if (format == NULL || strcmp(format, "sluice.baseline/1") != 0)
        return refuse(&(struct reading){file, "format"}, "it has to be \"sluice.baseline/1\"");
    enum status st = refuse_another_model(file, model, json_object_get(json, "model_sha256"));
    if (st == ST_OK)
        st = refuse_others(file, model, inputs);
    if (st == ST_OK)
        st = read_inputs(file, model, inputs, b);
    if (st == ST_OK)
        st = read_distribution(&(struct reading){file, "score"}, json_object_get(json, "score"),
                               &b->of[model->n_inputs]);
    return st;
}

static enum status no_space(const struct model_file *file)
{
    diag_error(file->diags, (struct diag_at){.file = file->name}, NULL, "no room for a baseline");
    return ST_NO_SPACE;
}

enum status baseline_load(const struct model_file *file, const struct model *model,
                          struct baseline *ret_baseline)
{
    struct baseline b = {.n = model->n_inputs + 1};
    void *mem;
    json_t *json;
    if (arena_alloc(file->arena, (size_t)b.n * sizeof *b.of, &mem) != ST_OK)
        return no_space(file);
    enum status st = model_json_read(file, &json);
    if (st != ST_OK)
        return st;
    b.of = mem;
    st = read_all(file, model, json, &b);
    json_decref(json);
    if (st != ST_OK)
        return st;
    count_counts(&b);
    *ret_baseline = b;
    return ST_OK;
}

int distribution_bin(const struct distribution *d, double x)
{
    int bin = 0;
    if (isnan(x))
        return d->n_bins;
    for (int i = 0; i < d->n_bins - 1; i++)
        bin += x > d->edges[i];
    return bin;
}
