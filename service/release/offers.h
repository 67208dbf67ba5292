/*
 * offers.h -- the one door by which a ruleset becomes active, whoever brings it.
 *
 *     SIGHUP ─╮
 *     file   ─┤                ╭ load ── check ── gate ── keep ── activate ── note ── publish
 *     PUT    ─┼─ offers_run() ─┤   │       │        │
 *     redis  ─┤  one at a time ╰   └───────┴────────┴──> refused: nothing has changed
 *     ...    ─╯
 *
 * A step that fails before `activate` leaves the active ruleset as it is, and the report says why;
 * what fails behind it (a full disk, a Redis that is away) is told in the report's note, and the
 * ruleset is active all the same. A ruleset that is the active one already is not swapped; one that
 * was sent here is published all the same, for others may have another. A file that the gate
 * refused is not what the next start loads, either.
 *
 * Owns:    a lock and counters; the slot, the versions and who hears of it are the caller's.
 * Threads: any but the workers' loops: it reads files, and may replay history.
 */
#ifndef SLUICE_RELEASE_OFFERS_H
#define SLUICE_RELEASE_OFFERS_H

#include "service/engine/snapshot.h"
#include "service/release/offer_report.h"
#include "service/release/versions.h"

/*
 * X(name, text, is it judged by the gate?, is it published to all instances?, may it read outside
 * of its folder?, is it loaded before anything else?). What goes back is not judged: that must be
 * quick, and it has decided before. A ruleset that came from Redis is there already.
 */
#define OFFER_FROM_TABLE(X)                                 \
    X(OFFER_START, "start", false, false, true, true)       \
    X(OFFER_SIGHUP, "SIGHUP", true, false, true, false)     \
    X(OFFER_FILE, "file", true, false, true, false)         \
    X(OFFER_PUT, "PUT", true, true, false, false)           \
    X(OFFER_REDIS, "redis", true, false, false, false)      \
    X(OFFER_ROLLBACK, "rollback", false, true, false, true) \
    X(OFFER_DRIFT, "drift", false, true, false, true)

enum offer_from {
#define X(name, text, judged, published, roams, hurries) name,
    OFFER_FROM_TABLE(X)
#undef X
        OFFER_FROMS
};

const char *offer_from_text(enum offer_from from);

struct offer {
    enum offer_from from;
    const char *path;     /* of the ruleset file */
    const char *folder;   /* is taken off the names in diagnostics; NULL: they stand as they are */
    const char *who;      /* who asked for it: "alice" */
    const char *address;  /* where they sit, ""  */
    uint64_t request_id;  /* of a PUT or a rollback; 0 */
    const char *if_match; /* the ids of which one has to be active, a blank between two; "*" any;
                           * NULL: not asked */
    const char *expected; /* the id it has to have itself: of a version; NULL: any */
    const char *why;      /* of one by itself (drift), in words; NULL: nobody says */
    bool force;           /* whatever the gate says */
    bool judged;          /* the gate was asked elsewhere, and is not again */
    bool dry_run;         /* stop before anything changes */
    bool at_once;         /* do not wait while another is under way: OFFER_BUSY */
};

struct offers_options {
    struct snapshot_slot *snapshots; /* borrowed */
    struct versions *versions;       /* borrowed; NULL: none are kept */
    int exact_events;
    char file_id[VERSION_ID_BYTES]; /* what the configured file is; "": it cannot be loaded */
    void *user;
    /* Each may be NULL. On the thread of offers_run(), under its lock. */
    /* The files a ruleset of ours (start, SIGHUP, file) names, before they are read; NULL: a new
     * row of them begins. */
    void (*named)(void *user, const char *path);
    /* Is `candidate` fit to take over? ST_OK, or ST_CONFLICT: no; ret_gate is filled either
     * way. Not called for a ruleset that is active already. */
    enum status (*judge)(void *user, struct snapshot *active, struct snapshot *candidate,
                         struct gate_report *ret_gate);
    /* It is active now, and `before` was: both are borrowed. */
    void (*activated)(void *user, const struct offer *offer, struct snapshot *before,
                      struct snapshot *after, const struct gate_report *gate);
    /* What became of it, good or bad. Not for what was unchanged, unless it was published. */
    void (*note)(void *user, const struct offer *offer, const struct offer_report *report);
    /* To all instances. Errors: any; ret_why[OFFER_NOTE_MAX] says what. */
    enum status (*publish)(void *user, const struct offer *offer, const struct snapshot *snap,
                           char *ret_why);
};

struct offers;

/* CHECKs on no memory. */
struct offers *offers_new(const struct offers_options *o);
void offers_free(struct offers *of); /* NULL is fine */

/*
 * At a start: keep what stands in the slot as a version, if it is none yet, and note that it is
 * active. Errors: ST_IO, ST_TOO_LARGE; one that cannot be kept is a warning in `diags`.
 */
MUST_USE enum status offers_begin(struct offers *of, const char *who, struct diag_list *diags);

/* ret_report is filled whatever becomes of it. O(the ruleset's size), and what the gate takes. */
void offers_run(struct offers *of, const struct offer *offer, struct offer_report *ret_report);

/* An offer that could not even be unpacked, for the reasons of `why`: counted and told as any
 * other; with at_once it may be OFFER_BUSY as any other. */
void offers_refuse(struct offers *of, const struct offer *offer, const struct diag_list *why,
                   struct offer_report *ret_report);

/*
 * The version `id`, NULL: the one before the active one, becomes active again. `offer` says who
 * asks and for what reason (OFFER_ROLLBACK, OFFER_DRIFT); path, folder and expected are filled
 * here. It waits for an offer that is under way, whatever offer->at_once says: who goes back is in
 * a hurry, and wants no 503. Errors: ST_NOT_FOUND: there is no such version; *ret_report is then
 * untouched.
 */
MUST_USE enum status offers_roll_back(struct offers *of, const char *id, const struct offer *offer,
                                      struct offer_report *ret_report);

/*
 * A kept version, to be looked at. The reference is the caller's. O(the ruleset's size). Errors:
 * ST_NOT_FOUND; as snapshot_load.
 */
MUST_USE enum status offers_load_version(const struct offers *of, const char *id,
                                         struct diag_list *diags, struct snapshot **ret_snapshot);

/* Prometheus text: reloads by result and source, and how the last one ended. Any thread. */
void offers_metrics(const struct offers *of, struct text *out);

#endif
