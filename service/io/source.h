/*
 * source.h -- transactions and labels out of Kafka, decisions and dead letters into it.
 *
 *     consumer ──batch──> [ backlog ] ──score──> [ flights ] ──in order──> outlet ──report──┐
 *        ^  │ pause, resume   ^                      │ no state: again                      │
 *        │  └─────────────────┴──────────────────────┘                                      │
 *        └──commit── what is finished, without a gap, and safe in journal and outbox <──────┘
 *
 * One source is one member of the consumer group, on one worker's loop. Messages of it start in
 * the order in which they came, and their decisions are sent in that order. A message is finished
 * when it is scored and the brokers have its decision or dead letter. Offsets are committed up to
 * where all are finished, once the journal has kept, and the sink has taken, what they led to; so
 * what is read again after a crash is a duplicate, with the same answer.
 *
 * Without state, or without journal, nothing is given up: messages are scored again, and meanwhile
 * the partitions are paused. What can never be scored goes to the dead letters (letter.h).
 *
 * Owns:    consumer, outlet, flights, handles of the loop. Threads: of the loop; ready, notes and
 * metrics from any.
 */
#ifndef SLUICE_IO_SOURCE_H
#define SLUICE_IO_SOURCE_H

#include "service/engine/outbox.h"
#include "service/engine/score.h"
#include "service/io/kafka_conf.h"

struct source;

struct source_options {
    const struct kafka_options *kafka; /* outlives the source; checked by kafka_conf_check */
    struct engine *engine;
    struct outbox *outbox; /* NULL: nothing waits for alerts */
};

/* Joins the group whenever there is a broker. CHECKs on no memory. */
struct source *source_open(const struct source_options *o, uv_loop_t *loop);

/* Take nothing more; finish what is under way, commit, leave the group. */
void source_drain(struct source *s);
bool source_is_drained(const struct source *s);

/*
 * Before the state is closed, which releases what is under way; what was not finished is not
 * committed. All is freed when the loop has run once more. NULL is fine.
 */
void source_close(struct source *s);

/* A label whose transaction never came: to the dead letters. Of the loop. */
void source_bury(struct source *s, struct span label);

/* Has every source had its first assignment, be it empty? */
bool source_all_assigned(struct source *const *sources, int n);
/* A line for /readyz: "kafka: 3 partitions\n", "kafka: paused: WHY\n", ... */
void source_notes(struct source *const *sources, int n, struct text *out);
/* The sums over all sources, as Prometheus text. */
void source_metrics(struct source *const *sources, int n, struct text *out);

#endif
