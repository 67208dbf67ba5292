#include "service/trial/training_csv.h"

#include "service/base/check.h"
#include "service/base/csv.h"
#include "service/base/unnamed.h"
#include "service/trial/truths.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    NUMBER_MAX = 64, /* bytes of one value; a time is shorter */
    SPOOL_BUFFER_BYTES = 1 << 20,
    NAMES_BYTES = 256 << 10, /* of all names, when the nearest is looked for */
};

/* X(name, what stands for all of them) */
#define COLUMN_FROM_TABLE(X)    \
    X(FROM_SCHEMA, "@schema")   \
    X(FROM_DERIVED, "@derived") \
    X(FROM_FEATURES, "@features")

enum column_from {
#define X(name, all) name,
    COLUMN_FROM_TABLE(X)
#undef X
        FROM_KINDS,
};

static const char *const all_of[FROM_KINDS] = {
#define X(name, all) all,
    COLUMN_FROM_TABLE(X)
#undef X
};

struct column {
    struct span name;
    enum column_from from;
    int index;           /* its slot, or its feature */
    const char *why_not; /* why it has no column; NULL: it has one */
    bool is_private;
};

struct training_csv {
    struct training_csv_options o;
    struct column columns[TRAINING_COLUMNS_MAX];
    int n_columns;
    bool has_outcome, has_time;
    FILE *row; /* the row that is being written */
    char *row_bytes;
    size_t row_len;
    FILE *spool; /* rows that wait; NULL: none has to */
    struct truths truths;
};

static const char outcome_column[] = "outcome", time_column[] = "outcome_timestamp";

/* ---- all that there could be ---- */

static const char *why_no_field(const struct field *f)
{
    if (f->card)
        return "it may hold card numbers, which are written nowhere";
    return f->type == FIELD_GEO ? "a place is no cell; derive what a model is to see of it" : NULL;
}

static const char *why_no_derived(const struct cel_type *type)
{
    switch (type->kind) {
    case CEL_T_BOOL:
    case CEL_T_INT:
    case CEL_T_DOUBLE:
    case CEL_T_STRING:
    case CEL_T_TIMESTAMP:
    case CEL_T_DURATION:
        return NULL;
    default:
        return "only a bool, int, double, string, timestamp or duration is a cell";
    }
}

static int all_columns(const struct snapshot *snap, struct column *all)
{
    int n = 0;
    for (int i = 0; i < snap->schema.count; i++) {
        const struct field *f = &snap->schema.fields[i];
        all[n++] = (struct column){f->name, FROM_SCHEMA, i, why_no_field(f), f->private};
    }
    for (int i = 0; i < snap->n_derived; i++) {
        const struct snapshot_derived *d = &snap->derived[i];
        all[n++] = (struct column){d->name, FROM_DERIVED, snap->row_derived + i,
                                   why_no_derived(d->program->result), false};
    }
    for (int i = 0; i < snap->features.n_features; i++)
        all[n++] = (struct column){snap->features.features[i].name, FROM_FEATURES, i, NULL, false};
    CHECK(n <= TRAINING_COLUMNS_MAX - 2);
    return n;
}

/* ---- those that are wanted ---- */

static bool is_of_labels(struct span name)
{
    return span_is(name, outcome_column) || span_is(name, time_column);
}

static bool is_chosen(const struct training_csv *t, struct span name)
{
    for (int i = 0; i < t->n_columns; i++)
        if (span_eq(t->columns[i].name, name))
            return true;
    return false;
}

/* All of one part that are not chosen yet. */
static void choose_part(struct training_csv *t, const struct column *all, int n, int from)
{
    for (int i = 0; i < n; i++)
        if ((int)all[i].from == from && all[i].why_not == NULL && !all[i].is_private &&
            !is_chosen(t, all[i].name))
            t->columns[t->n_columns++] = all[i];
}

