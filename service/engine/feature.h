/*
 * feature.h -- the features of a ruleset: names, what they aggregate, and one plan per key field.
 *
 * `account_tx_count: {by: account_id, aggregate: count, windows: [5m, 1h]}` declares the features
 * account_tx_count_5m and account_tx_count_1h. Keys: by, aggregate, of, where, windows, delay.
 *
 * Owns: the arena given to feature_load. Read-only afterwards.
 */
#ifndef SLUICE_ENGINE_FEATURE_H
#define SLUICE_ENGINE_FEATURE_H

#include "rules/cel.h"
#include "service/state/plan.h"
#include "service/txn/schema.h"

enum { FEATURES_MAX = 256, FEATURE_KEY_FIELDS_MAX = 8 };

struct feature {
    struct span name;      /* with the window: "account_tx_count_5m" */
    enum aggregate aggregate;
    int key;               /* index into feature_set.keys */
    int in_plan;           /* index into that plan's values */
    int64_t window_ms, delay_ms;
    bool is_int;           /* its CEL type: int, else double */
};

/* A record's column, and where its value comes from. */
struct feature_source {
    int slot; /* of the schema; or of the derived fields, counted on from schema.count */
    enum column_kind kind;
};

/* A key field: whose values are entities. */
struct feature_key {
    int slot; /* schema slot of the key field */
    const struct plan *plan;
    struct feature_source columns[RECORD_COLUMNS_MAX];
    const struct cel_program *filters[LAYOUT_FILTERS_MAX];
    bool counts_labels;
};

struct feature_set {
    struct feature features[FEATURES_MAX]; /* in the order of declaration, windows in the order given */
    int n_features;
    struct feature_key keys[FEATURE_KEY_FIELDS_MAX];
    int n_keys;
    int64_t remember_ms; /* longest horizon of a key that counts labels; 0: none does */
    int64_t horizon_ms;  /* the longest of all */
};

#endif
