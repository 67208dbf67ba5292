/*
 * outlet.h -- the producer of one loop: what is sent stays here until the brokers have it.
 *
 *     outlet_send ──> [ waiting ] ──produce──> [ sending ] ──delivery report──> delivered()
 *                         ^    librdkafka's queue is full │ refused for now        or refused()
 *                         └───────────────────────────────┘
 *
 * Nothing is given up: what could not be sent waits and is sent again, in its order. Only what a
 * broker will never take (it is too large) is refused. Brokers refuse whole batches, so it is sent
 * once more by itself before that. After a fatal error of the producer another
 * one is made, and sends all that was not acknowledged.
 *
 * Owns:    copies of the messages, the producer, a handle of the loop. Threads: of the loop; the
 * counters may be read from others.
 */
#ifndef SLUICE_IO_OUTLET_H
#define SLUICE_IO_OUTLET_H

#include "service/engine/engine_stats.h"
#include "service/io/kafka_conf.h"

#include <uv.h>

enum outlet_topic { OUTLET_DECISIONS, OUTLET_DEAD_LETTERS, OUTLET_ALERTS, OUTLET_TOPICS };

enum {
    OUTLET_HEADERS_MAX = 64,
    OUTLET_BYTES_MAX = 64 << 20, /* decisions of a busy minute; letters may have a megabyte each */
};

struct outlet_header {
    struct span name;  /* NUL-terminated behind its len once it is in the outlet */
    struct span value; /* base NULL: null */
};

struct outlet_message {
    enum outlet_topic topic;
    struct span key;   /* base NULL: null */
    struct span value; /* base NULL: null */
    const struct outlet_header *headers;
    int n_headers;
    /* The caller's: what was this of? */
    void *owner;
    uint64_t ticket;
    int kind;
};

struct outlet_options {
    const struct kafka_options *kafka;
    uv_loop_t *loop;
    void (*delivered)(void *user, const struct outlet_message *m);
    /* `m` will never be taken; the caller may send another one in its place. */
    void (*refused)(void *user, const struct outlet_message *m, const char *why);
    /* May be NULL. The outlet closes, and `m` was not acknowledged. */
    void (*forgotten)(void *user, const struct outlet_message *m);
    void *user;
};

struct outlet_stats {
    uint64_t delivered, retries, renewed;
    struct latency latency;      /* from outlet_send to the report */
    uint64_t unsettled, waiting; /* gauges: not acknowledged; of these, not in librdkafka's queue */
};

struct outlet;

/* CHECKs on no memory. Connects by itself, whenever there is a broker. */
struct outlet *outlet_open(const struct outlet_options *o);

/* What is not acknowledged is forgotten. The loop must run once more to let go of its handle.
 * NULL is fine. */
void outlet_close(struct outlet *o);

/* `m` is copied. CHECKs on no memory. */
void outlet_send(struct outlet *o, const struct outlet_message *m);

/* Each 50 ms or so: try again what waits. */
void outlet_tick(struct outlet *o);

/* Waits until all is acknowledged, at most `wait_ms`. Blocks the loop. */
void outlet_flush(struct outlet *o, int wait_ms);

/* Are so many not acknowledged, or OUTLET_BYTES_MAX of them? More are taken all the same. */
bool outlet_is_full(const struct outlet *o, size_t count_max);

/* How many are not acknowledged. */
size_t outlet_unsettled(const struct outlet *o);

const struct outlet_stats *outlet_stats(const struct outlet *o);

#endif
