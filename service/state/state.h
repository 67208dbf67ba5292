/*
 * state.h -- where claims and entity logs are kept, behind one asynchronous call.
 *
 * A caller fills a struct state_op and submits it; `done` is called exactly once, from
 * state_submit itself (memory) or later on the same thread from the event loop (Redis).
 * What an operation answers (`logs`, `found`, ...) is borrowed and valid only inside `done`.
 *
 * Keys, after the prefix:
 *     e:<field>:<value>     an entity's log: [header | tiles] records (record.h, fold.h)
 *     x:<16 hex>            a claim, by the hash of the transaction's id (claim.h)
 *     layouts               hash: layout id in hex -> its text (layout.h)
 *     hash-key              the 16 bytes that key every hash; made by the first instance
 *     parked                sorted set: transaction hash -> when its parked labels expire
 *     beacon:<instance>     the last acknowledged sequence of an instance's journal
 *     coverage              from when on the logs hold what features read (coverage.h)
 *     outbox                stream: alerts that no sink has taken for good, each with its owner
 *     v:<16 hex>            the verdict that stands of a transaction: "f:<known at>:<lag>", or "l"
 *     tally                 hash: a column's letter and a row's name -> its sum (tally.h)
 *     alive:<owner>         a process that looks after its alerts; expires soon after it has died
 *
 * Owns:    a backend owns its connection or table. The op and all it points to stay the
 *          caller's and must live until `done`.
 * Threads: one struct state belongs to one loop; several of them share one table or server.
 */
#ifndef SLUICE_STATE_STATE_H
#define SLUICE_STATE_STATE_H

#include "service/base/arena.h"
#include "service/base/diag.h"
#include "service/base/hash.h"
#include "service/state/record.h"
#include "service/state/tally.h"

#include <stdint.h>
#include <uv.h>

enum {
    STATE_ENTITIES_MAX = 16,   /* key fields of one ruleset */
    STATE_KEY_BYTES_MAX = 512, /* prefix, field name, value */
    STATE_INFLIGHT_MAX =
        4096, /* operations of one loop under way; past that ST_UNAVAILABLE at once */
    STATE_FOUND_MAX = 64 << 10, /* bytes of one claim with its answer */
};

/* What stood under a transaction's claim before this attempt. */
enum state_claim {
    STATE_CLAIM_NONE,      /* nothing: this attempt is the first, the claim is now its own */
    STATE_CLAIM_UNDECIDED, /* another attempt's, under way or dead */
    STATE_CLAIM_DECIDED,   /* with its answer */
    STATE_CLAIM_PARKED,    /* labels wait there for their transaction: STATE_TAKE_PARKED */
};

enum state_verb {
    /* One MULTI: the claim SET NX GET EX, each record appended, each log read back. With
     * claim.len == 0 no claim is made (corrections; a transaction observed again from the
     * journal keeps its claim). The keys of one operation are distinct. */
    STATE_OBSERVE,
    /* Replace the claim by the decided one, which expires no sooner, and keep its alert. Where none
     * stands memory makes it; Redis does not: it was emptied. */
    STATE_SETTLE,
    /* The same, only if what stands there is nothing, or undecided and of the same body (cold: a
     * script). outcome says what stood, and found[0], when given, has it; if that was decided,
     * parked or of another body nothing was changed: is_settled says whether it was. */
    STATE_SETTLE_UNDECIDED,
    /* Read the claims of n transactions: found[i], empty when there is none. */
    STATE_PEEK,
    /* Read logs without writing: entities[].key -> entities[].log. */
    STATE_READ,
    /* Replace the first `fold.old_bytes` of entities[0] by `fold.bytes` if generation, last record
     * and length still hold; ST_CONFLICT when they do not. Keeps the expiry, but a longer
     * entities[0].ttl_ms counts. */
    STATE_FOLD,
    /* Take exactly these records (entities[].record, byte for byte) out of these logs again,
     * however often they came. */
    STATE_VOID,
    /* Delete the logs of entities[]. */
    STATE_ERASE,
    /* Add a label (claim: its bytes) to the parked ones of txn_hash (claim_put_label), unless a
     * claim stands there: then outcome says so and found[0], when given, has it. All of them
     * expire ttl_ms after the last. ST_TOO_LARGE over STATE_PARKED_MAX labels, or
     * STATE_FOUND_MAX bytes. */
    STATE_PARK,
    /* Exchange parked labels for the claim: as SET NX GET, but parked labels do not stand in its
     * way. outcome says what stood, and found[0] has it. NONE or PARKED: the claim is now this
     * attempt's; PARKED: found[0] is a claim of parked labels. */
    STATE_TAKE_PARKED,
    /* Parked labels whose wait ended by now_ms: removed, found[i] each (at most STATE_PEEK_MAX), a
     * claim of parked labels. Until they are removed they stand, however old. */
    STATE_EXPIRE_PARKED,
    /* Publish a layout (layout_id, claim: its text). */
    STATE_LAYOUT_PUT,
    /* All published layouts: found[i] texts. */
    STATE_LAYOUTS,
    /* Read the coverage: found[0], empty when there is none. With `claim` it is replaced by that if
     * `expected` stands there: is_settled. */
    STATE_COVERAGE,
    /* Redis with a journal: write the beacon alone. Memory has none. */
    STATE_BEACON,
    /* Redis: this process looks after its alerts, and takes those whose owner does not any more:
     * of the STATE_PEEK_MAX entries behind `cursor` at most n_alerts. found[i] is a record,
     * alerts[i] where it is kept now; `cursor` is where to look on, {0} at the end. Memory has
     * none. */
    STATE_TAKE_ALERTS,
    /* Redis: forget the n_alerts (at most STATE_PEEK_MAX) of alerts[]. */
    STATE_DROP_ALERTS,
    /* Add all rows of the tally to `tally`. */
    STATE_TALLY,
};

