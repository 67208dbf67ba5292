/*
 * state_redis.h -- the state in a Redis server (7.0 or later), one round trip a transaction.
 *
 *     submit ──> commands in one buffer ──(end of the loop's turn: one write)──> Redis
 *     done   <── replies, in order
 *
 * The protocol of an observation, in one MULTI:
 *
 *     SET    x:<hash> <claim> NX GET EX <ttl>      the claim, and what stood there
 *     APPEND <entity> <record>                     for each entity
 *     GETRANGE <entity> 0 -1
 *     EXPIRE <entity> <ttl> NX, and GT             when this connection has not done so lately
 *     SET    beacon:<instance> <acknowledged> GET  every 10 ms; none stood: it was emptied
 *
 * Threads: one connection belongs to one loop.
 */
#ifndef SLUICE_STATE_STATE_REDIS_H
#define SLUICE_STATE_STATE_REDIS_H

#include "service/base/watermark.h"
#include "service/state/redis_address.h"
#include "service/state/state.h"

enum {
    /* Alerts of a process that has not said for so long that it lives are another's. */
    REDIS_OWNER_ALIVE_MS = 15000,
    REDIS_CONNECT_TIMEOUT_MS = 1000,
    REDIS_WHY_BYTES = 256,
    REDIS_STALL_MS = 1000,    /* operations that wait so long make the state unavailable ... */
    REDIS_GIVE_UP_MS = 15000, /* ... and so long the connection lost */
    REDIS_RETRY_MIN_MS = 50,  /* between attempts to connect, doubling, with jitter */
    REDIS_RETRY_MAX_MS = 2000,
};

/* Commands of a transaction, for who reckons what it costs (engine/budget.h); counted by a test. */
enum {
    REDIS_COMMANDS_CLAIM = 3,   /* MULTI, SET, EXEC */
    REDIS_COMMANDS_ENTITY = 2,  /* APPEND, GETRANGE */
    REDIS_COMMANDS_EXPIRY = 2,  /* of an entity; EXPIRE twice, now and then */
    REDIS_COMMANDS_BEACON = 1,  /* SET, now and then */
    REDIS_COMMANDS_ALLOWED = 1, /* SET of the decision, which is not awaited */
    REDIS_COMMANDS_FLAGGED = 4, /* MULTI, SET, XADD, EXEC: awaited */
};

struct state_redis_options {
    struct redis_address address;
    char prefix[128];
    char instance[33];              /* names the beacon; "": none */
    char owner[17];                 /* of this process's alerts: another one at each start */
    struct watermark *acknowledged; /* what the beacon says; NULL: none */
    int connect_timeout_ms;
    /* May be NULL. Called on the loop, once at each change: a server was reached and cannot be
     * used, `why` (static text); NULL: it can be again. */
    void (*refused)(void *user, const char *why);
    /* May be NULL. Called on the loop, once at each change: the connection serves, or not. */
    void (*served)(void *user, bool is_up);
    void *user;
};

/*
 * Blocking, at start: connect, check the version and that `maxmemory-policy` is noeviction, and
 * agree on the hash key: `key` is offered, and taken where the server has none (it is new, or was
 * emptied); else the server's is answered in it. Errors: ST_UNAVAILABLE (cannot connect,
 * authenticate, ...), ST_UNSUPPORTED (policy or version); ret_why[REDIS_WHY_BYTES] says what and
 * what to do.
 */
MUST_USE enum status state_redis_probe(const struct state_redis_options *o, struct hash_key *key,
                                       char *ret_why);

/*
 * One connection on `loop`, reconnecting by itself. Never blocks. After state_close the loop must
 * run until it has let go of its handles.
 */
struct state *state_redis_open(const struct state_redis_options *o, const struct hash_key *key,
                               uv_loop_t *loop);

/*
 * `up` is called on the loop after each good connection; `beacon` is the journal's sequence that
 * the server says was acknowledged, 0 when it has none. `is_kept`: the server has not started
 * again since the last connection, has the same data, and its beacon is not behind what it
 * acknowledged to us: nothing is lost but operations that were answered ST_UNAVAILABLE.
 */
void state_redis_on_connect(struct state *s, void (*up)(void *user, uint64_t beacon, bool is_kept),
                            void *user);

/* Counters of this connection. */
struct state_redis_stats {
    uint64_t connects, disconnects, commands;
    uint64_t errors_oom, errors_readonly, errors_loading, errors_busy, errors_other;
    uint64_t inflight;
};

struct state_redis_stats state_redis_stats(const struct state *s);

#endif
