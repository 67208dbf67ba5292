#include "rules/cel_check.h"

#include "rules/cel_func.h"
#include "rules/cel_infer.h"
#include "rules/cel_refuse.h"

enum { CHAIN_MAX = 256 }; /* of a.b.c; no declared name is longer */

/* The loops around a node, innermost first. */
struct scope {
    struct cel_node *loop;
    const struct scope *outer;
};

struct check {
    struct cel_unit *unit;
    struct cel_infer infer;
    const struct scope *scope;
};

static void check_node(struct check *ck, struct cel_node *n);

static struct cel_refuser refuser(struct check *ck)
{
    return (struct cel_refuser){ck->unit, &ck->infer};
}

static const struct cel_type *type_of(struct check *ck, const struct cel_node *n)
{
    return cel_infer_known(&ck->infer, n->type);
}

static bool is_error(struct check *ck, const struct cel_node *n)
{
    return type_of(ck, n)->kind == CEL_T_ERROR;
}

/* ---- names --------------------------------------------------------------------------------- */

const struct cel_name *cel_env_find(const struct cel_env *env, struct span text)
{
    for (int i = 0; i < env->n_names; i++) {
        if (span_eq(env->names[i].name, text))
            return &env->names[i];
    }
    for (int i = 0; i < env->n_names; i++) {
        const struct cel_name *name = &env->names[i];
        size_t n = name->group ? strlen(name->group) : 0;
        if (n > 0 && text.len == n + 1 + name->name.len && memcmp(text.base, name->group, n) == 0 &&
            text.base[n] == '.' &&
            span_eq(span_of(text.base + n + 1, text.len - n - 1), name->name))
            return name;
    }
    return NULL;
}

/* a.b.c of selections down to a name; false: it is not one, or too long. */
static bool chain_write(const struct cel_node *n, struct text *out)
{
    if (n->kind == CEL_NODE_SELECT && !n->is_optional) {
        if (!chain_write(n->left, out))
            return false;
        text_char(out, '.');
    } else if (n->kind != CEL_NODE_IDENT) {
        return false;
    }
    text_put(out, n->name);
    return !out->overflow;
}

static const struct cel_node *chain_root(const struct cel_node *n)
{
    while (n->kind == CEL_NODE_SELECT && !n->is_optional)
        n = n->left;
    return n;
}

/* With container "a.b", x may be a.b.x, a.x or x; .x is x alone. */
static const struct cel_name *find_contained(const struct cel_env *env, struct span text,
                                             bool is_rooted)
{
    struct span in = is_rooted ? span_of(NULL, 0) : env->container;
    while (in.len > 0) {
        char buf[2 * CHAIN_MAX];
        struct text full;
        text_init(&full, buf, sizeof buf);
        text_put(&full, in);
        text_char(&full, '.');
        text_put(&full, text);
        const struct cel_name *name = full.overflow ? NULL : cel_env_find(env, text_span(&full));
        if (name != NULL)
            return name;
        while (in.len > 0 && in.base[in.len - 1] != '.')
            in.len--;
        in.len -= in.len > 0;
    }
    return cel_env_find(env, text);
}

static const struct cel_name *find_chain(struct check *ck, const struct cel_node *n)
{
    char buf[CHAIN_MAX];
    struct text chain;
    text_init(&chain, buf, sizeof buf);
    if (!chain_write(n, &chain))
        return NULL;
    return find_contained(ck->unit->env, text_span(&chain), chain_root(n)->is_rooted);
}

/* The variable of an enclosing loop that `n` names. */
static bool find_local(struct check *ck, const struct cel_node *n, struct cel_node **ret_loop,
                       enum cel_local *ret_local)
{
    if (n->is_rooted)
        return false;
    for (const struct scope *s = ck->scope; s != NULL; s = s->outer) {
        const struct cel_loop *loop = s->loop->loop;
        bool is_var = span_eq(n->name, loop->var);
        bool is_var2 = loop->var2.len > 0 && span_eq(n->name, loop->var2);
        if (!is_var && !is_var2 && !span_eq(n->name, loop->accu))
            continue;
        *ret_loop = s->loop;
        *ret_local = is_var ? CEL_LOCAL_VAR : is_var2 ? CEL_LOCAL_VAR2 : CEL_LOCAL_ACCU;
        return true;
    }
    return false;
}