static void choose_all(struct training_csv *t, const struct column *all, int n)
{
    for (int from = 0; from < FROM_KINDS; from++)
        choose_part(t, all, n, from);
    t->has_outcome = t->has_time = true;
}

/* Of `--columns`; the place is that of the name in it. */
static struct diag_at place_of(const struct training_csv *t, struct span name)
{
    return (struct diag_at){.file = "--columns",
                            .content = span_str(t->o.columns),
                            .line = 1,
                            .col = (int)(name.base - t->o.columns) + 1};
}

static enum status refuse_unknown(struct training_csv *t, struct diag_list *diags,
                                  const struct column *all, int n, struct span name)
{
    const char *names[TRAINING_COLUMNS_MAX + FROM_KINDS];
    struct arena *arena = arena_new(NAMES_BYTES);
    char hint[DIAG_MESSAGE_MAX];
    int count = 0;
    names[count++] = outcome_column;
    names[count++] = time_column;
    for (int i = 0; i < FROM_KINDS; i++)
        names[count++] = all_of[i];
    for (int i = 0; i < n; i++) {
        struct span copy = arena_try_copy(arena, all[i].name);
        if (copy.base != NULL)
            names[count++] = copy.base;
    }
    const char *near = diag_nearest(name, names, (size_t)count);
    snprintf(hint, sizeof hint, "did you mean '%s'?", near != NULL ? near : "");
    diag_error(diags, place_of(t, name), near != NULL ? hint : NULL,
               "the ruleset has no field, derived field or feature '%.*s'", SPAN_ARG(name));
    arena_free(arena);
    return ST_INVALID;
}

static enum status choose_one(struct training_csv *t, struct diag_list *diags,
                              const struct column *all, int n, struct span name)
{
    int at = 0;
    while (at < n && !span_eq(all[at].name, name))
        at++;
    if (at == n)
        return refuse_unknown(t, diags, all, n, name);
    if (all[at].why_not != NULL || is_chosen(t, name)) {
        diag_error(diags, place_of(t, name), all[at].why_not,
                   all[at].why_not != NULL ? "'%.*s' has no column" : "'%.*s' stands twice",
                   SPAN_ARG(name));
        return ST_INVALID;
    }
    t->columns[t->n_columns++] = all[at];
    return ST_OK;
}

static enum status choose(struct training_csv *t, struct diag_list *diags, const struct column *all,
                          int n, struct span name)
{
    for (int from = 0; from < FROM_KINDS; from++)
        if (span_is(name, all_of[from])) {
            choose_part(t, all, n, from);
            return ST_OK;
        }
    t->has_outcome |= span_is(name, outcome_column);
    t->has_time |= span_is(name, time_column);
    return is_of_labels(name) ? ST_OK : choose_one(t, diags, all, n, name);
}

static enum status choose_named(struct training_csv *t, struct diag_list *diags,
                                const struct column *all, int n)
{
    enum status st = ST_OK;
    const char *at = t->o.columns;
    for (bool more = true; more;) {
        const char *end = strchr(at, ',');
        struct span name = end != NULL ? span_of(at, (size_t)(end - at)) : span_str(at);
        enum status one = choose(t, diags, all, n, name);
        st = one != ST_OK ? one : st;
        more = end != NULL;
        at = more ? end + 1 : at;
    }
    return st;
}

/* A derived field or a feature may be called as the labels' columns are; a field may not. */
static enum status check_names(const struct training_csv *t, struct diag_list *diags)
{
    for (int i = 0; i < t->n_columns; i++) {
        if (!is_of_labels(t->columns[i].name))
            continue;
        diag_error(diags, (struct diag_at){0}, "--columns, without it",
                   "the ruleset has a '%.*s', which is what the labels' column is called",
                   SPAN_ARG(t->columns[i].name));
        return ST_INVALID;
    }
    return ST_OK;
}

/* ---- cells ---- */

static void put_text(FILE *out, const struct text *t)
{
    fwrite(t->base, 1, t->len, out);
}

