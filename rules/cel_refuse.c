#include "rules/cel_refuse.h"

#include "rules/cel_hint.h"
#include "rules/cel_macro.h"

enum { TEXT_MAX = 64 }; /* bytes of a source text inside a hint */

static const struct cel_type *type_of(struct cel_refuser r, const struct cel_node *n)
{
    return cel_infer_known(r.infer, n->type);
}

struct cel_type_text cel_refuser_type(struct cel_refuser r, const struct cel_type *t)
{
    struct cel_type_text out = {{0}};
    struct text w;
    text_init(&w, out.text, sizeof out.text - 1);
    cel_type_write(cel_infer_resolve(r.infer, t, false), &w);
    return out;
}

static struct cel_type_text type_text(struct cel_refuser r, const struct cel_node *n)
{
    return cel_refuser_type(r, n->type);
}

/* ---- names and fields ------------------------------------------------------------------------ */

/* The part of a.b.c that stands behind `known` bytes that lead somewhere. */
static const struct cel_node *part_behind(const struct cel_node *n, size_t len, size_t known)
{
    while (n->kind == CEL_NODE_SELECT && len - n->name.len > known + 1) {
        len -= n->name.len + 1;
        n = n->left;
    }
    return n;
}

void cel_refuse_name(struct cel_refuser r, const struct cel_node *n, struct span path)
{
    size_t mark = r.unit->arena->used_bytes; /* the hint is copied, and takes much to find */
    size_t known = cel_hint_known_prefix(r.unit->env, path);
    cel_unit_error(r.unit, part_behind(n, path.len, known)->offset, cel_hint_name(r.unit, path),
                   "unknown name '%.*s'", SPAN_ARG(path));
    r.unit->arena->used_bytes = mark;
}

void cel_refuse_field(struct cel_refuser r, const struct cel_node *n, const struct cel_type *t)
{
    int count;
    const char *hint = cel_func_find(r.unit->env, n->name, true, &count) != NULL
                           ? cel_hint_text(r.unit, "write .%.*s()", SPAN_ARG(n->name))
                           : cel_hint_function(r.unit, n->name, true);
    cel_unit_error(r.unit, n->offset, hint, "a value of type %s has no field '%.*s'",
                   cel_refuser_type(r, t).text, SPAN_ARG(n->name));
}

/* A macro that is known was not expanded: its arguments are too few or too many. */
static void refuse_unknown(struct cel_refuser r, size_t offset, struct span name, bool is_method)
{
    const char *hint = cel_hint_function(r.unit, name, is_method);
    if (cel_macro_form(name, is_method) != NULL)
        cel_unit_error(r.unit, offset, hint, "%.*s() takes other arguments", SPAN_ARG(name));
    else
        cel_unit_error(r.unit, offset, hint, "unknown function '%.*s'", SPAN_ARG(name));
}

/* math.floot, maths.ceil: the part that nobody knows is pointed at. */
static void refuse_qualified(struct cel_refuser r, const struct cel_node *n, struct span path)
{
    struct span space = span_of(path.base, path.len - n->name.len - 1);
    if (cel_hint_is_namespace(space))
        refuse_unknown(r, n->offset, path, false);
    else if (cel_hint_function(r.unit, path, false) != NULL)
        refuse_unknown(r, n->start, path, false);
    else
        cel_refuse_name(r, n->left, space);
}

void cel_refuse_function(struct cel_refuser r, const struct cel_node *n, struct span path)
{
    if (path.len > 0)
        refuse_qualified(r, n, path);
    else
        refuse_unknown(r, n->offset, n->name, n->left != NULL);
}

/* ---- what to write for an operator ----------------------------------------------------------- */

/* "double(count)", or "double(...)" when what stands there is long. */
static const char *converted(struct cel_refuser r, const char *to, const struct cel_node *n)
{
    struct span text = cel_hint_source(r.unit, n);
    if (text.len > 2 && text.base[0] == '(' && text.base[text.len - 1] == ')' &&
        n->kind == CEL_NODE_CALL && n->left == NULL)
        text = span_of(text.base + 1, text.len - 2);
    if (text.len == 0 || text.len > TEXT_MAX)
        text = span_str("...");
    return cel_hint_text(r.unit, "write %s(%.*s)", to, SPAN_ARG(text));
}

