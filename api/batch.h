/*
 * batch.h -- POST /v1/score/batch: NDJSON in, NDJSON out in the same order.
 *
 *     pieces of the body ──> line ──> [ under way, in order of lines ] ──> spool ──> the reply
 *                              └ one that shares an entity with a line under way is held until
 *                                that has landed, and the connection sleeps
 *
 * Lines take effect in the order of lines. A blank line is counted and skipped. What is wrong with
 * a line is its answer; the batch goes on. Each line under way has a slot of the worker's pool of
 * its own, so memory is that of BATCH_LINES_MAX lines and the spool's block.
 */
#ifndef SLUICE_API_BATCH_H
#define SLUICE_API_BATCH_H

#include "service/trial/touches.h"

enum { BATCH_LINES_MAX = 64 }; /* under way: what hides a network's round trip, or a disk's sync */

struct request;
struct spool;

struct batch {
    struct spool *spool; /* NULL: not begun, or given to the reply */
    uint64_t n_lines;    /* that were read */
    size_t line_bytes;   /* of the line that is arriving, in the request's body */
    bool too_long;       /* the rest of it is thrown away */
    bool explain, historic;
    int64_t deadline_ms;  /* of each line, from its start */
    bool ended;           /* the body is whole */
    struct request *held; /* a line that must wait; NULL: none */
    uint64_t first, next; /* under way: lines[first % BATCH_LINES_MAX] up to before next */
    struct request *lines[BATCH_LINES_MAX];
};

/* What makes a slot a line. */
struct batch_line {
    struct request *batch;
    uint64_t number; /* from 1 */
    struct touches touches;
    bool too_long;
    bool is_landed; /* answered and released */
};

/*
 * Take a piece of the body; answers how many bytes. Less than `n`: wait, request_wake() follows,
 * unless the request has its reply.
 */
size_t batch_feed(struct request *r, const char *data, size_t n);
void batch_free(struct batch *b);

#endif
