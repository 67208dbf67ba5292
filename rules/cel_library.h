/*
 * cel_library.h -- what a library of functions is written with.
 *
 * A library is one file, cel_lib_NAME.c: static functions, and at its end the table that names
 * them with their types. cel_func.c puts the tables together; functions of one name may come from
 * several. Only these files include this one: its macros are short, so that a row is a signature.
 */
#ifndef SLUICE_RULES_CEL_LIBRARY_H
#define SLUICE_RULES_CEL_LIBRARY_H

#include "rules/cel_func.h"

struct cel_library {
    const struct cel_func *functions;
    int count;
};

extern const struct cel_library cel_lib_standard, cel_lib_optional, cel_lib_strings, cel_lib_math,
    cel_lib_network, cel_lib_lists, cel_lib_sets, cel_lib_encoders;
extern const struct cel_library cel_lib_fraud; /* ours; the others are CEL's and its extensions' */

/* Ends a library's file: cel_lib_NAME is its table. */
#define LIBRARY(name, table) \
    const struct cel_library name = {(table), (int)(sizeof(table) / sizeof *(table))}

#define A &cel_type_a
#define B &cel_type_b
#define LIST &cel_type_list_a
#define MAP &cel_type_map_ab
#define OPTIONAL_A &cel_type_optional_a
#define OPTIONAL_B &cel_type_optional_b
#define DYN &cel_type_dyn
#define BOOL &cel_type_bool
#define INT &cel_type_int
#define UINT &cel_type_uint
#define DOUBLE &cel_type_double
#define STRING &cel_type_string
#define BYTES &cel_type_bytes
#define TIME &cel_type_timestamp
#define DURATION &cel_type_duration
#define IP &cel_type_ip
#define CIDR &cel_type_cidr
#define TYPE &cel_type_type
#define STRINGS &cel_type_list_string

/* A type of a library's own. */
#define LIST_OF(type)                                         \
    {                                                         \
        .kind = CEL_T_LIST, .n_params = 1, .params = { type } \
    }

#define COUNT(...) (int)(sizeof((const struct cel_type *[]){__VA_ARGS__}) / sizeof(void *))
/* OPERATOR and the rest: a row, (name, function, result, arguments ...). */
#define OPERATOR(text, type, ...)                                                             \
    {                                                                                         \
        .name = (text), .n_args = COUNT(__VA_ARGS__), .args = {__VA_ARGS__}, .result = (type) \
    }
#define FUNCTION(text, function, type, ...)                                                    \
    {                                                                                          \
        .name = (text), .n_args = COUNT(__VA_ARGS__), .args = {__VA_ARGS__}, .result = (type), \
        .run = (function)                                                                      \
    }
/* As FUNCTION, and it knows CEL_RANGE. */
#define RANGED(text, function, type, ...)                                                      \
    {                                                                                          \
        .name = (text), .n_args = COUNT(__VA_ARGS__), .args = {__VA_ARGS__}, .result = (type), \
        .run = (function), .takes_ranges = true                                                \
    }
/* x.or(y): the VM has an instruction for it. */
#define METHOD_OPERATOR(text, type, ...)                                                        \
    {                                                                                           \
        .name = (text), .is_method = true, .n_args = COUNT(__VA_ARGS__), .args = {__VA_ARGS__}, \
        .result = (type)                                                                        \
    }
/* x.text(y ...): the receiver's type is the first. */
#define METHOD(text, function, type, ...)                                                       \
    {                                                                                           \
        .name = (text), .is_method = true, .n_args = COUNT(__VA_ARGS__), .args = {__VA_ARGS__}, \
        .result = (type), .run = (function)                                                     \
    }

#endif