static const struct cel_type *of_type(struct check *ck, const struct cel_type *of)
{
    struct cel_type *t = arena_must(ck->unit->arena, sizeof *t);
    *t = (struct cel_type){.kind = CEL_T_TYPE, .n_params = 1, .params = {of}};
    return t;
}

/* int, string ... as values; timestamp and duration have their names from protobuf. */
static bool find_type_name(struct check *ck, const struct cel_node *n, struct cel_value *ret_value,
                           const struct cel_type **ret_type)
{
    static const struct {
        const char *name;
        const struct cel_type *type;
    } names[] = {
        {"bool", &cel_type_bool},
        {"int", &cel_type_int},
        {"uint", &cel_type_uint},
        {"double", &cel_type_double},
        {"string", &cel_type_string},
        {"bytes", &cel_type_bytes},
        {"null_type", &cel_type_null},
        {"type", &cel_type_type},
        {"list", &cel_type_list_a},
        {"map", &cel_type_map_ab},
        {"optional_type", &cel_type_optional_a},
        {"net.IP", &cel_type_ip},
        {"net.CIDR", &cel_type_cidr},
        {"google.protobuf.Timestamp", &cel_type_timestamp},
        {"google.protobuf.Duration", &cel_type_duration},
    };
    char buf[CHAIN_MAX];
    struct text chain;
    text_init(&chain, buf, sizeof buf);
    if (!chain_write(n, &chain))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!span_is(text_span(&chain), names[i].name))
            continue;
        *ret_value = cel_type_named(span_str(names[i].name));
        *ret_type = of_type(ck, names[i].type->n_params ? &cel_type_dyn : names[i].type);
        return true;
    }
    return false;
}

static void make_error(struct cel_node *n, enum cel_error_code code, struct span about)
{
    n->kind = CEL_NODE_CONST;
    n->value = cel_error(code, about);
    n->type = &cel_type_dyn;
}

static void make_named(struct cel_node *n, const struct cel_name *name)
{
    n->type = name->type;
    if (name->constant != NULL) {
        n->kind = CEL_NODE_CONST;
        n->value = n->is_test ? cel_bool(true) : *name->constant;
        n->name = name->name; /* for what a program reads, when it stands in the row */
    } else {
        n->kind = CEL_NODE_SLOT;
        n->slot = name->slot;
        n->name = name->name;
    }
    if (n->is_test)
        n->type = &cel_type_bool;
}

/* Is the node, a name or selections from one, declared as a whole? Then it becomes that. */
static bool resolve_whole(struct check *ck, struct cel_node *n)
{
    struct cel_node *loop;
    enum cel_local local;
    const struct cel_node *root = chain_root(n);
    if (root->kind != CEL_NODE_IDENT || find_local(ck, root, &loop, &local))
        return false;
    const struct cel_name *name = find_chain(ck, n);
    if (name != NULL) {
        make_named(n, name);
        return true;
    }
    if (n->is_test || !find_type_name(ck, n, &n->value, &n->type))
        return false;
    n->kind = CEL_NODE_CONST;
    return true;
}

static void unknown_name(struct check *ck, struct cel_node *n)
{
    char buf[CHAIN_MAX];
    struct text chain;
    text_init(&chain, buf, sizeof buf);
    chain_write(n, &chain);
    struct span text = arena_copy(ck->unit->arena, text_span(&chain));
    if (ck->unit->env->unchecked) {
        make_error(n, CEL_ERR_UNKNOWN, text);
        return;
    }
    cel_refuse_name(refuser(ck), n, text);
    n->type = &cel_type_error;
}

