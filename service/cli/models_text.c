#include "service/cli/models_text.h"

#include "service/base/check.h"
#include "service/cli/text_table.h"

#include <stdlib.h>
#include <string.h>

/* X(name, heading, is to the right) */
#define COLUMN_TABLE(X)                    \
    X(COLUMN_MODEL, "MODEL", false)        \
    X(COLUMN_ROLE, "ROLE", false)          \
    X(COLUMN_FORMAT, "FORMAT", false)      \
    X(COLUMN_INPUTS, "INPUTS", true)       \
    X(COLUMN_THRESHOLD, "THRESHOLD", true) \
    X(COLUMN_SCORED, "SCORED", true)       \
    X(COLUMN_ABOVE, "ABOVE", true)         \
    X(COLUMN_MISSING, "MISSING", true)     \
    X(COLUMN_AGREED, "AGREED", true)       \
    X(COLUMN_PRECISION, "PRECISION", true) \
    X(COLUMN_RECALL, "RECALL", true)       \
    X(COLUMN_ROWS, "ROWS", true)           \
    X(COLUMN_PSI, "SCORE PSI", true)       \
    X(COLUMN_STATE, "STATE", false)        \
    X(COLUMN_HASH, "HASH", false)

enum column {
#define X(name, heading, right) name,
    COLUMN_TABLE(X)
#undef X
        COLUMNS,
};

static const struct text_column columns[] = {
#define X(name, heading, right) {heading, right},
    COLUMN_TABLE(X)
#undef X
};

/* X(name, heading, is to the right): of one model's inputs */
#define INPUT_COLUMN_TABLE(X)                    \
    X(INPUT_NAME, "INPUT", false)                \
    X(INPUT_PSI, "PSI", true)                    \
    X(INPUT_MISSING, "MISSING", true)            \
    X(INPUT_MISSING_BEFORE, "IN TRAINING", true) \
    X(INPUT_STATE, "STATE", false)

enum input_column {
#define X(name, heading, right) name,
    INPUT_COLUMN_TABLE(X)
#undef X
        INPUT_COLUMNS,
};

static const struct text_column input_columns[] = {
#define X(name, heading, right) {heading, right},
    INPUT_COLUMN_TABLE(X)
#undef X
};

typedef char cell[TEXT_CELL_BYTES];

static cell *make_cells(size_t rows, size_t n_columns)
{
    cell *cells = calloc(rows * n_columns + 1, sizeof *cells);
    CHECK(cells != NULL);
    return cells;
}

/* ---- all models ---- */

static void put_agreed(cell c, const json_t *model)
{
    double agreed = (double)text_json_number(model, "agreed");
    double all = agreed + (double)text_json_number(model, "differed");
    if (all > 0)
        snprintf(c, TEXT_CELL_BYTES, "%.3f", agreed / all);
    else
        snprintf(c, TEXT_CELL_BYTES, "-");
}

static void put_threshold(cell c, const json_t *threshold)
{
    if (json_is_number(threshold))
        snprintf(c, TEXT_CELL_BYTES, "%.6g", json_number_value(threshold));
    else
        snprintf(c, TEXT_CELL_BYTES, "-");
}

static void put_drift(cell *row, const json_t *drift)
{
    if (drift == NULL)
        return;
    text_cell_count(row[COLUMN_ROWS], text_json_number(drift, "rows"));
    text_cell_share(row[COLUMN_PSI], json_object_get(json_object_get(drift, "score"), "psi"));
    snprintf(row[COLUMN_STATE], TEXT_CELL_BYTES, "%.16s", text_json_text(drift, "state"));
}

