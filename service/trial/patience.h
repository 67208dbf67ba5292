/*
 * patience.h -- may what takes long go on?
 *
 *     for (size_t i = 0; i < n; i++) {
 *         if (patience_ends(p, i))
 *             return ST_CONFLICT;
 *         ...
 *     }
 *
 * Threads: goes_on is called on the thread that works.
 */
#ifndef SLUICE_TRIAL_PATIENCE_H
#define SLUICE_TRIAL_PATIENCE_H

#include <stdbool.h>
#include <stddef.h>

enum { PATIENCE_STEPS = 1 << 17 }; /* between two questions: some milliseconds of counting */

struct patience {
    bool (*goes_on)(void *user); /* false: give up. NULL: to the end */
    void *user;
};

/* At step `i`, from 0: it is asked at the first, and once in PATIENCE_STEPS. NULL never ends. */
static inline bool patience_ends(const struct patience *p, size_t i)
{
    return i % PATIENCE_STEPS == 0 && p != NULL && p->goes_on != NULL && !p->goes_on(p->user);
}

#endif
