#include "service/cli/eval_tx.h"

#include "service/base/clock.h"
#include "service/cli/eval_json.h"
#include "service/txn/reader.h"

#include <errno.h>
#include <math.h>

/* ---- the transaction ---------------------------------------------------------------------- */

/* All of the file, or as much as shows that it is too large. */
static enum status read_file(const char *path, struct arena *arena, struct diag_list *diags,
                             struct span *ret_body)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *in = is_stdin ? stdin : fopen(path, "rb");
    char *bytes = arena_try(arena, READER_BODY_MAX + 1);
    size_t len = in != NULL && bytes != NULL ? fread(bytes, 1, READER_BODY_MAX + 1, in) : 0;
    bool ok = in != NULL && !ferror(in) && bytes != NULL;
    if (!ok)
        diag_error(diags, (struct diag_at){.file = path}, NULL, "cannot read the file: %s",
                   strerror(errno));
    if (in != NULL && !is_stdin)
        fclose(in);
    if (!ok)
        return ST_IO;
    *ret_body = span_of(bytes, len);
    return ST_OK;
}

static void tell_refused(const char *path, struct span body, const struct reader_error *error,
                         struct diag_list *diags)
{
    struct diag_at at = {.file = path, .content = body};
    if (error->offset != READER_NO_OFFSET && error->offset <= body.len) {
        at.line = at.col = 1;
        for (size_t i = 0; i < error->offset; i++) {
            at.col = body.base[i] == '\n' ? 1 : at.col + 1;
            at.line += body.base[i] == '\n';
        }
    }
    for (; error != NULL; error = error->next, at.line = at.col = 0)
        diag_error(diags, at, NULL, "at %s: %s", error->pointer[0] ? error->pointer : "/",
                   error->detail);
}

static enum status read_transaction(const struct snapshot *snap, const char *path,
                                    struct arena *arena, struct diag_list *diags,
                                    struct txn_value *values)
{
    static const struct hash_key fixed; /* an id's hash is of no use here */
    struct reader_error error;
    struct event event;
    struct span body;
    enum status st = read_file(path, arena, diags, &body);
    if (st != ST_OK)
        return st;
    st = reader_read(&snap->schema, &fixed, body, arena, values, &event, &error);
    if (st != ST_OK) {
        tell_refused(path, body, &error, diags);
        return st;
    }
    if (event.kind == EVENT_TRANSACTION)
        return ST_OK;
    diag_error(diags, (struct diag_at){.file = path}, NULL, "this is a label, not a transaction");
    return ST_INVALID;
}

static enum status fill_row(struct eval_tx *tx, const char *path, struct arena *arena,
                            struct arena *scratch, struct diag_list *diags)
{
    struct txn_value values[SCHEMA_FIELDS_MAX];
    enum status st = read_transaction(tx->snap, path, arena, diags, values);
    return st == ST_OK ? row_init(&tx->row, tx->snap, values, scratch, arena) : st;
}

enum status eval_tx_load(const char *ruleset, int exact_events, const char *path,
                         struct arena *arena, struct arena *scratch, struct diag_list *diags,
                         struct eval_tx *ret_tx)
{
    struct snapshot_options options = {
        .exact_events = exact_events, .now_ms = clock_wall_ms(), .reads_all = true};
    struct eval_tx tx = {0};
    enum status st = snapshot_load(ruleset, &options, diags, &tx.snap);
    if (st == ST_OK)
        st = fill_row(&tx, path, arena, scratch, diags);
    if (st == ST_OK)
        *ret_tx = tx;
    else
        snapshot_unref(tx.snap);
    return st;
}

/* ---- its features and models --------------------------------------------------------------- */

static bool is_feature(const struct snapshot *snap, int slot)
{
    return slot >= snap->row_features && slot < snap->row_features + snap->features.n_features;
}

static bool is_model(const struct snapshot *snap, int slot)
{
    return slot >= snap->row_models && slot < snap->row_models + snap->models.count;
}

static bool can_be_given(const struct snapshot *snap, const struct cel_name *name)
{
    return name->constant == NULL && (is_feature(snap, name->slot) || is_model(snap, name->slot));
}

static const char *nearest_feature(const struct snapshot *snap, struct span wrong)
{
    static char hint[DIAG_MESSAGE_MAX];
    static char names[FEATURES_MAX][128];
    const char *pointers[FEATURES_MAX];
    for (int i = 0; i < snap->features.n_features; i++) {
        snprintf(names[i], sizeof names[i], "%.*s", SPAN_ARG(snap->features.features[i].name));
        pointers[i] = names[i];
    }
    const char *nearest = diag_nearest(wrong, pointers, (size_t)snap->features.n_features);
    if (nearest == NULL)
        return "--vars gives features, such as account_count_5m; fields are the transaction's";
    snprintf(hint, sizeof hint, "did you mean '%s'?", nearest);
    return hint;
}

/* As a feature of that type has it; false: it has not. */
static bool take_value(const struct cel_name *name, struct cel_value v, struct cel_value *ret_cell)
{
    if (v.kind == CEL_NULL)
        v = (struct cel_value){.kind = CEL_MISSING};
    else if (v.kind == CEL_INT && name->type->kind == CEL_T_DOUBLE)
        v = cel_double((double)v.i64);
    else if (!cel_type_takes(name->type, v))
        return false;
    *ret_cell = v;
    return true;
}

