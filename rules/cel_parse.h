/*
 * cel_parse.h -- from tokens to the tree.
 *
 * Recursive descent; the grammar stands over each function. Macros are expanded on
 * the way (cel_macro.h). Nothing deeper than CEL_DEPTH_MAX is made.
 *
 * Source: the CEL specification, "Grammar" and "Macros".
 */
#ifndef SLUICE_RULES_CEL_PARSE_H
#define SLUICE_RULES_CEL_PARSE_H

#include "rules/cel_ast.h"

/* What the steps of one compilation share. */
struct cel_unit {
    const struct cel_env *env;
    struct span source;
    struct diag_at at;
    struct arena *arena;
    struct diag_list *diags;
    bool failed;
};

/* Adds a diagnostic that points at source[offset]. */
__attribute__((format(printf, 4, 5))) void
cel_unit_error(struct cel_unit *unit, size_t offset, const char *hint, const char *format, ...);

/*
 * Is there room in the arena for whatever the unit's source may need, from text to program or from
 * tree to program? Asked for at once, so that no step has to look. false: with a diagnostic.
 */
bool cel_unit_has_room(struct cel_unit *unit);
/* So many bytes. */
size_t cel_unit_room(const struct cel_unit *unit);

/* NULL, with a diagnostic added, for what is no expression. O(source). */
struct cel_node *cel_parse(struct cel_unit *unit);

/* `size` zeroed bytes of the unit's arena; NULL with a diagnostic when it is full. */
void *cel_unit_alloc(struct cel_unit *unit, size_t size);

#endif
