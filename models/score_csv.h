/*
 * score_csv.h -- a model over the rows of a CSV file: a line out for each.
 *
 *     id,country,amount,note          id,score
 *     t-1,BE,12.5,"a, b"      ──>     t-1,0.0031
 *     t-2,,,                          t-2,0.2
 *
 * The first row names the columns: the model's inputs, each once, in any order; others are passed
 * over. A cell is a number, `true` or `false`, or a time (RFC 3339: seconds since 1970, as a model
 * of a ruleset sees it); empty or `nan` it is missing. Of an input with named categories it is such
 * a name; one that the model has not seen is counted.
 *
 * Rows are scored SCORE_CSV_ROWS at a time. One that cannot be (a cell that is no number, too few
 * cells) is told by line and column, and its line says no score; those behind it are scored.
 *
 * Owns:    nothing.
 * Threads: of who calls; any number of files at once.
 */
#ifndef SLUICE_MODELS_SCORE_CSV_H
#define SLUICE_MODELS_SCORE_CSV_H

#include "models/calibration.h"
#include "models/categories.h"
#include "models/model.h"

#include <stdio.h>

/* Past some hundred rows model_score_rows() is no quicker. */
enum { SCORE_CSV_ROWS = 256 };

/* The column of an input. */
struct score_csv_input {
    struct span name;
    const struct model_category *categories; /* [n_categories], in order; NULL: numbers */
    int n_categories;
    double unknown; /* what a category is that is none of them */
};

struct score_csv_options {
    const struct model *model;
    const struct score_csv_input *inputs;  /* [model->n_inputs]; NULL: the model's own names */
    const struct calibration *calibration; /* of the score; NULL: none */
    const char *name;                      /* of the rows, in diagnostics */
    const char *id;                        /* a column that stands before the score; NULL: none */
    int output;                            /* which one is the score */
    bool all; /* every output, `score_0`, and every margin, `margin_0`, as the model has them */
    bool contributes; /* the margin, what it is when nothing is known (`base`), and what each input
                       * adds to it: `contribution_amount` (explain.h) */
    bool is_json;     /* an object a line, NaN is null; else CSV with a header, NaN an empty cell */
};

struct score_csv_counts {
    uint64_t rows; /* lines that were written, those that were refused among them */
    uint64_t refused, without_score, unknown_categories;
};

/*
 * Errors, each with a diagnostic of line and column: ST_INVALID (rows were refused, or it is no CSV
 * from there on), ST_TOO_LARGE (a row), ST_IO, ST_UNSUPPORTED (no contributions of this model:
 * model_explain()), ST_NO_SPACE. What could be scored is written; *ret_counts is of that, whatever
 * the status.
 */
MUST_USE enum status score_csv(const struct score_csv_options *o, int rows_fd, FILE *out,
                               struct diag_list *diags, struct score_csv_counts *ret_counts);

#endif
