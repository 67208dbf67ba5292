/*
 * entity.h -- a look at one entity: its features as of a time; and its erasure.
 *
 *     {"field":"account_id","value":"a-1","at":"2026-01-05T12:00:10Z",
 *      "features":{"account_tx_count_5m":{"value":11,"exact":true}},"ruleset":"9f2c41d07be83a56"}
 *
 * The whole log is seen, nobody's own event: what the next transaction at that time would see
 * besides itself.
 *
 * Owns:    nothing; a query is its caller's, with its arena, until `released`.
 * Threads: of the engine's loop.
 */
#ifndef SLUICE_ENGINE_ENTITY_H
#define SLUICE_ENGINE_ENTITY_H

#include "service/engine/call.h"
#include "service/engine/learn.h"
#include "service/engine/score.h"
#include "service/engine/timers.h"

struct entity_query {
    struct engine *engine;
    struct arena *arena; /* of SCORE_ARENA_BYTES */
    struct span field;   /* live, with the value, until `released` */
    struct span value;   /* as it came; then in the form that events have it in */
    int64_t now_ms;
    int64_t at_ms;       /* not for erasure */
    int64_t deadline_us; /* 0: none */

    /* out. status: ST_OK; ST_NOT_FOUND: no key field of that name; ST_INVALID: no event has such
     * a value, `wrong` ends the sentence "the value ..."; ST_UNAVAILABLE: no state, not in time,
     * or an erasure while the journal is being delivered again; ST_CORRUPT: the log cannot be
     * read. */
    enum status status;
    struct span answer; /* JSON */
    const char *wrong;

    void (*done)(struct entity_query *q);     /* once */
    void (*released)(struct entity_query *q); /* once, after done: nothing refers to it any more */
    void *user;

    /* private */
    struct snapshot *snap;
    const struct feature_key *key;
    int key_index;
    struct state_entity entity;
    struct call call;
    struct learning learning;
    struct timer timer;
    struct window_value *values;
    enum status fold_status;
    bool has_learned;
    bool is_told;
};

/* Read its features. */
void entity_read(struct entity_query *q);

/* Delete its log, in the journal first. Claims stay: decisions that were given are remembered. */
void entity_erase(struct entity_query *q);

#endif
