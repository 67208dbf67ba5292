#include "rules/cel_settled.h"

#include "rules/cel_bounds.h"
#include "rules/cel_hint.h"
#include "rules/cel_ops.h"

#include <math.h>

/* ---- what is settled ------------------------------------------------------------------------- */

enum verdict { OPEN, NEVER, ALWAYS };

static bool is_whole(const struct cel_node *n)
{
    return n->type->kind == CEL_T_INT || n->type->kind == CEL_T_UINT;
}

/* 0.5 beside an int. */
static bool is_fraction_beside(const struct cel_node *whole, const struct cel_bounds *b)
{
    return is_whole(whole) && isfinite(b->lo) && b->lo == b->hi && b->lo != trunc(b->lo);
}

static bool is_text_beside(const struct cel_bounds *form, const struct cel_node *n)
{
    return form->may_be != NULL && cel_is_literal(n, CEL_STRING) && !form->may_be(n->value.text);
}

static bool is_null_beside(const struct cel_node *n, const struct cel_node *null)
{
    enum cel_type_kind kind = n->type->kind;
    return cel_is_literal(null, CEL_NULL) && n->kind == CEL_NODE_SLOT && !n->is_optional &&
           kind != CEL_T_DYN && kind != CEL_T_NULL && kind != CEL_T_WRAPPER;
}

/* Can the two never be equal? */
static bool are_apart(const struct cel_node *a, const struct cel_node *b)
{
    const struct cel_bounds *ba = a->bounds, *bb = b->bounds;
    return ba->hi < bb->lo || bb->hi < ba->lo || ba->bytes_max < bb->bytes_min ||
           bb->bytes_max < ba->bytes_min || is_fraction_beside(a, bb) ||
           is_fraction_beside(b, ba) || is_text_beside(ba, b) || is_text_beside(bb, a) ||
           is_null_beside(a, b) || is_null_beside(b, a);
}

static enum verdict ordered(const struct cel_bounds *a, const struct cel_bounds *b, bool or_equal)
{
    if (or_equal ? a->hi <= b->lo : a->hi < b->lo)
        return isfinite(a->hi) && isfinite(b->lo) ? ALWAYS : OPEN;
    if (or_equal ? a->lo > b->hi : a->lo >= b->hi)
        return isfinite(a->lo) && isfinite(b->hi) ? NEVER : OPEN;
    return OPEN;
}

static bool may_be_value(const struct cel_node *item, const struct cel_value *v)
{
    struct cel_bounds one = cel_bounds_any;
    struct cel_node constant = {.kind = CEL_NODE_CONST, .value = *v, .type = &cel_type_dyn};
    cel_bounds_of_value(v, &one);
    constant.bounds = &one;
    return !are_apart(item, &constant);
}

/* Can the items alone say what is in the list? One that is empty in the file may be filled
 * tomorrow, and a network has addresses that no item is. */
static bool is_known_by_items(const struct cel_node *in)
{
    if (in->kind != CEL_NODE_CONST || in->value.kind != CEL_LIST)
        return false;
    const struct cel_list *list = in->value.list;
    return list->count > 0 && list->items != NULL && !(list->set != NULL && list->set->has_within);
}

static enum verdict found_in(const struct cel_node *item, const struct cel_node *in)
{
    if (in->kind == CEL_NODE_LIST) {
        for (int i = 0; i < in->n_args; i++) {
            if (in->args[i]->is_optional_entry || !are_apart(item, in->args[i]))
                return OPEN;
        }
        return NEVER;
    }
    if (!is_known_by_items(in))
        return OPEN;
    for (size_t i = 0; i < in->value.list->count; i++) {
        if (may_be_value(item, &in->value.list->items[i]))
            return OPEN;
    }
    return NEVER;
}

/* x.startsWith("BEL"), where x has two bytes. */
static enum verdict part_of(const struct cel_node *n)
{
    static const char *const names[] = {"startsWith", "endsWith", "contains"};
    if (n->n_args != 1 || n->left->type->kind != CEL_T_STRING)
        return OPEN;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (span_is(n->name, names[i]))
            return n->left->bounds->bytes_max < n->args[0]->bounds->bytes_min ? NEVER : OPEN;
    }
    return OPEN;
}

