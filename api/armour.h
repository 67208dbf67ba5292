/*
 * armour.h -- what libmicrohttpd 0.9.75 lets through and we do not.
 *
 * Request smuggling lives where two programs see different ends of one message. Each header
 * goes through armour_header, then armour_verdict answers once. Refused:
 *
 *     two Content-Length, or one that is not digits   "Content-Length : 3", a name that is no token
 *     two Host                                        a control character in a value
 *     Transfer-Encoding but a lone "chunked", beside  a folded line, which the library glues to
 *     a Content-Length, or in HTTP/1.0                the name ("Content-Length3")
 *
 * Source: RFC 9112, sections 5 and 6; RFC 9110, section 5.6.2.
 */
#ifndef SLUICE_API_ARMOUR_H
#define SLUICE_API_ARMOUR_H

#include "service/base/span.h"

#include <stdint.h>

struct armour {
    int content_lengths;
    int hosts;
    int transfer_encodings;
    uint64_t content_length; /* saturates */
    bool expects_continue;
    bool expects_else;
    const char *fault; /* NULL: none so far; static text */
};

void armour_header(struct armour *a, struct span name, struct span value);

/* The fault of the whole header, static text, or NULL. */
const char *armour_verdict(struct armour *a, bool http_1_0);

#endif