static void check_ident(struct check *ck, struct cel_node *n)
{
    struct cel_node *loop;
    enum cel_local local;
    if (find_local(ck, n, &loop, &local)) {
        n->kind = CEL_NODE_LOCAL;
        n->owner = loop->loop;
        n->local = local;
        n->type = local == CEL_LOCAL_VAR    ? loop->loop->var_type
                  : local == CEL_LOCAL_VAR2 ? loop->loop->var2_type
                                            : loop->loop->accu_type;
    } else if (!resolve_whole(ck, n)) {
        unknown_name(ck, n);
    }
}

/* Does a name or a selection from one mean anything, whole or a front part of it? */
static bool chain_means(struct check *ck, const struct cel_node *n)
{
    const struct cel_node *root = chain_root(n);
    struct cel_node *loop;
    enum cel_local local;
    struct cel_value value;
    const struct cel_type *type;
    if (root->kind != CEL_NODE_IDENT || find_local(ck, root, &loop, &local))
        return true;
    for (;; n = n->left) {
        if (find_chain(ck, n) != NULL || find_type_name(ck, n, &value, &type))
            return true;
        if (n == root)
            return false;
    }
}

/* The type of left.name, where left is of type `t`. */
static const struct cel_type *field_type(struct check *ck, const struct cel_node *n,
                                         const struct cel_type *t)
{
    if (t->kind == CEL_T_VAR && !ck->unit->env->unchecked) {
        cel_infer_assign(&ck->infer, &cel_type_dyn, t);
        return &cel_type_dyn;
    }
    if (t->kind == CEL_T_MAP)
        return t->params[1];
    if (t->kind == CEL_T_DYN || t->kind == CEL_T_ERROR || ck->unit->env->unchecked)
        return t->kind == CEL_T_ERROR ? t : &cel_type_dyn;
    cel_refuse_field(refuser(ck), n, t);
    return &cel_type_error;
}

/* tx.?currency: a declared name as an optional. */
static bool resolve_optional(struct check *ck, struct cel_node *n)
{
    n->is_optional = false;
    bool is_whole = resolve_whole(ck, n);
    n->is_optional = true;
    if (!is_whole)
        return false;
    n->type = cel_type_optional(ck->unit->arena, n->type);
    if (n->kind == CEL_NODE_CONST) {
        struct cel_value *some = arena_must(ck->unit->arena, sizeof *some);
        *some = n->value;
        n->value = cel_optional_of(some);
    }
    return true;
}

static void check_select(struct check *ck, struct cel_node *n)
{
    if (resolve_whole(ck, n) || (n->is_optional && resolve_optional(ck, n)))
        return;
    if (n->is_optional && !ck->unit->env->unchecked && !chain_means(ck, n->left))
        n->is_optional = false; /* tx.?curency, as tx.curency */
    if (!chain_means(ck, n)) {
        unknown_name(ck, n);
        return;
    }
    check_node(ck, n->left);
    const struct cel_type *left = type_of(ck, n->left);
    bool is_optional = n->is_optional || left->kind == CEL_T_OPTIONAL;
    if (left->kind == CEL_T_OPTIONAL)
        left = cel_infer_known(&ck->infer, left->params[0]);
    n->type = field_type(ck, n, left);
    if (n->type->kind == CEL_T_ERROR)
        return;
    if (n->is_test)
        n->type = &cel_type_bool;
    else if (is_optional)
        n->type = cel_type_optional(ck->unit->arena, n->type);
}

/* ---- calls --------------------------------------------------------------------------------- */

/* Numbers of unlike types, and null beside anything, may be compared: the value decides. */
static bool is_loose_equality(struct check *ck, const struct cel_node *n)
{
    if (!span_is(n->name, "_==_") && !span_is(n->name, "_!=_") && !span_is(n->name, "@in"))
        return false;
    const struct cel_type *a = type_of(ck, n->args[0]), *b = type_of(ck, n->args[1]);
    if (span_is(n->name, "@in")) {
        if (b->kind != CEL_T_LIST && b->kind != CEL_T_MAP)
            return false;
        b = cel_infer_known(&ck->infer, b->params[0]);
    } else if (a->kind == CEL_T_NULL || b->kind == CEL_T_NULL) {
        return true;
    }
    return cel_type_is_number(a) && cel_type_is_number(b);
}

