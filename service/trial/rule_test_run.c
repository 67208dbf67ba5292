#include "service/trial/rule_test_run.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/state/state_mem.h"
#include "service/trial/rule_test_compare.h"
#include "service/trial/rule_test_message.h"

#include <stdio.h>
#include <stdlib.h>

/* A test under way. */
struct run {
    const struct rule_test_file *file;
    const struct rule_test *test;
    struct arena *arena;
    struct rule_test_result *result;
    struct rule_test_failure **end; /* where the next failure goes */
    struct engine engine;
    struct score score;
    int number;     /* of the message, from 1 */
    int64_t now_ms; /* the latest time seen so far */
};

/* ---- one event ---- */

/* With the state in memory all is done before score_start() returns. */
static void ignore(struct score *s)
{
    (void)s;
}

static void prepare(struct run *r, int64_t ts_ms)
{
    struct arena *arena = r->score.arena;
    if (ts_ms > r->now_ms)
        r->now_ms = ts_ms;
    arena_reset(arena);
    r->score = (struct score){.engine = &r->engine,
                              .arena = arena,
                              .intake = {.now_ms = r->now_ms,
                                         .historic = true,
                                         .detail = DECISION_EXPLAINED,
                                         .labels_allowed = true,
                                         .transactions_allowed = true},
                              .done = ignore,
                              .released = ignore};
}

/* `body` NULL: its paths do not go together, so it is refused, as the reader would. */
static void score(struct run *r, const struct rule_test_moment *m, const char *body)
{
    prepare(r, m->ts_ms);
    if (body != NULL) {
        score_start(&r->score, span_str(body));
    } else {
        r->score.kind = SCORE_REFUSED;
        snprintf(r->score.error.detail, sizeof r->score.error.detail,
                 "the paths of two of its fields do not go together");
    }
}

static void keep(struct run *r, const struct rule_test_failure *f)
{
    struct rule_test_failure *kept = arena_must(r->arena, sizeof *kept);
    *kept = *f;
    *r->end = kept;
    r->end = &kept->next;
}

static void run_moment(struct run *r, const struct rule_test_event *event, int time)
{
    struct rule_test_moment m = {.test = r->test, .event = event, .number = ++r->number};
    struct rule_test_failure f;
    size_t mark = r->arena->used_bytes;
    m.ts_ms = r->test->start_ms + event->at_ms + (time - 1) * event->every_ms;
    char *body = rule_test_message(r->file, &m);
    score(r, &m, body);
    bool passed = rule_test_compare(r->file->snap, &r->score, event, r->arena, &f);
    free(body);
    if (passed)
        return;
    f.event_number = (int)(event - r->test->events) + 1;
    f.time = time;
    f.ts_ms = m.ts_ms;
    if (r->result->n_failures++ < RULE_TEST_FAILURES_MAX)
        keep(r, &f);
    else
        r->arena->used_bytes = mark;
}

/* ---- one test ---- */

static struct state_table *open_engine(struct run *r, const struct engine_options *options)
{
    static const struct hash_key fixed; /* one file, one result */
    struct state_table *table = state_table_new(&fixed, NULL);
    r->engine = (struct engine){.snapshots = snapshot_slot_new(snapshot_ref(r->file->snap)),
                                .state = state_mem_open(table, true),
                                .options = *options};
    engine_open(&r->engine);
    r->score.arena = arena_new(SCORE_ARENA_BYTES);
    return table;
}

static void close_engine(struct run *r, struct state_table *table)
{
    state_close(r->engine.state);
    engine_close(&r->engine);
    state_table_free(table);
    snapshot_slot_free(r->engine.snapshots);
    arena_free(r->score.arena);
}

void rule_test_run(const struct rule_test_file *file, const struct rule_test *test,
                   const struct engine_options *options, struct arena *arena,
                   struct rule_test_result *ret_result)
{
    int64_t started_us = clock_mono_us();
    struct rule_test_result result = {.test = test};
    struct run r = {
        .file = file, .test = test, .arena = arena, .result = &result, .end = &result.failures};
    struct state_table *table = open_engine(&r, options);
    for (int i = 0; i < test->n_events; i++)
        for (int time = 1; time <= test->events[i].times; time++)
            run_moment(&r, &test->events[i], time);
    close_engine(&r, table);
    result.elapsed_us = clock_mono_us() - started_us;
    *ret_result = result;
}
