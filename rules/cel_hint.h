/*
 * cel_hint.h -- what to do about a mistake: the name that was meant, the form to write.
 *
 * Texts live in the unit's arena until the diagnostic has copied them.
 */
#ifndef SLUICE_RULES_CEL_HINT_H
#define SLUICE_RULES_CEL_HINT_H

#include "rules/cel_parse.h"

/* At most DIAG_MESSAGE_MAX bytes. */
__attribute__((format(printf, 2, 3))) const char *cel_hint_text(struct cel_unit *unit,
                                                                const char *format, ...);

/*
 * About a name that nobody declared: the nearest one, a feature's windows, the names behind
 * "lists.", what other languages mean by it, or env->unknown_hint. NULL: nothing comes to mind.
 * O(names).
 */
const char *cel_hint_name(struct cel_unit *unit, struct span wrong);

/* How many bytes of the name `wrong` lead somewhere: of "tx.amuont" the "tx", of "amuont" none. */
size_t cel_hint_known_prefix(const struct cel_env *env, struct span wrong);

/* The same about a function, a method or a macro; `wrong` may be "math.floot". */
const char *cel_hint_function(struct cel_unit *unit, struct span wrong, bool is_method);

/* Does a function's name begin with `space` and a dot, as math.ceil does with "math"? */
bool cel_hint_is_namespace(struct span space);

/*
 * About a token that may not stand at `offset`, behind the token `before` (both of the source):
 * a word of another language, a number's comma, the bracket that is still open.
 */
const char *cel_hint_token(struct cel_unit *unit, struct span before, size_t offset,
                           struct span token);

/* What stands in the source for `n`; empty for what a macro made, and for what is long. */
struct span cel_hint_source(const struct cel_unit *unit, const struct cel_node *n);

#endif
