/*
 * learn.h -- layouts that other rulesets' records have: read from the state when a log shows one
 * that is not known. Cold: once for each layout and process.
 *
 * Owns: the storage of one look is its caller's. Threads: of the engine's loop.
 */
#ifndef SLUICE_ENGINE_LEARN_H
#define SLUICE_ENGINE_LEARN_H

#include "service/engine/call.h"
#include "service/engine/engine.h"

struct learning {
    struct call call;
    struct engine *engine;
    struct span *found; /* [STATE_PEEK_MAX], on the heap until it returns */
    void (*then)(void *user, enum status st);
    void *user;
};

/* `then` gets ST_OK when all published layouts are known; else what went wrong. */
void learn_layouts(struct engine *e, struct learning *l, void (*then)(void *user, enum status st),
                   void *user);

#endif