/* `n` is a whole number, and a double is wanted. */
static const char *as_double(struct cel_refuser r, const struct cel_node *n)
{
    if (cel_is_literal(n, CEL_INT))
        return cel_hint_text(r.unit, "write %lld.0", (long long)n->value.i64);
    if (cel_is_literal(n, CEL_UINT))
        return cel_hint_text(r.unit, "write %llu.0", (unsigned long long)n->value.u64);
    return converted(r, "double", n);
}

static const char *hint_signedness(struct cel_refuser r, const struct cel_node *a_int,
                                   const struct cel_node *a_uint)
{
    if (cel_is_literal(a_int, CEL_INT) && a_int->value.i64 >= 0)
        return cel_hint_text(r.unit, "write %lldu", (long long)a_int->value.i64);
    if (cel_is_literal(a_uint, CEL_UINT) && a_uint->value.u64 <= INT64_MAX)
        return cel_hint_text(r.unit, "write %llu", (unsigned long long)a_uint->value.u64);
    return converted(r, "int", a_uint);
}

/* A number beside a text: write "7995", or string(count) where texts are joined. */
static const char *hint_text_and_number(struct cel_refuser r, bool joins,
                                        const struct cel_node *number)
{
    if (cel_is_literal(number, CEL_INT))
        return cel_hint_text(r.unit, "write \"%lld\"", (long long)number->value.i64);
    return joins ? converted(r, "string", number) : NULL;
}

static bool is_digits(struct span s)
{
    size_t n = 0;
    while (n < s.len && s.base[n] >= '0' && s.base[n] <= '9')
        n++;
    return n == s.len && n > 0;
}

/* "5411" beside an int: without the quotes. */
static const char *hint_unquoted(struct cel_refuser r, const struct cel_node *text)
{
    struct span digits = text->value.text;
    if (digits.len > TEXT_MAX || !is_digits(digits))
        return NULL;
    return cel_hint_text(r.unit, "write %.*s, without quotes", SPAN_ARG(digits));
}

static const char *hint_time(enum cel_type_kind time, enum cel_type_kind other, bool compares)
{
    if (time == CEL_T_TIMESTAMP && other == CEL_T_STRING)
        return "write timestamp(\"2026-01-31T12:00:00Z\")";
    if (time == CEL_T_TIMESTAMP && compares)
        return other == CEL_T_DURATION ? "the time between two is a duration: timestamp - other"
                                       : "write timestamp(\"2026-01-31T12:00:00Z\")";
    return "write duration(\"90s\"); units are h, m, s, ms";
}

/* The hint for types in one order; NULL: none for this order. */
static const char *hint_ordered(struct cel_refuser r, const struct cel_node *a,
                                const struct cel_node *b, bool joins, bool compares)
{
    enum cel_type_kind ta = type_of(r, a)->kind, tb = type_of(r, b)->kind;
    if (ta == CEL_T_DOUBLE && (tb == CEL_T_INT || tb == CEL_T_UINT))
        return as_double(r, b);
    if (ta == CEL_T_INT && tb == CEL_T_UINT)
        return hint_signedness(r, a, b);
    if (ta == CEL_T_STRING && cel_type_is_number(type_of(r, b)))
        return compares && cel_is_literal(a, CEL_STRING) ? hint_unquoted(r, a)
                                                         : hint_text_and_number(r, joins, b);
    if ((ta == CEL_T_TIMESTAMP || ta == CEL_T_DURATION) && tb != CEL_T_BOOL && tb != ta)
        return hint_time(ta, tb, compares);
    if (ta == CEL_T_BOOL && compares &&
        (cel_is_literal(b, CEL_STRING) || cel_is_literal(b, CEL_INT)))
        return "write true or false, without quotes";
    if (ta == CEL_T_OPTIONAL && tb != CEL_T_OPTIONAL)
        return "what an optional holds is x.orValue(other), or x.value()";
    if (ta == CEL_T_LIST && compares && tb != CEL_T_LIST)
        return "to look for one in a list write x in [a, b]";
    return NULL;
}

