/*
 * counterfactual_models.h -- models that follow a name which is being changed.
 *
 *     the row    | amount: 10 .. 200 | ... | models.fraud: 0.02 .. 0.4 |
 *
 * The score is put where rules read it: as the model says it of that very row, or, while the name
 * is a stretch, as what it can be there. Of a model of trees that the name feeds once the whole is
 * found when the search begins (models/forest_profile.h), and then costs next to nothing; of others
 * each stretch is run through the model (models/model_range.h).
 *
 * A run is counted in nodes of trees. Past the limit a score may be anything, and is_cut says so.
 *
 * Owns:    nothing.
 * Threads: pure, but for the row's scores, which who begins has to put back.
 */
#ifndef SLUICE_ENGINE_COUNTERFACTUAL_MODELS_H
#define SLUICE_ENGINE_COUNTERFACTUAL_MODELS_H

#include "models/forest_profile.h"
#include "service/engine/counterfactual_plan.h"
#include "service/engine/row.h"

enum {
    /* Thresholds of one name in all models that follow it, as this row meets them, twice; trainers
     * sort values into 256 bins. What has no room costs a run for each stretch. 128 KiB. */
    COUNTERFACTUAL_MODEL_EDGES_MAX = 8192,
};

/* One of them. */
struct followed {
    const struct counterfactual_model *plan;
    const struct bound_model *model;
    struct cel_value was;
    struct forest_profile profile; /* no edges: it has none */
    int edge;                      /* the last one at which it was run; -1: none */
    struct cel_value score;        /* there */
};

struct counterfactual_models {
    const struct snapshot *snap;
    const struct row *row;
    const struct window_value *values; /* in the order of features; may be NULL */
    const struct counterfactual_name *name;
    int64_t nodes;   /* left */
    bool is_inexact; /* some feature of the row is */
    bool is_cut;
    int count;
    struct followed items[MODELS_MAX];
    struct forest_edge edges[COUNTERFACTUAL_MODEL_EDGES_MAX];
};

/* Of a row as it was decided. */
void counterfactual_models_init(struct counterfactual_models *c, const struct snapshot *snap,
                                const struct row *row, const struct window_value *values);

/* The next name, which may have `nodes`; the row is as it was decided. */
void counterfactual_models_begin(struct counterfactual_models *c,
                                 const struct counterfactual_name *name, int64_t nodes);

/* Before stretches are looked at: finds the whole. */
void counterfactual_models_sweep(struct counterfactual_models *c);

/* The scores of the row, in which the name was changed, and what is derived from it. */
void counterfactual_models_set(struct counterfactual_models *c);

/* The scores of the row in which the name is a stretch. */
void counterfactual_models_set_range(struct counterfactual_models *c);

/* The scores as they were. */
void counterfactual_models_put_back(struct counterfactual_models *c);

/*
 * A threshold of some model's between two values of the name, in the middle of those that are: what
 * lies before it and behind it is told apart by counterfactual_split_is_past(). O(log edges).
 */
struct counterfactual_split {
    const struct followed *of; /* NULL: none */
    int edge;
};
struct counterfactual_split counterfactual_models_split(const struct counterfactual_models *c,
                                                        double near, double far);

/* Is the value at the threshold, or above it? */
bool counterfactual_split_is_past(const struct counterfactual_split *split, double v);

#endif
