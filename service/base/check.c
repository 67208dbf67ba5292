#include "service/base/check.h"

#include <stdio.h>
#include <stdlib.h>

static _Thread_local struct span in_flight;

void check_in_flight(struct span transaction_id)
{
    in_flight = transaction_id;
}

void check_failed(const char *file, int line, const char *cond)
{
    fprintf(stderr, "%s:%d: CHECK failed: %s", file, line, cond);
    if (in_flight.len > 0)
        fprintf(stderr, " (transaction %.*s)", SPAN_ARG(in_flight));
    fputc('\n', stderr);
    abort();
}