static bool is_comparison(struct span sign)
{
    return sign.len > 0 && strchr("<>=!", sign.base[0]) != NULL;
}

/* "_+_" -> "+", "@in" -> "in"; empty for a function. */
static struct span operator_sign(struct span name)
{
    if (span_is(name, "@in"))
        return span_str("in");
    if (name.len < 2 || (name.base[0] != '_' && name.base[name.len - 1] != '_'))
        return span_of(NULL, 0);
    bool front = name.base[0] == '_', back = name.base[name.len - 1] == '_';
    bool sign = strchr("!-+*/%<>=&|[?", name.base[front ? 1 : 0]) != NULL;
    return sign ? span_of(name.base + front, name.len - front - back) : span_of(NULL, 0);
}

/* 1 < amount < 5 compares the bool on its left: 1 < amount && amount < 5. */
static const char *hint_chain(struct cel_refuser r, const struct cel_node *n)
{
    const struct cel_node *a = n->args[0];
    struct span sign = operator_sign(n->name);
    if (a->kind != CEL_NODE_CALL || a->n_args != 2 || !is_comparison(operator_sign(a->name)))
        return NULL;
    struct span left = cel_hint_source(r.unit, a), middle = cel_hint_source(r.unit, a->args[1]),
                right = cel_hint_source(r.unit, n->args[1]);
    if (left.len == 0 || middle.len == 0 || right.len == 0)
        return "compare twice, with && between: a < b && b < c";
    return cel_hint_text(r.unit, "write %.*s && %.*s %.*s %.*s", SPAN_ARG(left), SPAN_ARG(middle),
                         SPAN_ARG(sign), SPAN_ARG(right));
}

/* A type of a signature: "list" for list(A), "any" for A. */
static void write_wanted(const struct cel_type *t, struct text *out)
{
    bool open = t->n_params > 0 && t->params[0]->kind == CEL_T_PARAM;
    const char *name = t->kind == CEL_T_LIST ? "list" : t->kind == CEL_T_MAP ? "map" : "optional";
    if (t->kind == CEL_T_PARAM || t->kind == CEL_T_DYN)
        text_str(out, "any");
    else if (open && (t->kind == CEL_T_LIST || t->kind == CEL_T_MAP || t->kind == CEL_T_OPTIONAL))
        text_str(out, name);
    else
        cel_type_write(t, out);
}

/* "there is int % int, uint % uint": what the operator does work on. */
static const char *forms(struct cel_refuser r, const struct cel_node *n, struct span sign)
{
    char *known = arena_must(r.unit->arena, DIAG_MESSAGE_MAX); /* zeroed */
    struct text k;
    text_init(&k, known, DIAG_MESSAGE_MAX - 1);
    for (int i = 0; i < n->n_calls; i++) {
        const struct cel_func *f = &n->calls[i];
        text_str(&k, i ? ", " : "there is ");
        if (f->n_args == 2) {
            write_wanted(f->args[0], &k);
            text_char(&k, ' ');
        }
        text_put(&k, sign);
        text_str(&k, f->n_args == 2 ? " " : "");
        write_wanted(f->args[f->n_args - 1], &k);
    }
    return known;
}

static const char *hint_binary(struct cel_refuser r, const struct cel_node *n, struct span sign)
{
    const struct cel_node *a = n->args[0], *b = n->args[1];
    bool joins = span_is(sign, "+"), compares = is_comparison(sign);
    const char *hint = compares ? hint_chain(r, n) : NULL;
    if (hint == NULL)
        hint = hint_ordered(r, a, b, joins, compares);
    if (hint == NULL)
        hint = hint_ordered(r, b, a, joins, compares);
    if (hint != NULL)
        return hint;
    return compares ? "both sides are of one type, or both are numbers" : forms(r, n, sign);
}

/* ---- operators ------------------------------------------------------------------------------- */

