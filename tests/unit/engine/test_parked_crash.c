/* A label that waited for its transaction counts once, whenever a checkpoint and a kill come. */
#include "service/engine/parked_sweep.h"
#include "service/engine/recover.h"
#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SECOND = 1000, DAY = 86400000, OPERATIONS_MAX = 12 };

/* ---- a process that is killed ---- */

/*
 * A state over the world's own: before operation `checkpoint_at` the table is written out, and
 * before operation `kill_at` all that a process killed there would leave behind is set aside.
 */
struct killed {
    struct state state;
    struct state *near;
    struct world world;
    struct journal *journal;
    char dir[32], left[48]; /* its folder, and what is left behind */
    int n, checkpoint_at, kill_at;
};

static void shell(const char *verb, const char *from, const char *to)
{
    char line[128];
    snprintf(line, sizeof line, "%s '%s' '%s'", verb, from, to);
    assert_int_equal(system(line), 0);
}

static void set_aside(struct killed *k)
{
    assert_int_equal(journal_sync(k->journal), ST_OK);
    shell("cp -r", k->dir, k->left);
}

static void submit(struct state *s, struct state_op *op)
{
    struct killed *k = (struct killed *)s;
    k->n++;
    if (k->n == k->checkpoint_at)
        assert_int_equal(state_table_checkpoint(k->world.table, k->dir), ST_OK);
    if (k->n == k->kill_at)
        set_aside(k);
    state_submit(k->near, op);
}

static bool available(const struct state *s)
{
    return state_available(((const struct killed *)s)->near);
}

static void close_near(struct state *s)
{
    state_close(((struct killed *)s)->near);
}

static const struct state_backend backend = {
    .name = "killed", .submit = submit, .available = available, .close = close_near};

static void open_in(struct killed *k, const char *dir)
{
    struct journal_options options = {.dir = dir, .fsync = JOURNAL_NO};
    struct journal_opened opened;
    char why[JOURNAL_WHY_BYTES];
    assert_int_equal(journal_open(&options, &k->journal, &opened, why), ST_OK);
    world_open(&k->world, world_ruleset, world_rules, k->journal);
    k->world.engine.judges = true;
}

static void open_killed(struct killed *k)
{
    *k = (struct killed){.state = {.backend = &backend}, .dir = "/tmp/sluice-journal-XXXXXX"};
    assert_non_null(mkdtemp(k->dir));
    snprintf(k->left, sizeof k->left, "%s-left", k->dir);
    open_in(k, k->dir);
    k->near = k->world.engine.state;
    k->state.hash_key = k->near->hash_key;
    k->world.engine.state = &k->state;
}

static void close_world(struct killed *k)
{
    world_close(&k->world);
    journal_close(k->journal);
}

/* Another process, over what was left behind. */
static void restart(struct killed *k)
{
    struct recovered r;
    uint64_t from_seq;
    if (k->n < k->kill_at)
        set_aside(k);
    close_world(k);
    open_in(k, k->left);
    assert_int_equal(state_table_load(k->world.table, k->left, &from_seq), ST_OK);
    assert_int_equal(recover(&k->world.engine, from_seq, &r), ST_OK);
}

static void end(struct killed *k)
{
    close_world(k);
    shell("rm -rf", k->dir, k->left);
}

/* ---- what labels say of the rules ---- */

static void keep_status(struct state_op *op, enum status st)
{
    (void)op;
    assert_int_equal(st, ST_OK);
}

static int64_t frauds_allowed(struct world *w)
{
    struct tally t;
    struct state_op op = {.verb = STATE_TALLY, .tally = &t, .done = keep_status};
    tally_init(&t);
    state_submit(w->engine.state, &op);
    int64_t n = tally_row(&t, span_str("a::"))[TALLY_FRAUD];
    tally_fini(&t);
    return n;
}

/* ---- a transaction comes to its label ---- */

/* Its label waits already. Then the client sends it again, as it must without an answer. */
static int killed_at(int checkpoint_at, int kill_at)
{
    struct killed k;
    const char *txn = world_txn_of("t-1", "a-1", "m-1", 0);
    open_killed(&k);
    assert_int_equal(world_score(&k.world, world_label("t-1", "fraud", SECOND)), SCORE_PARKED);
    k.n = 0;
    k.checkpoint_at = checkpoint_at;
    k.kill_at = kill_at;
    assert_int_equal(world_score(&k.world, txn), SCORE_DECIDED);
    int n = k.n;
    restart(&k);
    assert_int_equal(world_score(&k.world, txn), SCORE_DECIDED);
    /* Killed between the decision and the verdict, it counts for no rule. */
    assert_in_range(frauds_allowed(&k.world), kill_at > n, 1);
    world_score(&k.world, world_txn_of("t-2", "a-1", "m-1", 2 * SECOND));
    if (world_feature(&k.world, "account_tx_count_1d") != 2 ||
        world_feature(&k.world, "terminal_frauds_30d") != 1)
        fail_msg("checkpoint at %d, killed at %d: %s", checkpoint_at, kill_at, k.world.answer);
    end(&k);
    return n;
}

