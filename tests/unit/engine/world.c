#include "tests/unit/engine/world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define START_MS INT64_C(1767614400000) /* 2026-01-05T12:00:00Z */

const char world_ruleset[] =
    "schema:\n"
    "  transaction_id: {type: string, required: true, max: 64}\n"
    "  account_id:     {type: string, required: true, max: 64}\n"
    "  amount:         {type: decimal, required: true}\n"
    "  timestamp:      {type: timestamp, required: true}\n"
    "  terminal_id:    {type: string, max: 64}\n"
    "  country:        {type: string, max: 2}\n"
    "derived:\n"
    "  is_large: amount > 1000.0\n"
    "features:\n"
    "  account_tx_count:  {by: account_id, aggregate: count, windows: [5m, 1d]}\n"
    "  account_avg:       {by: account_id, aggregate: avg, of: amount, windows: [1d]}\n"
    "  account_large:     {by: account_id, aggregate: count, windows: [1d], where: is_large}\n"
    "  account_declines:  {by: account_id, aggregate: decline_count, windows: [1d]}\n"
    "  terminal_tx_count: {by: terminal_id, aggregate: count, windows: [1d]}\n"
    "  terminal_frauds:   {by: terminal_id, aggregate: fraud_count, windows: [30d]}\n"
    "lists:\n"
    "  watched: [KP]\n"
    "flag_at: 70\n"
    "rules: [rules.yaml]\n";

const char world_rules[] =
    "rules:\n"
    "  - {id: burst, title: Burst, when: account_tx_count_5m > 2, score: 80,\n"
    "     reason: '{account_tx_count_5m} in 5 minutes', severity: high}\n"
    "  - {id: large, when: is_large, score: 30}\n"
    "  - {id: watched, when: country in lists.watched, decision: flag}\n"
    "  - {id: night, when: timestamp.getHours() < 6, score: 1, mode: shadow}\n";

void world_write(struct world *w, const char *name, const char *content)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", w->folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(content, f);
    assert_int_equal(fclose(f), 0);
}

