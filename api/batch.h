/*
 * batch.h -- POST /v1/score/batch: NDJSON in, NDJSON out in the same order.
 *
 *     pieces of the body --> line --> score --> answer + '\n' --> spool --> the reply
 *
 * Lines take effect in the order of lines: one is under way at a time, and the connection sleeps meanwhile.
 * An empty line is skipped. What is wrong with a line is its answer; the batch goes on.
 */
#ifndef SLUICE_API_BATCH_H
#define SLUICE_API_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request;
struct spool;

struct batch {
    struct spool *spool; /* NULL: not begun, or given to the reply */
    uint64_t line;       /* number of the line under way, from 1 */
    size_t line_bytes;   /* of it, in the request's body */
    bool too_long;       /* the rest of this line is thrown away */
    bool explain, historic;
    bool under_way; /* a line is with the engine */
    bool ended;     /* the body is whole */
};

/* Take a piece of the body; answers how many bytes. Less than `n`: wait, request_wake() follows. */
size_t batch_feed(struct request *r, const char *data, size_t n);
void batch_free(struct batch *b);

#endif
