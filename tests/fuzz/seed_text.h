/*
 * seed_text.h -- inputs that a target has as texts.
 */
#ifndef SLUICE_TESTS_FUZZ_SEED_TEXT_H
#define SLUICE_TESTS_FUZZ_SEED_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* The i-th of texts[n], as fuzz_seed() gives it; a text that does not fit is cut. */
size_t fuzz_seed_text(const char *const *texts, size_t n, size_t i, uint8_t *buf, size_t cap);

#endif
