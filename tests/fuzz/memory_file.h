/*
 * memory_file.h -- an input as a file, for what reads files.
 */
#ifndef SLUICE_TESTS_MEMORY_FILE_H
#define SLUICE_TESTS_MEMORY_FILE_H

#include <stddef.h>

/* A descriptor that stands before `bytes`; close() it. CHECKs that there is one. */
int memory_file(const void *bytes, size_t n);

#endif
