/*
 * alerts.h -- alerts from the outbox to their sink: a topic, or a file where there is none.
 *
 *     worker ──outbox_put──> wake ──> loop: outbox_take ──┬──> outlet    ──> outbox_done
 *                                                         └──> line_file ──> outbox_done
 *
 * Nothing is given up: what the sink does not take now is tried again. What no broker will ever
 * take goes to the file.
 *
 * Owns:    the sink. Threads: of the loop; alerts_wake from any.
 */
#ifndef SLUICE_IO_ALERTS_H
#define SLUICE_IO_ALERTS_H

#include "service/base/text.h"
#include "service/engine/outbox.h"
#include "service/io/kafka_conf.h"

#include <uv.h>

struct alerts;

struct alerts_options {
    uv_loop_t *loop;
    const struct kafka_options *kafka; /* with `alerts` "": to the file */
    const char *file;                  /* "": alerts go to the stream alone */
    int64_t file_bytes;
    int files;
};

/* Errors: ST_IO (the file); ret_why[KAFKA_WHY_BYTES]. */
MUST_USE enum status alerts_open(const struct alerts_options *o, struct alerts **ret_alerts,
                                 char *ret_why);
/* From now on what `outbox` has goes out; it outlives alerts_close. */
void alerts_start(struct alerts *a, struct outbox *outbox);
/* There is something to take. */
void alerts_wake(struct alerts *a);
/*
 * Waits for what is under way, at most `wait_ms`; what is left survives where outbox.h says.
 * Blocks; the loop must run once more. NULL is fine.
 */
void alerts_close(struct alerts *a, int wait_ms);

void alerts_metrics(const struct alerts *a, struct text *out);

#endif
