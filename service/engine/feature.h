/*
 * feature.h -- the features of a ruleset: names, what they aggregate, and one plan per key field.
 *
 *     account_tx_count: {by: account_id, aggregate: count, windows: [5m, 1h], delay: 7d}
 *     account_avg:      {by: account_id, aggregate: avg, of: amount, windows: [1d],
 *                        where: currency == "EUR"}
 *
 * declares account_tx_count_5m, account_tx_count_1h and account_avg_1d. `by` is a field of the
 * schema (string, ip, integer); `of` a field or a derived field; `where` is CEL over the
 * transaction alone, evaluated once, when its record is made.
 *
 * Owns:    nothing; plans and programs live in the arena given to feature_load.
 * Threads: read-only once loaded.
 */
#ifndef SLUICE_ENGINE_FEATURE_H
#define SLUICE_ENGINE_FEATURE_H

#include "rules/cel.h"
#include "service/state/plan.h"
#include "service/txn/schema.h"

enum {
    FEATURES_MAX = 256, /* windows counted singly; each is a member of every explained answer */
    FEATURE_KEY_FIELDS_MAX = 8,  /* each is one log to append to and to read, per transaction */
    FEATURE_KEY_BYTES_MAX = 256, /* of a key field's value; STATE_KEY_BYTES_MAX has room for it */
};

/* W + D at most: ten years, so that no sum of times overflows and tiles stay few. */
#define FEATURE_HORIZON_MAX_MS (INT64_C(3660) * 86400000)

/* What may stand under `features:`. */
extern const struct shape features_shape;

struct feature {
    struct span name; /* with the window: "account_tx_count_5m" */
    enum aggregate aggregate;
    int key;     /* index into feature_set.keys */
    int in_plan; /* index into that plan's values */
    int64_t window_ms;
    int64_t delay_ms;
    bool is_int; /* its CEL type: int, else double */
    int line;    /* of the declaration, for diagnostics of others */
    int col;
};

/* A record's column, and where its value comes from. */
struct feature_source {
    int slot; /* of the row: a field of the schema, or a derived field (snapshot.h) */
    enum column_kind kind;
};

/* A key field: whose values are entities. */
struct feature_key {
    int slot; /* of the schema */
    struct span field;
    const struct plan *plan;
    struct feature_source columns[RECORD_COLUMNS_MAX];
    const struct cel_program *filters[LAYOUT_FILTERS_MAX];
    int n_columns;
    int n_filters;
    bool counts_labels;
};

struct feature_set {
    struct feature features[FEATURES_MAX]; /* in order of declaration, windows in the order given */
    struct feature_key keys[FEATURE_KEY_FIELDS_MAX];
    int n_features;
    int n_keys;
    int64_t remember_ms; /* the longest horizon of a key that counts labels; 0: none does */
    int64_t horizon_ms;  /* the longest of all */
};

/*
 * What derived fields mean: of each a hash over its expression and the meanings of those that it
 * reads. Records keep values under a name, so that a name that means something else now is another
 * column; and so is a filter that reads it.
 */
struct feature_meanings {
    int first_slot; /* of the derived fields in the row */
    int n;
    const uint64_t *hashes;
};

/* As `aggregate:` has it; static storage. */
const char *feature_aggregate_text(enum aggregate aggregate);

/*
 * Load the mapping under `features:`; `node` may be NULL: no features. `env` has the schema's
 * fields, the derived ones and the lists. Marks the number fields that are aggregated in `schema`.
 * Errors: ST_INVALID with diagnostics, also when a key field is over its budget of columns, windows
 * or filters. A sum over amounts of mixed currencies is a warning.
 */
MUST_USE enum status feature_load(const struct yaml_file *file, const struct yaml_node *node,
                                  const struct cel_env *env,
                                  const struct feature_meanings *meanings, int exact_events,
                                  struct schema *schema, struct arena *arena,
                                  struct diag_list *diags, struct feature_set *ret_set);

#endif
