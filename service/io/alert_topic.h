/*
 * alert_topic.h -- alerts to a Kafka topic, each until a broker has acknowledged it.
 *
 *     put ──> librdkafka (idempotent, acks=all, no limit of time) ──> done
 *                                                                └──> refused: it never will be
 *
 * A message's key is the transaction's id, its value the alert's JSON; headers as cloud_event.h.
 *
 * Owns:    a producer. Threads: of the loop.
 */
#ifndef SLUICE_IO_ALERT_TOPIC_H
#define SLUICE_IO_ALERT_TOPIC_H

#include "service/base/status.h"
#include "service/engine/outbox.h"
#include "service/io/kafka_conf.h"

#include <uv.h>

struct alert_topic;

struct alert_topic_options {
    const struct kafka_options *kafka; /* borrowed */
    uv_loop_t *loop;
    /* Each item that was put comes back by one of these, from the loop. */
    void (*done)(void *user, struct outbox_item *item);
    void (*again)(void *user, struct outbox_item *item); /* not now */
    /* No broker will ever take it as it is: it is too large for the topic, ... */
    void (*refused)(void *user, struct outbox_item *item, const char *why);
    void *user;
};

/* Errors: ST_UNSUPPORTED: librdkafka refuses; ret_why[KAFKA_WHY_BYTES]. */
MUST_USE enum status alert_topic_open(const struct alert_topic_options *o,
                                      struct alert_topic **ret_topic, char *ret_why);
/*
 * Waits for what was put, at most `wait_ms`; the rest comes back by `again`. Blocks. The loop must
 * run once more. NULL is fine.
 */
void alert_topic_close(struct alert_topic *t, int wait_ms);

/* The item stays untouched until it comes back. Errors: ST_NO_SPACE: not before another did. */
MUST_USE enum status alert_topic_put(struct alert_topic *t, struct outbox_item *item);

/* Messages that wait in librdkafka. */
int alert_topic_depth(const struct alert_topic *t);

#endif
