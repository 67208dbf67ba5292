#include "service/state/redis_wire.h"

#include "service/base/check.h"
#include "service/base/text.h"

#include <stdlib.h>

enum { WIRE_FIRST_BYTES = 64 << 10, NUMBER_MAX = 24 };

void redis_wire_init(struct redis_wire *w)
{
    *w = (struct redis_wire){.bytes = malloc(WIRE_FIRST_BYTES), .cap = WIRE_FIRST_BYTES};
    CHECK(w->bytes != NULL);
}

void redis_wire_fini(struct redis_wire *w)
{
    free(w->bytes);
}

static void make_room(struct redis_wire *w, size_t bytes)
{
    if (w->cap - w->len >= bytes)
        return;
    while (w->cap - w->len < bytes)
        w->cap *= 2;
    w->bytes = realloc(w->bytes, w->cap);
    CHECK(w->bytes != NULL);
}

static void put(struct redis_wire *w, struct span s)
{
    if (s.len > 0)
        memcpy(w->bytes + w->len, s.base, s.len);
    w->len += s.len;
}

/* "$12\r\n" or "*3\r\n" */
static void put_head(struct redis_wire *w, char kind, int64_t n)
{
    char line[NUMBER_MAX + 3];
    struct text t;
    text_init(&t, line, sizeof line);
    text_char(&t, kind);
    text_i64(&t, n);
    text_str(&t, "\r\n");
    put(w, text_span(&t));
}

void redis_wire_begin(struct redis_wire *w, int n_args)
{
    w->len = 0;
    put_head(w, '*', n_args);
}

void redis_wire_joined(struct redis_wire *w, struct span a, struct span b)
{
    make_room(w, a.len + b.len + NUMBER_MAX + 8);
    put_head(w, '$', (int64_t)(a.len + b.len));
    put(w, a);
    put(w, b);
    put(w, span_str("\r\n"));
}

void redis_wire_arg(struct redis_wire *w, struct span arg)
{
    redis_wire_joined(w, arg, span_of(NULL, 0));
}

void redis_wire_text(struct redis_wire *w, const char *arg)
{
    redis_wire_arg(w, span_str(arg));
}

void redis_wire_int(struct redis_wire *w, int64_t arg)
{
    char number[NUMBER_MAX];
    struct text t;
    text_init(&t, number, sizeof number);
    text_i64(&t, arg);
    redis_wire_arg(w, text_span(&t));
}
