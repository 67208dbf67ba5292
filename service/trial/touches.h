/*
 * touches.h -- what an event reads and writes, so that those that share nothing may be under way
 * at once without changing each other's answers.
 *
 * Pure.
 */
#ifndef SLUICE_TRIAL_TOUCHES_H
#define SLUICE_TRIAL_TOUCHES_H

#include "service/engine/snapshot.h"
#include "service/txn/txn.h"

/* Keyed hashes of the transaction and of its entities. {0} touches nothing. */
struct touches {
    uint64_t hashes[1 + FEATURE_KEY_FIELDS_MAX];
    int n;
    bool everything; /* a label: which entities it speaks of is known to the state alone */
};

void touches_of(const struct snapshot *snap, const struct hash_key *key, const struct event *event,
                struct touches *ret_touches);

/* Equal hashes of different things only cost a wait. */
bool touches_share(const struct touches *a, const struct touches *b);

#endif
