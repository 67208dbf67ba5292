#include "models/score_csv.h"

#include "models/explain.h"
#include "service/base/check.h"
#include "service/base/csv.h"
#include "service/txn/number.h"
#include "service/txn/reader.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

enum {
    IDS_BYTES = 2 * CSV_ROW_MAX, /* of the rows that are scored at once; half of it is enough */
    NUMBER_TEXT_MAX = 32,        /* bytes of a double's shortest decimal: 24 */
    RESULT_NAME_MAX = MODEL_INPUT_NAME_MAX + 32, /* "contribution_" and an input's name */
    RESULTS_MAX = 2 * FOREST_OUTPUTS_MAX + MODEL_INPUTS_MAX + 4,
    SCRATCH_BYTES = 16 << 20, /* of contributions: tree_shap.h takes some of it by depth */
    NONE = -1,
};

/* A column that is written. */
struct result {
    const double *from; /* its value; NULL: what stands in the column of ids */
    const char *name;
    char bytes[RESULT_NAME_MAX]; /* where a name stands that is made */
};

/* A row that was read. */
struct row {
    uint64_t line;
    struct span id; /* base NULL: it has none that can be written */
    bool is_refused;
};

/* Those that are scored next. */
struct batch {
    struct row rows[SCORE_CSV_ROWS];
    int n;
    double *inputs;            /* [n][model->n_inputs] */
    double *margins, *outputs; /* [n][model->n_outputs] */
    char ids[IDS_BYTES];
    size_t ids_bytes;
};

struct scoring {
    const struct score_csv_options *options;
    const struct model *model;
    FILE *out;
    struct diag_list *diags;
    struct score_csv_counts counts;
    const struct score_csv_input *inputs;
    struct score_csv_input own[MODEL_INPUTS_MAX]; /* what `inputs` is when nobody says otherwise */
    int n_columns;
    int id;                        /* its column, or NONE */
    int columns[MODEL_INPUTS_MAX]; /* of each input */
    struct batch batch;
    /* Of the row that is written. */
    double score;
    double margins[FOREST_OUTPUTS_MAX], outputs[FOREST_OUTPUTS_MAX];
    double contributions[MODEL_INPUTS_MAX + 1];
    struct arena *scratch; /* NULL: no contributions are asked for */
    int n_results;
    struct result results[RESULTS_MAX];
};

static struct diag_at place(const struct scoring *s, uint64_t line, int col)
{
    return (struct diag_at){.file = s->options->name, .line = (int)line, .col = col};
}

/* ---- the header ---- */

static int column_find(const struct csv_row *header, struct span name)
{
    for (int i = 0; i < header->n_cells; i++)
        if (span_eq(header->cells[i].text, name))
            return i;
    return NONE;
}

/* A second column of that name: which of them is meant? */
static enum status refuse_twice(struct scoring *s, const struct csv_row *header, int column)
{
    for (int i = column + 1; i < header->n_cells; i++) {
        const struct csv_cell *cell = &header->cells[i];
        if (!span_eq(cell->text, header->cells[column].text))
            continue;
        diag_error(s->diags, place(s, header->line, cell->col), NULL,
                   "column '%.*s' is there twice", SPAN_ARG(cell->text));
        return ST_INVALID;
    }
    return ST_OK;
}

static enum status refuse_missing(struct scoring *s, const struct csv_row *header, struct span name,
                                  const char *what)
{
    const char *names[CSV_CELLS_MAX];
    char *bytes = calloc(1, CSV_ROW_MAX + CSV_CELLS_MAX), *to = bytes;
    char hint[DIAG_MESSAGE_MAX];
    CHECK(bytes != NULL);
    for (int i = 0; i < header->n_cells; i++) {
        struct span text = header->cells[i].text;
        names[i] = memcpy(to, text.base, text.len);
        to += text.len + 1;
    }
    const char *nearest = diag_nearest(name, names, (size_t)header->n_cells);
    snprintf(hint, sizeof hint, "the nearest column is '%s'", nearest != NULL ? nearest : "");
    diag_error(s->diags, place(s, header->line, 1), nearest != NULL ? hint : NULL,
               "there is no column '%.*s'%s", SPAN_ARG(name), what);
    free(bytes);
    return ST_INVALID;
}