static void fill(cell *row, const json_t *model)
{
    snprintf(row[COLUMN_MODEL], TEXT_CELL_BYTES, "%.64s", text_json_text(model, "name"));
    snprintf(row[COLUMN_ROLE], TEXT_CELL_BYTES, "%.16s", text_json_text(model, "role"));
    snprintf(row[COLUMN_FORMAT], TEXT_CELL_BYTES, "%.32s", text_json_text(model, "format"));
    text_cell_count(row[COLUMN_INPUTS], text_json_number(model, "inputs"));
    put_threshold(row[COLUMN_THRESHOLD], json_object_get(model, "threshold"));
    text_cell_count(row[COLUMN_SCORED], text_json_number(model, "scored"));
    text_cell_count(row[COLUMN_ABOVE], text_json_number(model, "above"));
    text_cell_count(row[COLUMN_MISSING], text_json_number(model, "missing"));
    put_agreed(row[COLUMN_AGREED], model);
    text_cell_share(row[COLUMN_PRECISION], json_object_get(model, "precision"));
    text_cell_share(row[COLUMN_RECALL], json_object_get(model, "recall"));
    put_drift(row, json_object_get(model, "drift"));
    snprintf(row[COLUMN_HASH], TEXT_CELL_BYTES, "%.16s", text_json_text(model, "hash"));
}

static void print_models(const json_t *models, FILE *out)
{
    size_t i;
    const json_t *model;
    cell *cells = make_cells(json_array_size(models), COLUMNS);
    json_array_foreach(models, i, model) fill(cells + i * COLUMNS, model);
    text_table_print(columns, COLUMNS, cells, json_array_size(models), out);
    free(cells);
}

/* ---- the inputs of one ---- */

static void fill_input(cell *row, const char *name, const json_t *drift)
{
    snprintf(row[INPUT_NAME], TEXT_CELL_BYTES, "%.128s", name);
    text_cell_share(row[INPUT_PSI], json_object_get(drift, "psi"));
    text_cell_share(row[INPUT_MISSING], json_object_get(drift, "missing"));
    text_cell_share(row[INPUT_MISSING_BEFORE], json_object_get(drift, "missing_in_training"));
    snprintf(row[INPUT_STATE], TEXT_CELL_BYTES, "%.16s", text_json_text(drift, "state"));
}

/* 86400 as 1d, 5400 as 90m. */
static void put_span(cell c, int64_t seconds)
{
    if (seconds % 86400 == 0)
        snprintf(c, TEXT_CELL_BYTES, "%lldd", (long long)(seconds / 86400));
    else if (seconds % 3600 == 0)
        snprintf(c, TEXT_CELL_BYTES, "%lldh", (long long)(seconds / 3600));
    else if (seconds % 60 == 0)
        snprintf(c, TEXT_CELL_BYTES, "%lldm", (long long)(seconds / 60));
    else
        snprintf(c, TEXT_CELL_BYTES, "%llds", (long long)seconds);
}

static void print_inputs(const json_t *model, const json_t *drift, FILE *out)
{
    const json_t *inputs = json_object_get(drift, "inputs"), *input;
    size_t i, n = json_array_size(inputs) + 1;
    cell rows, window, *cells = make_cells(n, INPUT_COLUMNS);
    text_cell_count(rows, text_json_number(drift, "rows"));
    put_span(window, (int64_t)json_number_value(json_object_get(drift, "window_s")));
    json_array_foreach(inputs, i, input)
        fill_input(cells + i * INPUT_COLUMNS, text_json_text(input, "input"), input);
    fill_input(cells + (n - 1) * INPUT_COLUMNS, "(score)", json_object_get(drift, "score"));
    fprintf(out, "\n%s: %s transactions of the last %s against those of training\n",
            text_json_text(model, "name"), rows, window);
    text_table_print(input_columns, INPUT_COLUMNS, cells, n, out);
    free(cells);
}

/* ---- the whole ---- */

void models_text(const json_t *answer, FILE *out)
{
    const json_t *models = json_object_get(answer, "models"), *model;
    size_t i;
    fprintf(out, "ruleset %s since %s: %zu models\n\n", text_json_text(answer, "ruleset"),
            text_json_text(answer, "since"), json_array_size(models));
    print_models(models, out);
    json_array_foreach(models, i, model)
    {
        const json_t *drift = json_object_get(model, "drift");
        if (drift != NULL)
            print_inputs(model, drift, out);
    }
}
