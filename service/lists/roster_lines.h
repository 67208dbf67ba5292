/*
 * roster_lines.h -- changes of lists that are to be written somewhere, copied so that no lock is
 * held meanwhile. The newest is the first to go.
 *
 * Owns:    copies. Threads: one at a time.
 */
#ifndef SLUICE_LISTS_ROSTER_LINES_H
#define SLUICE_LISTS_ROSTER_LINES_H

#include "service/lists/list_line.h"

/* Some 40 MB with short values; what is more is left out. */
enum { ROSTER_LINES_MAX = 100000 };

struct roster_lines {
    struct list_line *at; /* [n] */
    size_t n, room;
};

/* Zeroed is empty. false: there are ROSTER_LINES_MAX. CHECKs on no memory. */
bool roster_lines_add(struct roster_lines *lines, struct span list, enum list_type type,
                      const struct list_change *change);
/* NULL: there is none. Until the next call. */
const struct list_line *roster_lines_last(const struct roster_lines *lines);
void roster_lines_drop_last(struct roster_lines *lines);
void roster_lines_fini(struct roster_lines *lines);

#endif