static bool is_generic(const struct cel_func *f)
{
    for (int i = 0; i < f->n_args; i++) {
        if (f->args[i]->kind == CEL_T_PARAM || f->args[i]->n_params > 0)
            return true;
    }
    return f->result->n_params > 0;
}

static bool fits(struct check *ck, const struct cel_func *f, struct cel_node *const *args,
                 int n_args, const struct cel_type **ret_result)
{
    if (f->n_args != n_args)
        return false;
    const struct cel_type *vars[CEL_TYPE_PARAMS_MAX];
    for (int i = 0; i < CEL_TYPE_PARAMS_MAX && is_generic(f); i++)
        vars[i] = cel_infer_var(&ck->infer);
    int mark = ck->infer.n_trail;
    for (int i = 0; i < n_args; i++) {
        const struct cel_type *want = cel_infer_instance(&ck->infer, f->args[i], vars);
        if (!cel_infer_assign(&ck->infer, args[i]->type, want)) {
            cel_infer_undo(&ck->infer, mark);
            return false;
        }
    }
    *ret_result =
        cel_infer_resolve(&ck->infer, cel_infer_instance(&ck->infer, f->result, vars), false);
    return true;
}

/* The call's type: of the one function that fits, or dyn when several do. */
static void choose(struct check *ck, struct cel_node *n, struct cel_node *const *args, int n_args)
{
    const struct cel_type *result = NULL;
    for (int i = 0; i < n_args; i++) {
        if (is_error(ck, args[i])) { /* told already */
            n->type = &cel_type_error;
            return;
        }
    }
    for (int i = 0; i < n->n_calls; i++) {
        const struct cel_type *one;
        if (!fits(ck, &n->calls[i], args, n_args, &one))
            continue;
        result = result == NULL || cel_type_same(result, one) ? one : &cel_type_dyn;
    }
    if (result == NULL && is_loose_equality(ck, n))
        result = &cel_type_bool;
    if (result == NULL && ck->unit->env->unchecked)
        result = &cel_type_dyn;
    n->type = result != NULL ? result : &cel_type_error;
    if (result == NULL)
        cel_refuse_call(refuser(ck), n, args, n_args);
}

static bool is_text(const struct cel_node *n)
{
    return n->kind == CEL_NODE_CONST && n->value.kind == CEL_STRING;
}

static void prepare_last(struct check *ck, struct cel_node *n, struct cel_node *last)
{
    for (int i = 0; i < n->n_calls; i++) {
        const struct cel_func *f = &n->calls[i];
        if (f->prepare == NULL || f->n_args != n->n_args + (n->left != NULL))
            continue;
        const char *wrong = f->prepare(last->value.text, ck->unit->arena, &last->value);
        if (wrong != NULL && ck->unit->env->unchecked)
            make_error(last, CEL_ERR_ARGUMENT, span_str(wrong));
        else if (wrong != NULL)
            cel_unit_error(ck->unit, last->start, NULL, "%s", wrong);
        return;
    }
}

/* The texts of a list that is constant: written out, or a list by name. */
static bool constant_texts(struct check *ck, const struct cel_node *n, struct cel_list *ret_list)
{
    bool written = n->kind == CEL_NODE_LIST;
    if (!written && !cel_is_literal(n, CEL_LIST))
        return false;
    if (!written && n->value.list->items == NULL)
        return false;
    *ret_list = written ? (struct cel_list){.count = (size_t)n->n_args} : *n->value.list;
    if (written)
        ret_list->items =
            arena_must(ck->unit->arena, (ret_list->count + 1) * sizeof *ret_list->items);
    for (size_t i = 0; i < ret_list->count; i++) {
        if (written && !cel_is_literal(n->args[i], CEL_STRING))
            return false;
        if (written)
            ret_list->items[i] = n->args[i]->value;
        if (ret_list->items[i].kind != CEL_STRING)
            return false;
    }
    return true;
}

/* Of a list by name, whose size the source does not tell, no more room is taken than there is
 * besides what the source may still need. */
