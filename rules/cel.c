#include "rules/cel.h"

#include "rules/cel_bounds.h"
#include "rules/cel_check.h"
#include "rules/cel_emit.h"
#include "rules/cel_fold.h"
#include "rules/cel_parse.h"
#include "rules/cel_share.h"

static bool is_within_budget(struct cel_unit *unit, const struct cel_node *root,
                             const struct cel_program *program)
{
    int max = unit->env->cost_max;
    if (max == 0 || program->cost <= max)
        return true;
    cel_unit_error(unit, root->start, "go through shorter lists, or through fewer within another",
                   "it may take %d steps; at most %d are allowed", program->cost, max);
    return false;
}

enum status cel_compile(const struct cel_env *env, struct span source, struct diag_at at,
                        struct arena *arena, struct diag_list *diags,
                        const struct cel_program **ret_program)
{
    struct cel_unit unit = {.env = env, .at = at, .arena = arena, .diags = diags};
    unit.source = source;
    if (source.len <= CEL_SOURCE_MAX && !cel_unit_has_room(&unit))
        return ST_NO_SPACE;
    if (source.len <= CEL_SOURCE_MAX)
        unit.source = arena_copy(arena, source);
    struct cel_node *root = cel_parse(&unit);
    if (root == NULL)
        return ST_INVALID;
    enum status st = cel_check(&unit, root);
    if (st == ST_OK && env->is_strict)
        st = cel_bounds_check(&unit, root);
    if (st != ST_OK)
        return st;
    struct cel_program *program = arena_must(arena, sizeof *program);
    program->result = root->type;
    const struct cel_bounds *bounds = root->bounds; /* folding makes another node of it */
    cel_fold(&unit, root);
    st = unit.failed ? ST_INVALID : cel_emit(&unit, root, program);
    if (st != ST_OK || !is_within_budget(&unit, root, program))
        return ST_INVALID;
    program->bounds = bounds;
    if (env->share != NULL)
        cel_share_add(env->share, &unit, root, program);
    *ret_program = program;
    return ST_OK;
}
