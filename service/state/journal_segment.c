#include "service/state/journal_segment.h"

#include "service/base/check.h"
#include "service/state/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "frames are written as they stand");

enum {
    SEGMENT_READ_BYTES = 1 << 20, /* eight of the longest frames */
    FRAME_LENGTH_AT = 4,
    FRAME_SEQ_AT = 8,
    FRAME_BEHIND_AT = 16,
    FRAME_KIND_AT = 20,
    HEAD_SEQ_AT = 4,
    HEAD_CRC_AT = 12,
};

static const char segment_magic[4] = {'S', 'L', 'J', '1'};

static uint32_t crc_of(const char *bytes, size_t n)
{
    return libdeflate_crc32(0, bytes, n);
}

void frame_write(const struct frame *f, char *out)
{
    uint32_t length = (uint32_t)f->bytes.len;
    size_t end = FRAME_FIXED_BYTES + f->bytes.len;
    memcpy(out + FRAME_LENGTH_AT, &length, sizeof length);
    memcpy(out + FRAME_SEQ_AT, &f->seq, sizeof f->seq);
    memcpy(out + FRAME_BEHIND_AT, &f->behind, sizeof f->behind);
    out[FRAME_KIND_AT] = (char)f->kind;
    if (f->bytes.len > 0)
        memcpy(out + FRAME_FIXED_BYTES, f->bytes.base, f->bytes.len);
    memset(out + end, 0, frame_size(f->bytes.len) - end);
    uint32_t crc = crc_of(out + FRAME_LENGTH_AT, end - FRAME_LENGTH_AT);
    memcpy(out, &crc, sizeof crc);
}

static uint32_t frame_length(const char *at)
{
    uint32_t length;
    memcpy(&length, at + FRAME_LENGTH_AT, sizeof length);
    return length;
}

/* `at` has frame_size(frame_length(at)) bytes. */
static bool frame_decode(const char *at, struct frame *ret_frame)
{
    uint32_t crc, length = frame_length(at);
    memcpy(&crc, at, sizeof crc);
    if (crc != crc_of(at + FRAME_LENGTH_AT, FRAME_FIXED_BYTES - FRAME_LENGTH_AT + length))
        return false;
    memcpy(&ret_frame->seq, at + FRAME_SEQ_AT, sizeof ret_frame->seq);
    memcpy(&ret_frame->behind, at + FRAME_BEHIND_AT, sizeof ret_frame->behind);
    ret_frame->kind = (uint8_t)at[FRAME_KIND_AT];
    ret_frame->bytes = span_of(at + FRAME_FIXED_BYTES, length);
    return true;
}

bool frame_read(struct span bytes, struct frame *ret_frame)
{
    if (bytes.len < FRAME_FIXED_BYTES || frame_size(frame_length(bytes.base)) > bytes.len)
        return false;
    return frame_decode(bytes.base, ret_frame);
}

void segment_head_write(uint64_t first_seq, char out[SEGMENT_HEAD_BYTES])
{
    memcpy(out, segment_magic, sizeof segment_magic);
    memcpy(out + HEAD_SEQ_AT, &first_seq, sizeof first_seq);
    uint32_t crc = crc_of(out, HEAD_CRC_AT);
    memcpy(out + HEAD_CRC_AT, &crc, sizeof crc);
}

void segment_name(uint64_t first_seq, char out[SEGMENT_NAME_BYTES])
{
    int n = snprintf(out, SEGMENT_NAME_BYTES, "%016" PRIx64 ".log", first_seq);
    CHECK(n == SEGMENT_NAME_BYTES - 1);
}

bool segment_name_parse(const char *name, uint64_t *ret_first_seq)
{
    char again[SEGMENT_NAME_BYTES];
    if (strlen(name) != SEGMENT_NAME_BYTES - 1)
        return false;
    uint64_t seq = strtoull(name, NULL, 16);
    segment_name(seq, again);
    if (strcmp(name, again) != 0)
        return false;
    *ret_first_seq = seq;
    return true;
}

enum status segment_reader_open(struct segment_reader *r, int dir_fd, uint64_t first_seq)
{
    char name[SEGMENT_NAME_BYTES];
    segment_name(first_seq, name);
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ST_NOT_FOUND : ST_IO;
    char *buffer = malloc(SEGMENT_READ_BYTES);
    if (buffer == NULL) {
        close(fd);
        return ST_IO;
    }
    *r = (struct segment_reader){.fd = fd, .buffer = buffer, .next_seq = first_seq};
    return ST_OK;
}

