/*
 * backend.h -- journal, state, outbox and engines of one `sluice serve`.
 *
 *     memory:  journal, identity, checkpoint, later frames ──> table ──> an engine a worker
 *     redis:   journal, identity, probe             ──> a connection and an engine a worker
 *     kafka:   a source a worker, on its engine
 *
 * Owns:    journal, table, delivery, dead letters; the engines between their hooks.
 * Threads: open, checkpoint and close from one thread at a time; engine hooks as http.h says; ready
 *          and metrics from any worker.
 */
#ifndef SLUICE_CLI_BACKEND_H
#define SLUICE_CLI_BACKEND_H

#include "service/base/text.h"
#include "service/config.h"
#include "service/engine/engine.h"
#include "service/engine/outbox.h"
#include "service/trial/gate.h"

enum { BACKEND_WHY_BYTES = 1024 };

struct backend;

/* Who hears of alerts; from any worker's thread. Any may be NULL. */
struct backend_alerts {
    void (*seen)(void *user, const struct alert *alert); /* it was decided */
    void (*woken)(void *user);                           /* the outbox has something to take */
    void *user;
};

/* `config` and `snapshots` are borrowed. Errors: any; ret_why[BACKEND_WHY_BYTES] says what. */
MUST_USE enum status backend_open(const struct config *config, struct snapshot_slot *snapshots,
                                  const struct backend_alerts *alerts, struct backend **ret_backend,
                                  char *ret_why);
/* After the last engine was closed. NULL is fine. */
void backend_close(struct backend *b);

struct engine *backend_engine_open(struct backend *b, int index, uv_loop_t *loop);
void backend_engine_close(struct backend *b, int index, struct engine *engine);

/* Alerts on their way out; as long as the backend. */
struct outbox *backend_outbox(struct backend *b);

/* On the worker's thread: its source of events is to end; has it ended, or is there none? */
void backend_drain(struct backend *b, int index);
bool backend_is_drained(const struct backend *b, int index);

/* Once a second: features that a reload has added get their history (filling.h), and what those
 * that it took out have left behind goes (compactor.h). */
void backend_look_at_features(struct backend *b, int64_t now_ms);

/* Every two seconds: what models are given is compared with their training (model_alarm.h). */
void backend_look_at_models(struct backend *b, int64_t now_ms);

/* Memory with a journal: write the table out. Else ST_OK at once. */
MUST_USE enum status backend_checkpoint(struct backend *b);

/* What all workers have decided since the start, and by the rules of this ruleset. Any thread. */
void backend_rates(const struct backend *b, uint64_t ruleset, struct gate_rates *ret_rates);

/* All that was accepted so far is in the journal's files when it returns, unless the disk refuses.
 * Blocks. Any thread. */
void backend_settle_journal(struct backend *b);

bool backend_ready(const struct backend *b, const struct engine *engine, const char **ret_why);
/* Lines for /readyz, beside "ready". */
void backend_notes(const struct backend *b, struct text *out);
void backend_metrics(const struct backend *b, struct text *out);

#endif
