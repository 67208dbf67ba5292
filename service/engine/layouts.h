/*
 * layouts.h -- every layout of records this process has met, for as long as it lives.
 *
 * Logs outlive rulesets: records of a snapshot that is long gone, or of another instance's ruleset,
 * must stay readable. So a layout is copied here, out of the snapshot or the state it came from,
 * and never leaves.
 *
 * Owns:    its copies.
 * Threads: learn from any thread (one lock); the book is read without a lock.
 */
#ifndef SLUICE_ENGINE_LAYOUTS_H
#define SLUICE_ENGINE_LAYOUTS_H

#include "service/state/layout.h"

struct layouts;

/* CHECKs on no memory: it is called at start only. layouts_free(NULL) is fine. */
struct layouts *layouts_new(void);
void layouts_free(struct layouts *l);

const struct layout_book *layouts_book(const struct layouts *l);

/* Adds the layout of this text; one that is known is fine. Errors: ST_CORRUPT, ST_NO_SPACE. */
MUST_USE enum status layouts_learn(struct layouts *l, struct span text);

#endif
