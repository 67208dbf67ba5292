#include "rules/cel.h"

#include "rules/cel_bounds.h"
#include "rules/cel_check.h"
#include "rules/cel_emit.h"
#include "rules/cel_fold.h"
#include "rules/cel_parse.h"
#include "rules/cel_relax.h"
#include "rules/cel_share.h"

enum { /* of a condition that has a relaxed one beside it, which is at most twice as large */
       GUARDED_CODE_MAX = 8192,
       GUARDED_STACK_MAX = CEL_STACK_MAX / 2,
};

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

/* From the source to the tree that is emitted. *ret_bounds: of its root before folding, which makes
 * another node of it. */
static enum status tree_of(struct cel_unit *unit, struct cel_node **ret_root,
                           const struct cel_bounds **ret_bounds)
{
    struct span source = unit->source;
    if (source.len <= CEL_SOURCE_MAX && !cel_unit_has_room(unit))
        return ST_NO_SPACE;
    if (source.len <= CEL_SOURCE_MAX)
        unit->source = arena_copy(unit->arena, source);
    struct cel_node *root = cel_parse(unit);
    if (root == NULL)
        return ST_INVALID;
    enum status st = cel_check(unit, root);
    if (st == ST_OK && unit->env->is_strict)
        st = cel_bounds_check(unit, root);
    if (st != ST_OK)
        return st;
    *ret_bounds = root->bounds;
    cel_fold(unit, root);
    *ret_root = root;
    return unit->failed ? ST_INVALID : ST_OK;
}

static enum status compile(struct cel_unit *unit, struct cel_node **ret_root,
                           const struct cel_program **ret_program)
{
    const struct cel_bounds *bounds;
    enum status st = tree_of(unit, ret_root, &bounds);
    if (st != ST_OK)
        return st;
    struct cel_program *program = arena_must(unit->arena, sizeof *program);
    if (cel_emit(unit, *ret_root, program) != ST_OK || !is_within_budget(unit, *ret_root, program))
        return ST_INVALID;
    program->bounds = bounds;
    if (unit->env->share != NULL)
        cel_share_add(unit->env->share, unit, NULL, *ret_root, program);
    *ret_program = program;
    return ST_OK;
}

enum status cel_compile(const struct cel_env *env, struct span source, struct diag_at at,
                        struct arena *arena, struct diag_list *diags,
                        const struct cel_program **ret_program)
{
    struct cel_unit unit = {.env = env, .at = at, .arena = arena, .diags = diags};
    struct cel_node *root;
    unit.source = source;
    return compile(&unit, &root, ret_program);
}

/* What a guard adds must not be what is over a limit. */
static bool may_be_kept_twice(const struct cel_program *program)
{
    return program->n_code <= GUARDED_CODE_MAX && program->stack_max <= GUARDED_STACK_MAX;
}

enum status cel_compile_condition(const struct cel_env *env, struct span source, struct diag_at at,
                                  struct arena *arena, struct diag_list *diags,
                                  const struct cel_program **ret_program,
                                  const struct cel_program **ret_guarded)
{
    struct cel_unit unit = {.env = env, .at = at, .arena = arena, .diags = diags};
    struct cel_node *root;
    const struct cel_program *program;
    struct cel_program *guarded = NULL;
    unit.source = source;
    enum status st = compile(&unit, &root, &program);
    if (st == ST_OK && !cel_unit_has_room(&unit))
        st = ST_NO_SPACE;
    if (st != ST_OK)
        return st;
    struct cel_node *guard = may_be_kept_twice(program) ? cel_relax(&unit, root) : NULL;
    if (guard != NULL) {
        guarded = arena_must(arena, sizeof *guarded);
        st = cel_emit_guarded(&unit, guard, root, guarded);
    }
    if (st != ST_OK)
        return st;
    if (guard != NULL && env->share != NULL)
        cel_share_add(env->share, &unit, guard, root, guarded);
    *ret_program = program;
    *ret_guarded = guarded != NULL ? guarded : program;
    return ST_OK;
}