static void put_time(FILE *out, int64_t unix_ms)
{
    char bytes[NUMBER_MAX];
    struct text t;
    text_init(&t, bytes, sizeof bytes);
    text_time_ms(&t, unix_ms);
    put_text(out, &t);
}

/* NaN is missing. */
static void write_double(struct text *t, double v)
{
    if (isinf(v))
        text_str(t, v < 0 ? "-inf" : "inf");
    else if (!isnan(v))
        text_double(t, v);
}

static void put_cell(FILE *out, const struct cel_value *v)
{
    char bytes[NUMBER_MAX];
    struct text t;
    text_init(&t, bytes, sizeof bytes);
    switch ((enum cel_kind)v->kind) {
    case CEL_BOOL:
        text_char(&t, v->flag ? '1' : '0');
        break;
    case CEL_INT:
        text_i64(&t, v->i64);
        break;
    case CEL_DOUBLE:
        write_double(&t, v->f64);
        break;
    case CEL_DURATION:
        write_double(&t, (double)v->i64 / 1e9);
        break;
    case CEL_TIMESTAMP:
        text_time_ms(&t, v->i64 * 1000 + v->nanos / 1000000);
        break;
    case CEL_STRING:
        csv_write(out, v->text);
        return;
    default: /* missing, or an error */
        return;
    }
    put_text(out, &t);
}

void training_csv_value(FILE *out, const struct window_value *v)
{
    char bytes[NUMBER_MAX];
    struct text t;
    if (v->missing)
        return;
    text_init(&t, bytes, sizeof bytes);
    if (v->scale > 0)
        text_fixed(&t, v->value.i64, v->scale);
    else
        text_double(&t, v->value.f64);
    put_text(out, &t);
}

/* ---- rows ---- */

static bool waits(const struct training_csv *t)
{
    return t->has_outcome || t->has_time;
}

static void put_columns(const struct training_csv *t, FILE *out, const struct cel_value *row,
                        const struct window_value *values)
{
    for (int i = 0; i < t->n_columns; i++) {
        const struct column *c = &t->columns[i];
        if (i > 0)
            fputc(',', out);
        if (c->from == FROM_FEATURES)
            training_csv_value(out, &values[c->index]);
        else
            put_cell(out, &row[c->index]);
    }
}

static void put_waiting(struct training_csv *t, uint64_t txn_hash)
{
    fflush(t->row);
    uint32_t len = (uint32_t)t->row_len;
    fwrite(&txn_hash, sizeof txn_hash, 1, t->spool);
    fwrite(&len, sizeof len, 1, t->spool);
    fwrite(t->row_bytes, 1, len, t->spool);
    rewind(t->row);
}

void training_csv_row(struct training_csv *t, uint64_t txn_hash, const struct cel_value *row,
                      const struct window_value *values)
{
    if (waits(t)) {
        put_columns(t, t->row, row, values);
        put_waiting(t, txn_hash);
        return;
    }
    put_columns(t, t->o.out, row, values);
    fputc('\n', t->o.out);
}

enum status training_csv_label(struct training_csv *t, uint64_t txn_hash, enum outcome outcome,
                               int64_t known_at_ms)
{
    return waits(t) ? truths_add(&t->truths, txn_hash, outcome, known_at_ms) : ST_OK;
}

/* ---- the end ---- */

/* Parts it from the cell before it; `n` cells stand there. */
static void begin_cell(FILE *out, int *n)
{
    if ((*n)++ > 0)
        fputc(',', out);
}

static void put_label(const struct training_csv *t, uint64_t txn_hash)
{
    const struct truth_label *label = truths_find(&t->truths, txn_hash);
    int n = t->n_columns;
    if (t->has_outcome)
        begin_cell(t->o.out, &n);
    if (t->has_outcome && label != NULL)
        fputs(outcome_text(label->truth == TRUTH_FRAUD ? OUTCOME_FRAUD : OUTCOME_LEGITIMATE),
              t->o.out);
    if (t->has_time)
        begin_cell(t->o.out, &n);
    if (t->has_time && label != NULL)
        put_time(t->o.out, label->known_at_ms);
}

