/*
 * cel_ops.h -- the operators, over values of any kind.
 *
 * Each takes whatever stands on the stack: an error operand is the answer (the left one first),
 * kinds that do not fit are CEL_ERR_NO_OVERLOAD, ranges go to cel_range.h.
 */
#ifndef SLUICE_RULES_CEL_OPS_H
#define SLUICE_RULES_CEL_OPS_H

#include "rules/cel_func.h"

/* X(name, sign, the VM's function) */
#define CEL_ARITHMETIC_TABLE(X) \
    X(CEL_ADD, "_+_")           \
    X(CEL_SUBTRACT, "_-_")      \
    X(CEL_MULTIPLY, "_*_")      \
    X(CEL_DIVIDE, "_/_")        \
    X(CEL_MODULO, "_%_")

enum cel_arithmetic {
#define X(name, text) name,
    CEL_ARITHMETIC_TABLE(X)
#undef X
};

/* X(name, bits, function, sign). Bit i: does it hold when cel_order() says i - 1? Bit 3: a NaN. */
#define CEL_COMPARISON_TABLE(X)           \
    X(CEL_LESS, 1, "_<_", "<")            \
    X(CEL_EQUAL, 2, "_==_", "==")         \
    X(CEL_LESS_EQUAL, 3, "_<=_", "<=")    \
    X(CEL_GREATER, 4, "_>_", ">")         \
    X(CEL_GREATER_EQUAL, 6, "_>=_", ">=") \
    X(CEL_NOT_EQUAL, 13, "_!=_", "!=")

enum cel_comparison {
#define X(name, bits, function, sign) name = (bits),
    CEL_COMPARISON_TABLE(X)
#undef X
};

/* Which comparison a function's name is; false: none. */
bool cel_comparison_of(struct span function, enum cel_comparison *ret_op);
/* "<"; static storage. */
const char *cel_comparison_sign(enum cel_comparison op);
/* a < b is b > a. */
enum cel_comparison cel_comparison_mirrored(enum cel_comparison op);

static inline bool cel_holds(enum cel_comparison op, int order)
{
    return ((unsigned)op >> (order + 1)) & 1;
}

struct cel_value cel_arithmetic(struct cel_context *cx, enum cel_arithmetic op,
                                const struct cel_value *a, const struct cel_value *b);
struct cel_value cel_compare(struct cel_context *cx, enum cel_comparison op,
                             const struct cel_value *a, const struct cel_value *b);
struct cel_value cel_negate(const struct cel_value *a);
struct cel_value cel_not(const struct cel_value *a);
/* a && b, a || b: what one of them decides, the other's error cannot undo. */
struct cel_value cel_and(const struct cel_value *a, const struct cel_value *b);
struct cel_value cel_or(const struct cel_value *a, const struct cel_value *b);
/* item in list, key in map. */
struct cel_value cel_in(struct cel_context *cx, const struct cel_value *item,
                        const struct cel_value *in);
/* list[i], map[key]; map.key is the same with a string. */
struct cel_value cel_at(struct cel_context *cx, const struct cel_value *in,
                        const struct cel_value *key);
/* list[?i], map[?key], map.?key: an optional, none where there is no such element. */
struct cel_value cel_optional_at(struct cel_context *cx, const struct cel_value *in,
                                 const struct cel_value *key);
/* An optional that holds `v`, which may live on the stack. */
struct cel_value cel_some(struct cel_context *cx, struct cel_value v);
/* has(map.key). */
struct cel_value cel_has(struct cel_context *cx, const struct cel_value *in,
                         const struct cel_value *key);

/* Lists and maps under construction: room for `room` at first, more as they grow. */
struct cel_value cel_list_new(struct cel_context *cx, size_t room);
struct cel_value cel_list_append(struct cel_context *cx, struct cel_value list,
                                 const struct cel_value *item);
struct cel_value cel_map_new(struct cel_context *cx, size_t room);
struct cel_value cel_map_put(struct cel_context *cx, struct cel_value map,
                             const struct cel_value *key, const struct cel_value *value);
/* The same, if `item` or `value`, an optional, holds something. */
struct cel_value cel_list_append_some(struct cel_context *cx, struct cel_value list,
                                      const struct cel_value *item);
struct cel_value cel_map_put_some(struct cel_context *cx, struct cel_value map,
                                  const struct cel_value *key, const struct cel_value *value);
/* `map` with the entries of `other`; a key that is in both is CEL_ERR_REPEATED_KEY. */
struct cel_value cel_map_merge(struct cel_context *cx, struct cel_value map,
                               const struct cel_value *other);

#endif