enum { STATE_PEEK_MAX = 1024, STATE_PARKED_MAX = 64 };

struct state_entity {
    struct span key;    /* without the prefix: "e:account_id:a-1" */
    struct span record; /* to append, or to take out; empty: only read */
    int64_t ttl_ms;     /* 1.2 horizons; refreshed when this process has not lately */
    bool refresh;       /* private to the backend */
    struct span log;    /* out */
};

struct state_fold {
    uint64_t old_generation;
    size_t old_bytes;
    size_t last_record_bytes;
    struct span last_record;
    struct span bytes;
};

/* Where Redis keeps an alert: an entry of the stream "outbox". {0}: it does not. */
struct state_alert {
    uint64_t ms, seq;
};

/* What a label says of its transaction, and where that is counted (tally.h). */
struct state_verdict {
    struct verdict verdict;
    int64_t amount_e4;       /* of the transaction: the same in each of its verdicts */
    int64_t ttl_ms;          /* how long it is remembered, for the next one; of the claim */
    const struct span *rows; /* names, at most TALLY_NAMES_MAX; the same in each, too */
    int n_rows;
};

struct state_op {
    enum state_verb verb;
    int64_t now_ms; /* for expiry, in the caller's time */
    uint64_t txn_hash;
    struct span claim;
    int64_t ttl_ms; /* of the claim, or of parked labels */
    struct state_entity *entities;
    int n_entities;
    struct state_fold fold;
    /* The settling verbs with Redis: the alert's record; empty: none. With memory the journal's
     * frame has it. */
    struct span alert;
    bool alert_is_nobodys;   /* nobody looks after it: it is the next taker's */
    struct state_alert kept; /* out: where the alert is kept */
    struct state_alert *alerts;
    int n_alerts;
    struct state_alert cursor;
    /* STATE_TAKE_ALERTS: one more after each that was not answered. What it took is ours, and we do
     * not know of it: under another name it is soon a dead owner's. */
    unsigned take_epoch;
    /* STATE_OBSERVE without a claim: judge txn_hash in the same step, unless a verdict stands that
     * supersedes this one. NULL: none. */
    const struct state_verdict *verdict;
    bool verdict_is_news; /* out: it was counted */
    struct tally *tally;  /* STATE_TALLY */
    uint32_t layout_id;
    struct span expected;   /* STATE_COVERAGE */
    const uint64_t *hashes; /* STATE_PEEK */
    int n_hashes;
    /* Memory only: the journal's frame for this change, appended under the table's locks, so that
     * the journal has the order of the logs; empty: none. journal_seq answers its number. With
     * Redis the engine has appended it before, and sets journal_seq; the backend's beacon then
     * follows it. */
    struct span journal_frame;
    uint8_t journal_kind;
    uint64_t journal_seq;
    /* Memory only, while it is rebuilt: the frame's own number, for each operation that stems from
     * it. Shards whose checkpoint already has it are left as they are, and nothing is appended to
     * the journal. 0: live. A checkpoint may come between a frame's operations: one that does
     * not carry a frame is exact again only if nothing of its frame before it was checkpointed. */
    uint64_t recover_seq;

    enum state_claim outcome; /* out */
    bool is_settled;          /* out, of the settling verbs: the claim is now this one */
    struct span *found;       /* out: room for n_hashes, or STATE_PEEK_MAX, or 1, from the caller */
    int n_found;              /* out */

    void (*done)(struct state_op *op, enum status st);
    void *user;

    /* private to the backend */
    struct state_op *next, *prev;
    uint64_t ticket;
    bool tells_beacon;
    uint64_t beacon; /* that goes with it */
};

struct state; /* a backend, first member of each implementation */

struct state_backend {
    const char *name;
    void (*submit)(struct state *s, struct state_op *op);
    bool (*available)(const struct state *s);
    void (*close)(struct state *s);
};

struct state {
    const struct state_backend *backend;
    struct hash_key hash_key; /* of this state's logs; valid once opened */
};

/*
 * Start `op`. done gets ST_OK; ST_UNAVAILABLE (no connection, too many under way, or the server
 * says OOM, READONLY, LOADING, BUSY); ST_CONFLICT (STATE_FOLD); ST_TOO_LARGE; ST_CORRUPT.
 * After ST_UNAVAILABLE it is not known whether the change took place.
 */
static inline void state_submit(struct state *s, struct state_op *op)
{
    s->backend->submit(s, op);
}

/* Is it worth trying? False between a lost connection and the next good one. */
static inline bool state_available(const struct state *s)
{
    return s->backend->available(s);
}

static inline void state_close(struct state *s)
{
    if (s != NULL)
        s->backend->close(s);
}

#endif