static void it_counts_once_wherever_a_checkpoint_and_a_kill_come(void **state)
{
    (void)state;
    int n = killed_at(OPERATIONS_MAX, OPERATIONS_MAX);
    assert_in_range(n, 4, OPERATIONS_MAX - 1);
    for (int checkpoint_at = 1; checkpoint_at <= n; checkpoint_at++)
        for (int kill_at = checkpoint_at; kill_at <= n + 1; kill_at++)
            killed_at(checkpoint_at, kill_at);
}

/* ---- a label comes to its transaction, and counts for the rules that fired there ---- */

/* Then the client sends it again, as it must without an answer. */
static int label_killed_at(int checkpoint_at, int kill_at)
{
    struct killed k;
    const char *label = world_label("t-1", "fraud", SECOND);
    open_killed(&k);
    assert_int_equal(world_score(&k.world, world_txn_of("t-1", "a-1", "m-1", 0)), SCORE_DECIDED);
    assert_int_equal(world_score(&k.world, world_txn_of("t-2", "a-1", "m-1", 0)), SCORE_DECIDED);
    assert_int_equal(world_score(&k.world, world_label("t-2", "fraud", SECOND)), SCORE_LABELLED);
    k.n = 0;
    k.checkpoint_at = checkpoint_at;
    k.kill_at = kill_at;
    assert_int_equal(world_score(&k.world, label), SCORE_LABELLED);
    int n = k.n;
    restart(&k);
    assert_int_equal(world_score(&k.world, label), SCORE_LABELLED);
    if (frauds_allowed(&k.world) != 2)
        fail_msg("checkpoint at %d, killed at %d: %d", checkpoint_at, kill_at,
                 (int)frauds_allowed(&k.world));
    end(&k);
    return n;
}

static void its_verdict_counts_once_wherever_a_checkpoint_and_a_kill_come(void **state)
{
    (void)state;
    int n = label_killed_at(OPERATIONS_MAX, OPERATIONS_MAX);
    assert_in_range(n, 2, OPERATIONS_MAX - 1);
    for (int checkpoint_at = 1; checkpoint_at <= n + 1; checkpoint_at++)
        for (int kill_at = checkpoint_at; kill_at <= n + 1; kill_at++)
            label_killed_at(checkpoint_at, kill_at);
}

/* ---- no transaction comes ---- */

static void count_dead(void *user, struct span body)
{
    int *n = user;
    assert_true(span_starts(body, span_str("{\"kind\":\"label\"")));
    (*n)++;
}

/* A look, and the one that finds nothing more. */
static void sweep(struct world *w, int64_t now_ms, int *dead)
{
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    w->engine.dead_label = count_dead;
    w->engine.user = dead;
    w->engine.loop = &loop;
    struct parked_sweep *p = parked_sweep_new(&w->engine);
    w->engine.loop = NULL;
    parked_sweep_run(p, now_ms);
    parked_sweep_run(p, now_ms);
    parked_sweep_free(p);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void expires_once(int checkpoint_at)
{
    struct killed k;
    int dead = 0;
    open_killed(&k);
    world_score(&k.world, world_label("t-1", "fraud", 0));
    world_score(&k.world, world_label("t-1", "legitimate", SECOND));
    int64_t now_ms = k.world.score.intake.now_ms;
    k.world.score.intake.now_ms += SECOND;
    world_score(&k.world, world_label("t-2", "fraud", 0)); /* a second later: it waits on */
    k.n = 0;
    k.kill_at = OPERATIONS_MAX;
    k.checkpoint_at = checkpoint_at;
    sweep(&k.world, now_ms + DAY, &dead);
    assert_int_equal(dead, 2);
    restart(&k);
    sweep(&k.world, now_ms + DAY, &dead);
    assert_int_equal(dead, 2);
    sweep(&k.world, now_ms + DAY + SECOND, &dead);
    assert_int_equal(dead, 3);
    end(&k);
}

static void a_wait_that_has_ended_ends_once(void **state)
{
    (void)state;
    for (int checkpoint_at = 0; checkpoint_at <= 2; checkpoint_at++)
        expires_once(checkpoint_at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_counts_once_wherever_a_checkpoint_and_a_kill_come),
        cmocka_unit_test(its_verdict_counts_once_wherever_a_checkpoint_and_a_kill_come),
        cmocka_unit_test(a_wait_that_has_ended_ends_once),
    };
    return cmocka_run_group_tests_name("engine/parked_crash", tests, NULL, NULL);
}
