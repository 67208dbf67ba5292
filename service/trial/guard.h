/*
 * guard.h -- what stands before a change of the ruleset, and behind it.
 *
 *     judge ──> gate.h: what the candidate would have done ──╮ prediction
 *     activated ─────────────────────────────────────────────┴──> watched for drift_for_ms
 *     look, each second ──> drift.h: what it does ──> it has drifted: told once, go back
 *
 * Whatever becomes active ends the watch over what was there before; it is watched itself if the
 * gate has judged it, also when it was forced.
 *
 * Owns:    a reference of the snapshot that is watched. Threads: any; one lock.
 */
#ifndef SLUICE_TRIAL_GUARD_H
#define SLUICE_TRIAL_GUARD_H

#include "service/trial/drift.h"
#include "service/trial/gate_report.h"

struct guard_options {
    struct gate_options gate; /* texts are borrowed */
    double drift_change;
    int64_t drift_for_ms; /* 0: nothing is watched */
    /* What the process has decided since its start, and by the rules of this ruleset. */
    void (*live)(void *user, uint64_t ruleset, struct gate_rates *ret_rates);
    /* When it returns, all that was accepted before is where the gate reads the journal. May be
     * NULL; blocks. */
    void (*settle)(void *user);
    void *user;
};

struct guard;

/* CHECKs on no memory. */
struct guard *guard_new(const struct guard_options *o);
void guard_free(struct guard *g); /* NULL is fine */

/* As offers_options.judge. Blocks while it replays. */
MUST_USE enum status guard_judge(struct guard *g, struct snapshot *active,
                                 struct snapshot *candidate, struct gate_report *ret_report);

/* The service ends: what is being judged, or comes yet, is given up and refused. Any thread. */
void guard_stop(struct guard *g);

/* `after` is active now. */
void guard_activated(struct guard *g, struct snapshot *after, int64_t now_ms);

struct guard_drift {
    char ruleset[17];           /* its id_text: another one may be active by now */
    char words[GATE_WORDS_MAX]; /* how */
};

/*
 * Has it drifted? true once; nothing is watched any more then. What was decided since the look
 * before is left out when some of it was decided without state: rules that have no windows to look
 * at fall silent, whatever ruleset they are of.
 */
bool guard_look(struct guard *g, int64_t now_ms, struct guard_drift *ret_drift);

/* Prometheus text. */
void guard_metrics(struct guard *g, struct text *out);

#endif
