/*
 * slot.h -- one value of a message into one slot, as its field's type asks.
 *
 * Each function answers NULL, or what is wrong as the end of a sentence ("must be a string"),
 * static or the schema's, and free of the value itself; *ret_value is then untouched.
 *
 * Owns: nothing; texts point into the message or the arena. Threads: pure.
 */
#ifndef SLUICE_TXN_SLOT_H
#define SLUICE_TXN_SLOT_H

#include "service/txn/number.h"
#include "service/txn/txn.h"

/* The largest number that a feature aggregates: in units of 1e-6 it fits in 64 bits. */
#define SLOT_AGGREGATED_MAX 9.2e12

/* Not one of the answers for a reader's caller: the arena is full. */
extern const char slot_no_space[];

/* A card number in a text whose field is not marked for one. */
extern const char slot_card_unmarked[];

const char *slot_string(const struct field *field, struct span text, struct arena *arena,
                        struct txn_value *ret_value);
const char *slot_number(const struct field *field, const struct number *n,
                        struct txn_value *ret_value);
const char *slot_bool(const struct field *field, bool flag, struct txn_value *ret_value);

/*
 * A string, address or integer that comes as plain text, as a path's segment does; in the form that
 * events have it in: one spelling of each address and integer, a card number hidden, and refused
 * where the field is not marked for it.
 */
const char *slot_text(const struct field *field, const struct hash_key *key, struct span text,
                      struct arena *arena, struct txn_value *ret_value);

/* Put a card number's hash, in the arena, in the place of *text. */
const char *slot_hide_card(const struct hash_key *key, struct arena *arena, struct span *text);

/* What a value of the field should have been: "must be a string". */
const char *slot_expected(const struct field *field);

/* Is `text` spelt as the text of an ip field is, whatever spelling came? */
bool slot_is_canonical_ip(struct span text);

#endif
