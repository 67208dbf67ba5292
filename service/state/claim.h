/*
 * claim.h -- the value under x:<hash>: who came first, what is remembered, what was answered.
 *
 *      0: u8 'C'    1: u8 state ('u' undecided, 'd' decided, 'p' parked labels)
 *      2: u16 fixed length    4: u32 nonce    8: u64 digest lo    16: u64 digest hi
 *     24: i64 ts_ms    32: u64 ruleset    40: u8 n_keys
 *     41: for each key: u8 field length, u16 value length, u32 filter bits, u32 layout,
 *         field, value
 *     fixed length: the answer's bytes (decided), or labels (parked): u32 length, bytes, ...
 *
 * All little-endian. What is remembered (time, keys, filter bits) is what a later label needs.
 * A key without a field is the amount: i64 in 1e-4, and the currency behind it. Who knows of no
 * such key never asks for it.
 *
 * Owns:    nothing; a decoded claim borrows its spans from the bytes.
 * Threads: any.
 */
#ifndef SLUICE_STATE_CLAIM_H
#define SLUICE_STATE_CLAIM_H

#include "service/base/hash.h"
#include "service/base/status.h"
#include "service/base/text.h"

enum {
    CLAIM_KEYS_MAX = 16,          /* STATE_ENTITIES_MAX */
    CLAIM_FIXED_BYTES_MAX = 8192, /* sixteen keys of 500 bytes */
    CLAIM_CURRENCY_MAX = 3,       /* "EUR" */
    CLAIM_AMOUNT_BYTES = 8 + CLAIM_CURRENCY_MAX,
    CLAIM_PARKED_BYTES = 41, /* fixed length of parked labels: all zero past offset 4 */
};

struct claim_key {
    struct span field; /* "account_id", at most 255 bytes */
    struct span value; /* raw */
    uint32_t bits;     /* filter bits only, in the layout's filter order: bit j = filter j */
    uint32_t layout;   /* id of the layout whose filters these are */
};

struct claim {
    char state; /* 'u', 'd' or 'p' */
    uint32_t nonce;
    struct hash128 digest;
    int64_t ts_ms;
    uint64_t ruleset;
    struct claim_key keys[CLAIM_KEYS_MAX];
    int n_keys;
    struct span rest; /* the answer, or the parked labels (claim_next_label) */
};

/* Add the amount to the keys, of which there are less than CLAIM_KEYS_MAX. `currency` has at most
 * CLAIM_CURRENCY_MAX bytes. `room` lives as long as the claim. */
void claim_add_amount(struct claim *c, int64_t amount_e4, struct span currency,
                      char room[CLAIM_AMOUNT_BYTES]);

/* false: the claim is older than amounts are. */
bool claim_amount(const struct claim *c, int64_t *ret_amount_e4, struct span *ret_currency);

/* Appends the encoding to `out`; only out->overflow when it does not fit or is over a limit. */
void claim_encode(const struct claim *c, struct text *out);

/* Spans point into `bytes`. Errors: ST_CORRUPT. */
MUST_USE enum status claim_decode(struct span bytes, struct claim *ret_claim);

/* The first two bytes alone, cheap. */
static inline bool claim_is_decided(struct span bytes)
{
    return bytes.len > 1 && bytes.base[0] == 'C' && bytes.base[1] == 'd';
}

static inline bool claim_is_parked(struct span bytes)
{
    return bytes.len > 1 && bytes.base[0] == 'C' && bytes.base[1] == 'p';
}

enum { CLAIM_NONCE_AT = 4, CLAIM_DIGEST_AT = 8 };

/* Are both of the same body? */
static inline bool claim_same_body(struct span a, struct span b)
{
    enum { DIGEST_BYTES = 16, END = CLAIM_DIGEST_AT + DIGEST_BYTES };
    return a.len >= END && b.len >= END &&
           memcmp(a.base + CLAIM_DIGEST_AT, b.base + CLAIM_DIGEST_AT, DIGEST_BYTES) == 0;
}

/* Appends one label to a claim of parked ones that was encoded before it. */
void claim_put_label(struct text *out, struct span label);

/* Takes the first label off *rest. False when there is none, or what is there is no whole label. */
bool claim_next_label(struct span *rest, struct span *ret_label);

#endif
