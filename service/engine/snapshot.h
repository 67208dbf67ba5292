/*
 * snapshot.h -- one ruleset, whole and immutable: schema, derived fields, features, lists,
 * models, rules.
 *
 *     schema:   { ... }            txn/schema.h
 *     derived:  { NAME: CEL }      over the fields, the lists and the derived fields before it
 *     features: { ... }            feature.h
 *     lists:    { ... }            rules/lists.h
 *     models:   { ... }            model_set.h
 *     flag_at:  70
 *     rules:    [FILE, ...]        rules/rule_file.h, relative to the ruleset file
 *
 * Loaded, checked, and then only read. A worker holds a reference for as long as a transaction is
 * in its hands, so that no transaction sees two rulesets.
 *
 * The row: every expression reads from one array of CEL values (row.h),
 *
 *     | schema fields | lists | derived | features | covered | models |
 *       0               row_lists         row_features         row_models
 *                               row_derived          row_covered      row_count
 *
 * (covered: for each feature, whether the logs have what its window reads; covered.h. models: their
 * scores)
 *
 * When lists are changed, another snapshot takes its place that shares all but these lists with it:
 *
 *     loaded ──snapshot_with_lists()──> what it is now ──> ...      each holds the loaded one
 *
 * Both have the same id; decisions name the second by a hash of the id and what was changed.
 *
 * Owns:    a snapshot owns its arena with all it points to; one with changed lists, their views and
 *          a reference of the loaded one.
 * Threads: load anywhere; reads need no lock; ref and unref are atomic.
 */
#ifndef SLUICE_ENGINE_SNAPSHOT_H
#define SLUICE_ENGINE_SNAPSHOT_H

#include "rules/lists.h"
#include "rules/rules.h"
#include "service/engine/feature.h"
#include "service/engine/layouts.h"
#include "service/engine/model_set.h"
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
    uint64_t meaning; /* feature.h */
    bool is_read;     /* some rule, filter, column or derived field wants it */
    bool is_private;  /* it is made of a private field, by way of others too */
};

struct counterfactual_plan; /* counterfactual.h */

struct snapshot {
    struct schema schema;
    struct snapshot_derived derived[SNAPSHOT_DERIVED_MAX];
    int n_derived;
    struct feature_set features;
    const struct lists *lists;
    struct model_set models;
    const struct rules *rules;
    struct cel_env env; /* what a rule sees: every name, with its slot of the row */
    int row_lists, row_derived, row_features, row_covered, row_models, row_count;
    int currency_slot; /* of the schema's text `currency`; -1: it has none */
    /* What a row must hold, because some expression reads it: slots of the schema, and indices into
     * lists->items and features.features. */
    int fields_read[SCHEMA_FIELDS_MAX];
    int lists_read[LISTS_MAX];
    int features_read[FEATURES_MAX];
    int n_fields_read, n_lists_read, n_features_read;
    int covered_read[FEATURES_MAX]; /* the same of covered() */
    int n_covered_read;
    struct covered *covered; /* covered.h; has a lock of its own */
    const struct counterfactual_plan *counterfactuals;
    /* First 64 bits of the SHA-256 over the SHA-256 of each file: ruleset, lists, models, each
     * before its baseline, rules, in order. */
    uint64_t id;
    char id_text[17];            /* 16 hex */
    char decided_by[17];         /* what decisions name: id_text, unless lists were changed */
    uint64_t lists_id;           /* over what was changed of its lists; 0: nothing */
    struct snapshot_files files; /* all that it was loaded from */
    /* Of all that decides what is observed: the ruleset file but for what only judges, and
     * the lists' files. Two snapshots that share it, loaded with the same exact_events, have the
     * same slots, plans and windows. */
    uint64_t observed_id;
    int64_t loaded_at_ms; /* wall clock */
    char loaded_by[32];   /* the way it came: "start", "SIGHUP" */
    char loaded_for[128]; /* who asked for it: "alice", "local" */
    bool was_forced;      /* the gate refused it, and who asked for it overruled that */
    /* private: where all of it lives, and how many hold it */
    struct arena *arena;
    struct snapshot *loaded; /* NULL: it was loaded itself */
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

/* What stands in place of the lists that were loaded. */
struct snapshot_lists {
    struct list_view **views; /* of the same types in the same order; references are taken */
    uint64_t id;              /* snapshot.lists_id */
    char decided_by[17];      /* snapshot.decided_by */
};

/* `s` with other lists. CHECKs on no memory. O(lists), and 30 KB are copied. */
struct snapshot *snapshot_with_lists(struct snapshot *s, const struct snapshot_lists *lists);
/* The one that was loaded: `s` itself, or what it shares all but its lists with. */
const struct snapshot *snapshot_loaded(const struct snapshot *s);
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s); /* NULL is fine */
/* Is the caller's reference the only one? Then it stays so until the caller gives one away. */
bool snapshot_is_last(const struct snapshot *s);

/* Is the slot of the row a private field, or derived from one? */
bool snapshot_is_private(const struct snapshot *s, int slot);

/*
 * The place where the active snapshot stands; every way a reload comes ends in snapshot_put().
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

/*
 * Who changes lists: `dress` is given each snapshot that is about to become active, and answers the
 * one that does (with changed lists, or the same); `dressed` follows when it is. `preview` answers
 * a reference of what it would be. None is called any more when another dresser, or one of
 * NULLs, is set.
 */
struct snapshot_dresser {
    struct snapshot *(*dress)(void *user, struct snapshot *fresh_take);
    void (*dressed)(void *user);
    struct snapshot *(*preview)(void *user, struct snapshot *s);
    void *user;
};
void snapshot_slot_dresser(struct snapshot_slot *slot, const struct snapshot_dresser *dresser);
/* `with_lists_take` becomes active, if what is active was loaded as the same; else it is let go. */
void snapshot_slot_relist(struct snapshot_slot *slot, struct snapshot *with_lists_take);
/* `s` with its lists as they would be were it active now; a reference. May block. */
struct snapshot *snapshot_slot_preview(struct snapshot_slot *slot, struct snapshot *s);
/*
 * A snapshot that is active no more is kept until nobody else holds it, so that no worker
 * frees a million items of a list between two transactions: it goes here, or when the next one
 * becomes active. Returns how many are still held.
 */
size_t snapshot_slot_sweep(struct snapshot_slot *slot);

/* All layouts known to the process: those of every snapshot that stood here, and what was read from
 * the state. */
struct layouts *snapshot_slot_layouts(struct snapshot_slot *slot);

/*
 * Put a loaded snapshot in place of the active one; its reference is taken. `who` is kept in
 * loaded_by. Offers alone call it (offers.h). Errors: ST_NO_SPACE: the process has met
 * LAYOUT_BOOK_MAX layouts; the reference is then still the caller's.
 */
MUST_USE enum status snapshot_put(struct snapshot_slot *slot, struct snapshot *fresh_take,
                                  const char *who, struct diag_list *diags);

/*
 * Load `path` as a whole and put it in place of the active one, or leave everything and say why.
 * Errors: as snapshot_load and snapshot_put.
 */
MUST_USE enum status snapshot_offer(struct snapshot_slot *slot, const char *path,
                                    const struct snapshot_options *o, const char *who,
                                    struct diag_list *diags);

#endif
