/*
 * generate_line.h -- a booking of generate_bank.h as the inside of one JSON object.
 *
 * Names of fields are those of rules/packs and of rules/COOKBOOK.md. `scenario` and `case` are
 * in no schema: they tell whoever measures a ruleset what it was, and Sluice ignores them.
 *
 * Threads: pure.
 */
#ifndef SLUICE_CLI_GENERATE_LINE_H
#define SLUICE_CLI_GENERATE_LINE_H

#include "service/base/text.h"
#include "service/cli/generate_bank.h"

/* Fields from `,"account_id"` on; before them stand the transaction's id and its timestamp, which
 * are the caller's. The stream began at start_ms, a midnight. At most 800 bytes. */
void line_put_booking(struct text *t, const struct booking *k, int64_t start_ms);

#endif
