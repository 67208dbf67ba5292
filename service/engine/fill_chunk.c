#include "service/engine/fill_chunk.h"

#include <string.h>

void fill_chunk_put(const struct fill_chunk *c, struct text *out)
{
    text_raw(out, &c->feed, sizeof c->feed);
    text_raw(out, &c->answers, sizeof c->answers);
    text_raw(out, &c->ruleset, sizeof c->ruleset);
    text_raw(out, &c->from_ms, sizeof c->from_ms);
}

void fill_chunk_put_frame(const struct fill_frame *f, struct text *out)
{
    uint32_t n = (uint32_t)f->bytes.len;
    text_raw(out, &f->at_ms, sizeof f->at_ms);
    text_raw(out, &n, sizeof n);
    text_raw(out, &f->kind, sizeof f->kind);
    text_put(out, f->bytes);
}

/* Copies `n` bytes off the front; there are so many. */
static void cut(struct span *from, void *to, size_t n)
{
    memcpy(to, from->base, n);
    *from = span_of(from->base + n, from->len - n);
}

enum status fill_chunk_parse(struct span bytes, struct fill_chunk *ret_chunk)
{
    if (bytes.len < FILL_CHUNK_HEAD_BYTES)
        return ST_CORRUPT;
    cut(&bytes, &ret_chunk->feed, sizeof ret_chunk->feed);
    cut(&bytes, &ret_chunk->answers, sizeof ret_chunk->answers);
    cut(&bytes, &ret_chunk->ruleset, sizeof ret_chunk->ruleset);
    cut(&bytes, &ret_chunk->from_ms, sizeof ret_chunk->from_ms);
    ret_chunk->frames = bytes;
    return ST_OK;
}

enum status fill_chunk_next(struct fill_chunk *c, struct fill_frame *ret_frame)
{
    struct span left = c->frames;
    struct fill_frame f;
    uint32_t n;
    if (left.len == 0)
        return ST_NOT_FOUND;
    if (left.len < FILL_CHUNK_FRAME_HEAD_BYTES)
        return ST_CORRUPT;
    cut(&left, &f.at_ms, sizeof f.at_ms);
    cut(&left, &n, sizeof n);
    cut(&left, &f.kind, sizeof f.kind);
    if (n > left.len)
        return ST_CORRUPT;
    f.bytes = span_of(left.base, n);
    c->frames = span_of(left.base + n, left.len - n);
    *ret_frame = f;
    return ST_OK;
}
