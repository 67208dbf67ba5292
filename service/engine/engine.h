/*
 * engine.h -- one loop's engine: what an event's way through it needs, from state to ruleset.
 *
 *     serve:   one engine per worker, sharing journal, snapshots and delivery
 *     replay:  one engine without a loop; everything completes before a call returns
 *
 * Owns:    its private parts and its counters; all the public pointers are borrowed.
 * Threads: of its loop; only the counters may be read from others.
 */
#ifndef SLUICE_ENGINE_ENGINE_H
#define SLUICE_ENGINE_ENGINE_H

#include "service/engine/engine_stats.h"
#include "service/engine/snapshot.h"
#include "service/state/journal.h"
#include "service/state/state.h"

#include <uv.h>

enum on_unavailable { ON_UNAVAILABLE_DEGRADE, ON_UNAVAILABLE_REJECT };

struct engine_options {
    int64_t max_skew_ms;   /* an event further ahead of the clock is refused */
    int64_t dedupe_for_ms; /* an answer is kept for retries */
    int64_t label_wait_ms; /* a label waits for its transaction */
    /* A transaction's keys are remembered for its labels; 0: as long as the snapshot counts
     * them. */
    int64_t remember_for_ms;
    int deadline_ms; /* for callers that make score_intake.deadline_us of it */
    enum on_unavailable on_unavailable;
    bool synced_answers; /* journal fsync always: an answer waits for its frames */
};

struct delivery;    /* deliver.h */
struct outbox;      /* outbox.h */
struct outbox_mark; /* outbox_mark.h */
struct engine_parts;

struct engine {
    uv_loop_t *loop; /* NULL: no timers, no deadlines */
    struct state *state;
    struct journal *journal; /* may be NULL */
    /* The state is in memory and appends the frames itself, in the order of its logs. */
    bool state_keeps_journal;
    struct snapshot_slot *snapshots;
    struct engine_options options;
    /* Redis with a journal: what has reached it, shared by the process's engines. May be NULL. */
    struct delivery *delivery;
    bool delivers; /* this engine brings what is missing; one of a process */
    /* Alerts of what is flagged go there, shared by the process's engines. NULL: there are none. */
    struct outbox *outbox;
    struct outbox_mark *outbox_mark; /* beside the journal; NULL: there is none */
    bool sweeps_outbox;              /* this engine keeps it in step; one of a process */
    /* Labels are counted by the rules that fired at their transactions (verdicts.h). */
    bool judges;
    bool watches_models; /* what its models are given is counted (model_windows.h) */
    /* This engine gives up labels whose wait has ended, and says so; NULL: another one does. */
    void (*dead_label)(void *user, struct span body);
    /* May be NULL. The journal cannot be read on (journal_damage), and what comes behind cannot
     * be delivered: told once. */
    void (*undeliverable)(void *user, enum status st);
    void *user;

    /* set by engine_open */
    const struct layout_book *layouts;
    struct engine_stats *stats;
    struct cofire *cofire;         /* cofire.h */
    struct model_windows *windows; /* model_windows.h; NULL: it does not watch them */
    struct engine_parts *parts;    /* private */
};

/*
 * The caller has set what is public; this makes the rest. CHECKs on no memory. The state is
 * open, and its hash key known.
 */
void engine_open(struct engine *e);

/*
 * Every score is released, and the state is closed (its last operations have answered). The loop
 * must run once more for libuv to let go of its handles.
 */
void engine_close(struct engine *e);

#endif