void world_files(struct world *w, const char *ruleset, const char *rules)
{
    snprintf(w->folder, sizeof w->folder, "/tmp/sluice-world-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->ruleset, sizeof w->ruleset, "%s/ruleset.yaml", w->folder);
    world_write(w, "ruleset.yaml", ruleset);
    if (rules != NULL)
        world_write(w, "rules.yaml", rules);
}

static void print_diags(const struct world *w)
{
    static char bytes[64 << 10];
    struct text out;
    text_init(&out, bytes, sizeof bytes);
    diag_print_all(&w->diags, &out);
    print_message("%.*s", SPAN_ARG(text_span(&out)));
}

static void open_engine(struct world *w, struct journal *journal, uv_loop_t *loop)
{
    struct snapshot *snap;
    struct snapshot_options options = {.exact_events = 256};
    if (snapshot_load(w->ruleset, &options, &w->diags, &snap) != ST_OK) {
        print_diags(w);
        fail_msg("the ruleset is refused");
    }
    w->snapshots = snapshot_slot_new(snap);
    w->engine.loop = loop;
    w->engine.journal = journal;
    w->engine.snapshots = w->snapshots;
    w->engine.options = (struct engine_options){.max_skew_ms = 300000,
                                                .dedupe_for_ms = INT64_C(48) * 3600000,
                                                .label_wait_ms = INT64_C(24) * 3600000,
                                                .deadline_ms = 50};
    engine_open(&w->engine);
    w->arena = arena_new(SCORE_ARENA_BYTES);
    w->score.intake = (struct score_intake){.now_ms = START_MS,
                                            .historic = true,
                                            .detail = DECISION_EXPLAINED,
                                            .labels_allowed = true,
                                            .transactions_allowed = true};
}

/* The files are there. */
static void open_world(struct world *w, struct journal *journal)
{
    static const struct hash_key key;
    w->table = state_table_new(&key, journal);
    w->engine.state = state_mem_open(w->table, true);
    w->engine.state_keeps_journal = true;
    open_engine(w, journal, NULL);
}

void world_open(struct world *w, const char *ruleset, const char *rules, struct journal *journal)
{
    *w = (struct world){0};
    world_files(w, ruleset, rules);
    open_world(w, journal);
}

void world_open_with(struct world *w, const char *ruleset, const char *rules, const char *name,
                     const char *content)
{
    *w = (struct world){0};
    world_files(w, ruleset, rules);
    if (name != NULL)
        world_write(w, name, content);
    open_world(w, NULL);
}

void world_open_state(struct world *w, const char *ruleset, const char *rules, struct state *state,
                      uv_loop_t *loop)
{
    *w = (struct world){0};
    world_files(w, ruleset, rules);
    w->engine.state = state;
    open_engine(w, NULL, loop);
}

void world_close(struct world *w)
{
    char command[128];
    state_close(w->engine.state);
    engine_close(&w->engine);
    if (w->engine.loop != NULL)
        uv_run(w->engine.loop, UV_RUN_NOWAIT);
    state_table_free(w->table);
    snapshot_slot_free(w->snapshots);
    arena_free(w->arena);
    snprintf(command, sizeof command, "rm -rf '%s'", w->folder);
    assert_int_equal(system(command), 0);
}

static void done(struct score *s)
{
    struct world *w = s->user;
    assert_false(w->is_done);
    w->is_done = true;
    memcpy(w->answer, s->answer.base ? s->answer.base : "", s->answer.len);
    w->answer[s->answer.len] = '\0';
}

static void released(struct score *s)
{
    struct world *w = s->user;
    assert_true(w->is_done);
    assert_false(w->is_released);
    w->is_released = true;
}

void world_start(struct world *w, const char *body)
{
    arena_reset(w->arena);
    w->is_done = w->is_released = false;
    w->answer[0] = '\0';
    w->score.engine = &w->engine;
    w->score.arena = w->arena;
    w->score.done = done;
    w->score.released = released;
    w->score.user = w;
    score_start(&w->score, arena_copy(w->arena, span_str(body)));
}

enum score_answer world_score(struct world *w, const char *body)
{
    world_start(w, body);
    assert_true(w->is_released);
    return w->score.kind;
}

/* A few bodies stay readable at once. */
static char *next_body(void)
{
    static char bodies[8][512];
    static int next;
    return bodies[next++ % 8];
}

static void put_time(char *out, size_t cap, int64_t at_ms)
{
    struct text t;
    text_init(&t, out, cap - 1);
    text_time_ms(&t, START_MS + at_ms);
    out[t.len] = '\0';
}

const char *world_txn_of(const char *id, const char *account, const char *terminal, int64_t at_ms)
{
    char *body = next_body(), time[40];
    put_time(time, sizeof time, at_ms);
    snprintf(body, 512,
             "{\"transaction_id\":\"%s\",\"account_id\":\"%s\",\"amount\":10.00,"
             "\"timestamp\":\"%s\"%s%s%s}",
             id, account, time, terminal ? ",\"terminal_id\":\"" : "", terminal ? terminal : "",
             terminal ? "\"" : "");
    return body;
}

const char *world_txn(const char *id, int64_t at_ms)
{
    return world_txn_of(id, "a-1", NULL, at_ms);
}

const char *world_label(const char *id, const char *outcome, int64_t at_ms)
{
    char *body = next_body(), time[40];
    put_time(time, sizeof time, at_ms);
    snprintf(body, 512,
             "{\"kind\":\"label\",\"transaction_id\":\"%s\",\"outcome\":\"%s\","
             "\"timestamp\":\"%s\"}",
             id, outcome, time);
    return body;
}

double world_feature(const struct world *w, const char *name)
{
    char key[128];
    snprintf(key, sizeof key, "\"%s\":{\"value\":", name);
    const char *at = strstr(w->answer, key);
    if (at == NULL || strncmp(at + strlen(key), "null", 4) == 0)
        return (double)NAN;
    return strtod(at + strlen(key), NULL);
}

bool world_says(const struct world *w, const char *text)
{
    return strstr(w->answer, text) != NULL;
}
