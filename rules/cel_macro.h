/*
 * cel_macro.h -- has, all, exists, map, cel.bind, optMap ...: calls that are loops, or tests; and
 * math.greatest, math.least, whose arguments are looked at before their types are known.
 *
 * Source: the CEL specification, "Macros"; the expansions are cel-go's (parser/macro.go).
 */
#ifndef SLUICE_RULES_CEL_MACRO_H
#define SLUICE_RULES_CEL_MACRO_H

#include "rules/cel_parse.h"

/*
 * What a call stands for: itself when it is no macro. NULL, with a diagnostic, for a macro that is
 * written wrong.
 */
struct cel_node *cel_macro_expand(struct cel_unit *unit, struct cel_node *call);

/* All macros' names, one more than once where it is several. Returns how many, at most `max`. */
size_t cel_macro_names(const char **ret_names, size_t max);

/* For suggestions: the macros of that style, as cel_func_names() has functions. */
size_t cel_macro_names_of(bool is_method, const char **ret_names, size_t max);

/* How the macro of that name is written, "list.all(x, x > 1)"; NULL: it is none. */
const char *cel_macro_form(struct span name, bool is_method);

#endif
