#include "service/engine/model_set_json.h"

#include <inttypes.h>
#include <math.h>

static void put_member(struct text *out, const char *key, struct span value)
{
    text_str(out, key);
    text_json_string(out, value);
}

static void put_model(const struct model_set *set, const struct bound_model *m, struct text *out)
{
    put_member(out, "{\"name\":", m->name);
    put_member(out, ",\"hash\":", span_str(m->model.hash));
    put_member(out, ",\"format\":", span_str(model_format_text(m->model.format)));
    if (m->model.objective.len > 0)
        put_member(out, ",\"objective\":", m->model.objective);
    put_member(out, ",\"role\":", span_str(model_role_text(m->role)));
    if (m->challenges >= 0)
        put_member(out, ",\"challenges\":", set->items[m->challenges].name);
    if (!isnan(m->threshold)) {
        text_str(out, ",\"threshold\":");
        text_double(out, m->threshold);
    }
    text_printf(out, ",\"inputs\":%d", m->model.n_inputs);
    if (m->model.forest != NULL)
        text_printf(out, ",\"trees\":%u", m->model.forest->n_trees);
    text_printf(out, ",\"steps\":%" PRId64 "}", model_steps(&m->model));
}

void model_set_write_json(const struct model_set *set, struct text *out)
{
    text_char(out, '[');
    for (int i = 0; i < set->count; i++) {
        if (i > 0)
            text_char(out, ',');
        put_model(set, &set->items[i], out);
    }
    text_char(out, ']');
}