static enum status bind_column(struct scoring *s, const struct csv_row *header, struct span name,
                               const char *what, int *ret_column)
{
    int column = column_find(header, name);
    if (column == NONE)
        return refuse_missing(s, header, name, what);
    *ret_column = column;
    return refuse_twice(s, header, column);
}

static enum status bind_header(struct scoring *s, const struct csv_row *header)
{
    enum status st = ST_OK;
    s->n_columns = header->n_cells;
    s->id = NONE;
    if (s->options->id != NULL)
        st = bind_column(s, header, span_str(s->options->id), "", &s->id);
    for (int i = 0; i < s->model->n_inputs && s->diags->count < DIAG_MAX; i++) {
        enum status one =
            bind_column(s, header, s->inputs[i].name, ", which the model asks for", &s->columns[i]);
        st = one != ST_OK ? one : st;
    }
    return st;
}

/* ---- cells ---- */

static bool is_word(struct span s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.base, word, s.len) == 0;
}

static struct span trimmed(struct span s)
{
    for (; s.len > 0 && s.base[0] == ' '; s.base++)
        s.len--;
    while (s.len > 0 && s.base[s.len - 1] == ' ')
        s.len--;
    return s;
}

/* What else is one, in any case of letters. */
static const struct word {
    const char *text;
    double value;
} words[] = {
    {"true", 1}, {"false", 0}, {"nan", NAN}, {"inf", INFINITY}, {"-inf", -INFINITY},
};

static bool read_number(struct span text, double *ret_value)
{
    struct number n;
    int64_t time_ms;
    if (text.len == 0) {
        *ret_value = NAN;
        return true;
    }
    if (number_parse(text, &n)) {
        *ret_value = number_double(&n);
        return true;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is_word(text, words[i].text)) {
            *ret_value = words[i].value;
            return true;
        }
    if (!reader_timestamp(text, &time_ms))
        return false;
    *ret_value = (double)time_ms / 1000;
    return true;
}

static double read_category(struct scoring *s, const struct score_csv_input *input,
                            struct span text)
{
    if (text.len == 0)
        return NAN;
    const struct model_category *found =
        model_category_find(input->categories, input->n_categories, text);
    if (found != NULL)
        return found->code;
    s->counts.unknown_categories++;
    return input->unknown;
}

/* False: it is no number, which is told. */
static bool read_cell(struct scoring *s, const struct csv_row *row, int i, double *ret_value)
{
    const struct score_csv_input *input = &s->inputs[i];
    const struct csv_cell *cell = &row->cells[s->columns[i]];
    if (input->categories != NULL) {
        *ret_value = read_category(s, input, cell->text);
        return true;
    }
    if (read_number(trimmed(cell->text), ret_value))
        return true;
    struct span shown = span_of(cell->text.base, cell->text.len < 60 ? cell->text.len : 60);
    diag_error(s->diags, place(s, row->line, cell->col),
               "a number, true, false, or a time; an empty cell is a missing value",
               "'%.*s' is '%.*s', which is no number", SPAN_ARG(input->name), SPAN_ARG(shown));
    return false;
}

/* False: it cannot be scored, and it was told why. */
static bool read_inputs(struct scoring *s, const struct csv_row *row, double *inputs)
{
    bool is_good = true;
    if (row->n_cells != s->n_columns) {
        diag_error(s->diags, place(s, row->line, 0), NULL, "%d cells, and the header has %d",
                   row->n_cells, s->n_columns);
        return false;
    }
    for (int i = 0; i < s->model->n_inputs; i++)
        is_good = read_cell(s, row, i, &inputs[i]) && is_good;
    return is_good;
}

/* ---- what is written ---- */

static bool is_utf8(struct span s)
{
    json_t *j = json_stringn(s.base, s.len);
    json_decref(j);
    return j != NULL;
}