static void refuse_ternary(struct cel_refuser r, const struct cel_node *n)
{
    if (type_of(r, n->args[0])->kind != CEL_T_BOOL)
        cel_unit_error(r.unit, n->args[0]->start, "write a comparison, as amount > 0",
                       "the condition of ?: is %s, not bool", type_text(r, n->args[0]).text);
    else
        cel_unit_error(r.unit, n->offset, "make both the same type, as in c ? 80.0 : 40.5",
                       "the two sides of ?: are %s and %s", type_text(r, n->args[1]).text,
                       type_text(r, n->args[2]).text);
}

static void refuse_index(struct cel_refuser r, const struct cel_node *n)
{
    const struct cel_type *in = type_of(r, n->args[0]);
    const char *index = type_text(r, n->args[1]).text;
    if (in->kind == CEL_T_LIST)
        cel_unit_error(r.unit, n->args[1]->start, "the first is [0]",
                       "an element of a list is found by int, not by %s", index);
    else if (in->kind == CEL_T_MAP)
        cel_unit_error(r.unit, n->args[1]->start, NULL, "the keys of this map are %s, not %s",
                       cel_refuser_type(r, in->params[0]).text, index);
    else
        cel_unit_error(r.unit, n->offset,
                       in->kind == CEL_T_STRING ? "of a text write x.charAt(0), x.substring(0, 2)"
                                                : NULL,
                       "%s has no elements", type_text(r, n->args[0]).text);
}

static const char *hint_in(struct cel_refuser r, const struct cel_node *n)
{
    const struct cel_type *a = type_of(r, n->args[0]), *in = type_of(r, n->args[1]);
    if (in->kind == CEL_T_STRING)
        return a->kind == CEL_T_STRING ? "for a part of a text write x.contains(\"part\")"
                                       : "a list is written [a, b]";
    if (in->kind != CEL_T_LIST)
        return "a list is written [a, b]";
    const struct cel_type *item = cel_infer_known(r.infer, in->params[0]);
    if (a->kind == CEL_T_STRING && item->kind == CEL_T_INT)
        return "write the list's items in quotes";
    return a->kind == CEL_T_INT && item->kind == CEL_T_STRING ? converted(r, "string", n->args[0])
                                                              : NULL;
}

static void refuse_in(struct cel_refuser r, const struct cel_node *n)
{
    enum cel_type_kind in = type_of(r, n->args[1])->kind;
    if (in == CEL_T_LIST || in == CEL_T_MAP)
        cel_unit_error(r.unit, n->offset, hint_in(r, n), "%s cannot be in %s",
                       type_text(r, n->args[0]).text, type_text(r, n->args[1]).text);
    else
        cel_unit_error(r.unit, n->args[1]->start, hint_in(r, n),
                       "'in' looks in a list or a map, and this is %s",
                       type_text(r, n->args[1]).text);
}

/* ! && ||: which side is no bool. */
static void refuse_logic(struct cel_refuser r, const struct cel_node *n, struct span sign)
{
    int wrong = 0;
    while (wrong + 1 < n->n_args && type_of(r, n->args[wrong])->kind == CEL_T_BOOL)
        wrong++;
    const char *hint = n->n_args == 1 ? "write a comparison, as amount > 0"
                                      : "each side is a whole comparison: a > 1 || b > 1";
    cel_unit_error(r.unit, n->args[wrong]->start, hint, "'%.*s' wants bool here, and this is %s",
                   SPAN_ARG(sign), type_text(r, n->args[wrong]).text);
}

static void refuse_operator(struct cel_refuser r, const struct cel_node *n, struct span sign)
{
    if (span_is(sign, "?_:"))
        refuse_ternary(r, n);
    else if (sign.base[0] == '[')
        refuse_index(r, n);
    else if (span_is(sign, "in"))
        refuse_in(r, n);
    else if (span_is(sign, "!") || span_is(sign, "&&") || span_is(sign, "||"))
        refuse_logic(r, n, sign);
    else if (n->n_args == 1)
        cel_unit_error(r.unit, n->offset, forms(r, n, sign), "'%.*s' does not work on %s",
                       SPAN_ARG(sign), type_text(r, n->args[0]).text);
    else
        cel_unit_error(r.unit, n->offset, hint_binary(r, n, sign),
                       is_comparison(sign) ? "'%.*s' does not compare %s with %s"
                                           : "'%.*s' does not work on %s and %s",
                       SPAN_ARG(sign), type_text(r, n->args[0]).text,
                       type_text(r, n->args[1]).text);
}

