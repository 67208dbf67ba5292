/*
 * engine_stats.h -- what one loop's engine has counted, for /metrics.
 *
 * Threads: the loop alone writes, with relaxed stores; any thread may read a counter at a time.
 */
#ifndef SLUICE_ENGINE_ENGINE_STATS_H
#define SLUICE_ENGINE_ENGINE_STATS_H

#include "rules/rule_file.h"
#include "service/engine/model_set.h"

#include <stdint.h>

/* X(member, text) */
#define ENGINE_STATS_TABLE(X)                                                                     \
    X(allowed, "decisions that allow")                                                            \
    X(flagged, "decisions that flag")                                                             \
    X(replayed, "answers given again to a retry")                                                 \
    X(degraded, "decisions without state")                                                        \
    X(conflicts, "transaction ids that came again with another body")                             \
    X(refused, "events that the schema or the contract refuses")                                  \
    X(unavailable, "events answered that state or journal are away")                              \
    X(future, "events refused because they lie too far ahead of the clock")                       \
    X(late, "transactions scored that came too late to be stored")                                \
    X(labels, "labels recorded")                                                                  \
    X(labels_again, "labels that were there already")                                             \
    X(labels_parked, "labels that wait for their transaction")                                    \
    X(labels_dropped, "labels given up: no transaction came, or they were known before its time") \
    X(labels_unattributed, "labels whose decision is not remembered: counted by no rule")         \
    X(rule_missing, "rules that did not fire because a value is missing")                         \
    X(rule_errors, "rules that met an error, or a value too inexact to decide by")                \
    X(deadlines, "deadlines that passed before state had answered")                               \
    X(awaited, "times another attempt at the same transaction was waited for")                    \
    X(folds, "logs folded and written back")                                                      \
    X(folds_lost, "folds given up because the log had changed")                                   \
    X(corrupt, "logs or claims that could not be read")                                           \
    X(redelivered, "events of the journal delivered again to state")                              \
    X(redelivered_refused, "of these, the ones that the schema refuses by now: lost to state")

/* Upper bounds in microseconds of the histogram of state's answers; the last class has none. */
#define ENGINE_LATENCY_TABLE(X) \
    X(50)                       \
    X(100)                      \
    X(250) X(500) X(1000) X(2500) X(5000) X(10000) X(25000) X(50000) X(100000) X(250000) X(1000000)

enum {
#define X(us) +1
    ENGINE_LATENCY_CLASSES = 1 ENGINE_LATENCY_TABLE(X),
#undef X
};

/* How long something took, and how often. */
struct latency {
    uint64_t classes[ENGINE_LATENCY_CLASSES]; /* not cumulative */
    uint64_t sum_us;
};

/* Upper bounds in hours of the histogram of how long labels took; the last class has none. A
 * chargeback comes after weeks. */
#define ENGINE_LAG_TABLE(X) X(1) X(6) X(24) X(72) X(168) X(336) X(720) X(1440) X(2160) X(4320)

enum {
#define X(hours) +1
    ENGINE_LAG_CLASSES = 1 ENGINE_LAG_TABLE(X),
#undef X
};

struct lag {
    uint64_t classes[ENGINE_LAG_CLASSES]; /* not cumulative */
    uint64_t sum_ms;
};

/* Classes of the histogram of a model's scores, which end at 0.05, 0.1, ... 1; the last has no end:
 * a score that is no probability is there with its sum. */
enum { ENGINE_SCORE_STEPS = 20, ENGINE_SCORE_CLASSES = ENGINE_SCORE_STEPS + 1 };

struct score_spread {
    uint64_t classes[ENGINE_SCORE_CLASSES]; /* not cumulative */
    double sum;
};

/* Of one model. */
struct model_stats {
    uint64_t scored, missing;  /* rows with a score, and without */
    uint64_t above;            /* scores at its threshold or over it */
    uint64_t agreed, differed; /* a challenger: with the champion's side of its threshold */
    struct score_spread spread;
};

struct engine_stats {
#define X(member, text) uint64_t member;
    ENGINE_STATS_TABLE(X)
#undef X
    struct latency state_latency; /* of observing */
    struct lag label_lag;         /* of verdicts that were counted */
    uint64_t fired[RULES_MAX];    /* by rule.index, of the ruleset `fired_ruleset` */
    uint64_t held[RULES_MAX];     /* besides: live rules, for accounts outside their rollout */
    uint64_t near[RULES_MAX];     /* near misses, which did not fire (rules/rules.h) */
    struct model_stats models[MODELS_MAX]; /* likewise */
    uint64_t fired_ruleset;                /* snapshot.id; another ruleset starts from zero */
};

/* ++ of one writer, which readers on other threads may see. */
static inline void stats_add(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline uint64_t stats_get(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* One that took so long. Of one writer, as stats_add. */
static inline void latency_note(struct latency *l, int64_t us)
{
    int class = 0;
#define X(bound) class += us > (bound);
    ENGINE_LATENCY_TABLE(X)
#undef X
    stats_add(&l->classes[class], 1);
    stats_add(&l->sum_us, (uint64_t)us);
}

static inline void lag_note(struct lag *l, int64_t ms)
{
    int class = 0;
#define X(hours) class += ms > INT64_C(3600000) * (hours);
    ENGINE_LAG_TABLE(X)
#undef X
    stats_add(&l->classes[class], 1);
    stats_add(&l->sum_ms, (uint64_t)ms);
}

/* The end of a class but the last. */
static inline double score_class_end(int class)
{
    return (double)(class + 1) / ENGINE_SCORE_STEPS;
}

/* A score that is there. */
static inline void score_note(struct score_spread *s, double score)
{
    int class = 0;
    double sum = s->sum + score;
    while (class < ENGINE_SCORE_STEPS && score > score_class_end(class))
        class ++;
    stats_add(&s->classes[class], 1);
    __atomic_store(&s->sum, &sum, __ATOMIC_RELAXED);
}

/* What another writer counts, to a sum. */
static inline void score_add(struct score_spread *sum, const struct score_spread *s)
{
    double more;
    __atomic_load(&s->sum, &more, __ATOMIC_RELAXED);
    for (int i = 0; i < ENGINE_SCORE_CLASSES; i++)
        sum->classes[i] += stats_get(&s->classes[i]);
    sum->sum += more;
}

/* Likewise. */
static inline void lag_add(struct lag *sum, const struct lag *l)
{
    for (int i = 0; i < ENGINE_LAG_CLASSES; i++)
        sum->classes[i] += stats_get(&l->classes[i]);
    sum->sum_ms += stats_get(&l->sum_ms);
}

/* Likewise. */
static inline void latency_add(struct latency *sum, const struct latency *l)
{
    for (int i = 0; i < ENGINE_LATENCY_CLASSES; i++)
        sum->classes[i] += stats_get(&l->classes[i]);
    sum->sum_us += stats_get(&l->sum_us);
}

#endif