static bool set_one(struct eval_tx *tx, struct span text, struct cel_value value,
                    struct diag_list *diags)
{
    struct diag_at at = {.file = "--vars"};
    const struct cel_name *name = cel_env_find(&tx->snap->env, text);
    if (name == NULL || !can_be_given(tx->snap, name)) {
        diag_error(diags, at, nearest_feature(tx->snap, text), "there is no feature '%.*s'",
                   SPAN_ARG(text));
        return false;
    }
    if (take_value(name, value, &tx->row.cells[name->slot]))
        return true;
    diag_error(diags, at, NULL, "'%.*s' is %s", SPAN_ARG(text),
               name->type->kind == CEL_T_INT ? "an int: a number without a point" : "a number");
    return false;
}

static bool is_missing(struct cel_value v)
{
    return v.kind == CEL_MISSING || (v.kind == CEL_ERROR && v.code == CEL_ERR_MISSING);
}

/* Those whose score was not given. */
static void score_models(struct eval_tx *tx)
{
    double inputs[MODEL_INPUTS_MAX];
    for (int i = 0; i < tx->snap->models.count; i++) {
        struct cel_value *cell = &tx->row.cells[tx->snap->row_models + i];
        if (!is_missing(*cell))
            continue;
        bound_model_score(&tx->snap->models.items[i], tx->row.cells, NULL, inputs, &tx->models[i]);
        tx->models[i].inputs = NULL; /* the next one's come there */
        if (!isnan(tx->models[i].score))
            *cell = cel_double(tx->models[i].score);
    }
}

enum status eval_tx_set(struct eval_tx *tx, const struct eval_vars *vars, struct diag_list *diags)
{
    bool ok = true;
    for (int i = 0; i < vars->count; i++)
        ok = set_one(tx, vars->names[i].name, vars->values[i], diags) && ok;
    score_models(tx);
    return ok ? ST_OK : ST_INVALID;
}

/* ---- what is not there -------------------------------------------------------------------- */

enum { INPUTS_NAMED_MAX = 5 };

static const struct cel_name *name_at(const struct snapshot *snap, int slot)
{
    for (int i = 0; i < snap->env.n_names; i++)
        if (snap->env.names[i].constant == NULL && snap->env.names[i].slot == slot)
            return &snap->env.names[i];
    return NULL;
}

/* What was said of an expression, and the first feature that is missing. */
struct telling {
    const struct eval_tx *tx;
    FILE *to;
    int told;
    const struct cel_name *feature;
};

/* The name at a slot that has no value; NULL: it has one. */
static const struct cel_name *missing_at(struct telling *t, int slot)
{
    const struct cel_name *name = name_at(t->tx->snap, slot);
    if (name == NULL || !is_missing(t->tx->row.cells[slot]))
        return NULL;
    if (t->feature == NULL && is_feature(t->tx->snap, slot))
        t->feature = name;
    return name;
}

static void tell_name(struct telling *t, int slot)
{
    const struct cel_name *name = missing_at(t, slot);
    if (name != NULL)
        fprintf(t->to, "%s%.*s", t->told++ ? ", " : "missing: ", SPAN_ARG(name->name));
}

/* The name of an input, and why it is none: it is missing, or a text that the model has no code
 * for. */
static void tell_input(struct telling *t, int slot, const char *before)
{
    const struct cel_name *name = missing_at(t, slot);
    if (name != NULL)
        fprintf(t->to, "%s%.*s", before, SPAN_ARG(name->name));
    else if ((name = name_at(t->tx->snap, slot)) != NULL)
        fprintf(t->to, "%s%.*s, which is none of its categories", before, SPAN_ARG(name->name));
}

/* "models.fraud: 3 of 18 inputs are missing: account_tx_count_5m, ..." */
static void tell_model(struct telling *t, int index)
{
    const struct bound_model *m = &t->tx->snap->models.items[index];
    int n_missing = t->tx->models[index].n_missing, named = 0;
    double inputs[MODEL_INPUTS_MAX];
    struct model_result result;
    if (n_missing == 0)
        return;
    fprintf(t->to, "models.%.*s: %d of %d inputs %s missing", SPAN_ARG(m->name), n_missing,
            m->model.n_inputs, n_missing == 1 ? "is" : "are");
    bound_model_gather(m, t->tx->row.cells, NULL, inputs, &result);
    for (int i = 0; i < m->model.n_inputs && named < INPUTS_NAMED_MAX; i++)
        if (isnan(inputs[i]))
            tell_input(t, m->sources[i].slot, named++ ? ", " : ": ");
    fprintf(t->to, "%s\n", n_missing > named ? ", ..." : "");
}

void eval_tx_tell_missing(const struct eval_tx *tx, const struct cel_program *program, FILE *to)
{
    struct telling t = {.tx = tx, .to = to};
    for (int i = 0; i < program->n_reads; i++)
        tell_name(&t, program->reads[i]);
    fputs(t.told ? "\n" : "", to);
    for (int i = 0; i < program->n_reads; i++)
        if (is_model(tx->snap, program->reads[i]))
            tell_model(&t, program->reads[i] - tx->snap->row_models);
    if (t.feature != NULL)
        fprintf(to, "features have no history here; give them: --vars '{\"%.*s\": 6}'\n",
                SPAN_ARG(t.feature->name));
}
