/*
 * fill_chunk.h -- frames of one instance's journal on their way to the instance that fills in.
 *
 *     | u64 feed | u64 answers | u64 ruleset | i64 from_ms |  frames ...
 *     frame:  | i64 at_ms | u32 n | u8 kind | n bytes |
 *
 * Little-endian, a value of a list in Redis (fill_feed.h puts it there, fill_peers.h takes it).
 * `feed` is another one each time a journal is read from its begin; `answers` is the ask that all
 * frames up to this chunk's end answer, 0: more come; `ruleset` as in writers.h; `from_ms` what the
 * journal reaches back to; `at_ms` when the event came, or the one before it.
 *
 * Owns:    nothing; parsed spans point into the chunk. Threads: pure.
 */
#ifndef SLUICE_ENGINE_FILL_CHUNK_H
#define SLUICE_ENGINE_FILL_CHUNK_H

#include "service/base/text.h"
#include "service/state/journal.h"

enum {
    FILL_CHUNK_HEAD_BYTES = 32,
    FILL_CHUNK_FRAME_HEAD_BYTES = 13,
    /* One is sent when it has so many bytes of frames; a few of them wait in Redis. */
    FILL_CHUNK_FULL_BYTES = 256 << 10,
    FILL_CHUNK_BYTES_MAX = FILL_CHUNK_HEAD_BYTES + FILL_CHUNK_FULL_BYTES +
                           FILL_CHUNK_FRAME_HEAD_BYTES + JOURNAL_FRAME_MAX,
};

struct fill_chunk {
    uint64_t feed, answers, ruleset;
    int64_t from_ms;
    struct span frames; /* of a chunk that was parsed: what is left of them */
};

struct fill_frame {
    int64_t at_ms;
    uint8_t kind;
    struct span bytes;
};

/* The head; frames follow it. out->overflow when there is no room. */
void fill_chunk_put(const struct fill_chunk *c, struct text *out);
void fill_chunk_put_frame(const struct fill_frame *f, struct text *out);

/* Errors: ST_CORRUPT. */
MUST_USE enum status fill_chunk_parse(struct span bytes, struct fill_chunk *ret_chunk);
/* The next frame, cut off `c`. Errors: ST_NOT_FOUND: there is none; ST_CORRUPT. */
MUST_USE enum status fill_chunk_next(struct fill_chunk *c, struct fill_frame *ret_frame);

#endif
