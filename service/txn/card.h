/*
 * card.h -- what looks like a payment card's number.
 *
 * 13 to 19 digits with a right check digit (ISO/IEC 7812-1, annex B: Luhn), in one run or
 * in groups with one space or hyphen between them. Such a text goes nowhere.
 */
#ifndef SLUICE_TXN_CARD_H
#define SLUICE_TXN_CARD_H

#include "service/base/arena.h"
#include "service/base/hash.h"

enum {
    CARD_DIGITS_MIN = 13,
    CARD_DIGITS_MAX = 19,
    CARD_TEXT_MAX = 2 * CARD_DIGITS_MAX - 1, /* a separator behind each digit but the last */
    CARD_HIDDEN_BYTES = 21,                  /* "card:" and 16 hex digits */
};

/* Is the whole of `text` a card number? */
bool card_matches(struct span text);

/* Has `text`, two digits at least and separators as above, the right check digit? O(text). */
bool card_check_digit(struct span text);

/*
 * Does a card number stand in `text`: is it one, or is a run of digits in it, as long as it can
 * be, that begins with 22 to 69? In a longer text, digits that touch a letter (an IBAN, hex
 * digits) or belong to a decimal number are none. O(text / 13) where there are few digits.
 */
bool card_stands_in(struct span text);

/*
 * card_matches() for the literal of a JSON integer. Only numbers that start with 2 to 6, as those
 * of banks and merchants do (ISO/IEC 7812-1, table 1), so that no time in Unix milliseconds
 * matches.
 */
bool card_matches_integer(struct span literal);

/* Does `text` have the form that card_hide() gives? */
bool card_is_hidden(struct span text);

/*
 * "card:<16 hex>" of the keyed hash of `text`, without its separators when it is made of digits.
 * A hidden text stays as it is, so that a message may be read again.
 */
void card_hide(const struct hash_key *key, struct span text, char ret_hidden[CARD_HIDDEN_BYTES]);

#endif
