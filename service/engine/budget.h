/*
 * budget.h -- what a ruleset costs, reckoned from the ruleset alone.
 *
 *     a transaction     commands and round trips to Redis, bytes read, steps of expressions and of
 *                       models
 *     an entity         bytes kept: records, and tiles once there are more than exact_events
 *
 * "At most" is what a transaction with every key field costs, and an entity with events in every
 * tile of every window. "Usually" takes an entity of BUDGET_USUAL_EVENTS events, and leaves out
 * what comes now and then. Not in it: what a retry or a label costs, and layouts of other rulesets
 * that wrote to the same log.
 *
 *     limits: {redis_commands: 16, bytes_read: 200000, bytes_per_entity: 50000,
 *              evaluation_steps: 500, model_steps: 2000}
 *
 * in a ruleset's file refuses one that may cost more, and says what of it costs most.
 *
 * Owns: nothing. Pure; any thread.
 */
#ifndef SLUICE_ENGINE_BUDGET_H
#define SLUICE_ENGINE_BUDGET_H

#include "service/engine/snapshot.h"

enum {
    /* A month of a card in the handbook's stream is 57 events, of a terminal 29; what is out of the
     * horizon goes at every 64th event only, so some of it is there too. */
    BUDGET_USUAL_EVENTS = 64,
    BUDGET_DEAREST_MAX = 5, /* expressions that are named */
};

/* What may stand under `limits:`. */
extern const struct shape budget_limits_shape;

/* One key field. */
struct budget_key {
    struct span field;
    size_t record_bytes;
    size_t bytes_usual, bytes_max; /* of one entity, which is what a transaction reads of it */
    int n_tiers;
    size_t tile_bytes;
    int64_t tiles_max;        /* of all tiers */
    int64_t dearest_grain_ms; /* of the tier that takes most */
    size_t dearest_bytes;     /* that tier */
};

/* One expression, or a rule's together. */
struct budget_part {
    const char *kind; /* "rule", "derived", "where of"; static */
    struct span name;
    int64_t steps; /* at most */
};

struct budget_model {
    struct span name;
    int64_t steps; /* model_steps() */
};

struct budget {
    int redis_commands;         /* usually: allowed, and every key field is there */
    int redis_commands_flagged; /* usually, of a flagged one */
    int redis_commands_max;
    int round_trips, round_trips_flagged; /* that the answer waits for */
    int64_t bytes_read_usual, bytes_read_max;
    int64_t bytes_per_entity_max; /* the largest of the keys' */
    int64_t steps_max;
    struct budget_key keys[FEATURE_KEY_FIELDS_MAX];
    struct budget_part dearest[BUDGET_DEAREST_MAX]; /* the dearest first */
    int64_t model_steps;                            /* of all of them: each is evaluated */
    struct budget_model models[MODELS_MAX];         /* in the order of the ruleset */
    int n_keys, n_dearest, n_models;
};

/* O(rules + features). */
void budget_of(const struct snapshot *snap, struct budget *ret_budget);

/* For people: what a transaction costs, and what an entity of each key field keeps. */
void budget_write(const struct budget *b, struct text *out);
/* For programs: one object, no newline. */
void budget_write_json(const struct budget *b, struct text *out);

/* The limits in `node`, the mapping under `limits:`. false: one is wrong, or passed, which is
 * said. */
bool budget_limits_check(const struct snapshot *snap, const struct yaml_file *file,
                         const struct yaml_node *node, struct diag_list *diags);

#endif
