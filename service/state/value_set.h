/*
 * value_set.h -- the different values of one column up to a time, each with when it was last seen.
 *
 * A value belongs to every window that reaches back before its latest time, so one table
 * serves all windows. `sure_ms` is a time at which the value was seen for certain, `maybe_ms` one
 * at which it may have been (INT64_MIN: none).
 */
#ifndef SLUICE_STATE_VALUE_SET_H
#define SLUICE_STATE_VALUE_SET_H

#include "service/base/arena.h"

#include <stdint.h>

struct value_seen {
    uint64_t hash; /* 0: an empty slot */
    int64_t sure_ms, maybe_ms;
};

struct value_set {
    struct value_seen *slots;
    uint64_t mask;
};

/* Room for `n` values; at most half of the slots are used. ST_NO_SPACE. */
MUST_USE enum status value_set_init(struct value_set *s, size_t n, struct arena *scratch);

/* The value's entry, made when it is not there. O(1). */
struct value_seen *value_set_put(struct value_set *s, uint64_t hash);
/* NULL: not there. */
const struct value_seen *value_set_get(const struct value_set *s, uint64_t hash);

#endif