static enum verdict verdict_of(const struct cel_node *n)
{
    if (n->left != NULL)
        return part_of(n);
    if (n->n_args != 2)
        return OPEN;
    const struct cel_node *a = n->args[0], *b = n->args[1];
    enum cel_comparison op;
    if (span_is(n->name, "@in"))
        return found_in(a, b);
    if (!cel_comparison_of(n->name, &op))
        return OPEN;
    switch (op) {
    case CEL_EQUAL:
        return are_apart(a, b) ? NEVER : OPEN;
    case CEL_NOT_EQUAL:
        return are_apart(a, b) ? ALWAYS : OPEN;
    case CEL_LESS:
    case CEL_LESS_EQUAL:
        return ordered(a->bounds, b->bounds, op == CEL_LESS_EQUAL);
    default:
        return ordered(b->bounds, a->bounds, op == CEL_GREATER_EQUAL);
    }
}

/* ---- what is said about it ------------------------------------------------------------------- */

static void write_range(const struct cel_bounds *b, struct text *out)
{
    if (b->lo == b->hi) {
        text_str(out, "always ");
        text_double(out, b->lo);
    } else if (isfinite(b->lo) && isfinite(b->hi)) {
        text_double(out, b->lo);
        text_str(out, " to ");
        text_double(out, b->hi);
    } else {
        text_str(out, isfinite(b->lo) ? "at least " : "at most ");
        text_double(out, isfinite(b->lo) ? b->lo : b->hi);
    }
}

static void write_bytes(const struct cel_bounds *k, const struct cel_bounds *other,
                        struct text *out)
{
    bool is_short = k->bytes_max < other->bytes_min;
    if (!is_short && k->bytes_min == 1)
        text_str(out, "is never empty");
    else
        text_printf(out, "has at %s %lld bytes", is_short ? "most" : "least",
                    (long long)(is_short ? k->bytes_max : k->bytes_min));
}

/* "has at most 2 bytes": what is known of `a` that decides beside `b`. */
static void write_reason(const struct cel_node *a, const struct cel_node *b, struct text *out)
{
    const struct cel_bounds *k = a->bounds;
    if (is_text_beside(k, b)) {
        text_printf(out, "is %s", k->form);
    } else if (is_fraction_beside(a, b->bounds)) {
        text_str(out, "is a whole number");
    } else if (isfinite(k->lo) || isfinite(k->hi)) {
        text_str(out, "is ");
        write_range(k, out);
    } else {
        write_bytes(k, b->bounds, out);
    }
}

/* The first item stands for all: none can be equal. */
static void write_reason_in(const struct cel_node *a, const struct cel_node *list, struct text *out)
{
    struct cel_bounds one = cel_bounds_any;
    struct cel_node item = {.kind = CEL_NODE_CONST, .type = &cel_type_dyn, .bounds = &one};
    if (list->kind == CEL_NODE_LIST) {
        write_reason(a, list->args[0], out);
        return;
    }
    item.value = list->value.list->items[0];
    cel_bounds_of_value(&item.value, &one);
    write_reason(a, &item, out);
}

static const char *hint_settled(struct cel_unit *unit, const struct cel_node *n,
                                const struct cel_node *about, const struct cel_node *other,
                                enum verdict verdict)
{
    struct span name = cel_hint_source(unit, about);
    const char *not = span_is(n->name, "_==_") ? "!" : "";
    const char *tx = span_starts(name, span_str("tx.")) ? "" : "tx.";
    if (is_null_beside(about, other))
        return cel_hint_text(unit, "write %shas(%s%.*s)", not, tx, SPAN_ARG(name));
    if (verdict == NEVER)
        return NULL;
    if (about->kind != CEL_NODE_SLOT)
        return "leave it out";
    return cel_hint_text(unit, "leave it out; has(%s%.*s) asks whether there is a value", tx,
                         SPAN_ARG(name));
}

