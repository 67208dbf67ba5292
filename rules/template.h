/*
 * template.h -- reasons: "{account_tx_count_5m} payments in 5 minutes".
 *
 * {expr} is any expression, {{ and }} are braces. What a value looks like: cel_value_write().
 * An expression that meets a missing value, or an error, renders as "?".
 *
 * {expr:format} is for numbers (template_format.h). A format stands behind the last colon that is
 * outside of strings and brackets, and that no `?` is for: {a ? b : c} has none, {a ? b : c:.2f}
 * has one.
 *
 * Owns: a template lives in its load's arena. Read-only afterwards.
 */
#ifndef SLUICE_RULES_TEMPLATE_H
#define SLUICE_RULES_TEMPLATE_H

#include "rules/cel.h"
#include "rules/template_format.h"

enum {
    TEMPLATE_RENDERED_MAX = 512, /* bytes; longer ones are cut between two characters */
    TEMPLATE_PIECES_MAX = 64,
};

/* A literal text, or an expression. */
struct template_piece {
    struct span text;
    const struct cel_program *program; /* NULL: `text` stands as it is */
    struct template_format format;     /* of what the program gives */
};

struct template
{
    struct template_piece *pieces;
    int count;
};

/* `source` starts at `at`. Errors: ST_INVALID, ST_NO_SPACE, each with a diagnostic. */
MUST_USE enum status template_compile(const struct cel_env *env, struct span source,
                                      struct diag_at at, struct arena *arena,
                                      struct diag_list *diags, struct template *ret_template);

/*
 * Render over a row, into the arena; `scratch` is given back. Errors: ST_NO_SPACE.
 */
MUST_USE enum status template_render(const struct template *t, const struct cel_value *row,
                                     struct arena *scratch, struct arena *arena,
                                     struct span *ret_text);

#endif
