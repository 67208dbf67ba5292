/*
 * fuzz.h -- what a fuzz target gives, and may give.
 *
 * LLVMFuzzerTestOneInput is libFuzzer's entry point; standalone.c calls it too.
 */
#ifndef SLUICE_TESTS_FUZZ_H
#define SLUICE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Aborts on what must not be. Always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * The target's own inputs, from which standalone.c mutates: writes the i-th into buf[0..cap) and
 * answers its length; SIZE_MAX: there are no more. A target without it starts from the files given.
 */
__attribute__((weak)) size_t fuzz_seed(size_t i, uint8_t *buf, size_t cap);

#endif
