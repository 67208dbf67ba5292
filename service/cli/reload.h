/*
 * reload.h -- the active ruleset of one `sluice serve`: which one it starts with, and who may
 * change it while it runs.
 *
 *     start:   the configured file, or what was active last, if that is newer ──> the slot
 *     SIGHUP, a changed file ──> libuv's pool ──╮
 *     HTTP                   ──> libuv's pool ──┴─> release/offers.h ──> log, audit, versions
 *
 * Owns:    slot, offers, versions, audit. Threads: the main loop's, but for what says otherwise.
 */
#ifndef SLUICE_CLI_RELOAD_H
#define SLUICE_CLI_RELOAD_H

#include "service/config.h"
#include "service/io/audit.h"
#include "service/release/offers.h"
#include "service/trial/guard.h"

#include <uv.h>

struct reload;

/* `config` is borrowed. What is wrong is logged. Errors: any: no ruleset can be loaded, a folder or
 * file cannot be made. */
MUST_USE enum status reload_open(const struct config *config, uv_loop_t *loop,
                                 struct reload **ret_reload);
/* Begin to watch; before the first signal. */
void reload_start(struct reload *r);
/* The file is to be loaded again: OFFER_SIGHUP or OFFER_FILE. One at a time; what comes
 * meanwhile is done once more behind it. */
void reload_ask(struct reload *r, enum offer_from from);
/* The process has been asked to end: nobody waits for the gate any more. */
void reload_hurry(struct reload *r);
/* With the others that share a Redis, if there are: `name` is what this one is listed as. */
void reload_join(struct reload *r, const char *name);
/* No more by itself. The loop must then run until it has let go. NULL is fine. */
void reload_stop(struct reload *r);
/* After the loop and all who use the slot. NULL is fine. */
void reload_close(struct reload *r);

/* Before reload_start: what this process has decided, and that its journal is to be read; see
 * guard.h. */
void reload_watch_rates(struct reload *r,
                        void (*live)(void *user, uint64_t ruleset, struct gate_rates *ret_rates),
                        void (*settle)(void *user), void *user);

/* As long as `r`. */
struct snapshot_slot *reload_snapshots(struct reload *r);
struct offers *reload_offers(struct reload *r);
struct versions *reload_versions(struct reload *r); /* NULL: none are kept */
struct audit *reload_audit(struct reload *r);

/* Any thread. */
void reload_metrics(const struct reload *r, struct text *out);

#endif
