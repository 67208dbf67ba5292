/*
 * entities_csv.h -- every entity's features at the end of a stream, as CSV (RFC 4180).
 *
 * Owns: nothing. Threads: of who replays.
 */
#ifndef SLUICE_TRIAL_ENTITIES_CSV_H
#define SLUICE_TRIAL_ENTITIES_CSV_H

#include "service/engine/engine.h"

#include <stdio.h>

/* The entities that were met, each once. */
struct entities_csv;

struct entities_csv *entities_csv_new(void);
void entities_csv_free(struct entities_csv *s);
/* `key` is the index of its key field among the snapshot's. */
void entities_csv_add(struct entities_csv *s, int key, struct span value);

/*
 * "field,value,<features>": every entity's features at `t_ms`, in order of field and value;
 * columns of other key fields are empty. Reads the logs through the engine's state. Errors: as
 * the state's; ST_IO.
 */
MUST_USE enum status entities_csv_write(FILE *out, struct engine *e, const struct snapshot *snap,
                                        struct entities_csv *s, int64_t t_ms);

#endif
