/*
 * rule_table.h -- how each rule does: what it fired at, what labels say of that, and what is odd;
 * and what labels say of each model.
 *
 *     counted by this process since the ruleset is active: transactions, fired, near misses, hints
 *     counted by all, since ever, by the rule's id:        labels, money, lag (the tally)
 *                                 by a model's name and hash
 *
 * A rule that the ruleset has no more keeps its labels, and so a line. Made when it is asked for.
 *
 * Owns:    a table owns its lines; it borrows rules from the snapshot, ids from the tally.
 * Threads: none of its own; engines of other threads are read a counter at a time.
 */
#ifndef SLUICE_ENGINE_RULE_TABLE_H
#define SLUICE_ENGINE_RULE_TABLE_H

#include "service/engine/cofire.h"
#include "service/engine/engine.h"
#include "service/engine/verdicts.h"

enum {
    RULE_CURRENCIES_MAX = 4, /* of one line; what is in others counts, and its money is not shown */

    /* Below these a share says nothing, and is not shown. */
    RULE_PRECISION_MIN = 20, /* transactions with a label at which it fired */
    RULE_RECALL_MIN = 20,    /* frauds in all */

    /* And with fewer of these nothing is called odd. */
    RULE_NEVER_MIN = 10000, /* transactions */
    RULE_ALWAYS_MIN = 1000, /* transactions, all of which it fired at */
    RULE_COVERED_MIN = 100, /* times it fired, each time with the other */
};

/* X(name, text) */
#define RULE_HINT_TABLE(X)                    \
    X(RULE_HINT_NONE, NULL)                   \
    X(RULE_HINT_NEVER_FIRES, "never_fires")   \
    X(RULE_HINT_ALWAYS_FIRES, "always_fires") \
    X(RULE_HINT_COVERED_BY, "covered_by")

enum rule_hint {
#define X(name, text) name,
    RULE_HINT_TABLE(X)
#undef X
};

/* The table's text; NULL of none. */
const char *rule_hint_text(enum rule_hint hint);

struct rule_money {
    struct span currency; /* "": none was named */
    int64_t fraud_e4, legitimate_e4;
};

/* What labels say of some transactions: never below zero. */
struct rule_labels {
    int64_t fraud, legitimate;
    int64_t lag_ms; /* of all of them */
    struct rule_money money[RULE_CURRENCIES_MAX];
    int n_money;
};

struct rule_line {
    struct span id;
    const struct rule *rule; /* NULL: the ruleset has it no more */
    uint64_t fired;          /* live */
    uint64_t shadow_fired;   /* as a shadow, or for an account outside the rollout */
    uint64_t near_misses;
    struct rule_labels live, shadow;
    enum rule_hint hint;
    const struct rule *covered_by;
};

/* Of a model of the ruleset, with this very file, at the threshold of then. */
struct rule_model {
    struct rule_labels above, below; /* its threshold: above it would have flagged alone */
};

struct rule_table {
    const struct snapshot *snap;
    struct rule_model models[MODELS_MAX]; /* [snap->models.count] */
    uint64_t transactions;
    uint64_t unattributed;               /* labels that no rule counts, of this process */
    struct rule_labels flagged, allowed; /* of all transactions with a label */
    struct rule_line *lines;             /* the ruleset's, in its order; then the others, by id */
    int n, n_current;
};

/*
 * `snap` and `tally` outlive the table. O(engines * rules + rows). CHECKs on no memory.
 */
void rule_table_init(struct rule_table *t, const struct snapshot *snap,
                     const struct engine *const *engines, int n_engines, const struct tally *tally);
void rule_table_fini(struct rule_table *t);

/* Frauds among the labelled transactions it fired at, live and shadow. false: too few. */
bool rule_precision(const struct rule_line *line, double *ret_share);
/* Of all frauds, those it fired at. false: there are too few. */
bool rule_recall(const struct rule_table *t, const struct rule_line *line, double *ret_share);
/* Frauds among the labelled transactions that a model would have flagged alone. false: too few. */
bool rule_model_precision(const struct rule_model *m, double *ret_share);
/* Of the frauds that it scored, those it would have flagged. false: there are too few. */
bool rule_model_recall(const struct rule_model *m, double *ret_share);
/* The same of flagging. */
bool rule_table_precision(const struct rule_table *t, double *ret_share);
bool rule_table_recall(const struct rule_table *t, double *ret_share);
/* false: there are no labels. */
bool rule_mean_lag_ms(const struct rule_labels *a, const struct rule_labels *b, int64_t *ret_ms);

#endif
