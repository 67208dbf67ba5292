/*
 * redis_wire.h -- commands in Redis's protocol (RESP2), written into a buffer that is kept.
 *
 *     *2 \r\n $3 \r\n GET \r\n $5 \r\n x:abc \r\n
 *
 * Owns:    its buffer, which grows to the largest command and stays; CHECKs on no memory.
 * Threads: of the loop.
 */
#ifndef SLUICE_STATE_REDIS_WIRE_H
#define SLUICE_STATE_REDIS_WIRE_H

#include "service/base/span.h"

#include <stdint.h>

struct redis_wire {
    char *bytes;
    size_t len, cap;
};

void redis_wire_init(struct redis_wire *w);
void redis_wire_fini(struct redis_wire *w);

/* Begin a command of `n_args` arguments, its name included; what was there is forgotten. */
void redis_wire_begin(struct redis_wire *w, int n_args);
void redis_wire_arg(struct redis_wire *w, struct span arg);
/* One argument made of two parts: a prefix and a key. */
void redis_wire_joined(struct redis_wire *w, struct span a, struct span b);
void redis_wire_text(struct redis_wire *w, const char *arg);
void redis_wire_int(struct redis_wire *w, int64_t arg);

static inline struct span redis_wire_command(const struct redis_wire *w)
{
    return span_of(w->bytes, w->len);
}

#endif
