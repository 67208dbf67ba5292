/*
 * dead_topic.h -- the topic of dead letters, read by a person who has mended something.
 *
 *     from where the last replay ended ──> each letter ──> its own topic again, as it was
 *
 * A letter goes back with its key, value and headers, without those that letter.h added. Where it
 * is refused again it becomes a letter again, behind the end that was read. Ends are committed for
 * the group "<group>.dlq" when the brokers have all that was sent; a second replay at once sends
 * nothing.
 *
 * Blocks. Threads: one.
 */
#ifndef SLUICE_IO_DEAD_TOPIC_H
#define SLUICE_IO_DEAD_TOPIC_H

#include "service/base/span.h"
#include "service/io/kafka_conf.h"

/* One letter; borrowed for the call. */
struct dead_letter {
    int32_t partition; /* of the topic of dead letters */
    int64_t offset;
    struct span error, detail; /* letter.h */
    struct span topic;         /* where it came from; empty: it does not say */
    struct span from_partition, from_offset;
    bool goes_back; /* false: its value was left out, or it does not say from where it came */
};

struct dead_topic_options {
    const struct kafka_options *kafka;
    bool replay;         /* send them back; else only look */
    bool from_beginning; /* also what an earlier replay has sent */
    void (*each)(void *user, const struct dead_letter *letter); /* may be NULL */
    void *user;
};

struct dead_topic_counts {
    uint64_t letters, goes_back, sent;
};

/*
 * All letters up to the end at the call. Errors, with ret_why[KAFKA_WHY_BYTES]: ST_UNAVAILABLE (no
 * broker, no such topic, or something could not be sent: nothing is then committed, and what was
 * sent is sent again next time, which only makes duplicates).
 */
MUST_USE enum status dead_topic_read(const struct dead_topic_options *o,
                                     struct dead_topic_counts *ret_counts, char *ret_why);

#endif
