#include "service/engine/decide.h"

#include <math.h>

/* Each model's score to its place in the row; where there is none it stays missing. */
static enum status score_models(const struct snapshot *snap, const struct observed *seen,
                                struct row *row, struct model_result **ret_results)
{
    if (snap->models.count == 0)
        return ST_OK;
    struct model_result *results = arena_try(row->arena, model_set_results_bytes(&snap->models));
    if (results == NULL)
        return ST_NO_SPACE;
    double *inputs = (double *)(void *)(results + snap->models.count);
    for (int i = 0; i < snap->models.count; i++) {
        const struct bound_model *m = &snap->models.items[i];
        bound_model_score(m, row->cells, seen->values, inputs, &results[i]);
        inputs += m->model.n_inputs;
        if (!isnan(results[i].score))
            row->cells[snap->row_models + i] = cel_double(results[i].score);
    }
    *ret_results = results;
    return ST_OK;
}

enum status decide(const struct snapshot *snap, const struct observed *seen, struct row *row,
                   enum decision_detail detail, struct decision *ret_decision)
{
    bool with_results = detail >= DECISION_RULES;
    struct model_result *models = NULL;
    struct hits hits;
    row_set_features(row, snap, seen->values);
    arena_reset(row->scratch);
    enum status st = score_models(snap, seen, row, &models);
    if (st != ST_OK)
        return st;
    st = rules_run(snap->rules, row->cells, with_results, row->scratch, row->arena, &hits);
    if (st != ST_OK)
        return st;
    *ret_decision = (struct decision){.flag = hits.flag,
                                      .score = hits.score,
                                      .hits = hits,
                                      .row = row->cells,
                                      .models = models,
                                      .is_explained = detail == DECISION_EXPLAINED,
                                      .without_state = seen->without_state,
                                      .is_incomplete = seen->is_incomplete};
    if (ret_decision->is_explained)
        counterfactual_find(snap, seen->values, row, &hits, &ret_decision->counterfactuals);
    return ST_OK;
}