void segment_reader_close(struct segment_reader *r)
{
    close(r->fd);
    free(r->buffer);
}

static size_t in_buffer(const struct segment_reader *r)
{
    return r->to - r->from;
}

static void skip(struct segment_reader *r, size_t n)
{
    r->from += n;
    r->offset += n;
}

/* Has `need` bytes from r->offset on in the buffer, or fewer when the file ends. */
static enum status fill(struct segment_reader *r, size_t need)
{
    if (in_buffer(r) >= need)
        return ST_OK;
    memmove(r->buffer, r->buffer + r->from, in_buffer(r));
    r->to -= r->from;
    r->from = 0;
    while (r->to < need) {
        ssize_t n =
            pread(r->fd, r->buffer + r->to, SEGMENT_READ_BYTES - r->to, (off_t)(r->offset + r->to));
        if (n < 0 && errno != EINTR)
            return ST_IO;
        if (n == 0)
            break;
        r->to += n > 0 ? (size_t)n : 0;
    }
    return ST_OK;
}

/* A whole frame at r->offset: ST_OK; ST_NOT_FOUND at the end of the file; else ST_CORRUPT. */
static enum status peek(struct segment_reader *r, struct frame *ret_frame)
{
    enum status st = fill(r, FRAME_FIXED_BYTES);
    if (st != ST_OK)
        return st;
    if (in_buffer(r) == 0)
        return ST_NOT_FOUND;
    if (in_buffer(r) < FRAME_FIXED_BYTES)
        return ST_CORRUPT;
    uint32_t length = frame_length(r->buffer + r->from);
    if (length > JOURNAL_FRAME_MAX)
        return ST_CORRUPT;
    st = fill(r, frame_size(length));
    if (st != ST_OK)
        return st;
    if (in_buffer(r) < frame_size(length) || !frame_decode(r->buffer + r->from, ret_frame))
        return ST_CORRUPT;
    return ST_OK;
}

static enum status take_head(struct segment_reader *r)
{
    char head[SEGMENT_HEAD_BYTES];
    enum status st = fill(r, SEGMENT_HEAD_BYTES);
    if (st != ST_OK)
        return st;
    segment_head_write(r->next_seq, head);
    if (in_buffer(r) < sizeof head || memcmp(r->buffer + r->from, head, sizeof head) != 0)
        return ST_CORRUPT;
    skip(r, sizeof head);
    return ST_OK;
}

enum status segment_next(struct segment_reader *r, struct frame *ret_frame)
{
    struct frame f;
    enum status st = r->offset == 0 ? take_head(r) : ST_OK;
    if (st == ST_OK)
        st = peek(r, &f);
    if (st != ST_OK)
        return st;
    if (f.seq != r->next_seq)
        return ST_CORRUPT;
    *ret_frame = f;
    skip(r, frame_size(f.bytes.len));
    r->next_seq++;
    return ST_OK;
}

void segment_back(struct segment_reader *r, const struct frame *f)
{
    size_t n = frame_size(f->bytes.len);
    r->from -= n;
    r->offset -= n;
    r->next_seq--;
}

/* Cheap, before a checksum is tried: could this be a later frame that proves the damage? */
static bool may_prove(const struct segment_reader *r)
{
    uint64_t seq;
    uint32_t behind;
    memcpy(&seq, r->buffer + r->from + FRAME_SEQ_AT, sizeof seq);
    memcpy(&behind, r->buffer + r->from + FRAME_BEHIND_AT, sizeof behind);
    return seq > r->next_seq && seq - r->next_seq > behind && seq - r->next_seq < UINT32_MAX;
}

enum status segment_proves_damage(struct segment_reader *r, bool *ret_damage)
{
    struct frame f;
    for (;;) {
        enum status st = fill(r, FRAME_FIXED_BYTES);
        if (st != ST_OK)
            return st;
        if (in_buffer(r) < FRAME_FIXED_BYTES)
            break;
        st = may_prove(r) ? peek(r, &f) : ST_CORRUPT;
        if (st == ST_OK) {
            *ret_damage = true;
            return ST_OK;
        }
        if (st == ST_IO)
            return st;
        skip(r, 4); /* frames are padded to 4 */
    }
    *ret_damage = false;
    return ST_OK;
}