static const char *prepare_within_room(struct check *ck, const struct cel_func *f,
                                       const struct cel_node *last, const struct cel_list *list,
                                       struct cel_value *ret_value, size_t *ret_wrong)
{
    struct arena *arena = ck->unit->arena;
    size_t cap = arena->cap_bytes, kept = last->kind == CEL_NODE_LIST ? 0 : cel_unit_room(ck->unit);
    arena->cap_bytes = cap - arena->used_bytes > kept ? cap - kept : arena->used_bytes;
    const char *wrong = f->prepare_list(list, arena, ret_value, ret_wrong);
    arena->cap_bytes = cap;
    return wrong;
}

/* Lists of the ruleset are prepared by themselves (list_view.h), when they are of networks. */
static bool is_of_networks(struct check *ck, const struct cel_node *last)
{
    const struct cel_list *list = last->value.list;
    if (list->set->has_address != NULL)
        return true;
    if (list->count == 0 || list->items == NULL)
        cel_unit_error(ck->unit, last->start, "write `type: network` where the list stands",
                       "'%.*s' is no list of networks", SPAN_ARG(last->name));
    return list->count == 0 || list->items == NULL;
}

static void prepare_last_list(struct check *ck, struct cel_node *n, struct cel_node *last,
                              int n_args)
{
    const struct cel_func *f = n->calls;
    struct cel_list list;
    struct cel_value value;
    size_t at = 0;
    if (f->prepare_list == NULL || f->n_args != n_args)
        return;
    if (last->kind == CEL_NODE_CONST && cel_stands_in_row(&last->value) && is_of_networks(ck, last))
        return;
    if (!constant_texts(ck, last, &list))
        return;
    const char *wrong = prepare_within_room(ck, f, last, &list, &value, &at);
    if (wrong == NULL) {
        last->kind = CEL_NODE_CONST;
        last->value = value;
    } else if (!ck->unit->env->unchecked) { /* else the run finds it */
        const struct cel_node *item = last->kind == CEL_NODE_LIST ? last->args[at] : last;
        cel_unit_error(ck->unit, item->start, NULL, "%s", wrong);
    }
}

static void review(struct check *ck, const struct cel_node *n, int n_args)
{
    for (int i = 0; i < n->n_calls && !ck->unit->env->unchecked; i++) {
        if (n->calls[i].review != NULL && n->calls[i].n_args == n_args)
            n->calls[i].review(ck->unit, n);
    }
}

static void unknown_function(struct check *ck, struct cel_node *n)
{
    if (ck->unit->env->unchecked) {
        make_error(n, CEL_ERR_UNKNOWN, n->name);
        return;
    }
    char buf[CHAIN_MAX];
    struct text path;
    text_init(&path, buf, sizeof buf);
    bool has_path = n->left != NULL && chain_write(n->left, &path) && !chain_means(ck, n->left);
    text_char(&path, '.');
    text_put(&path, n->name);
    has_path = has_path && !path.overflow;
    cel_refuse_function(refuser(ck), n, has_path ? text_span(&path) : span_of(NULL, 0));
    n->type = &cel_type_error;
}

/* a.b.f(x) may be a function called a.b.f: then there is no receiver. */
static void find_qualified(struct check *ck, struct cel_node *n)
{
    char buf[CHAIN_MAX];
    struct text chain;
    struct cel_node *loop;
    enum cel_local local;
    text_init(&chain, buf, sizeof buf);
    if (n->left == NULL || !chain_write(n->left, &chain) ||
        find_local(ck, chain_root(n->left), &loop, &local))
        return;
    text_char(&chain, '.');
    text_put(&chain, n->name);
    n->calls = cel_func_find(ck->unit->env, text_span(&chain), false, &n->n_calls);
    if (n->calls != NULL) {
        n->left = NULL;
        n->name = span_str(n->calls->name);
    }
}

/* covered(account_tx_count_30d): of the name itself, not of its value. */
static bool is_covered(struct check *ck, const struct cel_node *n)
{
    return span_is(n->name, "covered") && n->left == NULL && n->n_args == 1 &&
           !ck->unit->env->unchecked;
}