/* ---- functions ------------------------------------------------------------------------------- */

static void write_signature(const struct cel_func *f, struct text *out)
{
    int first = f->is_method;
    if (first) {
        write_wanted(f->args[0], out);
        text_char(out, '.');
    }
    text_str(out, f->name);
    text_char(out, '(');
    for (int i = first; i < f->n_args; i++) {
        text_str(out, i > first ? ", " : "");
        write_wanted(f->args[i], out);
    }
    text_char(out, ')');
}

/* "there is f(a), f(b)": as many as fit. */
static const char *signatures(struct cel_refuser r, const struct cel_node *n)
{
    char *known = arena_must(r.unit->arena, DIAG_MESSAGE_MAX); /* zeroed */
    struct text k;
    text_init(&k, known, DIAG_MESSAGE_MAX - 6);
    text_str(&k, "there is ");
    for (int i = 0; i < n->n_calls; i++) {
        size_t whole = k.len;
        text_str(&k, i ? ", " : "");
        write_signature(&n->calls[i], &k);
        if (!k.overflow)
            continue;
        memset(known + whole, 0, DIAG_MESSAGE_MAX - whole);
        memcpy(known + whole, ", ...", 5);
        break;
    }
    return known;
}

/* The first argument that `f` does not take, behind those before it; n_args: none. */
static int first_wrong(struct cel_refuser r, const struct cel_func *f, struct cel_node *const *args,
                       int n_args)
{
    const struct cel_type *vars[CEL_TYPE_PARAMS_MAX];
    int i = 0, mark = r.infer->n_trail;
    for (int v = 0; v < CEL_TYPE_PARAMS_MAX; v++)
        vars[v] = cel_infer_var(r.infer);
    while (i < n_args &&
           cel_infer_assign(r.infer, args[i]->type, cel_infer_instance(r.infer, f->args[i], vars)))
        i++;
    cel_infer_undo(r.infer, mark);
    return i;
}

/* The argument that comes furthest and still fails; -1: no function takes so many. */
static int wrong_argument(struct cel_refuser r, const struct cel_node *n,
                          struct cel_node *const *args, int n_args)
{
    int furthest = -1;
    for (int i = 0; i < n->n_calls; i++) {
        int wrong = n->calls[i].n_args == n_args ? first_wrong(r, &n->calls[i], args, n_args) : -1;
        furthest = wrong > furthest ? wrong : furthest;
    }
    return furthest;
}

static bool is_method_of(struct cel_refuser r, const struct cel_node *n,
                         struct cel_node *const *args)
{
    for (int i = 0; i < n->n_calls; i++) {
        if (first_wrong(r, &n->calls[i], args, 1) == 1)
            return true;
    }
    return false;
}

static void refuse_count(struct cel_refuser r, const struct cel_node *n, int given)
{
    cel_unit_error(r.unit, n->offset, signatures(r, n), "%.*s() does not take %d argument%s",
                   SPAN_ARG(n->name), given, given == 1 ? "" : "s");
}

/* An int where a double is wanted; of optionals and lists what they hold says so. */
static bool wants_double(struct cel_refuser r, const struct cel_node *n,
                         struct cel_node *const *args, int n_args, int wrong)
{
    enum cel_type_kind given = type_of(r, args[wrong])->kind;
    const struct cel_type *of = type_of(r, args[0]);
    bool holds = of->n_params == 1 && cel_infer_known(r.infer, of->params[0])->kind == CEL_T_DOUBLE;
    if (given != CEL_T_INT && given != CEL_T_UINT)
        return false;
    for (int i = 0; i < n->n_calls; i++) {
        const struct cel_func *f = &n->calls[i];
        if (f->n_args == n_args && (f->args[wrong]->kind == CEL_T_DOUBLE ||
                                    (holds && f->args[wrong]->kind == CEL_T_PARAM)))
            return true;
    }
    return false;
}

