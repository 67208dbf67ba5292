/*
 * rules.h -- the rule set: all rules of all files, and one run over a row.
 *
 * A rule fires when its condition is true. One that meets a missing value or an error, in its
 * condition or its score, does not fire and is counted in hits.n_missing or n_errors.
 *
 * A near miss is a condition that is false, and true with its thresholds moved by a tenth
 * (cel_relax.h). The moved one guards the other: where it is false, as mostly, nothing else is run,
 * so that near misses cost next to nothing. They change no outcome.
 *
 * The decision, over the live rules that fired; the first line that holds decides:
 *
 *     1. one says `decision: allow` with `override: true`   -> allow
 *     2. one says `decision: flag`                          -> flag
 *     3. one says `decision: allow`                         -> allow
 *     4. the sum of their scores is at least flag_at        -> flag
 *     5.                                                    -> allow
 *
 * Shadow rules run and are reported, and count nowhere; so does a live one for an account that is
 * not in its rollout.
 *
 * Owns:    a rule set lives in its load's arena; hits live in the arena of the run.
 * Threads: a rule set is read-only after rules_load.
 */
#ifndef SLUICE_RULES_RULES_H
#define SLUICE_RULES_RULES_H

#include "rules/rule_file.h"

/* Hits with their reasons, live and shadow each; hundreds of rules that fire at once say no more.
 * The others count as these do. */
enum { RULES_SHOWN_MAX = 32 };

struct rules {
    const struct rule *const *rules; /* [count], in order of files and within them */
    int count;
    int n_shared; /* values that one run computes once for several rules (cel_share.h) */
    double flag_at;
};

/* A rule that fired. */
struct hit {
    const struct rule *rule;
    double score;
    struct span reason;
    struct hit *next;
};

enum rule_outcome {
    RULE_NOT_RUN,
    RULE_NOT_FIRED,
    RULE_FIRED,
    RULE_MISSING, /* it met a missing value: ordinary, and no fault of the rule */
    RULE_ERROR,
};

/* What became of one rule, for explain. */
struct rule_result {
    enum rule_outcome outcome;
    bool in_shadow;  /* RULE_FIRED, and it does not count for this row */
    struct span why; /* RULE_MISSING: what was missing; RULE_ERROR: "division by zero" */
    double score;    /* RULE_FIRED */
    bool is_near;    /* RULE_NOT_FIRED: and it would have, with its thresholds a tenth lower */
};

struct hits {
    struct hit *fired;  /* the first RULES_SHOWN_MAX live rules, in their order; NULL: none */
    struct hit *shadow; /* shadow rules, likewise */
    const int *indexes; /* [n_fired + n_shadow]: rule->index of every one, in their order */
    const int *near;    /* [n_near]: of every rule that just did not fire, in any order */
    struct rule_result *results; /* explain: [rules->count]; else NULL */
    int n_fired, n_shadow, n_near, n_missing, n_errors;
    double score; /* sum over the live rules that fired */
    bool flag;    /* the decision */
};

/*
 * The rules of `files`, in that order; `files` and what they hold outlive the rule set. `share` is
 * what they were compiled with, NULL for nothing.
 * Errors: ST_INVALID with diagnostics: an id twice, more than RULES_MAX.
 */
MUST_USE enum status rules_load(struct rule_file *files, int n_files, struct cel_share *share,
                                double flag_at, struct arena *arena, struct diag_list *diags,
                                struct rules *ret_rules);

/*
 * Run each rule that is not off over `row`. Every expression has the same room of `scratch`,
 * whatever else is asked, so that the decision does not depend on it; it is given back. O(rules).
 * Errors: ST_NO_SPACE when the arena has less than rules_run_bytes() left.
 */
MUST_USE enum status rules_run(const struct rules *rules, const struct cel_value *row, bool explain,
                               struct arena *scratch, struct arena *arena, struct hits *ret_hits);

/* The decision over live rules that fired, added in their order; begins zeroed. */
struct rules_tally {
    double score;
    bool flag, allow, override; /* one says `decision: flag`, `allow`, `allow` with override */
};

void rules_tally_add(struct rules_tally *t, const struct rule *rule, double score);
/* The table above. */
bool rules_tally_flags(const struct rules_tally *t, double flag_at);

/* Does `rule` alone fire over this row? *ret_score: with what. As in rules_run. */
bool rules_fires(const struct rule *rule, const struct cel_value *row, struct arena *scratch,
                 double *ret_score);

/* What a run needs of its arena, whatever fires. */
size_t rules_run_bytes(const struct rules *rules, bool explain);

#endif
