/*
 * shown.h -- what a verb shows of a service's answer.
 */
#ifndef SLUICE_TESTS_CLI_SHOWN_H
#define SLUICE_TESTS_CLI_SHOWN_H

#include <jansson.h>
#include <stdio.h>

/* `show` of the JSON `answer` writes `expected`, word for word. */
void assert_shows(void (*show)(const json_t *answer, FILE *out), const char *answer,
                  const char *expected);

#endif
