/*
 * check.h -- assertions that stay on in production.
 *
 * CHECK(cond) is for what only a bug of ours can break. It prints file, line,
 * the condition and the transaction in flight on this thread, then aborts.
 */
#ifndef SLUICE_BASE_CHECK_H
#define SLUICE_BASE_CHECK_H

#include "service/base/span.h"

#define CHECK(cond)                                  \
    do {                                             \
        if (__builtin_expect(!(cond), 0))            \
            check_failed(__FILE__, __LINE__, #cond); \
    } while (0)

__attribute__((noreturn, cold)) void check_failed(const char *file, int line, const char *cond);

/*
 * Names the transaction this thread works on, for the message of a failed
 * CHECK. Borrowed until the next call; pass the empty span when done.
 */
void check_in_flight(struct span transaction_id);

#endif
