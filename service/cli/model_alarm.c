#include "service/cli/model_alarm.h"

#include "service/base/check.h"
#include "service/base/log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAMED_BYTES = MODEL_ALARM_NAMED * (MODEL_INPUT_NAME_MAX + 64) + 64 };

#define BACK_SHARE 0.9 /* of a bound; the index of an unmoved input varies by far less */

/* What was told of one model. */
struct told {
    char hash[17], baseline_hash[HASH_ID_DIGITS + 1];
    char name[MODEL_NAME_MAX + 1];
    bool is_past[MODEL_INPUTS_MAX + 1]; /* by input; then the score */
};

struct model_alarm {
    struct told of[MODELS_MAX]; /* as the models of the table looked at last */
};

struct model_alarm *model_alarm_new(void)
{
    struct model_alarm *a = calloc(1, sizeof *a);
    CHECK(a != NULL);
    return a;
}

void model_alarm_free(struct model_alarm *a)
{
    free(a);
}

/* ---- which model ---- */

static bool is_of(const struct told *told, const struct bound_model *m)
{
    return span_is(m->name, told->name) && strcmp(told->hash, m->model.hash) == 0 &&
           strcmp(told->baseline_hash, m->baseline_hash) == 0;
}

/* It may stand in another place of the ruleset than before. */
static struct told told_of(const struct told *before, const struct bound_model *m)
{
    struct told told = {.name = ""};
    for (int i = 0; i < MODELS_MAX; i++)
        if (is_of(&before[i], m))
            return before[i];
    memcpy(told.name, m->name.base, m->name.len);
    memcpy(told.hash, m->model.hash, sizeof told.hash);
    memcpy(told.baseline_hash, m->baseline_hash, sizeof told.baseline_hash);
    return told;
}

/* ---- one line ---- */

/* Names of some inputs, the first of them in words. */
struct naming {
    char bytes[NAMED_BYTES];
    struct text text;
    int n;
};

static void naming_init(struct naming *n)
{
    text_init(&n->text, n->bytes, sizeof n->bytes - 1);
    n->n = 0;
}

static double trained_missing(const struct model_drift *d)
{
    return d->trained->shares[d->trained->n_bins];
}

static void name_it(struct naming *n, struct span name, const struct model_drift *d)
{
    if (n->n++ >= MODEL_ALARM_NAMED)
        return;
    text_printf(&n->text, "%s%.*s psi %.3f, missing %.3f (%.3f in training)", n->n > 1 ? "; " : "",
                SPAN_ARG(name), d->psi.index, d->psi.missing, trained_missing(d));
}

static const char *naming_text(struct naming *n)
{
    if (n->n > MODEL_ALARM_NAMED)
        text_printf(&n->text, "; and %d more", n->n - MODEL_ALARM_NAMED);
    n->bytes[n->text.len] = '\0';
    return n->bytes;
}

static void tell(const struct model_line *line, struct naming *passed, struct naming *back)
{
    const struct bound_model *m = line->model;
    char name[MODEL_NAME_MAX + 1];
    snprintf(name, sizeof name, "%.*s", SPAN_ARG(m->name));
    if (passed->n > 0)
        log_warning("model drifts", LOG_TEXT("model", name), LOG_TEXT("hash", m->model.hash),
                    LOG_INT("rows", (int64_t)line->score.psi.rows),
                    LOG_INT("inputs_drifted", line->n_drifted),
                    LOG_TEXT("passed", naming_text(passed)),
                    LOG_TEXT("do", "see `sluice models`: what feeds an input may have changed, or "
                                   "the model is to be trained anew"));
    if (back->n > 0)
        log_info("model drifts less", LOG_TEXT("model", name), LOG_TEXT("hash", m->model.hash),
                 LOG_INT("rows", (int64_t)line->score.psi.rows),
                 LOG_INT("inputs_drifted", line->n_drifted), LOG_TEXT("back", naming_text(back)));
}

/* ---- looking ---- */

static bool is_back(const struct drift_bounds *bounds, const struct model_drift *d)
{
    return d->psi.index < BACK_SHARE * bounds->psi &&
           fabs(d->psi.missing - trained_missing(d)) < BACK_SHARE * bounds->missing;
}

/* Of one input, or the score, which has no number below PSI_ROWS_MIN rows: then nothing changes. */
static void look_at(const struct model_line *line, struct span name, const struct model_drift *d,
                    bool *is_past, struct naming *passed, struct naming *back)
{
    if (!*is_past && d->state == DRIFT_DRIFTED) {
        *is_past = true;
        name_it(passed, name, d);
    } else if (*is_past && is_back(&line->model->drift, d)) {
        *is_past = false;
        name_it(back, name, d);
    }
}

static void look_at_model(struct told *told, const struct model_line *line)
{
    struct naming passed, back;
    int n = line->model->model.n_inputs;
    naming_init(&passed);
    naming_init(&back);
    look_at(line, span_str("(score)"), &line->score, &told->is_past[n], &passed, &back);
    for (int i = 0; i < n; i++) {
        int input = line->worst_first[i];
        look_at(line, model_line_input(line, input), &line->inputs[input], &told->is_past[input],
                &passed, &back);
    }
    tell(line, &passed, &back);
}

void model_alarm_look(struct model_alarm *a, const struct model_table *t)
{
    struct told of[MODELS_MAX] = {{.name = ""}};
    for (int i = 0; i < t->n; i++) {
        if (t->lines[i].inputs == NULL)
            continue;
        of[i] = told_of(a->of, t->lines[i].model);
        look_at_model(&of[i], &t->lines[i]);
    }
    memcpy(a->of, of, sizeof of);
}
