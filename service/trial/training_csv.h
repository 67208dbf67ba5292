/*
 * training_csv.h -- what each transaction saw, and what became of it: rows to train a model on.
 *
 *     transaction_id,amount,timestamp,...,is_night,...,account_tx_count_1d,...,outcome,...
 *     t-1,12.5,2026-01-05T12:00:00Z,...,0,...,3,...,fraud,2026-01-12T09:00:00Z
 *     └ fields of the schema              └ derived   └ features             └ labels
 *
 * Columns may be chosen by name; `@schema`, `@derived` and `@features` are all that this part of
 * the ruleset has. They have the ruleset's names, as a model of it is bound to them, and what a
 * model would see: numbers, a bool as 1 or 0, a duration in seconds, a time as RFC 3339, an inexact
 * feature as its value; what is missing, or an error, is an empty cell. Places, lists and maps have
 * no column. A field that is `private` has one when it is named, and one that may hold card numbers
 * never has.
 *
 * A label comes after its transaction: rows wait for theirs in an unnamed file, until the stream is
 * at its end. `outcome` is `fraud` or `legitimate`, `outcome_timestamp` the label's time; both are
 * empty where no label came. They stand last; without them rows are written as they come.
 *
 *     waiting row   | u64 txn hash | u32 bytes | the row, without its end |
 *
 * Owns:    the unnamed file; `out` and the snapshot are the caller's, and outlive it.
 * Threads: of who replays.
 */
#ifndef SLUICE_TRIAL_TRAINING_CSV_H
#define SLUICE_TRIAL_TRAINING_CSV_H

#include "service/engine/snapshot.h"
#include "service/txn/txn.h"

#include <stdio.h>

enum { TRAINING_COLUMNS_MAX = SCHEMA_FIELDS_MAX + SNAPSHOT_DERIVED_MAX + FEATURES_MAX + 2 };

struct training_csv_options {
    FILE *out;
    const struct snapshot *snap; /* loaded with `reads_all` */
    const char *columns;         /* "amount,@derived,outcome": in this order; NULL: all */
    const char *dir;             /* of the unnamed file */
};

struct training_csv;

/*
 * Writes the header. Errors: ST_INVALID (`columns`, or a name of the ruleset is one of the labels'
 * columns), ST_IO (the unnamed file), with a diagnostic.
 */
MUST_USE enum status training_csv_open(const struct training_csv_options *o,
                                       struct diag_list *diags, struct training_csv **ret_csv);
void training_csv_close(struct training_csv *t); /* NULL is fine */

/* A transaction: its row, and its features in the snapshot's order. Errors of writing show in
 * training_csv_finish(). */
void training_csv_row(struct training_csv *t, uint64_t txn_hash, const struct cel_value *row,
                      const struct window_value *values);

/* Errors: as truths_add(). */
MUST_USE enum status training_csv_label(struct training_csv *t, uint64_t txn_hash,
                                        enum outcome outcome, int64_t known_at_ms);

/* The end of the stream: rows that wait are written. Errors: ST_IO, ST_NO_SPACE. */
MUST_USE enum status training_csv_finish(struct training_csv *t);

/* A feature's value as a cell; of a missing one it is empty. */
void training_csv_value(FILE *out, const struct window_value *v);

#endif
