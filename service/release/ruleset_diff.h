/*
 * ruleset_diff.h -- what is another in one ruleset than in another, in words.
 *
 *     rule account-burst: when was `account_tx_count_5m > 10`, is `account_tx_count_5m > 5`
 *     rule small-probe is new
 *     feature account_amount is gone
 *     list blocked_devices: 3 items more, 1 less
 *     model fraud: hash was `9f2c41d07be83a56`, is `07be83a569f2c41d`
 *     flag_at was `70`, is `80`
 *     file rules.yaml differs in order, comments or `engine:` alone
 *
 * Compared is what stands in the files, name by name, whatever file or order it stands in, and
 * not what it is compiled to: so each key is told that anybody may write there. Files are told only
 * where nothing in them is another by name, and yet they are not the same, nor the rulesets' ids.
 *
 * Owns: all lives in the arena; texts point into the two snapshots, which must outlive the diff.
 */
#ifndef SLUICE_RELEASE_RULESET_DIFF_H
#define SLUICE_RELEASE_RULESET_DIFF_H

#include "service/engine/snapshot.h"

enum {
    DIFF_ARENA_BYTES = 192 << 20, /* two rulesets' trees; untouched pages nothing */
    DIFF_SHOWN_MAX = 512,         /* bytes of a value that are shown */
};

/* X(name, text) */
#define DIFF_KIND_TABLE(X)                                \
    X(DIFF_SETTING, "setting") /* flag_at and its like */ \
    X(DIFF_FIELD, "field")                                \
    X(DIFF_DERIVED, "derived field")                      \
    X(DIFF_FEATURE, "feature")                            \
    X(DIFF_LIST, "list")                                  \
    X(DIFF_MODEL, "model")                                \
    X(DIFF_RULE, "rule")                                  \
    X(DIFF_FILE, "file")

enum diff_kind {
#define X(name, text) name,
    DIFF_KIND_TABLE(X)
#undef X
};

enum diff_change { DIFF_ADDED, DIFF_REMOVED, DIFF_CHANGED };

struct diff_entry {
    enum diff_kind kind;
    enum diff_change change;
    struct span name;
    /* DIFF_CHANGED: the key below it ("when"; empty: it is no mapping) and what stood and stands
     * there, in one line, base NULL: nothing */
    struct span key, before, after;
    int64_t items_added, items_removed; /* of a list's items */
    struct diff_entry *next;
};

struct ruleset_diff {
    const struct snapshot *from, *to;
    struct diff_entry *first; /* NULL: they are the same, byte for byte */
    int count;
};

/* O(both rulesets). Errors: ST_NO_SPACE: the arena is too small for both trees. */
MUST_USE enum status ruleset_diff_make(const struct snapshot *from, const struct snapshot *to,
                                       struct arena *arena, struct ruleset_diff *ret_diff);

/* A line each, as above; nothing when they are the same. */
void ruleset_diff_text(const struct ruleset_diff *diff, struct text *out);
/* {"from":ID,"to":ID,"changes":[{"kind":"rule","name":...,"change":"changed","key":"when",
 * "before":...,"after":...,"items_added":0,"items_removed":0}]} */
void ruleset_diff_json(const struct ruleset_diff *diff, struct text *out);

#endif
