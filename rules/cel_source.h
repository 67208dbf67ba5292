/*
 * cel_source.h -- where a byte of an expression stands in the file it was written in.
 *
 * YAML changes texts: a folded block joins lines, quotes have escapes. The text is therefore
 * laid beside the file's bytes, blank against blank, and both are walked.
 */
#ifndef SLUICE_RULES_CEL_SOURCE_H
#define SLUICE_RULES_CEL_SOURCE_H

#include "service/base/diag.h"

/*
 * The place of `source[offset]`, when source starts at `at`. With an empty at.content, within
 * the source itself. Where the two cannot be laid side by side: `at`. O(file).
 */
struct diag_at cel_source_at(struct diag_at at, struct span source, size_t offset);

#endif
