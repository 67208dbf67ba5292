/*
 * intent.h -- what one event is about to write: a claim, and a record for each of its entities.
 *
 * Pure: the same event, ruleset and nonce give the same bytes, now and when the journal is read
 * again.
 *
 *     | u64 txn hash | claim: fixed part | answer, once decided |
 *       ^ `decision`: the whole is the journal's DECISION frame; with an alert, behind the answer,
 *         its FLAGGED frame
 *                      ^ claim
 *
 * Owns:    nothing; everything lives in the request's arena, keys' raw values perhaps in the
 * message.
 * Threads: pure.
 */
#ifndef SLUICE_ENGINE_INTENT_H
#define SLUICE_ENGINE_INTENT_H

#include "service/engine/alert.h"
#include "service/engine/row.h"
#include "service/state/claim.h"
#include "service/state/state.h"

struct intent {
    uint32_t nonce;
    struct state_entity entities[FEATURE_KEY_FIELDS_MAX];
    int keys[FEATURE_KEY_FIELDS_MAX]; /* of each entity: index into features.keys */
    int n_entities;
    struct text decision; /* room for the answer behind the claim, and for an alert behind that */
    size_t claim_bytes;   /* its fixed part */
    size_t alert_at;      /* in `decision`; 0: there is none */
};

/* What a label needs of its transaction. */
struct intent_correction {
    enum outcome outcome;
    uint64_t txn_hash;
    int64_t ts_ms; /* of the transaction */
    int64_t known_at_ms;
};

/*
 * Do the `values` of an event name an entity of features.keys[key]? Not where the field is missing,
 * and not by an empty text: clients send that for "none", and all of them would be one entity.
 */
bool intent_has_entity(const struct snapshot *snap, int key, const struct txn_value *values);

/* Everything a transaction writes. Errors: ST_NO_SPACE: the arena is full. */
MUST_USE enum status intent_of_transaction(const struct snapshot *snap,
                                           const struct hash_key *hash_key,
                                           const struct event *event, const struct row *row,
                                           uint32_t nonce, struct arena *arena,
                                           struct intent *ret_intent);

/* The claim as it is claimed, and as it is settled with what was written behind it. */
struct span intent_claim(const struct intent *in);
struct span intent_decided(const struct intent *in);
struct span intent_answer(const struct intent *in);

/* Once the answer is written: its alert. `from` as in alert.h. */
void intent_put_alert(struct intent *in, const struct alert_source *from);
/* The alert's record; empty: there is none. */
struct span intent_alert(const struct intent *in);
/* The frame of the journal, and its kind. Once. */
struct span intent_frame(struct intent *in, uint8_t *ret_kind);

/*
 * The claim will name the attempt `nonce`, whose records came first and count; ours are its
 * duplicates. By the claim's nonce a fold tells which records of a transaction to keep.
 */
void intent_credit(struct intent *in, uint32_t nonce);

/*
 * A label's records, by the key values that the label itself carries (`fields`), for each key that
 * counts its outcome. false: it does not carry all that is needed: a value, or what a
 * filter would have to look at.
 */
bool intent_label_carries(const struct snapshot *snap, enum outcome outcome,
                          const struct txn_value *fields);
MUST_USE enum status intent_of_label(const struct snapshot *snap, const struct intent_correction *c,
                                     const struct txn_value *fields, struct arena *arena,
                                     struct intent *ret_intent);

/* The same by what the transaction's claim remembers. `book` knows the layout of its filters;
 * where it does not, ST_NOT_FOUND. */
MUST_USE enum status intent_of_remembered(const struct snapshot *snap,
                                          const struct layout_book *book,
                                          const struct intent_correction *c,
                                          const struct claim *claim, struct arena *arena,
                                          struct intent *ret_intent);

/* "e:<field>:<value>" in the arena. Errors: ST_NO_SPACE, ST_TOO_LARGE (over
 * FEATURE_KEY_BYTES_MAX). */
MUST_USE enum status intent_key(struct span field, struct span value, struct arena *arena,
                                struct span *ret_key);

/*
 * The same of a key field's value that comes as plain text, not in an event; *ret_value is the form
 * that events have it in. Errors: ST_INVALID: *ret_wrong ends the sentence "the value ..."; else
 * as intent_key.
 */
MUST_USE enum status intent_key_of_text(const struct field *field, const struct hash_key *hash_key,
                                        struct span text, struct arena *arena,
                                        struct span *ret_value, struct span *ret_key,
                                        const char **ret_wrong);

/* How long a log of that key may be left alone: 1.2 horizons. */
int64_t intent_log_ttl_ms(const struct feature_key *key);

#endif
