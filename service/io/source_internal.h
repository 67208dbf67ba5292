/*
 * source_internal.h -- a source's private parts, for its own files.
 *
 *     source.c            open, the loop's turns, drain, close
 *     source_flight.c     a message on its way: judged, scored, landed, answered
 *     source_rebalance.c  partitions come and go
 *     source_commit.c     what may be committed, and committing it
 *     source_metrics.c    what others may see
 */
#ifndef SLUICE_IO_SOURCE_INTERNAL_H
#define SLUICE_IO_SOURCE_INTERNAL_H

#include "service/base/trace.h"
#include "service/io/letter.h"
#include "service/io/offsets.h"
#include "service/io/source.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    SOURCE_BATCH_MAX = 256, /* messages taken at once */
    SOURCE_BACKLOG_MAX = 2 * SOURCE_BATCH_MAX,
    SOURCE_TICK_MS = 50,
    /* After a crash, of what can have been under way or taken: again and something behind it. */
    SOURCE_SINGLY = 2,
};

enum source_topic { SOURCE_TRANSACTIONS, SOURCE_LABELS, SOURCE_TOPICS };

/*
 * A partition from its assignment to its revocation; another assignment is another object, so that
 * what was under way under the old one is known to be late.
 */
struct source_partition {
    enum source_topic topic;
    int32_t id;
    struct offsets offsets;
    int held;          /* messages in backlog, flights and outlet: the object lives for them */
    bool is_leaving;   /* it is being revoked: nothing of it starts any more */
    bool is_gone;      /* it is ours no more */
    int64_t candidate; /* to be stored once journal and outbox are as far; -1: nothing */
    int64_t stored;    /* may be committed */
    int64_t committed; /* the group's coordinator has it */
};

struct source_message {
    rd_kafka_message_t *rkm;
    struct source_partition *partition;
    uint64_t ticket;
};

struct source_flight {
    struct score score;
    struct source *source;
    struct source_message message;
    enum letter letter; /* judged before it was scored */
    bool is_done, is_released;
    char trace[TRACE_PARENT_BYTES];
};

enum source_phase {
    SOURCE_RUNNING,
    SOURCE_DRAINING, /* finishing, committing */
    SOURCE_LEAVING,  /* the group */
    SOURCE_LEFT,
    SOURCE_CLOSING, /* the loop lets go of the handles */
};

/* X(member, type, help) */
#define SOURCE_STATS_TABLE(X)                                                                     \
    X(batches, "sluice_kafka_batches_total", "Batches taken")                                     \
    X(rebalances, "sluice_kafka_rebalances_total", "Assignments and revocations")                 \
    X(retries, "sluice_kafka_retries_total", "Messages scored again: state or journal was away")  \
    X(decisions, "sluice_kafka_decisions_total", "Decisions the brokers have")                    \
    X(left_out, "sluice_kafka_undeliverable_total",                                               \
      "Decisions and dead letters that the brokers will never take as they are")                  \
    X(late, "sluice_kafka_late_total", "Messages dropped: their partition was another's by then") \
    X(pauses, "sluice_kafka_pauses_total", "Times the partitions were paused")                    \
    X(commits, "sluice_kafka_commits_total", "Commits that the coordinator took")                 \
    X(commits_failed, "sluice_kafka_commits_failed_total", "Commits that it did not take")        \
    X(errors, "sluice_kafka_errors_total", "Errors of consumers, brokers that are away among them")

struct source_stats {
#define X(member, name, help) uint64_t member;
    SOURCE_STATS_TABLE(X)
#undef X
    uint64_t messages[SOURCE_TOPICS];
    uint64_t letters[LETTERS];
    uint64_t in_flight, backlog, partitions; /* gauges */
};

struct source_lag {
    enum source_topic topic;
    int32_t partition;
    int64_t lag;
};

