#include "tests/unit/engine/counterfactual_bed.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RUN_BYTES = 1 << 20 };

static const char ruleset[] = "schema:\n"
                              "  transaction_id: {type: string, required: true}\n"
                              "  account_id:     {type: string, required: true}\n"
                              "  amount:         {type: decimal, required: true}\n"
                              "  timestamp:      {type: timestamp, required: true}\n"
                              "  mcc:            {type: integer}\n"
                              "  items:          {type: integer}\n"
                              "  secret:         {type: integer, private: true}\n"
                              "  channel:        {type: string}\n"
                              "  is_new:         {type: bool}\n"
                              "derived:\n"
                              "  is_large: amount > 1000.0\n"
                              "  half: amount / 2.0\n"
                              "  label: string(items)\n"
                              "features:\n"
                              "  n: {by: account_id, aggregate: count, windows: [1h, 1d]}\n"
                              "  avg: {by: account_id, aggregate: avg, of: amount, windows: [1d]}\n"
                              "flag_at: 70\n"
                              "rules: [rules.yaml]\n";

int counterfactual_bed_slot(const struct counterfactual_bed *b, const char *name)
{
    const struct cel_name *found = cel_env_find(&b->snap->env, span_str(name));
    assert_non_null(found);
    return found->slot;
}

static void score_models(struct counterfactual_bed *b)
{
    struct model_result result;
    double inputs[MODEL_INPUTS_MAX];
    for (int i = 0; i < b->snap->models.count; i++) {
        bound_model_score(&b->snap->models.items[i], b->cells, NULL, inputs, &result);
        b->cells[b->snap->row_models + i] = isnan(result.score)
                                                ? (struct cel_value){.kind = CEL_MISSING}
                                                : cel_double(result.score);
    }
}

void counterfactual_bed_derive(struct counterfactual_bed *b)
{
    for (int i = 0; i < b->snap->n_derived; i++) {
        arena_reset(b->scratch);
        b->cells[b->snap->row_derived + i] =
            cel_run(b->snap->derived[i].program, b->cells, b->scratch);
    }
    score_models(b);
}

bool counterfactual_bed_flags(struct counterfactual_bed *b, bool explain)
{
    arena_reset(b->arena);
    arena_reset(b->scratch);
    assert_int_equal(rules_run(b->snap->rules, b->cells, explain, b->scratch, b->arena, &b->hits),
                     ST_OK);
    return b->hits.flag;
}

static void set_cells(struct counterfactual_bed *b)
{
    b->cells[counterfactual_bed_slot(b, "account_id")] = cel_string(span_str("a-1"));
    b->cells[counterfactual_bed_slot(b, "amount")] = cel_double(950);
    b->cells[counterfactual_bed_slot(b, "mcc")] = cel_int(5411);
    b->cells[counterfactual_bed_slot(b, "items")] = cel_int(3);
    b->cells[counterfactual_bed_slot(b, "secret")] = cel_int(3);
    b->cells[counterfactual_bed_slot(b, "channel")] = cel_string(span_str("pos"));
    b->cells[counterfactual_bed_slot(b, "is_new")] = cel_bool(false);
    b->cells[counterfactual_bed_slot(b, "n_1h")] = cel_int(6);
    b->cells[counterfactual_bed_slot(b, "n_1d")] = cel_int(20);
    b->cells[counterfactual_bed_slot(b, "avg_1d")] = cel_double(100);
}

void counterfactual_bed_open_with(struct counterfactual_bed *b, const char *more, const char *rules,
                                  const char *name, const char *content)
{
    char text[8192];
    *b = (struct counterfactual_bed){0};
    snprintf(text, sizeof text, "%s%s", ruleset, more != NULL ? more : "");
    world_open_with(&b->world, text, rules, name, content);
    b->snap = snapshot_current(b->world.snapshots);
    b->scratch = arena_new(ROW_SCRATCH_BYTES);
    b->arena = arena_new(RUN_BYTES);
    b->row = (struct row){b->cells, b->arena, b->scratch};
    set_cells(b);
}

void counterfactual_bed_open(struct counterfactual_bed *b, const char *more, const char *rules)
{
    counterfactual_bed_open_with(b, more, rules, NULL, NULL);
}

void counterfactual_bed_close(struct counterfactual_bed *b)
{
    snapshot_unref(b->snap);
    arena_free(b->scratch);
    arena_free(b->arena);
    world_close(&b->world);
}

void counterfactual_bed_find(struct counterfactual_bed *b)
{
    struct cel_value before[512];
    counterfactual_bed_derive(b);
    counterfactual_bed_flags(b, true);
    memcpy(before, b->cells, sizeof before);
    counterfactual_find(b->snap, NULL, &b->row, &b->hits, &b->found);
    for (int i = 0; i < b->snap->row_count; i++) {
        assert_int_equal(before[i].kind, b->cells[i].kind);
        assert_int_equal(before[i].i64, b->cells[i].i64);
    }
}

static struct span name_of(const struct counterfactual_bed *b, int slot)
{
    struct span name = {0};
    for (int k = 0; k < b->snap->env.n_names; k++) {
        if (b->snap->env.names[k].slot == slot)
            name = b->snap->env.names[k].name;
    }
    return name;
}

const char *counterfactual_bed_told(struct counterfactual_bed *b)
{
    struct text t;
    memset(b->text, 0, sizeof b->text);
    text_init(&t, b->text, sizeof b->text - 1);
    for (int i = 0; i < b->found.count; i++) {
        const struct counterfactual *c = &b->found.items[i];
        text_str(&t, i > 0 ? " " : "");
        text_put(&t, name_of(b, c->slot));
        text_str(&t, c->sign == '<' ? "<=" : c->sign == '>' ? ">=" : "=");
        cel_value_write(c->would, &t);
    }
    return b->text;
}

const struct counterfactual *counterfactual_bed_of(const struct counterfactual_bed *b, int slot)
{
    for (int i = 0; i < b->found.count; i++) {
        if (b->found.items[i].slot == slot)
            return &b->found.items[i];
    }
    return NULL;
}

bool counterfactual_bed_turns(struct counterfactual_bed *b, int slot, struct cel_value v, bool was)
{
    struct cel_value before = b->cells[slot];
    b->cells[slot] = v;
    counterfactual_bed_derive(b);
    bool turned = counterfactual_bed_flags(b, false) != was;
    b->cells[slot] = before;
    counterfactual_bed_derive(b);
    return turned;
}

double counterfactual_bed_change(double is, double would)
{
    if ((is < 0 && would > 0) || (is > 0 && would < 0))
        return 1 + fabs(would) / (fabs(would) + fabs(is));
    return fabs(would - is) / fmax(fabs(would), fabs(is));
}