static void refuse_settled(struct cel_unit *unit, const struct cel_node *n, enum verdict verdict)
{
    const struct cel_node *a = n->left != NULL ? n->left : n->args[0];
    const struct cel_node *b = n->left != NULL ? n->args[0] : n->args[1];
    bool swap = !a->bounds->reads_row;
    const struct cel_node *about = swap ? b : a, *other = swap ? a : b;
    bool is_in = span_is(n->name, "@in");
    struct span whole = cel_hint_source(unit, n), subject = cel_hint_source(unit, about);
    char reason[DIAG_MESSAGE_MAX / 2] = {0};
    struct text t;
    text_init(&t, reason, sizeof reason - 1);
    if (is_in && b->kind == CEL_NODE_LIST && b->n_args == 0) {
        text_str(&t, "the list is empty");
    } else if (is_null_beside(about, other)) {
        text_str(&t, "what is missing is not null");
    } else {
        bool is_plain = subject.len == 0 || (!other->bounds->reads_row && whole.len > 0);
        text_put(&t, is_plain ? span_str("it") : subject);
        text_char(&t, ' ');
        if (is_in)
            write_reason_in(a, b, &t);
        else
            write_reason(about, other, &t);
    }
    if (whole.len == 0)
        whole = span_str("this comparison");
    cel_unit_error(unit, n->offset, hint_settled(unit, n, about, other, verdict),
                   verdict == NEVER ? "%.*s can never hold: %s" : "%.*s always holds: %s",
                   SPAN_ARG(whole), reason);
}

/* ---- what is refused besides ----------------------------------------------------------------- */

static void refuse_key(struct cel_unit *unit, const struct cel_node *of, struct span name,
                       size_t offset)
{
    const struct cel_bounds *map = of->bounds;
    struct span subject = cel_hint_source(unit, of);
    if (subject.len == 0)
        subject = span_str("it");

    char known[DIAG_MESSAGE_MAX] = {0};
    const char *names[8];
    struct text t;
    int n = 0;
    text_init(&t, known, sizeof known - 1);
    for (; n < map->n_keys && n < 8; n++) {
        names[n] = map->keys[n].name;
        text_printf(&t, "%s%s", n ? ", " : "it has ", names[n]);
    }
    const char *nearest = diag_nearest(name, names, (size_t)n);
    cel_unit_error(unit, offset,
                   nearest ? cel_hint_text(unit, "did you mean '%s'?", nearest) : known,
                   "%.*s has no '%.*s'", SPAN_ARG(subject), SPAN_ARG(name));
}

/* location.latitude, location["latitude"], has(location.latitude) */
static void review_key(struct cel_unit *unit, const struct cel_node *n)
{
    bool is_index = n->kind == CEL_NODE_CALL && n->left == NULL && span_is(n->name, "_[_]");
    if (n->kind != CEL_NODE_SELECT && !is_index)
        return;
    const struct cel_node *map = is_index ? n->args[0] : n->left;
    bool is_text = !is_index || cel_is_literal(n->args[1], CEL_STRING);
    if (map->bounds->keys == NULL || !is_text)
        return;
    struct span name = is_index ? n->args[1]->value.text : n->name;
    if (cel_bounds_key(map->bounds, name) == NULL)
        refuse_key(unit, map, name, is_index ? n->args[1]->start : n->offset);
}

static void review_division(struct cel_unit *unit, const struct cel_node *n)
{
    if (n->kind != CEL_NODE_CALL || n->n_args != 2 ||
        (!span_is(n->name, "_/_") && !span_is(n->name, "_%_")))
        return;
    const struct cel_node *by = n->args[1];
    if (is_whole(by) && by->bounds->lo == 0 && by->bounds->hi == 0 && n->bounds->reads_row)
        cel_unit_error(unit, by->start, NULL, "a whole number cannot be divided by zero");
}

void cel_settled_refuse(struct cel_unit *unit, const struct cel_node *n)
{
    enum verdict verdict = n->kind == CEL_NODE_CALL && n->bounds->reads_row ? verdict_of(n) : OPEN;
    if (verdict != OPEN)
        refuse_settled(unit, n, verdict);
    review_key(unit, n);
    review_division(unit, n);
}
