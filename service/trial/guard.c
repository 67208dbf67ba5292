#include "service/trial/guard.h"

#include "service/base/check.h"
#include "service/engine/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* X(member, label): what the gate came to */
#define GUARD_COUNTS(X)     \
    X(n_passed, "passed")   \
    X(n_refused, "refused") \
    X(n_unjudged, "unjudged")

struct guard {
    struct guard_options o;
    pthread_mutex_t lock;
    _Atomic bool is_stopped;
    struct gate_rates predicted; /* of the last that was judged */
    struct snapshot *watched;    /* NULL: nothing */
    struct drift drift;
    struct gate_rates seen; /* the live counts, at the last look */
    struct gate_rates live; /* since it became active, without what was decided without state */
    int64_t until_ms;
#define X(member, label) uint64_t member;
    GUARD_COUNTS(X)
#undef X
    uint64_t n_drifted;
    int64_t gate_us; /* of the last */
    double change;   /* of the flag rate, likewise */
};

static bool goes_on(void *user)
{
    struct guard *g = user;
    return !g->is_stopped;
}

struct guard *guard_new(const struct guard_options *o)
{
    struct guard *g = calloc(1, sizeof *g);
    CHECK(g != NULL && pthread_mutex_init(&g->lock, NULL) == 0);
    g->o = *o;
    g->o.gate.goes_on = goes_on;
    g->o.gate.user = g;
    return g;
}

void guard_free(struct guard *g)
{
    if (g == NULL)
        return;
    snapshot_unref(g->watched);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

void guard_stop(struct guard *g)
{
    g->is_stopped = true;
}

/* ---- before ---- */

static void note(struct guard *g, const struct gate_finding *f, const struct gate_rates *predicted)
{
    pthread_mutex_lock(&g->lock);
    g->predicted = *predicted;
    g->n_unjudged += !f->is_judged;
    g->n_refused += f->is_refused;
    g->n_passed += f->is_judged && !f->is_refused;
    g->gate_us = f->elapsed_us;
    g->change = f->flags.change;
    pthread_mutex_unlock(&g->lock);
}

static void report(const struct gate_finding *f, struct gate_report *ret_report)
{
    *ret_report = (struct gate_report){.is_judged = f->is_judged,
                                       .is_refused = f->is_refused,
                                       .transactions = f->flags.transactions,
                                       .flagged = f->flags.after,
                                       .flagged_before = f->flags.before};
    _Static_assert((int)GATE_WHY_MAX >= (int)GATE_WORDS_MAX, "the words fit");
    memcpy(ret_report->why, f->words, sizeof f->words);
}

enum status guard_judge(struct guard *g, struct snapshot *active, struct snapshot *candidate,
                        struct gate_report *ret_report)
{
    struct gate_finding f;
    struct gate_rates predicted = {.ruleset = 0};
    if (g->o.gate.events == 0)
        return ST_OK;
    if (g->o.settle != NULL)
        g->o.settle(g->o.user);
    enum status st = gate_judge(&g->o.gate, active, candidate, &f, &predicted);
    note(g, &f, &predicted);
    report(&f, ret_report);
    return st;
}

/* ---- behind ---- */

static void watch_no_more(struct guard *g)
{
    snapshot_unref(g->watched);
    g->watched = NULL;
}

void guard_activated(struct guard *g, struct snapshot *after, int64_t now_ms)
{
    pthread_mutex_lock(&g->lock);
    watch_no_more(g);
    if (g->predicted.ruleset == after->id && g->o.drift_for_ms > 0) {
        g->watched = snapshot_ref(after);
        g->drift = (struct drift){
            .predicted = g->predicted, .change = g->o.drift_change, .rules = after->rules};
        g->o.live(g->o.user, after->id, &g->seen);
        g->live = (struct gate_rates){.ruleset = after->id};
        g->until_ms = now_ms + g->o.drift_for_ms;
    }
    pthread_mutex_unlock(&g->lock);
}

/* Rules are counted from zero with each ruleset, unless it is one that has been here just before:
 * then what is lower now has begun again. */
static uint64_t since(uint64_t now, uint64_t before)
{
    return now >= before ? now - before : now;
}

static void count_on(struct guard *g)
{
    struct gate_rates now;
    g->o.live(g->o.user, g->watched->id, &now);
    if (now.degraded == g->seen.degraded) {
        g->live.transactions += since(now.transactions, g->seen.transactions);
        g->live.flagged += since(now.flagged, g->seen.flagged);
        for (int i = 0; i < g->drift.predicted.n_rules; i++)
            g->live.fired[i] += since(now.fired[i], g->seen.fired[i]);
    }
    g->seen = now;
}

static bool look(struct guard *g, int64_t now_ms, struct guard_drift *ret_drift)
{
    if (g->watched == NULL)
        return false;
    count_on(g);
    struct drift_finding f = drift_look(&g->drift, &g->live);
    if (f.is_beyond) {
        memcpy(ret_drift->ruleset, g->watched->id_text, sizeof ret_drift->ruleset);
        memcpy(ret_drift->words, f.words, sizeof f.words);
        g->n_drifted++;
    }
    if (f.is_beyond || now_ms >= g->until_ms)
        watch_no_more(g);
    return f.is_beyond;
}

bool guard_look(struct guard *g, int64_t now_ms, struct guard_drift *ret_drift)
{
    pthread_mutex_lock(&g->lock);
    bool has_drifted = look(g, now_ms, ret_drift);
    pthread_mutex_unlock(&g->lock);
    return has_drifted;
}

/* ---- metrics ---- */

void guard_metrics(struct guard *g, struct text *out)
{
    pthread_mutex_lock(&g->lock);
    metrics_type(out, "sluice_ruleset_gate_total", "counter", "rulesets that came to the gate");
#define X(member, label)                                                       \
    text_printf(out, "sluice_ruleset_gate_total{result=\"%s\"} %llu\n", label, \
                (unsigned long long)g->member);
    GUARD_COUNTS(X)
#undef X
    metrics_type(out, "sluice_ruleset_gate_seconds", "gauge", "how long the gate took last");
    text_str(out, "sluice_ruleset_gate_seconds ");
    text_fixed(out, g->gate_us, 1000000);
    text_char(out, '\n');
    metrics_type(out, "sluice_ruleset_gate_change", "gauge",
                 "change of the flag rate that the gate saw last, relative");
    text_printf(out,
                isinf(g->change) ? "sluice_ruleset_gate_change +Inf\n"
                                 : "sluice_ruleset_gate_change %.6g\n",
                g->change);
    metrics_value(out, "sluice_ruleset_drift_watched", "gauge",
                  "1 while live traffic is compared with what the gate predicted",
                  g->watched != NULL);
    metrics_value(out, "sluice_ruleset_drift_total", "counter",
                  "rulesets that were left because live traffic was not as predicted",
                  g->n_drifted);
    pthread_mutex_unlock(&g->lock);
}
