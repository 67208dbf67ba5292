/*
 * state_redis.h -- the state in a Redis server (7.0 or later), one round trip a transaction.
 *
 * Address: redis://[user:password@]host[:port][/db], redis+unix:///path[?db=N],
 * rediss://... needs a hiredis with TLS and is refused with that sentence where it has none.
 */
#ifndef SLUICE_STATE_STATE_REDIS_H
#define SLUICE_STATE_STATE_REDIS_H

#include "service/state/state.h"

struct redis_address {
    char host[256]; /* or the socket's path */
    char user[128], password[256];
    int port, db;
    bool is_unix, is_tls;
};

/* ret_why: what is wrong, static text. Errors: ST_INVALID, ST_UNSUPPORTED (TLS). */
MUST_USE enum status redis_address_parse(struct span url, struct redis_address *ret_address, const char **ret_why);

struct state_redis_options {
    struct redis_address address;
    char prefix[128];
    char instance[33];            /* names the beacon; random hex kept beside the journal, "" without one */
    struct journal *journal;      /* may be NULL */
    int connect_timeout_ms;       /* 1000 */
};

/*
 * Blocking, at start: connect, check `maxmemory-policy` is noeviction and the version, read or make the hash key.
 * Errors: ST_UNAVAILABLE (cannot connect, authenticate, ...), ST_UNSUPPORTED (policy or version); ret_why
 * (caller's buffer of 256 bytes) says what and what to do.
 */
MUST_USE enum status state_redis_probe(const struct state_redis_options *o, struct hash_key *ret_key, char *ret_why);

/* One connection on `loop`, reconnecting by itself with jitter (50 ms doubling to 2 s). Never blocks. */
struct state *state_redis_open(const struct state_redis_options *o, const struct hash_key *key, uv_loop_t *loop);

/* Counters of this connection, for /metrics. */
struct state_redis_stats {
    uint64_t connects, disconnects, commands, errors_oom, errors_readonly, errors_loading, errors_busy, errors_other;
    uint64_t inflight;
};
struct state_redis_stats state_redis_stats(const struct state *s);

/* Called on the loop after each good (re)connection, when given; used to deliver the journal again. `beacon` is what the server has. */
void state_redis_on_connect(struct state *s, void (*up)(void *user, uint64_t beacon), void *user);

#endif
