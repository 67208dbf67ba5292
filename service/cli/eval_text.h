/*
 * eval_text.h -- a value as a person reads it: as CEL writes it, so that its type can be seen.
 *
 *     3    3u    3.0    b"\x00a"    [1, "two"]    {"a": 1}    timestamp("2026-01-05T12:00:10Z")
 *
 * But a text alone is that text, without quotes, and so are a time, a duration and an address.
 */
#ifndef SLUICE_CLI_EVAL_TEXT_H
#define SLUICE_CLI_EVAL_TEXT_H

#include "rules/cel_value.h"

/* Too deep a value sets out->overflow. */
void eval_text_write(struct cel_value value, struct text *out);

#endif
