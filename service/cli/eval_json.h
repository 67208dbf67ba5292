/*
 * eval_json.h -- values and types of expressions as JSON that says what each is.
 *
 *     {"int": "5"}    {"uint": "5"}    {"double": 1.5}    {"double": "NaN"}    {"bool": true}
 *     {"string": ".."}    {"bytes": base64}    {"null": true}    {"type": "int"}
 *     {"timestamp": "2026-01-05T12:00:10Z"}    {"duration": "1.5s"}
 *     {"list": [value, ..]}    {"map": [[key, value], ..]}    {"optional": value, or null}
 *     {"ip": "10.0.0.1"}    {"cidr": "10.0.0.0/8"}
 *
 *     "int", "dyn" ..    {"list": type}    {"map": [type, type]}    {"wrapper": type}
 *     {"abstract": name, "params": [type, ..]}    {"param": "T"}    {"type": type}
 *
 * What is written reads back as the same, to the last bit of a double. The form is that of the
 * conformance suite, where a JSON number would lose what an int64 has.
 *
 * Reading takes memory from the arena given, and nothing else; texts are copied. Each function
 * that reads answers NULL, or what is wrong (static), and then leaves its output untouched.
 */
#ifndef SLUICE_CLI_EVAL_JSON_H
#define SLUICE_CLI_EVAL_JSON_H

#include "rules/cel.h"

#include <jansson.h>

enum {
    /* Of a value, from outside to its innermost: an expression's own has CEL_DEPTH_MAX. The JSON
     * is two or three times as deep, within jansson's 2048. */
    EVAL_DEPTH_MAX = 256,
    EVAL_NAMES_MAX = 256, /* variables of one expression; the conformance suite has three */
};

MUST_USE const char *eval_value_read(const json_t *json, struct arena *arena,
                                     struct cel_value *ret_value);

/* The parameters of a signature, by the names it uses: T is A, the first. */
struct eval_signature {
    struct arena *arena;
    struct span params[CEL_TYPE_PARAMS_MAX];
    int n_params;
    int n_nodes;  /* of its types so far; at most CEL_TYPE_NODES_MAX */
    bool is_open; /* a new name is a new parameter; else it is dyn */
};

/* One type of a signature; a variable's is a signature of its own, which is not open. */
MUST_USE const char *eval_type_read(const json_t *json, struct eval_signature *in,
                                    const struct cel_type **ret_type);

/* Too deep a value sets out->overflow. An error within is null. */
void eval_value_write(struct cel_value value, struct text *out);
void eval_type_write(const struct cel_type *type, struct text *out);

/* A JSON string of any bytes: what is not UTF-8 becomes U+FFFD. */
void eval_string_write(struct span bytes, struct text *out);

/* The nearest double in decimal, never without a point or an exponent: "1.0", "-0.0", "1e+300".
 * NaN and infinities as JavaScript has them. */
void eval_double_write(double value, struct text *out);

#endif