static void put_text(struct scoring *s, struct span text)
{
    char bytes[DIAG_MESSAGE_MAX];
    size_t n = 6 * text.len + 2; /* each of its bytes as \u001f */
    char *room = n <= sizeof bytes ? bytes : malloc(n);
    struct text t;
    CHECK(room != NULL);
    if (!s->options->is_json) {
        csv_write(s->out, text);
    } else {
        text_init(&t, room, n);
        text_json_string(&t, text);
        fwrite(t.base, 1, t.len, s->out);
    }
    if (room != bytes)
        free(room);
}

static void put_number(struct scoring *s, double value)
{
    char bytes[NUMBER_TEXT_MAX];
    struct text t;
    if (isnan(value) && !s->options->is_json)
        return;
    text_init(&t, bytes, sizeof bytes);
    text_double(&t, value);
    fwrite(t.base, 1, t.len, s->out);
}

/* Ends what stood before it, and names what comes. */
static void begin_result(struct scoring *s, int i)
{
    if (i > 0)
        fputc(',', s->out);
    if (!s->options->is_json)
        return;
    put_text(s, span_str(s->results[i].name));
    fputc(':', s->out);
}

static void put_header(struct scoring *s)
{
    for (int i = 0; i < s->n_results && !s->options->is_json; i++) {
        fputs(i > 0 ? "," : "", s->out);
        put_text(s, span_str(s->results[i].name));
    }
    fputs(s->options->is_json ? "" : "\n", s->out);
}

static void put_id(struct scoring *s, struct span id)
{
    if (id.base != NULL)
        put_text(s, id);
    else
        fputs(s->options->is_json ? "null" : "", s->out);
}

static void put_row(struct scoring *s, const struct row *row)
{
    fputs(s->options->is_json ? "{" : "", s->out);
    for (int i = 0; i < s->n_results; i++) {
        begin_result(s, i);
        if (s->results[i].from == NULL)
            put_id(s, row->id);
        else
            put_number(s, *s->results[i].from);
    }
    fputs(s->options->is_json ? "}\n" : "\n", s->out);
}

/* ---- the results ---- */

static void add_result(struct scoring *s, const double *from, const char *name, int index)
{
    struct result *r = &s->results[s->n_results++];
    CHECK(s->n_results <= RESULTS_MAX);
    r->from = from;
    r->name = index == NONE ? name : r->bytes;
    snprintf(r->bytes, sizeof r->bytes, "%s_%d", name, index);
}

static void add_all(struct scoring *s)
{
    for (int i = 0; i < s->model->n_outputs; i++)
        add_result(s, &s->outputs[i], "score", i);
    for (int i = 0; i < s->model->n_outputs; i++)
        add_result(s, &s->margins[i], "margin", i);
}

static void add_contributions(struct scoring *s)
{
    int n = s->model->n_inputs;
    add_result(s, &s->margins[s->options->output], "margin", NONE);
    add_result(s, &s->contributions[n], "base", NONE);
    for (int i = 0; i < n; i++) {
        add_result(s, &s->contributions[i], "", NONE);
        struct result *r = &s->results[s->n_results - 1];
        r->name = r->bytes;
        snprintf(r->bytes, sizeof r->bytes, "contribution_%.*s",
                 SPAN_ARG(s->model->inputs[i].name));
    }
}

static void choose_results(struct scoring *s)
{
    s->n_results = 0;
    if (s->options->id != NULL)
        add_result(s, NULL, s->options->id, NONE);
    if (s->options->all)
        add_all(s);
    else
        add_result(s, &s->score, "score", NONE);
    if (s->options->contributes)
        add_contributions(s);
}

/* ---- a batch ---- */

static enum status explain(struct scoring *s, const struct row *row, const double *inputs)
{
    enum status st =
        model_explain(s->model, inputs, s->options->output, s->scratch, s->contributions);
    if (st == ST_UNSUPPORTED)
        diag_error(s->diags, place(s, row->line, 0), NULL,
                   "no contributions: the model's file does not say how many rows came to each "
                   "node");
    else if (st != ST_OK)
        diag_error(s->diags, place(s, row->line, 0), NULL, "no contributions: %s", status_text(st));
    return st;
}

