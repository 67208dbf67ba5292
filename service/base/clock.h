/*
 * clock.h -- the two clocks, read in one place.
 *
 * Wall time dates events and is only ever compared with event time; deadlines
 * and latencies use monotonic time. Code below api and cli gets "now" as an
 * argument, so that tests and replay bring their own.
 */
#ifndef SLUICE_BASE_CLOCK_H
#define SLUICE_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since 1970-01-01T00:00:00Z. */
int64_t clock_wall_ms(void);
/* Microseconds since some fixed start; never steps. */
int64_t clock_mono_us(void);

#endif
