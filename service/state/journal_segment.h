/*
 * journal_segment.h -- the bytes of one segment of the journal, and reading them back.
 *
 *     file  <first sequence, 16 hex>.log
 *     +--------+--------------------+-----------+
 *     | "SLJ1" | u64 first sequence | u32 crc32 |              16 bytes: SEGMENT_HEAD_BYTES
 *     +--------+---+------------+---+----------+------------+---------+--------------------
 *     | u32 crc32  | u32 length | u64 sequence | u32 behind | u8 kind | bytes | pad to 4 ...
 *
 * All little-endian; crc32 covers the rest of the head, or of the frame but for its padding.
 *
 * `behind` is how many frames before this one were not known to be on disk when it was made. It
 * tells a torn tail from damage: after a crash the tail may hold holes, written out of order by
 * the kernel, but no whole frame may say that a broken one before it had been synced.
 *
 * Threads: any; a reader belongs to one.
 */
#ifndef SLUICE_STATE_JOURNAL_SEGMENT_H
#define SLUICE_STATE_JOURNAL_SEGMENT_H

#include "service/base/span.h"
#include "service/base/status.h"

#include <stdint.h>

enum {
    SEGMENT_HEAD_BYTES = 16,
    SEGMENT_NAME_BYTES = 21, /* 16 hex, ".log", NUL */
    FRAME_FIXED_BYTES = 21,
};

struct frame {
    uint64_t seq;
    uint32_t behind; /* saturates */
    uint8_t kind;
    struct span bytes;
};

/* Bytes of a frame with its padding. */
static inline size_t frame_size(size_t bytes)
{
    return (FRAME_FIXED_BYTES + bytes + 3) / 4 * 4;
}

/* Writes frame_size(f->bytes.len) bytes to `out`. */
void frame_write(const struct frame *f, char *out);

/* The frame at the front of `bytes`, borrowed; false: there is no whole one. */
bool frame_read(struct span bytes, struct frame *ret_frame);

void segment_head_write(uint64_t first_seq, char out[SEGMENT_HEAD_BYTES]);
void segment_name(uint64_t first_seq, char out[SEGMENT_NAME_BYTES]);
bool segment_name_parse(const char *name, uint64_t *ret_first_seq);

struct segment_reader {
    int fd;
    char *buffer;      /* SEGMENT_READ_BYTES */
    size_t from, to;   /* of the buffer, what is not yet taken */
    uint64_t offset;   /* of `from` in the file: where the next frame, or the damage, is */
    uint64_t next_seq; /* of the frame at `offset` */
};

/* Opens the segment and checks its head. Errors: ST_NOT_FOUND (no such file), ST_IO; a bad head is
 * found by the first segment_next. */
MUST_USE enum status segment_reader_open(struct segment_reader *r, int dir_fd, uint64_t first_seq);
void segment_reader_close(struct segment_reader *r);

/* The next frame, borrowed until the next call. Errors: ST_NOT_FOUND (the file ends here),
 * ST_CORRUPT (no whole frame at r->offset), ST_IO. */
MUST_USE enum status segment_next(struct segment_reader *r, struct frame *ret_frame);

/* `f` was the last that segment_next answered: it is the next one again. */
void segment_back(struct segment_reader *r, const struct frame *f);

/* After ST_CORRUPT: does a later frame prove that the broken one had been on disk? Ends the
 * reader's use. O(file), with a checksum only where a frame may be. Errors: ST_IO. */
MUST_USE enum status segment_proves_damage(struct segment_reader *r, bool *ret_damage);

#endif
