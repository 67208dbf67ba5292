/*
 * replay_csv.h -- features as CSV (RFC 4180): of each transaction, and of every entity at the end.
 *
 * Owns: nothing. Threads: of who replays.
 */
#ifndef SLUICE_TRIAL_REPLAY_CSV_H
#define SLUICE_TRIAL_REPLAY_CSV_H

#include "service/engine/engine.h"
#include "service/txn/reader.h"

#include <stdio.h>

/* "transaction_id,account_tx_count_1d,..." Errors of writing show in ferror(out). */
void replay_csv_head(FILE *out, const struct snapshot *snap, const char *first_columns);
/* `values` in the order of the snapshot's features; a missing one is an empty column. */
void replay_csv_row(FILE *out, const struct snapshot *snap, struct span transaction_id,
                    const struct window_value *values);

/* The entities that were met, each once. */
struct replay_entities;

struct replay_entities *replay_entities_new(void);
void replay_entities_free(struct replay_entities *s);
/* `key` is the index of its key field among the snapshot's. */
void replay_entities_add(struct replay_entities *s, int key, struct span value);

/*
 * "field,value,<features>": every entity's features at `t_ms`, in order of field and value;
 * columns of other key fields are empty. Reads the logs through the engine's state. Errors: as
 * the state's; ST_IO.
 */
MUST_USE enum status replay_csv_final(FILE *out, struct engine *e, const struct snapshot *snap,
                                      struct replay_entities *s, int64_t t_ms);

#endif
