/*
 * recover.h -- the state in memory, rebuilt from the journal after a start.
 *
 * The checkpoint has been loaded; every frame behind it goes through the engine again (redo.h).
 */
#ifndef SLUICE_ENGINE_RECOVER_H
#define SLUICE_ENGINE_RECOVER_H

#include "service/engine/engine.h"

struct recovered {
    uint64_t events;    /* EVENT frames */
    uint64_t decisions; /* DECISION and FLAGGED frames */
    uint64_t others;
    uint64_t lost; /* of all of them: they cannot be brought any more (redo.h) */
    uint64_t first_lost_seq;
};

/*
 * Before any engine is live; `e` has no loop, and a state that keeps its journal. O(frames).
 * Errors: as journal_read; ST_UNAVAILABLE: the table has no room.
 */
MUST_USE enum status recover(struct engine *e, uint64_t from_seq, struct recovered *ret_recovered);

#endif