static void refuse_types(struct cel_refuser r, const struct cel_node *n,
                         struct cel_node *const *args, int n_args, int wrong)
{
    char given[DIAG_MESSAGE_MAX / 2] = {0};
    struct text g;
    text_init(&g, given, sizeof given - 1);
    int first = n->left != NULL;
    for (int i = first; i < n_args; i++)
        text_printf(&g, "%s%s", i > first ? ", " : "", type_text(r, args[i]).text);
    bool is_known = wrong < n_args && wrong >= first;
    const char *hint = is_known && wants_double(r, n, args, n_args, wrong)
                           ? as_double(r, args[wrong])
                           : signatures(r, n);
    cel_unit_error(r.unit, is_known ? args[wrong]->start : n->offset, hint,
                   "%s%s%.*s() does not take (%s)", first ? type_text(r, args[0]).text : "",
                   first ? "." : "", SPAN_ARG(n->name), given);
}

static void refuse_function(struct cel_refuser r, const struct cel_node *n,
                            struct cel_node *const *args, int n_args)
{
    bool is_method = n->left != NULL;
    int wrong = wrong_argument(r, n, args, n_args);
    if (is_method && !is_method_of(r, n, args))
        cel_unit_error(r.unit, n->offset, signatures(r, n), "%.*s() does not work on %s",
                       SPAN_ARG(n->name), type_text(r, args[0]).text);
    else if (wrong < 0)
        refuse_count(r, n, n_args - is_method);
    else
        refuse_types(r, n, args, n_args, wrong);
}

void cel_refuse_call(struct cel_refuser r, const struct cel_node *n, struct cel_node *const *args,
                     int n_args)
{
    struct span sign = operator_sign(n->name);
    if (sign.len > 0)
        refuse_operator(r, n, sign);
    else
        refuse_function(r, n, args, n_args);
}

/* ---- literals and loops ---------------------------------------------------------------------- */

void cel_refuse_key(struct cel_refuser r, const struct cel_node *key)
{
    cel_unit_error(r.unit, key->start, "a key is a bool, int, uint or string", "%s cannot be a key",
                   type_text(r, key).text);
}

void cel_refuse_range(struct cel_refuser r, const struct cel_node *loop)
{
    cel_unit_error(r.unit, loop->offset, "it works on lists and maps",
                   "%s has no elements to go through", type_text(r, loop->loop->range).text);
}

/* ---- constants that fail --------------------------------------------------------------------- */

/* The value as it was written, in quotes if it is a text; cut when it is long. */
static const char *literal_text(struct cel_unit *unit, const struct cel_node *n)
{
    char buf[TEXT_MAX] = {0};
    struct text t;
    text_init(&t, buf, sizeof buf - 1);
    cel_value_write(n->value, &t);
    const char *quote = n->value.kind == CEL_STRING ? "\"" : "";
    return cel_hint_text(unit, "%s%s%s", quote, buf, quote);
}

/* Functions that read a text or a number, by the name of what they make of it. */
static bool refuse_conversion(struct cel_unit *unit, const struct cel_node *n)
{
    static const struct {
        const char *name, *hint;
    } conversions[] = {
        {"timestamp", "write timestamp(\"2026-01-31T12:00:00Z\")"},
        {"duration", "write duration(\"90s\"); units are h, m, s, ms"},
        {"int", "an int is written as 42, at most 9223372036854775807"},
        {"uint", "a uint is not negative, at most 18446744073709551615"},
        {"double", "a double is written as 4.5"},
        {"bool", "it is true or false"},
        {"ip", "write ip(\"192.0.2.1\")"},
        {"cidr", "write cidr(\"192.0.2.0/24\")"},
    };
    for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++) {
        if (!span_is(n->name, conversions[i].name) || n->left != NULL || n->n_args != 1 ||
            n->args[0]->kind != CEL_NODE_CONST)
            continue;
        cel_unit_error(unit, n->args[0]->start, conversions[i].hint, "%s is no %s",
                       literal_text(unit, n->args[0]), conversions[i].name);
        return true;
    }
    return false;
}

