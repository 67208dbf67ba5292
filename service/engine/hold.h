/*
 * hold.h -- the active snapshot in the hands of one loop, counted without locks.
 *
 * An engine takes one reference of the active snapshot and lends it to its events; they count
 * themselves in and out with a plain number. After a reload the next event finds another one
 * active: the engine takes that, and gives the old one back when its last event has ended.
 *
 * Owns:    one reference for each snapshot that is in use. Threads: of the loop.
 */
#ifndef SLUICE_ENGINE_HOLD_H
#define SLUICE_ENGINE_HOLD_H

#include "service/engine/snapshot.h"

/* One snapshot, lent to `users` events. */
struct hold {
    struct snapshot *snap;
    int users;
    bool is_current; /* else it goes with its last user */
};

/*
 * The hold of the active snapshot, with one user more; *current is the one of before, or NULL, and
 * follows. CHECKs on no memory: only after a reload it needs some.
 */
struct hold *hold_current(struct hold **current, struct snapshot_slot *slot);
/* One user less. */
void hold_drop(struct hold *h);
/* At the end, without users; NULL is fine. */
void hold_free(struct hold *h);

#endif
