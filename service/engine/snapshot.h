/*
 * snapshot.h -- one ruleset, whole and immutable: schema, derived fields, features, lists, rules.
 *
 *     schema:   { ... }            txn/schema.h
 *     derived:  { NAME: CEL }      over the fields, the lists and the derived fields before it
 *     features: { ... }            feature.h
 *     lists:    { ... }            rules/lists.h
 *     flag_at:  70
 *     rules:    [FILE, ...]        rules/rule_file.h, relative to the ruleset file
 *
 * Loaded, checked, and then only read. A worker holds a reference for as long as a transaction is
 * in its hands, so that no transaction sees two rulesets.
 *
 * The row: every expression reads from one array of CEL values (row.h),
 *
 *     | schema fields ... | derived ... | features ... | covered ... |
 *       0                   row_derived   row_features   row_covered   row_count
 *
 * (covered: for each feature, whether the logs have what its window reads; covered.h)
 *
 * Owns:    a snapshot owns its arena with all it points to.
 * Threads: load anywhere; reads need no lock; ref and unref are atomic.
 */
#ifndef SLUICE_ENGINE_SNAPSHOT_H
#define SLUICE_ENGINE_SNAPSHOT_H

#include "rules/lists.h"
#include "rules/rules.h"
#include "service/engine/feature.h"
#include "service/engine/layouts.h"
#include "service/engine/snapshot_files.h"

enum {
    SNAPSHOT_DERIVED_MAX = 64,
    SNAPSHOT_RULE_FILES_MAX = 256,
    SNAPSHOT_ARENA_BYTES =
        256 << 20, /* a list of a million items takes 80 MB; untouched pages nothing */
};

/* What a ruleset file may hold. */
extern const struct shape ruleset_shape;

struct snapshot_derived {
    struct span name;
    const struct cel_program *program;
    bool is_read; /* some rule, filter, column or derived field wants it */
};

struct snapshot {
    struct schema schema;
    struct snapshot_derived derived[SNAPSHOT_DERIVED_MAX];
    int n_derived;
    struct feature_set features;
    const struct lists *lists;
    const struct rules *rules;
    struct cel_env env; /* what a rule sees: every name, with its slot of the row */
    int row_derived, row_features, row_covered, row_count;
    int currency_slot; /* of the schema's text `currency`; -1: it has none */
    /* What a row must hold, because some expression reads it: slots of the schema, and indices into
     * features.features. */
    int fields_read[SCHEMA_FIELDS_MAX];
    int features_read[FEATURES_MAX];
    int n_fields_read, n_features_read;
    int covered_read[FEATURES_MAX]; /* the same of covered() */
    int n_covered_read;
    struct covered *covered; /* covered.h; has a lock of its own */
    /* First 64 bits of the SHA-256 over the SHA-256 of each file: ruleset, lists, rules, in
     * order. */
    uint64_t id;
    char id_text[17];            /* 16 hex */
    struct snapshot_files files; /* all that it was loaded from */
    /* Of all that decides what is observed: the ruleset file but for `rules:` and `flag_at:`, and
     * the lists' files. Two snapshots that share it, loaded with the same exact_events, have the
     * same slots, plans and windows. */
    uint64_t observed_id;
    int64_t loaded_at_ms; /* wall clock */
    char loaded_by[32];   /* who offered it: "start", "SIGHUP" */
    /* private: where all of it lives, and how many hold it */
    struct arena *arena;
    int refs;
};

struct snapshot_options {
    int exact_events;
    int64_t now_ms;
    bool reads_all;   /* a row holds everything, for expressions that are in no rule */
    bool is_confined; /* no file outside of the ruleset file's folder is read */
    /* May be NULL. Called for each file that the ruleset names, itself first, before it is read;
     * also when the load then fails. */
    void (*named)(void *user, const char *path);
    void *user;
};

/*
 * Load the ruleset file and all it names. O(size of the files). The snapshot starts with one
 * reference. Errors: ST_INVALID, ST_IO, ST_NO_SPACE, each with diagnostics. Warnings may be in
 * `diags` also on ST_OK.
 */
MUST_USE enum status snapshot_load(const char *path, const struct snapshot_options *o,
                                   struct diag_list *diags, struct snapshot **ret_snapshot);
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s); /* NULL is fine */

/*
 * The place where the active snapshot stands; every way a reload comes ends in snapshot_offer().
 * Workers take it with snapshot_current() (a reference) for each event.
 *
 * Threads: any; one lock.
 */
struct snapshot_slot;

/* Takes the reference of `first`. CHECKs on no memory. */
struct snapshot_slot *snapshot_slot_new(struct snapshot *first_take);
void snapshot_slot_free(struct snapshot_slot *slot);
struct snapshot *snapshot_current(struct snapshot_slot *slot);
/* Is `s`, which the caller holds, still the active one? Takes no lock. */
bool snapshot_is_current(const struct snapshot_slot *slot, const struct snapshot *s);

/* All layouts known to the process: those of every snapshot that stood here, and what was read from
 * the state. */
struct layouts *snapshot_slot_layouts(struct snapshot_slot *slot);

/*
 * Load `path` as a whole and put it in place of the active one, or leave everything and say why.
 * `who` ("SIGHUP", ...) is kept in loaded_by. Errors: as snapshot_load; ST_NO_SPACE also when the
 * process has met LAYOUT_BOOK_MAX layouts.
 */
MUST_USE enum status snapshot_offer(struct snapshot_slot *slot, const char *path,
                                    const struct snapshot_options *o, const char *who,
                                    struct diag_list *diags);

#endif