/* "it has "EUR", "USD"": the keys of a constant map, as many as fit. */
static const char *keys_of(struct cel_unit *unit, const struct cel_node *map)
{
    char *hint = arena_must(unit->arena, DIAG_MESSAGE_MAX); /* zeroed */
    struct text t;
    text_init(&t, hint, DIAG_MESSAGE_MAX - 1);
    if (!cel_is_literal(map, CEL_MAP))
        return NULL;
    for (size_t i = 0; i < map->value.map->count; i++) {
        struct cel_node key = {.kind = CEL_NODE_CONST, .value = map->value.map->entries[i].key};
        const char *text = literal_text(unit, &key);
        if (t.len + strlen(text) + 9 > t.cap)
            break;
        text_printf(&t, "%s%s", i ? ", " : "it has ", text);
    }
    return t.len > 0 ? hint : "it is empty";
}

static const char *count_of(struct cel_unit *unit, const struct cel_node *list)
{
    size_t count = cel_is_literal(list, CEL_LIST) ? list->value.list->count : 0;
    return count > 0 ? cel_hint_text(unit, "it has [0] to [%zu]", count - 1) : "it is empty";
}

static void refuse_element(struct cel_unit *unit, const struct cel_node *n)
{
    const struct cel_node *in = n->args[0], *index = n->args[1];
    const char *text = index->kind == CEL_NODE_CONST ? literal_text(unit, index) : "...";
    if (in->type->kind == CEL_T_LIST)
        cel_unit_error(unit, index->start, count_of(unit, in), "the list has no element [%s]",
                       text);
    else
        cel_unit_error(unit, index->start, keys_of(unit, in), "the map has no key %s", text);
}

/* The key of a map literal that stands there for the second time. */
static const struct cel_node *repeated_key(const struct cel_node *map)
{
    for (int i = 2; i < map->n_args; i += 2) {
        for (int j = 0; j < i; j += 2) {
            const struct cel_node *a = map->args[i], *b = map->args[j];
            if (a->kind == CEL_NODE_CONST && b->kind == CEL_NODE_CONST &&
                cel_equal(a->value, b->value, NULL))
                return a;
        }
    }
    return map;
}

static bool refuse_operation(struct cel_unit *unit, const struct cel_node *n,
                             enum cel_error_code why)
{
    struct span text = cel_hint_source(unit, n);
    if (why == CEL_ERR_DIVIDE)
        cel_unit_error(unit, n->args[1]->start, NULL, "a whole number cannot be divided by zero");
    else if (why == CEL_ERR_OVERFLOW && text.len > 0)
        cel_unit_error(unit, n->offset,
                       n->type->kind == CEL_T_UINT ? "a uint is 0 to 18446744073709551615"
                                                   : "with decimal points it would be a double",
                       "%.*s does not fit into %s", SPAN_ARG(text),
                       n->type->kind == CEL_T_UINT  ? "a uint"
                       : n->type->kind == CEL_T_INT ? "an int"
                                                    : "its type");
    else if ((why == CEL_ERR_INDEX || why == CEL_ERR_NO_KEY) && span_is(n->name, "_[_]"))
        refuse_element(unit, n);
    else
        return false;
    return true;
}

void cel_refuse_constant(struct cel_unit *unit, const struct cel_node *n, enum cel_error_code why)
{
    char text[TEXT_MAX] = {0};
    struct text t;
    text_init(&t, text, sizeof text - 1);
    cel_error_write(cel_fault(why), &t);
    bool is_binary = n->kind == CEL_NODE_CALL && n->left == NULL && n->n_args == 2;
    if (n->kind == CEL_NODE_CALL && refuse_conversion(unit, n))
        return;
    if (is_binary && refuse_operation(unit, n, why))
        return;
    if (n->kind == CEL_NODE_MAP && why == CEL_ERR_REPEATED_KEY)
        cel_unit_error(unit, repeated_key(n)->start, NULL, "this key stands in the map twice");
    else if (n->kind == CEL_NODE_SELECT && why == CEL_ERR_NO_KEY)
        cel_unit_error(unit, n->offset, keys_of(unit, n->left), "the map has no key \"%.*s\"",
                       SPAN_ARG(n->name));
    else
        cel_unit_error(unit, n->offset, NULL, "this fails whenever it runs: %s", text);
}
