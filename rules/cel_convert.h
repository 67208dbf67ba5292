/*
 * cel_convert.h -- conversions between types, and what asks a value about itself.
 *
 * Source: the CEL specification, "List of Standard Definitions".
 */
#ifndef SLUICE_RULES_CEL_CONVERT_H
#define SLUICE_RULES_CEL_CONVERT_H

#include "rules/cel_func.h"

/* Each takes whatever its signatures in cel_lib_standard.c allow, its own type included. */
cel_fn cel_to_bool, cel_to_int, cel_to_uint, cel_to_double, cel_to_string, cel_to_bytes,
    cel_to_timestamp, cel_to_duration, cel_to_dyn;
cel_fn cel_type_of, cel_size;

#endif
