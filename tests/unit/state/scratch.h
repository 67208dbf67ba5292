/*
 * scratch.h -- a folder for one test, and its removal. Nothing is reported: failures end the test.
 */
#ifndef SLUICE_TESTS_UNIT_STATE_SCRATCH_H
#define SLUICE_TESTS_UNIT_STATE_SCRATCH_H

#include <stdint.h>

enum { SCRATCH_PATH_BYTES = 256 };

/* Below TMPDIR, or /tmp. */
void scratch_make(char ret_path[SCRATCH_PATH_BYTES]);
/* With the files in it; it has no folders. */
void scratch_remove(const char *path);

/* A small generator with a seed, so that a failure can be seen again (xorshift64*). */
uint64_t scratch_random(uint64_t *seed);

#endif
