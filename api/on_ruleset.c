/* GET /v1/ruleset: which ruleset decides, since when, and the names in it. */
#include "api/http_worker.h"
#include "api/ruleset_change.h"
#include "service/engine/covered.h"
#include "service/engine/model_set_json.h"

enum { RULESET_TEXT_BYTES = 4 << 20 }; /* RULES_MAX rules with their titles, escaped */

static void put_member(struct text *out, const char *name, struct span value)
{
    text_str(out, name);
    text_json_string(out, value);
}

static void put_name(struct text *out, bool first, struct span name)
{
    if (!first)
        text_char(out, ',');
    text_json_string(out, name);
}

static void put_rule(struct text *out, const struct rule *rule)
{
    put_member(out, "{\"id\":", rule->id);
    put_member(out, ",\"title\":", rule->title);
    put_member(out, ",\"severity\":", span_str(rule_severity_text(rule->severity)));
    put_member(out, ",\"mode\":", span_str(rule_mode_text(rule->mode)));
    if (rule->rollout.share_e4 < ROLLOUT_ALL_E4) {
        text_str(out, ",\"rollout\":\"");
        rollout_write(rule->rollout.share_e4, out);
        text_char(out, '"');
    }
    text_char(out, '}');
}

/* Features that were added while there was history already, and since when they have theirs. */
static void put_covered(struct text *out, const struct snapshot *s)
{
    const char *comma = "";
    text_str(out, "],\"covered_from\":{");
    for (int i = 0; i < s->features.n_features; i++) {
        int64_t from_ms = covered_from_ms(s, i);
        if (from_ms == COVERAGE_ALWAYS)
            continue;
        text_str(out, comma);
        text_json_string(out, s->features.features[i].name);
        text_str(out, ":\"");
        text_time_ms(out, from_ms);
        text_char(out, '"');
        comma = ",";
    }
    text_char(out, '}');
}

static void put_from(struct text *out, const struct snapshot *s)
{
    put_member(out, ",\"from\":", span_str(s->loaded_by));
    put_member(out, ",\"who\":", span_str(s->loaded_for));
    text_str(out, ",\"versions\":\"/v1/ruleset/versions\"");
}

static void put_ruleset(struct text *out, const struct snapshot *s)
{
    put_member(out, "{\"ruleset\":", span_str(s->id_text));
    put_member(out, ",\"decided_by\":", span_str(s->decided_by));
    text_str(out, ",\"since\":\"");
    text_time_ms(out, s->loaded_at_ms);
    text_char(out, '"');
    put_from(out, s);
    text_str(out, ",\"flag_at\":");
    text_double(out, s->rules->flag_at);
    text_str(out, ",\"fields\":[");
    for (int i = 0; i < s->schema.count; i++)
        put_name(out, i == 0, s->schema.fields[i].name);
    text_str(out, "],\"derived\":[");
    for (int i = 0; i < s->n_derived; i++)
        put_name(out, i == 0, s->derived[i].name);
    text_str(out, "],\"features\":[");
    for (int i = 0; i < s->features.n_features; i++)
        put_name(out, i == 0, s->features.features[i].name);
    put_covered(out, s);
    text_str(out, ",\"lists\":[");
    for (int i = 0; i < s->lists->count; i++)
        put_name(out, i == 0, s->lists->items[i].name);
    text_str(out, "],\"models\":");
    model_set_write_json(&s->models, out);
    text_str(out, ",\"rules\":[");
    for (int i = 0; i < s->rules->count; i++) {
        if (i > 0)
            text_char(out, ',');
        put_rule(out, s->rules->rules[i]);
    }
    text_str(out, "]}");
}

void on_ruleset(struct request *r)
{
    struct text out;
    if (request_heap_text(r, RULESET_TEXT_BYTES, &out) != ST_OK)
        return;
    struct snapshot *s = snapshot_current(r->worker->engine->snapshots);
    put_ruleset(&out, s);
    r->reply.etag = ruleset_etag(r, s->id_text);
    snapshot_unref(s);
    if (out.overflow)
        request_problem(r, PROBLEM_INTERNAL, "the ruleset is too large to show");
    else
        request_reply(r, 200, "application/json", text_span(&out));
}
