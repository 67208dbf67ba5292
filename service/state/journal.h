/*
 * journal.h -- an append-only, rotated, checksummed log of opaque frames.
 *
 *     segment file  <first sequence, 16 hex>.log
 *     +------------+----------------------+
 *     | "SLJ1" u32 | u64 first sequence   |   16 bytes
 *     +------------+-----+----------------+------------------
 *     | u32 length | u32 crc32 over (sequence, kind, bytes) | u64 sequence | u8 kind | bytes ... | pad to 4 ...
 *
 * Frames are numbered from 1 without gaps. A torn tail is cut at the last whole frame when it is
 * opened, and the cut is reported. fsync: `always` (journal_wait answers when it is on disk; commits
 * are grouped), `everysec`, `no`.
 *
 * Owns:    its folder (a lock file keeps a second process out), one writer thread, two buffers.
 * Threads: append from any thread; order of appends is order of sequences.
 */
#ifndef SLUICE_STATE_JOURNAL_H
#define SLUICE_STATE_JOURNAL_H

#include "service/base/span.h"
#include "service/base/status.h"

#include <stdint.h>

enum {
    JOURNAL_FRAME_MAX = 128 << 10,
    JOURNAL_BUFFER_BYTES = 8 << 20, /* appended and not yet written; past that appends are refused */
    JOURNAL_SEGMENT_BYTES = 64 << 20,
};

enum journal_fsync { JOURNAL_ALWAYS, JOURNAL_EVERYSEC, JOURNAL_NO };

struct journal;

struct journal_options {
    const char *dir;
    enum journal_fsync fsync;
    int64_t segment_bytes; /* 0: JOURNAL_SEGMENT_BYTES; tests take small ones */
    int64_t max_bytes;     /* of all segments; the oldest that nobody needs goes (journal_release). 0: no limit */
};

struct journal_opened {
    uint64_t first_seq, next_seq;
    uint64_t cut_bytes; /* of a torn tail, 0: none */
};

/* Creates the folder when needed. Errors: ST_IO, ST_CONFLICT (another process holds it), ST_CORRUPT (damage before the tail:
 * refuses to start and says where, in ret_why[256]). */
MUST_USE enum status journal_open(const struct journal_options *o, struct journal **ret_journal,
                                  struct journal_opened *ret_opened, char *ret_why);
/* Writes and syncs what is buffered, then closes. NULL is fine. */
void journal_close(struct journal *j);

/* Copies the frame; never blocks on the disk. Errors: ST_NO_SPACE (buffer full), ST_IO (the disk refused
 * earlier writes; nothing is acknowledged any more), ST_TOO_LARGE. */
MUST_USE enum status journal_append(struct journal *j, uint8_t kind, struct span bytes, uint64_t *ret_seq);

/* Last sequence that is as safe as the fsync mode promises: on disk (always, everysec), or written (no). */
uint64_t journal_safe_seq(const struct journal *j);
/* `woken` is called from the writer thread after journal_safe_seq moved or an error; keep it short (uv_async_send). */
void journal_on_safe(struct journal *j, void (*woken)(void *user), void *user);
/* ST_OK or the first error of the disk. */
enum status journal_health(const struct journal *j);

/* Nobody needs frames before `seq` any more (checkpoint, beacon); whole segments before it may go. */
void journal_release(struct journal *j, uint64_t seq);

/* Read frames from `from_seq` in order, until `each` answers false or the end of what is written. Opens its own
 * descriptors; may run beside the writer. Errors: ST_NOT_FOUND (already released), ST_CORRUPT, ST_IO. */
MUST_USE enum status journal_read(struct journal *j, uint64_t from_seq,
                                  bool (*each)(void *user, uint64_t seq, uint8_t kind, struct span bytes),
                                  void *user);

#endif
