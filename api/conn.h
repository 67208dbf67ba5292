/*
 * conn.h -- the connections of one worker, and how long each may take.
 *
 *     idle:     no request; a look every half request timeout
 *     busy:     reading a request or sending its answer; has a deadline
 *     waiting:  suspended: the engine has its own deadline, or a stream is silent; on no list
 *
 * Both lists are in order of time, so a sweep looks at their heads alone. libmicrohttpd's own
 * timeout measures silence only; here a request that trickles in a byte a second is over when
 * its time is over. A header that trickles is seen by the bytes the kernel counts: an idle
 * connection that received some since the last look, and is still without a request at the
 * next.
 *
 * Owns:    nothing; a struct conn is its caller's.
 * Threads: one worker's.
 */
#ifndef SLUICE_API_CONN_H
#define SLUICE_API_CONN_H

#include "api/problem.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
    CONN_PROGRESS_BYTES = 16 << 10, /* a batch that moves as much within the timeout may go on */
};

enum conn_phase { CONN_IDLE, CONN_BUSY, CONN_WAITING, CONN_SHUT };

struct request;
struct reply;

struct conn {
    TAILQ_ENTRY(conn) link;
    enum conn_phase phase;
    int fd;
    int64_t due_us;        /* busy: its end; idle: the next look */
    int64_t idle_since_us; /* idle */
    uint64_t seen_bytes;   /* idle: what the kernel had received at the last look */
    int looks;             /* idle: how many there were */
    bool moved;            /* idle: bytes came between the last two */
    size_t progress_bytes;
    bool is_admin; /* it came to admin.listen */
    bool refused;  /* over the limit: nothing it sends counts */
    void *owner;   /* the worker's */
    struct request *request;
};

TAILQ_HEAD(conn_list, conn);

struct conns {
    struct conn_list idle;
    struct conn_list busy;
    int64_t request_timeout_us;
    int64_t idle_timeout_us;
    int count;
};

void conns_init(struct conns *all, int64_t request_timeout_us, int64_t idle_timeout_us);
void conns_add(struct conns *all, struct conn *c, int64_t now_us);
void conns_remove(struct conns *all, struct conn *c);

void conns_busy(struct conns *all, struct conn *c, int64_t now_us); /* with a fresh deadline */
void conns_idle(struct conns *all, struct conn *c, int64_t now_us);
void conns_waiting(struct conns *all, struct conn *c);
/* `n` bytes of a batch went in or out; each CONN_PROGRESS_BYTES earn a fresh deadline. */
void conns_progress(struct conns *all, struct conn *c, size_t n, int64_t now_us);

/* End what is over its time: a 408 where a request was still arriving, and shut. */
void conns_sweep(struct conns *all, int64_t now_us);
/* Both ways: the library sees the end of the stream and closes. */
void conns_shut(struct conns *all, struct conn *c);
/* Shut those that have been idle since before `since_us`. */
void conns_shut_idle(struct conns *all, int64_t since_us);

/*
 * A reply with a problem as its body, written to the socket by hand, past the library: where
 * that has no way to answer (before a request, or within its body). Only when nothing of
 * another answer is on the way. What the socket does not take at once is lost. Of `reply`:
 * status, body, allow.
 */
void conn_send(int fd, const struct reply *reply);
void conn_send_problem(int fd, enum problem p, const char *detail, uint64_t request_id);

/* Before a connection is closed: with bytes unread the kernel resets it, and the reset may overtake
 * what was sent. Takes what is there, 64 KiB at most. */
void conn_throw_unread(int fd);

#endif
