/*
 * filling.h -- how features that a reload has added get their history in `sluice serve`.
 *
 *     memory   the process's journal ──> its table
 *     redis    its journal, and those of the others that write to the same Redis ──> Redis
 *
 * Without a journal time alone covers them; with Redis that is said to the others all the same.
 *
 * Owns:    the threads of filler.h and fill_feed.h, and their connections.
 * Threads: of the main loop.
 */
#ifndef SLUICE_CLI_FILLING_H
#define SLUICE_CLI_FILLING_H

#include "service/engine/filler.h"
#include "service/state/state_redis.h"
#include "service/state/state_table.h"

struct filling_options {
    struct snapshot_slot *snapshots;
    struct journal *journal;   /* NULL: none */
    struct state_table *table; /* NULL: the state is in Redis */
    const struct state_redis_options *redis;
    const struct hash_key *hash_key;
    struct delivery *delivery;
    int64_t since_ms;     /* unlost.h */
    const char *instance; /* of this process; a random name without a journal */
    struct engine_options engine;
    uint64_t bytes_max; /* of the second table; 0: nothing is filled in */
};

struct filling;

/* Before the first event. What is pointed to is borrowed. CHECKs on no memory. */
struct filling *filling_new(const struct filling_options *o);
void filling_free(struct filling *f); /* NULL is fine */

/* Once a second. */
void filling_look(struct filling *f, int64_t now_ms);

/* Logs that got their history, by this process. Any thread. */
uint64_t filling_logs(const struct filling *f);

#endif