static void copy(FILE *from, FILE *to, size_t len)
{
    char block[4096];
    for (size_t n; len > 0; len -= n) {
        n = fread(block, 1, len < sizeof block ? len : sizeof block, from);
        if (n == 0)
            return;
        fwrite(block, 1, n, to);
    }
}

/* False: there is no more. */
static bool take_waiting(struct training_csv *t)
{
    uint64_t txn_hash;
    uint32_t len;
    if (fread(&txn_hash, sizeof txn_hash, 1, t->spool) != 1 ||
        fread(&len, sizeof len, 1, t->spool) != 1)
        return false;
    copy(t->spool, t->o.out, len);
    put_label(t, txn_hash);
    fputc('\n', t->o.out);
    return true;
}

enum status training_csv_finish(struct training_csv *t)
{
    if (t->spool != NULL) {
        enum status st = truths_settle(&t->truths, NULL);
        if (st != ST_OK)
            return st;
        if (ferror(t->row) || fflush(t->spool) != 0 || fseeko(t->spool, 0, SEEK_SET) != 0)
            return ST_IO;
        while (!ferror(t->o.out) && take_waiting(t))
            ;
        if (ferror(t->spool))
            return ST_IO;
    }
    return fflush(t->o.out) == 0 && !ferror(t->o.out) ? ST_OK : ST_IO;
}

/* ---- opening ---- */

static enum status open_spool(struct training_csv *t, struct diag_list *diags)
{
    int fd = unnamed_open(t->o.dir);
    if (fd < 0 || (t->spool = fdopen(fd, "w+")) == NULL) {
        diag_error(diags, (struct diag_at){.file = t->o.dir}, "spool_dir names another folder",
                   "rows cannot wait for their labels here: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return ST_IO;
    }
    setvbuf(t->spool, NULL, _IOFBF, SPOOL_BUFFER_BYTES);
    t->row = open_memstream(&t->row_bytes, &t->row_len);
    CHECK(t->row != NULL);
    return ST_OK;
}

static void put_header(const struct training_csv *t)
{
    int n = 0;
    for (int i = 0; i < t->n_columns; i++) {
        begin_cell(t->o.out, &n);
        csv_write(t->o.out, t->columns[i].name);
    }
    if (t->has_outcome)
        begin_cell(t->o.out, &n);
    fputs(t->has_outcome ? outcome_column : "", t->o.out);
    if (t->has_time)
        begin_cell(t->o.out, &n);
    fputs(t->has_time ? time_column : "", t->o.out);
    fputc('\n', t->o.out);
}

enum status training_csv_open(const struct training_csv_options *o, struct diag_list *diags,
                              struct training_csv **ret_csv)
{
    struct column all[TRAINING_COLUMNS_MAX];
    struct training_csv *t = calloc(1, sizeof *t);
    CHECK(t != NULL);
    t->o = *o;
    int n = all_columns(o->snap, all);
    enum status st = ST_OK;
    if (o->columns == NULL)
        choose_all(t, all, n);
    else
        st = choose_named(t, diags, all, n);
    if (st == ST_OK)
        st = check_names(t, diags);
    if (st == ST_OK && waits(t))
        st = open_spool(t, diags);
    if (st != ST_OK) {
        training_csv_close(t);
        return st;
    }
    put_header(t);
    *ret_csv = t;
    return ST_OK;
}

void training_csv_close(struct training_csv *t)
{
    if (t == NULL)
        return;
    if (t->spool != NULL)
        fclose(t->spool);
    if (t->row != NULL)
        fclose(t->row);
    free(t->row_bytes);
    truths_fini(&t->truths);
    free(t);
}
