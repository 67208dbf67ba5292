#include "service/engine/decide.h"

enum status decide(const struct snapshot *snap, const struct observed *seen, struct row *row,
                   enum decision_detail detail, struct decision *ret_decision)
{
    bool with_results = detail >= DECISION_RULES;
    struct hits hits;
    row_set_features(row, snap, seen->values);
    arena_reset(row->scratch);
    enum status st =
        rules_run(snap->rules, row->cells, with_results, row->scratch, row->arena, &hits);
    if (st != ST_OK)
        return st;
    *ret_decision = (struct decision){.flag = hits.flag,
                                      .score = hits.score,
                                      .hits = hits,
                                      .row = row->cells,
                                      .is_explained = detail == DECISION_EXPLAINED,
                                      .without_state = seen->without_state,
                                      .is_incomplete = seen->is_incomplete};
    if (ret_decision->is_explained)
        counterfactual_find(snap, row, &hits, &ret_decision->counterfactuals);
    return ST_OK;
}
