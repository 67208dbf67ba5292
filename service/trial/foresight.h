/*
 * foresight.h -- memory that coming events need is asked for before they come.
 *
 *     events    | now |  +1 |  +2 |  +3 | ... |  +8 |
 *                             logs               slots       of the table, of each key field
 *
 * A history's state is larger than any cache, and where the next transactions look is known: they
 * are read ahead. Hints to the processor, so that no result depends on them.
 *
 * Owns:    a small arena; engine and snapshot are borrowed. Threads: the engine's.
 */
#ifndef SLUICE_TRIAL_FORESIGHT_H
#define SLUICE_TRIAL_FORESIGHT_H

#include "service/engine/engine.h"
#include "service/trial/event_source.h"

enum {
    FORESIGHT_SLOTS = 8, /* events ahead */
    FORESIGHT_LOGS = 2,
};

struct foresight {
    const struct snapshot *snap;
    const struct state *state; /* a view of memory, exclusive */
    struct arena *arena;
    struct {
        uint64_t hashes[FEATURE_KEY_FIELDS_MAX];
        int n;
    } ahead[FORESIGHT_SLOTS]; /* by the event's number */
    uint64_t n;               /* events */
};

/* CHECKs on no memory. */
void foresight_init(struct foresight *f, const struct snapshot *snap, const struct state *state);
void foresight_fini(struct foresight *f);

/* Once for each event that was taken from the source. */
void foresight_look(struct foresight *f, const struct event_source *source);

#endif
