/*
 * cel_format.h -- "%d of %.2f".format([1, 2.5]): a text with values put in.
 *
 *     %[.precision]verb      verb: s d f e x X o b; %% is a percent sign
 *
 * A precision counts for f and e alone. The answer is written as it grows, in the run's arena;
 * O(size of the answer), maps O(n log n) for they are sorted by key.
 *
 * Source: the CEL specification, "Strings" of its extensions; checks at load as cel-go's
 * ext/formatting_v2.go.
 */
#ifndef SLUICE_RULES_CEL_FORMAT_H
#define SLUICE_RULES_CEL_FORMAT_H

#include "rules/cel_func.h"

enum { CEL_PRECISION_MAX = 1000 }; /* digits behind the point; the smallest double has 1074 */

/* Errors: CEL_ERR_ARGUMENT for a wrong clause, or too few arguments; CEL_ERR_LIMIT. */
struct cel_value cel_format(struct cel_context *cx, struct span format,
                            const struct cel_list *args);

/* For the function table: a constant format with a list written out is looked through at load. */
cel_review_fn cel_format_review;

#endif
