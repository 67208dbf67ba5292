/*
 * cel_string.h -- the functions on strings. Positions and sizes count code points.
 *
 * Source: the CEL specification, "List of Standard Definitions"; cel-go, ext/strings.go.
 */
#ifndef SLUICE_RULES_CEL_STRING_H
#define SLUICE_RULES_CEL_STRING_H

#include "rules/cel_func.h"

cel_fn cel_str_contains, cel_str_starts_with, cel_str_ends_with, cel_str_matches, cel_str_char_at,
    cel_str_index_of, cel_str_last_index_of, cel_str_lower_ascii, cel_str_upper_ascii, cel_str_trim,
    cel_str_replace, cel_str_split, cel_str_substring, cel_str_join, cel_str_reverse;
/* A constant pattern becomes a CEL_HANDLE. */
cel_prepare_fn cel_str_prepare_pattern;

#endif
