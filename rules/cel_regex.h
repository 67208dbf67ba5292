/*
 * cel_regex.h -- regular expressions: the little of RE2 that is needed here, for C.
 *
 * CEL asks for RE2's syntax and its promise: time is linear in the text, whatever pattern and
 * text are, for the pattern is run on all its alternatives at once. A pattern becomes a program
 * of bounded size; the automaton that runs it is made as texts need it, in what is left of the
 * pattern's memory.
 *
 * This header is read by C++ too (cel_regex.cc, the one such file), so it includes none of ours.
 *
 * Owns:    memory of the C++ heap, until regex_free(); matching may take more of it, up to the
 *          pattern's limit, until the automaton has seen what texts bring.
 * Threads: a regex may match on any number of threads at once.
 *
 * Source: https://github.com/google/re2, wiki/Syntax.
 */
#ifndef SLUICE_RULES_CEL_REGEX_H
#define SLUICE_RULES_CEL_REGEX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    REGEX_LOAD_BYTES = 2 << 20,  /* of a pattern made at load: \p{L}{50} takes half of it */
    REGEX_RUN_BYTES = 256 << 10, /* of one made while a rule runs: at most 2 ms to make */
    REGEX_WRONG_MAX = 160,       /* bytes of what is wrong with a pattern, with the NUL */
};

struct regex;

/* What regex_new() has to say. */
struct regex_report {
    int64_t steps;               /* of the budget, that making it was worth */
    size_t wrong_at;             /* byte of the pattern; its length or more: not known */
    char wrong[REGEX_WRONG_MAX]; /* valid UTF-8 if the pattern was */
};

/*
 * NULL: it is no pattern, or needs more than `bytes_max`; *ret_report says why. O(what the pattern
 * says), repetitions written out.
 */
struct regex *regex_new(const char *pattern, size_t len, size_t bytes_max,
                        struct regex_report *ret_report);
void regex_free(struct regex *re);

/*
 * Does the pattern match somewhere in `text` (UTF-8)? 0 or 1; -1 when *steps, which is counted
 * down by what it may cost, is used up. O(text).
 */
int regex_match(const struct regex *re, const char *text, size_t len, int64_t *steps);

#ifdef __cplusplus
}
#endif

#endif
