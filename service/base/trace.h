/*
 * trace.h -- the W3C trace context that a transaction travels under (Trace Context, 2021).
 *
 *     00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *      ^ version  ^ trace id, not zero      ^ parent id, not zero  ^ flags
 *
 * Threads: any.
 */
#ifndef SLUICE_BASE_TRACE_H
#define SLUICE_BASE_TRACE_H

#include "service/base/span.h"

enum { TRACE_PARENT_BYTES = 55 };

/* Is it a traceparent of version 00, or of a later one that begins the same way? */
bool trace_parent_is_valid(struct span header);

/*
 * What a `traceparent` header is passed on as: itself, where it is valid; else a new trace, written
 * to room[TRACE_PARENT_BYTES]. An empty header is no header: empty.
 */
struct span trace_parent_pass(struct span header, char *room);

#endif