static void check_covered(struct check *ck, struct cel_node *n)
{
    struct cel_node *loop;
    enum cel_local local;
    const struct cel_node *arg = n->args[0], *root = chain_root(arg);
    bool is_name = root->kind == CEL_NODE_IDENT && !find_local(ck, root, &loop, &local);
    const struct cel_name *name = is_name ? find_chain(ck, arg) : NULL;
    if (name != NULL && name->covered_slot > 0) {
        n->kind = CEL_NODE_SLOT;
        n->slot = name->covered_slot;
        n->name = name->name;
        n->type = &cel_type_bool;
        return;
    }
    n->type = &cel_type_error;
    if (is_name && name == NULL)
        unknown_name(ck, n->args[0]);
    else
        cel_unit_error(ck->unit, arg->start, "as in covered(account_tx_count_30d)",
                       "covered() takes the name of a feature");
}

static void check_call(struct check *ck, struct cel_node *n)
{
    struct cel_node *args[CEL_ARGS_MAX + 1];
    int n_args = 0;
    find_qualified(ck, n);
    if (n->calls == NULL)
        n->calls = cel_func_find(ck->unit->env, n->name, n->left != NULL, &n->n_calls);
    if (n->calls == NULL && is_covered(ck, n)) {
        check_covered(ck, n);
        return;
    }
    if (n->calls == NULL) {
        unknown_function(ck, n);
        return;
    }
    if (n->left != NULL) {
        check_node(ck, n->left);
        args[n_args++] = n->left;
    }
    for (int i = 0; i < n->n_args; i++) {
        check_node(ck, n->args[i]);
        if (n_args < CEL_ARGS_MAX + 1)
            args[n_args++] = n->args[i];
    }
    if (n->n_args + (n->left != NULL) > CEL_ARGS_MAX && ck->unit->env->unchecked) {
        make_error(n, CEL_ERR_NO_OVERLOAD, span_of(NULL, 0));
        return;
    }
    choose(ck, n, args, n_args);
    if (n->type->kind != CEL_T_ERROR)
        review(ck, n, n_args);
    if (n_args > 0 && n->type->kind != CEL_T_ERROR && is_text(args[n_args - 1]))
        prepare_last(ck, n, args[n_args - 1]);
    else if (n_args > 0 && n->type->kind != CEL_T_ERROR)
        prepare_last_list(ck, n, args[n_args - 1], n_args);
}

/* ---- literals and loops --------------------------------------------------------------------- */

/* What an element, or a value of a map, brings: of [?x] what x holds. */
static const struct cel_type *entry_type(struct check *ck, const struct cel_node *n)
{
    if (!n->is_optional_entry)
        return n->type;
    const struct cel_type *held = cel_infer_var(&ck->infer);
    const struct cel_type *wanted = cel_type_optional(ck->unit->arena, held);
    if (cel_infer_assign(&ck->infer, n->type, wanted))
        return cel_infer_known(&ck->infer, n->type)->kind == CEL_T_OPTIONAL ? held : &cel_type_dyn;
    if (!ck->unit->env->unchecked)
        cel_unit_error(ck->unit, n->start, "leave out the '?', or write optional.of(...)",
                       "'?' stands before an optional, and this is %s",
                       cel_refuser_type(refuser(ck), n->type).text);
    return &cel_type_error;
}

static void check_list(struct check *ck, struct cel_node *n)
{
    const struct cel_type *item = NULL;
    for (int i = 0; i < n->n_args; i++) {
        check_node(ck, n->args[i]);
        item = cel_infer_join(&ck->infer, item, entry_type(ck, n->args[i]));
    }
    n->type = cel_type_list(ck->unit->arena, item ? item : cel_infer_var(&ck->infer));
}

static bool may_be_key(const struct cel_type *t)
{
    return t->kind == CEL_T_DYN || t->kind == CEL_T_BOOL || t->kind == CEL_T_INT ||
           t->kind == CEL_T_UINT || t->kind == CEL_T_STRING || t->kind == CEL_T_VAR ||
           t->kind == CEL_T_ERROR;
}

