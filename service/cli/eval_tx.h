/*
 * eval_tx.h -- a transaction and its ruleset, to try an expression against.
 *
 * Fields, derived names and lists are as the service has them. Features have no history: they are
 * missing, but for those that are given. Models score what is there, but for those whose score is
 * given.
 */
#ifndef SLUICE_CLI_EVAL_TX_H
#define SLUICE_CLI_EVAL_TX_H

#include "service/cli/eval_vars.h"
#include "service/engine/row.h"

#include <stdio.h>

struct eval_tx {
    struct snapshot *snap;                  /* its env compiles the expression; unref it */
    struct row row;                         /* lives in the arenas given */
    struct model_result models[MODELS_MAX]; /* all 0 where the score was given */
};

/*
 * Load the ruleset, and read the transaction from the file `path`, "-" for stdin: JSON as POST
 * /v1/score takes it. `scratch` has ROW_SCRATCH_BYTES. Errors: ST_INVALID, ST_IO, ST_NO_SPACE, with
 * diagnostics; warnings may be there also on ST_OK.
 */
MUST_USE enum status eval_tx_load(const char *ruleset, int exact_events, const char *path,
                                  struct arena *arena, struct arena *scratch,
                                  struct diag_list *diags, struct eval_tx *ret_tx);

/*
 * Set features, and scores as models.NAME, by their names; then the models score.
 * Errors: ST_INVALID with diagnostics of "--vars", whose text is `json`.
 */
MUST_USE enum status eval_tx_set(struct eval_tx *tx, const struct eval_vars *vars,
                                 struct diag_list *diags);

/*
 * Say on `to` which names the program reads that are missing, and what is missing to the models it
 * reads; of features, how they are given. Nothing is said when all are there.
 */
void eval_tx_tell_missing(const struct eval_tx *tx, const struct cel_program *program, FILE *to);

#endif
