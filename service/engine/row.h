/*
 * row.h -- one transaction as the array of CEL values that expressions read (snapshot.h has its
 * shape).
 *
 * Filled in two steps: fields and derived fields when the message is read, because filters and
 * columns of its records need them; features when the logs were read. Only what some
 * expression of the snapshot reads is filled; the rest stays missing.
 *
 * Owns:    nothing; the cells live in the request's arena, the scratch is the engine's.
 * Threads: pure.
 */
#ifndef SLUICE_ENGINE_ROW_H
#define SLUICE_ENGINE_ROW_H

#include "service/engine/snapshot.h"
#include "service/txn/txn.h"

enum {
    /* What one expression may build on its way. All have as much, whatever the message and the
     * answer take, or replay would decide otherwise than the service did. */
    ROW_SCRATCH_BYTES = 256 << 10,
    /* Texts, lists and maps of a row's derived fields; what does not fit is an error value. */
    ROW_KEPT_BYTES = 32 << 10,
};

struct row {
    struct cel_value *cells; /* [snapshot->row_count] */
    struct arena *arena;     /* for what is kept of the expressions */
    struct arena *scratch;   /* for what one builds; reset before each use */
};

/*
 * Fields, then derived fields. `scratch` has ROW_SCRATCH_BYTES, and may serve other rows between
 * two calls. An error of a derived field is its value. Errors: ST_NO_SPACE.
 */
MUST_USE enum status row_init(struct row *row, const struct snapshot *snap,
                              const struct txn_value *fields, struct arena *scratch,
                              struct arena *arena);

/*
 * `values` in the order of snap->features. A missing one stays missing; an inexact one is a
 * range, and one that may be missing besides is the error value "inexact".
 */
void row_set_features(struct row *row, const struct snapshot *snap,
                      const struct window_value *values);

#endif