static void put_refused(struct scoring *s, const struct row *row)
{
    for (int i = 0; i < s->model->n_outputs; i++)
        s->margins[i] = s->outputs[i] = NAN;
    for (int i = 0; i <= s->model->n_inputs; i++)
        s->contributions[i] = NAN;
    s->score = NAN;
    s->counts.refused++;
    put_row(s, row);
}

static enum status put_scored(struct scoring *s, int i)
{
    const struct batch *b = &s->batch;
    size_t n = (size_t)s->model->n_outputs;
    enum status st = ST_OK;
    memcpy(s->margins, b->margins + (size_t)i * n, n * sizeof(double));
    memcpy(s->outputs, b->outputs + (size_t)i * n, n * sizeof(double));
    s->score = s->outputs[s->options->output];
    if (s->options->calibration != NULL)
        s->score = calibration_apply(s->options->calibration, s->score);
    if (s->options->contributes)
        st = explain(s, &b->rows[i], b->inputs + i * s->model->n_inputs);
    if (st != ST_OK)
        return st;
    s->counts.without_score += isnan(s->score) ? 1 : 0;
    put_row(s, &b->rows[i]);
    return ST_OK;
}

/* Scores and writes what was read; the batch is empty then. */
static enum status flush(struct scoring *s)
{
    struct batch *b = &s->batch;
    enum status st = ST_OK;
    model_score_rows(s->model, b->inputs, (size_t)b->n, b->margins, b->outputs);
    for (int i = 0; i < b->n && st == ST_OK; i++) {
        if (b->rows[i].is_refused)
            put_refused(s, &b->rows[i]);
        else
            st = put_scored(s, i);
        s->counts.rows += st == ST_OK ? 1 : 0;
    }
    b->n = 0;
    b->ids_bytes = 0;
    return st;
}

/* Of the header too, where it is the column's name. */
static bool check_id(struct scoring *s, const struct csv_row *row)
{
    if (!s->options->is_json || s->id == NONE || s->id >= row->n_cells ||
        is_utf8(row->cells[s->id].text))
        return true;
    diag_error(s->diags, place(s, row->line, row->cells[s->id].col), "--format csv takes any bytes",
               "'%s' is not UTF-8, which JSON has to be", s->options->id);
    return false;
}

static struct span keep_id(struct scoring *s, const struct csv_row *row)
{
    struct batch *b = &s->batch;
    if (s->id == NONE || s->id >= row->n_cells)
        return span_of(NULL, 0);
    struct span id = row->cells[s->id].text;
    char *to = b->ids + b->ids_bytes;
    if (id.len > 0)
        memcpy(to, id.base, id.len);
    b->ids_bytes += id.len;
    return span_of(to, id.len);
}

static enum status take_row(struct scoring *s, const struct csv_row *row)
{
    struct batch *b = &s->batch;
    double *inputs = b->inputs + b->n * s->model->n_inputs;
    struct row *taken = &b->rows[b->n++];
    *taken = (struct row){.line = row->line, .is_refused = !read_inputs(s, row, inputs)};
    if (check_id(s, row))
        taken->id = keep_id(s, row);
    else
        taken->is_refused = true;
    for (int i = 0; i < s->model->n_inputs && taken->is_refused; i++)
        inputs[i] = NAN;
    bool is_full = b->n == SCORE_CSV_ROWS || b->ids_bytes > IDS_BYTES - CSV_ROW_MAX;
    return is_full ? flush(s) : ST_OK;
}

/* ---- all of them ---- */

static enum status next_row(struct scoring *s, struct csv_reader *reader, struct csv_row *ret_row)
{
    struct csv_error error = {0};
    enum status st = csv_next(reader, ret_row, &error);
    if (st == ST_OK || st == ST_NOT_FOUND)
        return st;
    diag_error(s->diags, place(s, error.line, error.col), NULL, "%s",
               error.what != NULL ? error.what : strerror(errno));
    return st;
}

