/*
 * journal_gather.h -- the buffers in which frames gather before they are written, kept in files.
 *
 *     gather-0, gather-1:  | frame | frame | frame | what an earlier batch left ...
 *
 * Mapped and shared, so that what was appended is the kernel's when this process is killed: an
 * answer need not wait for a write(2). The room is reserved, so that a full disk shows here
 * and not as a SIGBUS; where it cannot be, the buffer is the heap's, and a killed process
 * loses what it gathered.
 *
 * Owns: the mapping; the file is closed at once. Threads: who holds the buffer.
 */
#ifndef SLUICE_STATE_JOURNAL_GATHER_H
#define SLUICE_STATE_JOURNAL_GATHER_H

#include "service/base/span.h"
#include "service/base/status.h"
#include "service/state/journal_segment.h"

enum { GATHER_BUFFERS = 2 };

struct gather {
    char *base; /* JOURNAL_BUFFER_BYTES */
    bool is_mapped;
};

/*
 * CHECKs on no memory. What an earlier process left is there, unless `fresh`. Errors: ST_IO: it
 * left a file that cannot be mapped, which stays.
 */
MUST_USE enum status gather_open(int dir_fd, int index, bool fresh, struct gather *ret_gather);
/* `done`: all of it was written, and the file goes. One that was never opened is fine. */
void gather_close(struct gather *g, int dir_fd, int index, bool done);

/*
 * The frames from `next_seq` on that an earlier process left in the buffer, as one run of
 * bytes; empty: there are none. *ret_seq is the last one's. O(buffer).
 */
struct span gather_left(const struct gather *g, uint64_t next_seq, uint64_t *ret_seq);

#endif
