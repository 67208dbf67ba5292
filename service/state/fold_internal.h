/*
 * fold_internal.h -- what fold.c and fold_reading.h share.
 */
#ifndef SLUICE_STATE_FOLD_INTERNAL_H
#define SLUICE_STATE_FOLD_INTERNAL_H

#include "service/state/fold.h"
#include "service/state/plan_internal.h"
#include "service/state/tiles.h"

/* The number of the distinct record after which the oldest fold next. */
uint64_t fold_next_point(const struct folded *f);

#endif
