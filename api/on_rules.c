/* GET /v1/rules: how each rule does, by what it fired at and what labels say of that. */
#include "api/rule_board.h"

enum { RULES_TEXT_BYTES = 8 << 20 }; /* RULES_MAX rules with titles, and as many that are gone */

static void put_text(struct text *out, const char *name, struct span value)
{
    text_str(out, name);
    text_json_string(out, value);
}

static void put_count(struct text *out, const char *name, uint64_t n)
{
    text_printf(out, "%s%llu", name, (unsigned long long)n);
}

static void put_lag(struct text *out, const struct rule_labels *a, const struct rule_labels *b)
{
    int64_t ms;
    text_str(out, ",\"mean_lag_s\":");
    if (rule_mean_lag_ms(a, b, &ms))
        text_fixed(out, ms, 1000);
    else
        text_str(out, "null");
}

static void put_hint(struct text *out, const struct rule_line *l)
{
    if (l->hint != RULE_HINT_NONE)
        put_text(out, ",\"hint\":", span_str(rule_hint_text(l->hint)));
    if (l->covered_by != NULL)
        put_text(out, ",\"covered_by\":", l->covered_by->id);
}

static void put_rollout(struct text *out, const struct rule *rule)
{
    if (rule->rollout.share_e4 == ROLLOUT_ALL_E4)
        return;
    text_str(out, ",\"rollout\":\"");
    rollout_write(rule->rollout.share_e4, out);
    text_char(out, '"');
}

/* One that is gone has its id and its labels. */
static void put_rule(struct text *out, const struct rule *rule)
{
    const char *mode = rule != NULL ? rule_mode_text(rule->mode) : "removed";
    if (rule != NULL) {
        put_text(out, ",\"title\":", rule->title);
        put_text(out, ",\"severity\":", span_str(rule_severity_text(rule->severity)));
    }
    put_text(out, ",\"mode\":", span_str(mode));
    if (rule != NULL)
        put_rollout(out, rule);
}

static void put_line(struct text *out, const struct rule_table *t, const struct rule_line *l)
{
    double precision = 0, recall = 0;
    bool has_precision = rule_precision(l, &precision), has_recall = rule_recall(t, l, &recall);
    put_text(out, "{\"rule\":", l->id);
    put_rule(out, l->rule);
    put_count(out, ",\"fired\":", l->fired);
    put_count(out, ",\"shadow_fired\":", l->shadow_fired);
    put_count(out, ",\"near_misses\":", l->near_misses);
    rule_board_put_labels(out, ",\"live\":", &l->live);
    rule_board_put_labels(out, ",\"shadow\":", &l->shadow);
    rule_board_put_share(out, ",\"precision\":", has_precision, precision);
    rule_board_put_share(out, ",\"recall\":", has_recall, recall);
    put_lag(out, &l->live, &l->shadow);
    put_hint(out, l);
    text_char(out, '}');
}

static void put_summary(struct text *out, const struct rule_table *t)
{
    double precision = 0, recall = 0;
    bool has_precision = rule_table_precision(t, &precision);
    bool has_recall = rule_table_recall(t, &recall);
    rule_board_put_labels(out, ",\"labels\":{\"flagged\":", &t->flagged);
    rule_board_put_labels(out, ",\"allowed\":", &t->allowed);
    rule_board_put_share(out, ",\"precision\":", has_precision, precision);
    rule_board_put_share(out, ",\"recall\":", has_recall, recall);
    put_lag(out, &t->flagged, &t->allowed);
    put_count(out, ",\"unattributed\":", t->unattributed);
    text_char(out, '}');
}

static void put_table(struct text *out, const struct rule_table *t)
{
    put_text(out, "{\"ruleset\":", span_str(t->snap->id_text));
    text_str(out, ",\"since\":\"");
    text_time_ms(out, t->snap->loaded_at_ms);
    put_count(out, "\",\"transactions\":", t->transactions);
    put_summary(out, t);
    text_str(out, ",\"rules\":[");
    for (int i = 0; i < t->n; i++) {
        text_str(out, i > 0 ? "," : "");
        put_line(out, t, &t->lines[i]);
    }
    text_str(out, "]}");
}

static void show(struct request *r, const struct rule_table *t)
{
    struct text out;
    if (t == NULL) {
        request_problem(r, PROBLEM_UNAVAILABLE, "what labels say of the rules is in the state");
        return;
    }
    if (request_heap_text(r, RULES_TEXT_BYTES, &out) != ST_OK)
        return;
    put_table(&out, t);
    if (out.overflow)
        request_problem(r, PROBLEM_INTERNAL, "the rules are too many to show");
    else
        request_reply(r, 200, "application/json", text_span(&out));
}

void on_rules(struct request *r)
{
    rule_board_ask(r, show);
}
