/*
 * world.h -- an engine over a memory table (or a state of the test's own), and a ruleset in a
 * folder of its own; for the tests of the engine.
 */
#ifndef SLUICE_TESTS_ENGINE_WORLD_H
#define SLUICE_TESTS_ENGINE_WORLD_H

#include "service/engine/score.h"
#include "service/state/state_mem.h"

struct world {
    char folder[64];
    char ruleset[128]; /* its path */
    struct diag_list diags;
    struct snapshot_slot *snapshots;
    struct state_table *table;
    struct engine engine;
    /* the last score */
    struct arena *arena;
    struct score score;
    char answer[SCORE_ANSWER_MAX + 1];
    bool is_done, is_released;
};

/* account_id and terminal_id are keys, fraud_count and decline_count count labels; one rule
 * flags the third transaction of an account within five minutes, one an amount over 1000. */
extern const char world_ruleset[], world_rules[];

/* The folder with the two files; `rules` goes to rules.yaml. */
void world_files(struct world *w, const char *ruleset, const char *rules);
/* A file of the folder. */
void world_write(struct world *w, const char *name, const char *content);

/* Files, snapshot, memory table (with `journal`, which may be NULL) and engine. */
void world_open(struct world *w, const char *ruleset, const char *rules, struct journal *journal);
/* The same with one more file, which the ruleset names; NULL: none. */
void world_open_with(struct world *w, const char *ruleset, const char *rules, const char *name,
                     const char *content);
/* The same around a state that the test has made; it is closed with the world. */
void world_open_state(struct world *w, const char *ruleset, const char *rules, struct state *state,
                      uv_loop_t *loop);
void world_close(struct world *w);

/* Score a body; the answer is copied. Detail and time are as in w->score.intake. */
enum score_answer world_score(struct world *w, const char *body);
/* Start it only; world_score() without looking whether it is done. */
void world_start(struct world *w, const char *body);

/* A transaction of account a-1 at 2026-01-05T12:00:00Z plus `at_ms`, amount 10. */
const char *world_txn(const char *id, int64_t at_ms);
const char *world_txn_of(const char *id, const char *account, const char *terminal, int64_t at_ms);
const char *world_label(const char *id, const char *outcome, int64_t at_ms);

/* The feature's "value" in the last answer (which was explained), or NAN when null or not there. */
double world_feature(const struct world *w, const char *name);
bool world_says(const struct world *w, const char *text);

#endif
