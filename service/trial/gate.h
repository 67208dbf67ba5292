/*
 * gate.h -- is a candidate fit to take over? What it would have flagged of the last transactions
 * that were accepted, beside the active ruleset.
 *
 *     journal ──> | history: fills the windows ...... | the last `events`: judged |
 *                 backtest.h, both rulesets           flag rate, and each rule's
 *
 * Refused when a rate moves by more than its bound, relative to the active ruleset's, and by more
 * than `floor` transactions besides: of tiny counts anything is many times as much. Rules that
 * stand in both are compared, by their ids, unless one of them is off; what a rule that is new does
 * shows in the flag rate. A candidate that refuses accepted transactions, more than `floor` of
 * them, is refused whatever the bounds.
 *
 * What the candidate would have done is kept as the prediction that drift.h holds it to.
 *
 * Threads: any one that may block; one at a time.
 */
#ifndef SLUICE_TRIAL_GATE_H
#define SLUICE_TRIAL_GATE_H

#include "service/trial/backtest.h"

enum {
    GATE_TOLD_MAX = 9, /* rates beyond their bounds that are told one by one; the rest is counted */
    GATE_WORDS_MAX = 1536, /* of which those take 9 times a rule's id, of 64 bytes, and 24 */
    GATE_EVENTS_MIN = 100, /* fewer say nothing about a rate */
    GATE_NICE = 10,        /* serving comes first */
};

struct gate_options {
    const char *journal_dir; /* "": there is none, and nothing is judged */
    const char *spool_dir;
    struct engine_options engine;
    uint64_t events;         /* judged; 0: the gate is open */
    uint64_t history;        /* before those: to fill the windows */
    double flag_rate_change; /* 0.5: by half of the active ruleset's */
    double rule_rate_change;
    uint64_t floor; /* a difference of no more transactions is none */
    int nice;
    bool (*goes_on)(void *user); /* asked now and then; false: give up. NULL: to the end */
    void *user;
};

/* Of `transactions`, how many a ruleset flagged, and how many each of its rules fired on. */
struct gate_rates {
    uint64_t ruleset; /* snapshot.id; 0: nothing was judged */
    uint64_t transactions, flagged;
    uint64_t degraded; /* of these, decided without state: live ones alone */
    int n_rules;
    uint64_t fired[RULES_MAX]; /* by rule.index */
};

/* One rate of two rulesets over the same transactions. */
struct gate_change {
    const struct rule *rule; /* NULL: the flag rate. Of the candidate's snapshot */
    bool is_of_refused;      /* `after` transactions are none for the candidate's schema */
    uint64_t before, after, transactions;
    double change; /* relative; INFINITY from nothing */
    double bound;
};

struct gate_finding {
    bool is_judged;           /* false: words say why not */
    bool is_refused;          /* some rate is beyond its bound */
    struct gate_change flags; /* the flag rate's */
    /* Rates beyond their bounds, the GATE_TOLD_MAX first of n_beyond: what it refuses, the flag
     * rate's, then the rules', what moved most before the others. */
    struct gate_change beyond[GATE_TOLD_MAX];
    int n_beyond;
    int64_t elapsed_us;
    char words[GATE_WORDS_MAX]; /* for people */
};

/*
 * Replay, and judge. *ret_finding is filled whatever is answered; *ret_predicted when is_judged.
 * Errors: ST_CONFLICT: refused, or given up before it was judged. What cannot be judged (no
 * journal, too few events, a journal that cannot be read) is not refused: a gate that is broken
 * must not keep a mended ruleset out.
 */
MUST_USE enum status gate_judge(const struct gate_options *o, struct snapshot *active,
                                struct snapshot *candidate, struct gate_finding *ret_finding,
                                struct gate_rates *ret_predicted);

/* ---- its arithmetic ---- */

/* (after - before) / before; 0 when both are 0, INFINITY from nothing. */
double gate_change_of(uint64_t before, uint64_t after);

/* Is it beyond `bound` and `floor`? Either way: a rule that falls silent has changed, too. */
bool gate_is_beyond(const struct gate_change *c, uint64_t floor);

/* Compare the measures of one backtest: all of ret_finding but elapsed_us. */
void gate_compare(const struct gate_options *o, const struct snapshot *active,
                  const struct snapshot *candidate, const struct backtest_result *r,
                  struct gate_finding *ret_finding);

#endif
