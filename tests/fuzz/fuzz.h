/*
 * fuzz.h -- what a fuzz target gives, and may give.
 *
 * LLVMFuzzerTestOneInput is libFuzzer's entry point; standalone.c calls it too. What may be given
 * is weak here: a target without it has none.
 */
#ifndef SLUICE_TESTS_FUZZ_H
#define SLUICE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Aborts on what must not be. Always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* prepare.c: before the first input; `fuzz_x --prepare FOLDER` ends there. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/*
 * The target's own inputs, from which mutations start: writes the i-th into buf[0..cap) and
 * answers its length; SIZE_MAX: there are no more.
 */
__attribute__((weak)) size_t fuzz_seed(size_t i, uint8_t *buf, size_t cap);

/* The words of the target's language, for mutations to put in; NULL: there are no more. */
__attribute__((weak)) const char *fuzz_word(size_t i);

/* How many mutations standalone.c tries, where an input costs more than most; else 100,000. */
__attribute__((weak)) int fuzz_mutations(void);

#endif
