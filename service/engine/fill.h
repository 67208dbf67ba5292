/*
 * fill.h -- the history of features that a reload has added, from the journals.
 *
 *     journal, with Redis those ──redo, under the ──> a table of its own ──log by log──> the state
 *     of all that write to it     new ruleset
 *
 * What a table that is rebuilt from the journal holds is what the state would, had the ruleset been
 * there all along; whatever it is that the logs lack. So the logs of a key field are exchanged
 * for those of such a table. An exchange:
 *
 *     1. the log is read                        [ as it was ........ ]
 *     2. the table is brought up to the journals' ends
 *     3. what came behind is put behind the     [ rebuilt ........ ][ came since ]
 *        table's log, if what was read stands there unchanged; else from 1.
 *
 * Before that claims get the keys of the new ruleset, so that a label that comes later for a
 * transaction of before finds all logs that count it.
 *
 * With Redis a frame goes to the table once it has reached Redis: so what the table knows is in
 * the log that is read, or came behind it.
 *
 * Only a key field whose logs have nothing that the journals have not is exchanged: one that is
 * new, or whose windows begin behind the journals' begin. Then the coverage says so (covered.h).
 *
 * Owns:    a second table while it runs; the rest is borrowed.
 * Threads: one of its own, beside the engines; blocks until it is done.
 */
#ifndef SLUICE_ENGINE_FILL_H
#define SLUICE_ENGINE_FILL_H

#include "service/engine/delivery.h"
#include "service/engine/engine.h"
#include "service/engine/fill_peers.h"

#include <stdatomic.h>

enum {
    FILL_BATCH = 256,      /* logs exchanged between two looks at the journal */
    FILL_ROUNDS_MAX = 100, /* a log that changes under our hands each time stays as it is */
};

struct fill_options {
    struct snapshot *snap;
    struct snapshot_slot *snapshots; /* it gives up when `snap` decides no more; NULL: not asked */
    struct journal *journal;
    struct state *state;      /* a view of its own */
    void (*turn)(void *user); /* runs the state's loop once; NULL: it answers at once */
    void *user;
    struct delivery *delivery; /* with Redis: what has reached it */
    int64_t since_ms;          /* with Redis: as in fill_feed.h */
    struct fill_peers *peers;  /* with Redis: who else writes to it; NULL: nobody can */
    struct engine_options engine;
    uint64_t table_bytes_max; /* of the second table; 0: no limit */
    int rest;                 /* after each piece of work, so many times as long as it took */
    int64_t now_ms;
};

struct filled {
    uint64_t frames;  /* read */
    uint64_t logs;    /* exchanged */
    uint64_t bytes;   /* of the second table, at last */
    int keys;         /* key fields that were filled */
    int keys_too_old; /* that the journals do not reach back for */
};

/* Some feature's window is not covered at `now_ms`, and time alone would have to cover it. */
bool fill_is_wanted(const struct snapshot *snap, int64_t now_ms);

/*
 * Fill what is not covered. *stop: give up. Errors, after which coverage is as it was: ST_CONFLICT
 * (stopped, a log that does not hold still, another ruleset or instance), ST_TOO_LARGE
 * (table_bytes_max), ST_NOT_FOUND (the journal has nothing, or lost what was being read),
 * ST_UNAVAILABLE (Redis, or an instance that writes to it), ST_CORRUPT, ST_IO.
 */
MUST_USE enum status fill_run(const struct fill_options *o, const atomic_bool *stop,
                              struct filled *ret_filled);

#endif
