/*
 * kafka_history.h -- topics as a history: each partition from its beginning to where it ends at the
 * call.
 *
 *     transactions, 0   10:00  10:02  10:07 | ──┐
 *     transactions, 1   10:01  10:01  10:09 | ──┼──> each(), one message after another
 *     labels, 0         10:03  10:08        | ──┘
 *
 * Order: within a partition that of offsets. Across partitions always the one whose next message
 * has the earliest timestamp (the message's own: of its creation, or of its arrival, as the topic
 * keeps it); of equal ones that of the topic named first, then of the lower partition. So the same
 * topics are the same history each time, whatever arrives first. A message without a timestamp, or
 * with an earlier one than the message before it, comes right behind that.
 *
 * No group is joined and nothing is committed: a running service's place is not touched. Values
 * that are null or empty are no events and are left out, as are those of aborted transactions.
 *
 * Memory: KAFKA_HISTORY_QUEUED_KB for each partition.
 * Blocks, also in each(). Threads: one; librdkafka has its own.
 */
#ifndef SLUICE_IO_KAFKA_HISTORY_H
#define SLUICE_IO_KAFKA_HISTORY_H

#include "service/base/span.h"
#include "service/io/kafka_conf.h"

enum {
    KAFKA_HISTORY_PARTITIONS_MAX = 512, /* of all topics; in all half a gigabyte is read ahead */
    KAFKA_HISTORY_QUEUED_KB = 1024,     /* one fetch of librdkafka */
};

struct kafka_history_options {
    const struct kafka_options *kafka; /* that kafka_conf_check was fine with */
    const char *topics;                /* one, or several with commas */
    /* The value of a message, borrowed for the call; what is not ST_OK ends the reading. */
    enum status (*each)(void *user, struct span value);
    /* Now and then: messages behind, and in all. May be NULL. */
    void (*progress)(void *user, uint64_t done, uint64_t all);
    void *user;
};

/*
 * Read them. Errors, with ret_why[KAFKA_WHY_BYTES]; in it what librdkafka said last, too:
 *
 *     ST_INVALID      topics are not names between commas, or have more than
 *                     KAFKA_HISTORY_PARTITIONS_MAX partitions
 *     ST_NOT_FOUND    no such topic (UNKNOWN_TOPIC_OR_PART; it is not created)
 *     ST_UNAVAILABLE  no broker answers within 10 s (_TRANSPORT, _TIMED_OUT, _SSL,
 *                     _AUTHENTICATION), the topic may not be read (TOPIC_AUTHORIZATION_FAILED), a
 *                     partition has no leader (LEADER_NOT_AVAILABLE) or says nothing for 30 s, or
 *                     retention took messages before they were read (_AUTO_OFFSET_RESET)
 *
 * and what each() answered, without a why.
 */
MUST_USE enum status kafka_history_read(const struct kafka_history_options *o, char *ret_why);

#endif
