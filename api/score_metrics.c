#include "api/score_metrics.h"

#include "service/engine/metrics.h"

static struct score_spread sum_of(const struct http_server *s, const struct snapshot *snap,
                                  int model)
{
    struct score_spread sum = {0};
    for (int i = 0; i < s->n_workers; i++) {
        const struct engine_stats *stats = s->workers[i]->engine->stats;
        if (stats_get(&stats->fired_ruleset) == snap->id)
            score_add(&sum, &stats->models[model].spread);
    }
    return sum;
}

/* `_bucket`, `_sum` or `_count`, up to where more labels or the value stand. */
static void put_name(struct text *out, const char *suffix, const struct bound_model *m)
{
    text_printf(out, "sluice_model_score%s{model=\"%.*s\",hash=\"%s\",role=\"%s\"", suffix,
                SPAN_ARG(m->name), m->model.hash, model_role_text(m->role));
}

static void put_spread(struct text *out, const struct bound_model *m, const struct score_spread *s)
{
    uint64_t count = 0;
    for (int i = 0; i < ENGINE_SCORE_CLASSES; i++) {
        count += s->classes[i];
        put_name(out, "_bucket", m);
        text_str(out, ",le=\"");
        if (i < ENGINE_SCORE_STEPS)
            text_double(out, score_class_end(i));
        else
            text_str(out, "+Inf");
        text_printf(out, "\"} %llu\n", (unsigned long long)count);
    }
    put_name(out, "_sum", m);
    text_str(out, "} ");
    metrics_number(out, s->sum);
    text_char(out, '\n');
    put_name(out, "_count", m);
    text_printf(out, "} %llu\n", (unsigned long long)count);
}

void score_metrics(struct text *out, const struct http_server *s, const struct snapshot *snap)
{
    if (snap->models.count > 0)
        metrics_type(out, "sluice_model_score", "histogram", "Scores of a model of this ruleset");
    for (int i = 0; i < snap->models.count; i++) {
        struct score_spread sum = sum_of(s, snap, i);
        put_spread(out, &snap->models.items[i], &sum);
    }
}
