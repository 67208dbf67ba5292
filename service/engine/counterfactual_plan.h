/*
 * counterfactual_plan.h -- of a ruleset: which numbers may be changed, and where rules turn when
 * one of them is.
 *
 *     amount    up:        450.0001       1000.0001 ..      the first value past a threshold
 *                          rules 3, 7     rule 7            those that may turn there
 *               down:      999.9999       450 ..
 *               computed:  rules 5, 9                       those that may turn anywhere
 *
 * A rule that only compares a name with numbers stays as it is between two of its turns, so that
 * of a thousand rules a change has to run those again whose threshold it passes. What is done with
 * a name by way of a derived field is done with the name. A rule that reads the score of a model
 * which the name feeds computes with the name.
 *
 * Owns:    nothing; a plan lives in its snapshot's arena.
 * Threads: read-only once prepared.
 */
#ifndef SLUICE_ENGINE_COUNTERFACTUAL_PLAN_H
#define SLUICE_ENGINE_COUNTERFACTUAL_PLAN_H

#include "service/engine/snapshot.h"

enum {
    /* Thresholds of one name, counted for each rule; a rule that finds no room is taken for one
     * that computes with the name. */
    COUNTERFACTUAL_EDGES_MAX = 4 * RULES_MAX,
};

/* Where what has no bound ends: past all money, and each whole number up to it is a double. */
#define COUNTERFACTUAL_FAR_END 1e11

struct counterfactual_turn {
    double at;        /* the first value on this side at which they have turned */
    int first, count; /* of counterfactual_side.rules */
};

/* One side of a name; outward: `up` ascends, `down` descends. */
struct counterfactual_side {
    const struct counterfactual_turn *turns; /* [n_turns] */
    const int *rules;                        /* by index */
    int n_turns;
};

/* A model whose score some live rule reads, and that follows a name. */
struct counterfactual_model {
    int model;         /* its index */
    const int *inputs; /* [n_inputs] of its inputs: those that the name is, or that are derived */
    int n_inputs;
    int64_t nodes;    /* what one row costs: nodes of trees on its way, at most, and inputs */
    bool is_profiled; /* it is of trees, with one output, and one number of it follows */
};

/* What may be changed: a number, or one of a few values that are no quantities. */
struct counterfactual_name {
    int slot;
    bool is_int;
    int digits_max;       /* behind the point */
    bool is_weighed;      /* its rules have plain scores, and force nothing */
    bool moves_features;  /* sent with another value, features of the same row would be others */
    double lo, hi;        /* what it can be at least and at most; infinite: not known */
    const int *rules;     /* [n_rules]: the live ones that it changes, by index, ascending */
    const double *scores; /* [n_rules], with is_weighed */
    const int *computed;  /* [n_computed]: of those, the ones that compute with it */
    const int *derived;   /* [n_derived]: to be computed anew, in their order */
    struct counterfactual_side up, down; /* of a number */
    /* [n_choices]: false and true, or a model's categories; none: it is a number. */
    const struct cel_value *choices;
    int n_choices;
    const struct counterfactual_model *models; /* [n_models] */
    int n_rules, n_computed, n_derived, n_models;
};

struct counterfactual_plan {
    const struct counterfactual_name *names;
    int n_names;
    int n_moving; /* of these, names that some model follows */
};

/*
 * What can be changed in a loaded snapshot, in its arena; done once. O(names * code of the rules).
 * Errors: ST_NO_SPACE.
 */
MUST_USE enum status counterfactual_prepare(const struct snapshot *snap, struct arena *arena,
                                            const struct counterfactual_plan **ret_plan);

#endif
