/*
 * journal.h -- an append-only, rotated, checksummed log of opaque frames.
 *
 *     append -> [ filling ] -> writer thread -> page cache -> sync thread -> disk
 *                               journal_written_seq            journal_safe_seq
 *
 * Segment files and frames are drawn in journal_segment.h. Frames are numbered from 1 without
 * gaps. A torn tail is cut at the last whole frame when the journal is opened, and the cut is
 * reported. Damage before the tail refuses to open: a broken frame is no torn tail if a later
 * one proves that it had been on disk.
 *
 * How much may be lost:
 *
 *     fsync      when the process is killed     when the machine stops
 *     always     what is past journal_safe_seq: nothing that was acknowledged
 *     everysec   past journal_written_seq       about a second
 *     no         past journal_written_seq       up to the segment that was being written
 *
 * When the disk is full, appends are refused and what is buffered is tried again each second; no
 * other error of the disk is forgiven, since the kernel may have dropped what it could not write.
 *
 * Owns:    its folder (a lock file keeps a second process out), two threads, two buffers.
 * Threads: any; order of appends is order of sequences.
 */
#ifndef SLUICE_STATE_JOURNAL_H
#define SLUICE_STATE_JOURNAL_H

#include "service/base/span.h"
#include "service/base/status.h"

#include <stdint.h>

enum {
    JOURNAL_FRAME_MAX = 128 << 10,    /* a body of 64 KB and what the engine remembers of it */
    JOURNAL_BUFFER_BYTES = 8 << 20,   /* waits for the writer; past that appends are refused */
    JOURNAL_SEGMENT_BYTES = 64 << 20, /* a segment grows past it by one buffer at most */
    JOURNAL_SEGMENTS_MAX = 1 << 16,   /* 4 TB; past that the newest just grows */
    JOURNAL_LISTENERS_MAX = 64,       /* event loops */
    JOURNAL_WHY_BYTES = 256,
};

enum journal_fsync { JOURNAL_ALWAYS, JOURNAL_EVERYSEC, JOURNAL_NO };

struct journal;

struct journal_options {
    const char *dir;
    enum journal_fsync fsync;
    int64_t segment_bytes; /* 0: JOURNAL_SEGMENT_BYTES; tests take small ones */
    /* Of all segments; past it the oldest that nobody needs (journal_release) go. 0: no limit */
    int64_t max_bytes;
    int (*sync)(int fd); /* NULL: fdatasync; tests watch what is synced */
};

struct journal_opened {
    uint64_t first_seq, next_seq;
    uint64_t cut_bytes; /* of a torn tail, 0: none */
};

/*
 * Creates the folder when needed. Reads the last two segments; older ones are verified when
 * they are read. Errors: ST_IO, ST_CONFLICT (another process holds it), ST_CORRUPT (damage before
 * the tail), ST_TOO_LARGE (over JOURNAL_SEGMENTS_MAX); ret_why[JOURNAL_WHY_BYTES] then says
 * which file, where, and what.
 */
MUST_USE enum status journal_open(const struct journal_options *o, struct journal **ret_journal,
                                  struct journal_opened *ret_opened, char *ret_why);

/* Writes and syncs what is buffered, whatever the mode, then closes. NULL is fine. */
void journal_close(struct journal *j);

/*
 * Copies the frame; never waits for the disk. Errors: ST_NO_SPACE (buffer full), ST_IO (the disk
 * refuses; nothing is acknowledged), ST_TOO_LARGE (over JOURNAL_FRAME_MAX).
 */
MUST_USE enum status journal_append(struct journal *j, uint8_t kind, struct span bytes,
                                    uint64_t *ret_seq);

/* The last sequence that was appended; 0: none ever. */
uint64_t journal_last_seq(struct journal *j);

/* The last sequence that has left this process: it survives the process, not the machine. */
uint64_t journal_written_seq(const struct journal *j);

/* The last sequence as safe as the mode promises: on disk (always, everysec), written (no). */
uint64_t journal_safe_seq(const struct journal *j);

/*
 * Adds a listener: `woken` is called from the journal's threads after written or safe moved, or
 * an error; keep it short (uv_async_send), and call nothing of the journal but its three
 * sequences. A NULL `woken` takes the listeners of `user` out; none of them runs any more when
 * this returns.
 */
void journal_on_safe(struct journal *j, void (*woken)(void *user), void *user);

/* ST_OK, or ST_IO while the disk refuses. */
enum status journal_health(const struct journal *j);

/* Waits until all that was appended before is on disk, whatever the mode. Errors: ST_IO. */
MUST_USE enum status journal_sync(struct journal *j);

/* The state needs no frames before `seq` (checkpoint, beacon): whole segments before it may go. */
void journal_release(struct journal *j, uint64_t seq);

/* Somebody else (the outbox) needs those from `seq` on, whatever is released; UINT64_MAX: none. */
void journal_keep(struct journal *j, uint64_t seq);

/*
 * Read frames from `from_seq` in order, until `each` answers false or the end of what was written
 * when this began. Opens its own descriptors; may run beside the writer. `bytes` are borrowed
 * for the call. Errors: ST_NOT_FOUND (already released), ST_CORRUPT (journal_damage), ST_IO.
 */
MUST_USE enum status
journal_read(struct journal *j, uint64_t from_seq,
             bool (*each)(void *user, uint64_t seq, uint8_t kind, struct span bytes), void *user);

/* The oldest frame that is kept, or will be the first. */
uint64_t journal_first_seq(struct journal *j);

/*
 * A place in the journal, to read on from: journal_read finds `from_seq` in O(its segment). While
 * it is open it may hold the file of a segment that was released. CHECKs on no memory.
 */
struct journal_reader *journal_reader_open(struct journal *j);
/* NULL is fine. */
void journal_reader_close(struct journal_reader *r);

/* As journal_read; O(1) to begin with when `from_seq` is where the last call stopped: the frame
 * for which `each` answered false, or the next one. */
MUST_USE enum status journal_reader_read(struct journal_reader *r, uint64_t from_seq,
                                         bool (*each)(void *user, uint64_t seq, uint8_t kind,
                                                      struct span bytes),
                                         void *user);

/* The file and offset of the first damage a read has met; "" for none. Lives as long as `j`. */
const char *journal_damage(struct journal *j);

#endif