static enum status score_header(struct scoring *s, struct csv_reader *reader)
{
    struct csv_row row;
    enum status st = next_row(s, reader, &row);
    if (st == ST_NOT_FOUND) {
        diag_error(s->diags, place(s, 0, 0), NULL, "no row: the first one names the columns");
        return ST_INVALID;
    }
    if (st == ST_OK)
        st = bind_header(s, &row);
    if (st == ST_OK && !check_id(s, &row))
        st = ST_INVALID;
    if (st == ST_OK)
        put_header(s);
    return st;
}

static enum status score_rows(struct scoring *s, struct csv_reader *reader)
{
    struct csv_row row;
    enum status st = ST_OK;
    while (st == ST_OK && !ferror(s->out)) {
        st = next_row(s, reader, &row);
        if (st == ST_OK)
            st = take_row(s, &row);
    }
    enum status last = flush(s);
    if (st != ST_OK && st != ST_NOT_FOUND)
        return st;
    return last == ST_OK && s->counts.refused > 0 ? ST_INVALID : last;
}

/* The names and categories of the model's own file. */
static enum status own_input(const struct model *m, int i, struct score_csv_input *ret_input)
{
    const struct model_input *input = &m->inputs[i];
    size_t n = (size_t)input->n_categories;
    struct model_category *items = NULL;
    if (input->categories != NULL) {
        items = calloc(n + 1, sizeof *items);
        if (items == NULL)
            return ST_NO_SPACE;
        for (int code = 0; code < input->n_categories; code++)
            items[code] = (struct model_category){input->categories[code], code};
        qsort(items, n, sizeof *items, model_category_order);
    }
    *ret_input =
        (struct score_csv_input){input->name, items, input->n_categories, model_other_category(m)};
    return ST_OK;
}

static enum status scoring_open(struct scoring *s)
{
    size_t n_inputs = (size_t)s->model->n_inputs, n_outputs = (size_t)s->model->n_outputs;
    enum status st = ST_OK;
    s->inputs = s->options->inputs != NULL ? s->options->inputs : s->own;
    for (int i = 0; i < s->model->n_inputs && s->inputs == s->own && st == ST_OK; i++)
        st = own_input(s->model, i, &s->own[i]);
    s->batch.inputs = calloc(SCORE_CSV_ROWS * (n_inputs + 1), sizeof(double));
    s->batch.margins = calloc(SCORE_CSV_ROWS * n_outputs, sizeof(double));
    s->batch.outputs = calloc(SCORE_CSV_ROWS * n_outputs, sizeof(double));
    s->scratch = s->options->contributes ? arena_new(SCRATCH_BYTES) : NULL;
    bool has_room = s->batch.inputs != NULL && s->batch.margins != NULL && s->batch.outputs != NULL;
    return has_room ? st : ST_NO_SPACE;
}

static void scoring_close(struct scoring *s)
{
    for (int i = 0; i < MODEL_INPUTS_MAX; i++)
        free((void *)s->own[i].categories);
    free(s->batch.inputs);
    free(s->batch.margins);
    free(s->batch.outputs);
    arena_free(s->scratch);
    free(s);
}

enum status score_csv(const struct score_csv_options *o, int rows_fd, FILE *out,
                      struct diag_list *diags, struct score_csv_counts *ret_counts)
{
    struct csv_reader *reader = csv_open(rows_fd);
    struct scoring *s = calloc(1, sizeof *s);
    CHECK(s != NULL && o->output >= 0 && o->output < o->model->n_outputs);
    s->options = o;
    s->model = o->model;
    s->out = out;
    s->diags = diags;
    choose_results(s);
    enum status st = scoring_open(s);
    if (st == ST_OK)
        st = score_header(s, reader);
    if (st == ST_OK)
        st = score_rows(s, reader);
    *ret_counts = s->counts;
    scoring_close(s);
    csv_close(reader);
    return st == ST_OK && ferror(out) ? ST_IO : st;
}