static void check_map(struct check *ck, struct cel_node *n)
{
    const struct cel_type *key = NULL, *value = NULL;
    for (int i = 0; i < n->n_args; i += 2) {
        check_node(ck, n->args[i]);
        check_node(ck, n->args[i + 1]);
        const struct cel_type *t = type_of(ck, n->args[i]);
        if (!may_be_key(t->kind == CEL_T_WRAPPER ? t->params[0] : t) && !ck->unit->env->unchecked)
            cel_refuse_key(refuser(ck), n->args[i]);
        key = cel_infer_join(&ck->infer, key, n->args[i]->type);
        value = cel_infer_join(&ck->infer, value, entry_type(ck, n->args[i + 1]));
    }
    n->type = cel_type_map(ck->unit->arena, key ? key : cel_infer_var(&ck->infer),
                           value ? value : cel_infer_var(&ck->infer));
}

static void loop_types(struct check *ck, struct cel_node *n, const struct cel_type *range)
{
    struct cel_loop *loop = n->loop;
    loop->var_type = loop->var2_type = &cel_type_dyn;
    switch (range->kind) {
    case CEL_T_LIST:
        loop->var_type = loop->var2.len > 0 ? &cel_type_int : range->params[0];
        loop->var2_type = range->params[0];
        break;
    case CEL_T_MAP:
        loop->var_type = range->params[0];
        loop->var2_type = range->params[1];
        break;
    case CEL_T_VAR:
        cel_infer_assign(&ck->infer, &cel_type_dyn, range);
        break;
    case CEL_T_DYN:
    case CEL_T_ERROR:
        break;
    default:
        if (!ck->unit->env->unchecked)
            cel_refuse_range(refuser(ck), n);
    }
}

static void check_loop(struct check *ck, struct cel_node *n)
{
    struct cel_loop *loop = n->loop;
    check_node(ck, loop->range);
    check_node(ck, loop->init);
    loop_types(ck, n, type_of(ck, loop->range));
    loop->accu_type = loop->init->type;
    struct scope scope = {.loop = n, .outer = ck->scope};
    ck->scope = &scope;
    check_node(ck, loop->condition);
    check_node(ck, loop->step);
    check_node(ck, loop->result);
    ck->scope = scope.outer;
    n->type = loop->result->type;
}

static void check_const(struct cel_node *n)
{
    static const struct cel_type *const types[] = {
        [CEL_NULL] = &cel_type_null,     [CEL_BOOL] = &cel_type_bool,
        [CEL_INT] = &cel_type_int,       [CEL_UINT] = &cel_type_uint,
        [CEL_DOUBLE] = &cel_type_double, [CEL_STRING] = &cel_type_string,
        [CEL_BYTES] = &cel_type_bytes,
    };
    if (n->type == NULL)
        n->type = types[n->value.kind];
}

/* A node that stands in the tree twice (in a macro) is checked once. A type of many parts is given
 * up: {a: a} of what cel.bind names would double it each time, and going through it would not
 * end. */
static void check_node(struct check *ck, struct cel_node *n)
{
    if (n->type != NULL)
        return;
    switch (n->kind) {
    case CEL_NODE_CONST:
        check_const(n);
        break;
    case CEL_NODE_IDENT:
        check_ident(ck, n);
        break;
    case CEL_NODE_SELECT:
        check_select(ck, n);
        break;
    case CEL_NODE_CALL:
        check_call(ck, n);
        break;
    case CEL_NODE_LIST:
        check_list(ck, n);
        break;
    case CEL_NODE_MAP:
        check_map(ck, n);
        break;
    case CEL_NODE_LOOP:
        check_loop(ck, n);
        break;
    case CEL_NODE_SLOT:
    case CEL_NODE_LOCAL:
        break;
    }
    if (cel_infer_is_large(&ck->infer, n->type))
        n->type = &cel_type_dyn;
}

enum status cel_check(struct cel_unit *unit, struct cel_node *root)
{
    struct check ck = {.unit = unit, .infer = {.arena = unit->arena}};
    check_node(&ck, root);
    if (unit->failed)
        return ST_INVALID;
    root->type = cel_infer_resolve(&ck.infer, root->type, true);
    return ST_OK;
}
