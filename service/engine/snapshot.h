/*
 * snapshot.h -- one ruleset, whole and immutable: schema, derived fields, features, lists, rules.
 *
 * Loaded, checked, and then only read. A worker holds a reference for as long as a transaction
 * is in its hands, so that no transaction sees two rulesets.
 *
 * The row: every expression reads from one array of CEL values,
 *
 *     | schema fields ... | derived ... | features ... |
 *       0                   row_derived   row_features   row_count
 *
 * Threads: load anywhere; reads need no lock; ref/unref are atomic.
 */
#ifndef SLUICE_ENGINE_SNAPSHOT_H
#define SLUICE_ENGINE_SNAPSHOT_H

#include "rules/lists.h"
#include "rules/rules.h"
#include "service/engine/feature.h"

enum { SNAPSHOT_DERIVED_MAX = 64, SNAPSHOT_ARENA_BYTES = 64 << 20 };

struct snapshot_derived {
    struct span name;
    const struct cel_program *program;
};

struct snapshot {
    struct schema schema;
    struct snapshot_derived derived[SNAPSHOT_DERIVED_MAX];
    int n_derived;
    struct feature_set features;
    const struct lists *lists;
    const struct rules *rules;
    int row_derived, row_features, row_count;
    uint64_t id;          /* first 64 bits of the SHA-256 of its content: every file's bytes, in order of reading */
    char id_text[17];     /* 16 hex */
    int64_t loaded_at_ms; /* wall clock */
    /* private: arena, reference count */
    struct arena *arena;
    int refs;
};

struct snapshot_options {
    int exact_events;
    int64_t now_ms;
};

/*
 * Load the ruleset file and all it names. Errors: ST_INVALID (diagnostics say what), ST_IO.
 * Warnings may be in `diags` also on ST_OK. The snapshot starts with one reference.
 */
MUST_USE enum status snapshot_load(const char *path, const struct snapshot_options *o, struct diag_list *diags,
                                   struct snapshot **ret_snapshot);
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s); /* NULL is fine */

/*
 * The place where the active snapshot stands; every way a reload comes ends in snapshot_offer().
 * Workers take it with snapshot_current() (a reference) per event.
 */
struct snapshot_slot;
struct snapshot_slot *snapshot_slot_new(struct snapshot *first_take);
void snapshot_slot_free(struct snapshot_slot *slot);
struct snapshot *snapshot_current(struct snapshot_slot *slot);
/*
 * Load `path` as a whole and put it in place of the active one, or leave everything and say why.
 * `who` goes to the audit log ("SIGHUP", ...).
 */
MUST_USE enum status snapshot_offer(struct snapshot_slot *slot, const char *path, const struct snapshot_options *o,
                                    const char *who, struct diag_list *diags);

#endif