struct source {
    struct source_options options;
    const struct kafka_options *kafka;
    struct engine *engine;
    uv_loop_t *loop;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue, *leaving; /* the second while it leaves; NULL before */
    int event_fd;
    uv_poll_t poll;
    uv_timer_t tick;
    uv_idle_t again;
    int open_handles;
    enum source_phase phase;
    bool has_left; /* the group, before it was closed */
    struct outlet *outlet;

    /* by partition id; NULL: not ours */
    struct source_partition **partitions[SOURCE_TOPICS];
    int n_ids[SOURCE_TOPICS];

    struct source_message *backlog; /* a ring of backlog_cap */
    size_t backlog_cap, backlog_first, backlog_n;
    struct source_flight *flights; /* a ring of n_flights */
    uint64_t n_flights, first, next;
    uint64_t n_singly; /* so many are under way one by one: we have crashed before the start */
    struct source_flight *barrier; /* a label under way: nothing behind it starts; NULL: none */
    struct source_message *failed; /* [n_flights]: landed, and to be scored again */
    size_t n_failed;
    bool is_failing; /* what is under way lands, and then all of it is tried again */
    bool is_pumping;
    int64_t retry_at_us, backoff_us, failing_since_us, told_failing_us;

    bool is_paused;
    int64_t took_us; /* when we last had room for a batch */

    /* a revocation that waits for what is under way; NULL: none */
    rd_kafka_topic_partition_list_t *revoking;
    int64_t revoking_since_us;

    bool has_candidate;
    uint64_t candidate_seq, candidate_alert;
    int64_t candidate_at_us, commit_at_us;
    bool is_committing;

    bool told_missing[SOURCE_TOPICS];
    struct source_stats stats;
    atomic_bool has_assigned;
    const char *_Atomic paused_why; /* NULL: it runs */
    pthread_mutex_t lags_lock;
    struct source_lag *lags;
    int n_lags, lags_cap;
    int64_t lags_at_us;
};

static inline const char *source_topic_name(const struct source *s, unsigned t)
{
    return t == SOURCE_LABELS ? s->kafka->labels : s->kafka->transactions;
}

/* ---- source.c ---- */

/* Something may go on: in the next turn of the loop. */
void source_again(struct source *s);
/* The backlog: `room` is there. */
void source_push_front(struct source *s, const struct source_message *m);
/* Drop what the backlog has of partitions that are leaving, or, with all, everything. */
void source_drop_backlog(struct source *s, bool all);

/* ---- source_flight.c ---- */

/* Start messages of the backlog and answer those that have landed, as far as that goes now. */
void source_fly(struct source *s);
/* Why nothing starts now, static text; NULL: it does. */
const char *source_blocked(const struct source *s);
/* What the outlet tells. */
void source_delivered(void *user, const struct outlet_message *m);
void source_refused(void *user, const struct outlet_message *m, const char *why);
void source_forgotten(void *user, const struct outlet_message *m);

/* ---- source_rebalance.c ---- */

void source_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *user);
/* Each tick: is what a revocation waits for done? */
void source_revoke_on(struct source *s);
struct source_partition *source_partition_find(const struct source *s, const char *topic,
                                               int32_t id);
/* The partition starts from here anew: its offsets went back. */
struct source_partition *source_partition_renew(struct source *s, struct source_partition *p);
/* A message of it is done with; frees a partition that nobody needs any more. */
void source_partition_drop(struct source_partition *p);
void source_partitions_free(struct source *s);
/* The next partition of ours, in any order: *at begins with 0. NULL: there are no more. */
struct source_partition *source_partition_next(const struct source *s, int *at);
void source_pause(struct source *s, const char *why);
void source_resume(struct source *s);

/* ---- source_commit.c ---- */

void source_on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                      rd_kafka_topic_partition_list_t *list, void *user);
/* Each tick. `at_once`: commit as soon as there is something. */
void source_commit(struct source *s, bool at_once);
/* Is all that was finished of this partition committed? */
bool source_is_committed(const struct source_partition *p);

/* ---- source_metrics.c ---- */

void source_note_lags(struct source *s);

#endif
