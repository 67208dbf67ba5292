/*
 * model_table.h -- how each model does: what it scored, and how far what it was given of late is
 * from what it was trained on.
 *
 *     counted by this process since the ruleset is active: scored, missing, above, agreement
 *     of this process's last window, whatever was reloaded: rows, indexes (model_windows.h)
 *
 * Made when it is asked for.
 *
 * Owns:    a table owns its lines; it borrows models from the snapshot.
 * Threads: none of its own; engines of other threads are read a counter at a time.
 */
#ifndef SLUICE_ENGINE_MODEL_TABLE_H
#define SLUICE_ENGINE_MODEL_TABLE_H

#include "service/engine/engine.h"

/* Of one input, or of the score. */
struct model_drift {
    const struct distribution *trained;
    struct psi psi;
    enum drift_state state;
};

struct model_line {
    const struct bound_model *model;
    struct model_stats stats;
    /* With a baseline: */
    struct model_drift score;
    struct model_drift *inputs; /* [model.n_inputs], in their order; NULL: there is no baseline */
    int *worst_first;           /* [model.n_inputs], their indexes */
    int n_drifted;              /* of the inputs */
    enum drift_state state;     /* the worst of all */
};

struct model_table {
    const struct snapshot *snap;
    struct model_line *lines; /* in the ruleset's order */
    int n;
};

/* `snap` outlives the table. O(engines * counts + inputs log inputs). CHECKs on no memory. */
void model_table_init(struct model_table *t, const struct snapshot *snap,
                      const struct engine *const *engines, int n_engines, int64_t now_ms);
void model_table_fini(struct model_table *t);

/* The name of input `i`. */
struct span model_line_input(const struct model_line *line, int i);

#endif
