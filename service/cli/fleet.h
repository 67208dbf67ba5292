/*
 * fleet.h -- this instance among those that share a Redis: the ruleset that was published, and what
 * each says of itself.
 *
 *     a thread of its own:  each 500 ms: another seq? ──> take, unpack, offers_run(OFFER_REDIS)
 *                           each 2 s: what this node decides by, and since when
 *     any other thread:     fleet_publish(), behind an offer that was sent here
 *
 * What cannot be loaded is told and counted once, and tried again with the next seq. While Redis is
 * away nothing changes.
 *
 * Owns:    two connections and a thread. Threads: fleet_publish() any; the rest one.
 */
#ifndef SLUICE_CLI_FLEET_H
#define SLUICE_CLI_FLEET_H

#include "service/config.h"
#include "service/release/offers.h"
#include "service/release/published.h"

struct fleet;

/* NULL: the state is not in Redis, or reload.published is false. `config` and `versions` are
 * borrowed. */
struct fleet *fleet_new(const struct config *config, struct versions *versions);
void fleet_free(struct fleet *f); /* after fleet_stop(); NULL is fine */

/*
 * At a start, before there are offers: the published ruleset, a reference, or NULL: there is none,
 * Redis does not answer, or it cannot be loaded (that is logged).
 */
struct snapshot *fleet_first(struct fleet *f);

/* `name`: "host:8080". */
void fleet_start(struct fleet *f, struct offers *offers, struct snapshot_slot *snapshots,
                 const char *name);
void fleet_stop(struct fleet *f); /* NULL is fine */

/* As offers_options.publish. */
MUST_USE enum status fleet_publish(struct fleet *f, const struct offer *offer,
                                   const struct snapshot *snap, char *ret_why);

#endif
