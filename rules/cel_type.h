/*
 * cel_type.h -- what the checker knows of a value before it exists.
 *
 * Types are immutable and compared by structure. The scalar ones are the constants below; lists
 * and maps of them are made in the load's arena. `dyn` fits everything and is checked when run.
 * A type parameter (CEL_T_PARAM, 0 is A, 1 is B ...) stands in signatures only.
 */
#ifndef SLUICE_RULES_CEL_TYPE_H
#define SLUICE_RULES_CEL_TYPE_H

#include "rules/cel_value.h"

enum cel_type_kind {
    CEL_T_DYN,
    CEL_T_NULL,
    CEL_T_BOOL,
    CEL_T_INT,
    CEL_T_UINT,
    CEL_T_DOUBLE,
    CEL_T_STRING,
    CEL_T_BYTES,
    CEL_T_TIMESTAMP,
    CEL_T_DURATION,
    CEL_T_LIST,     /* of params[0] */
    CEL_T_MAP,      /* from params[0] to params[1] */
    CEL_T_OPTIONAL, /* of params[0] */
    CEL_T_IP,
    CEL_T_CIDR,
    CEL_T_TYPE,     /* the type of types; params[0] says of which, or is NULL */
    CEL_T_WRAPPER,  /* params[0] or null */
    CEL_T_ABSTRACT, /* `name` with params, declared by a user of the language */
    CEL_T_PARAM,    /* number `id` of a signature */
    CEL_T_VAR,      /* the checker's: not known yet */
    CEL_T_ERROR,    /* was reported already; fits everything, so that one mistake is told once */
};

enum {
    CEL_TYPE_PARAMS_MAX = 3, /* the widest abstract type of the conformance suite */
    CEL_TYPE_NODES_MAX = 64, /* of one type; one that is larger is dyn, or types could double */
};

struct cel_type {
    enum cel_type_kind kind;
    int id;           /* CEL_T_PARAM, CEL_T_VAR */
    struct span name; /* CEL_T_ABSTRACT */
    int n_params;
    const struct cel_type *params[CEL_TYPE_PARAMS_MAX];
};

extern const struct cel_type cel_type_dyn, cel_type_null, cel_type_bool, cel_type_int,
    cel_type_uint, cel_type_double, cel_type_string, cel_type_bytes, cel_type_timestamp,
    cel_type_duration, cel_type_ip, cel_type_cidr, cel_type_type, cel_type_error;
/* A, B; list(A), map(A, B), optional(A), optional(B): for signatures. */
extern const struct cel_type cel_type_a, cel_type_b, cel_type_list_a, cel_type_map_ab,
    cel_type_optional_a, cel_type_optional_b;
/* What lists.h makes, and what a geo field is. */
extern const struct cel_type cel_type_list_string, cel_type_list_int, cel_type_map_string_double;

const struct cel_type *cel_type_list(struct arena *arena, const struct cel_type *item);
const struct cel_type *cel_type_map(struct arena *arena, const struct cel_type *key,
                                    const struct cel_type *value);
const struct cel_type *cel_type_optional(struct arena *arena, const struct cel_type *of);
const struct cel_type *cel_type_wrapper(struct arena *arena, const struct cel_type *of);

bool cel_type_is_number(const struct cel_type *t);
/* The same type, to the last parameter. */
bool cel_type_same(const struct cel_type *a, const struct cel_type *b);
/* "list(string)", "map(string, dyn)". */
void cel_type_write(const struct cel_type *t, struct text *out);
/* The kind of a type's values; CEL_MISSING for one that has values of several, or of a name. */
enum cel_kind cel_type_values(const struct cel_type *t);
/* Could a value of this kind be of type `t`, as far as the outermost type says? */
bool cel_type_takes(const struct cel_type *t, struct cel_value v);

#endif
