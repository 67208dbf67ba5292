/*
 * event_source.h -- events of a file, read ahead of who takes them.
 *
 *     file ──> [ batch ] [ batch ] [ batch ] ──> event_source_next, in the order of lines
 *               reader's thread: lines cut and parsed          taker's thread
 *
 * Reading is pure (a line, a schema, a hash key), so that it may run ahead on another core
 * without changing a result. Empty lines are skipped.
 *
 * Owns:    its thread and batches; the descriptor is borrowed.
 * Threads: one taker.
 */
#ifndef SLUICE_TRIAL_EVENT_SOURCE_H
#define SLUICE_TRIAL_EVENT_SOURCE_H

#include "service/txn/reader.h"

struct event_source;

struct sourced_event {
    uint64_t line; /* from 1 */
    enum status status;
    struct event event;        /* ST_OK */
    struct reader_error error; /* ST_INVALID, ST_TOO_LARGE */
};

struct event_source_options {
    int fd;
    const struct schema *schema; /* borrowed, with the key */
    const struct hash_key *hash_key;
    bool threaded;
};

/* CHECKs on no memory. */
struct event_source *event_source_new(const struct event_source_options *o);
void event_source_free(struct event_source *s); /* NULL is fine */

/*
 * The next one, or NULL at the end; borrowed until the next call.
 */
const struct sourced_event *event_source_next(struct event_source *s);

/* After the end: ST_OK, or ST_IO when the file could not be read to it. */
enum status event_source_status(const struct event_source *s);
/* Bytes taken so far. */
uint64_t event_source_bytes(const struct event_source *s);

#endif
