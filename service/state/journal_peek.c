#include "service/state/journal_peek.h"

#include "service/state/journal_folder.h"
#include "service/state/journal_segment.h"

#include <inttypes.h>
#include <stdio.h>

struct peeking {
    const struct folder *folder;
    uint64_t from_seq;
    bool (*each)(void *user, uint64_t seq, uint8_t kind, struct span bytes);
    void *user;
    char *why;
    bool is_done;
};

static enum status say(struct peeking *p, enum status st, uint64_t first_seq, uint64_t offset)
{
    char name[SEGMENT_NAME_BYTES];
    segment_name(first_seq, name);
    (void)snprintf(p->why, JOURNAL_WHY_BYTES, "%s/%s: %s at offset %" PRIu64, p->folder->path, name,
                   st == ST_CORRUPT ? "damaged" : "cannot be read", offset);
    return st;
}

static enum status read_all(struct peeking *p, struct segment_reader *r)
{
    struct frame f;
    enum status st = ST_OK;
    while (!p->is_done && (st = segment_next(r, &f)) == ST_OK)
        if (f.seq >= p->from_seq)
            p->is_done = !p->each(p->user, f.seq, f.kind, f.bytes);
    return st;
}

/* Released since it was listed: what is missing is the front. Broken at the end of the last one:
 * it is being written. */
static enum status peek_segment(struct peeking *p, size_t i)
{
    struct segment_reader r;
    uint64_t first_seq = p->folder->segments[i].first_seq;
    enum status st = segment_reader_open(&r, p->folder->dir_fd, first_seq);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (st != ST_OK)
        return say(p, st, first_seq, 0);
    st = read_all(p, &r);
    uint64_t offset = r.offset;
    segment_reader_close(&r);
    bool is_tail = i + 1 == p->folder->n;
    if (st == ST_OK || st == ST_NOT_FOUND || (st == ST_CORRUPT && is_tail))
        return ST_OK;
    return say(p, st, first_seq, offset);
}

/* The last sequence of a segment is found by reading it. */
static bool note_last(void *user, uint64_t seq, uint8_t kind, struct span bytes)
{
    (void)kind, (void)bytes;
    *(uint64_t *)user = seq;
    return true;
}

static enum status find_end(const struct folder *f, char *why, uint64_t *ret_last_seq)
{
    uint64_t last = f->segments[f->n - 1].first_seq - 1;
    struct peeking p = {.folder = f, .each = note_last, .user = &last, .why = why};
    enum status st = peek_segment(&p, f->n - 1);
    if (st == ST_OK)
        *ret_last_seq = last;
    return st;
}

static bool is_wanted(const struct peeking *p, size_t i)
{
    const struct folder *f = p->folder;
    return i + 1 == f->n || f->segments[i + 1].first_seq > p->from_seq;
}

static enum status peek_folder(struct peeking *p, uint64_t last_n)
{
    uint64_t last_seq = 0;
    enum status st = ST_OK;
    if (last_n > 0)
        st = find_end(p->folder, p->why, &last_seq);
    p->from_seq = last_seq > last_n ? last_seq - last_n + 1 : 0;
    for (size_t i = 0; i < p->folder->n && st == ST_OK && !p->is_done; i++)
        if (is_wanted(p, i))
            st = peek_segment(p, i);
    return st;
}

enum status journal_peek(const char *dir, uint64_t last_n,
                         bool (*each)(void *user, uint64_t seq, uint8_t kind, struct span bytes),
                         void *user, char *ret_why)
{
    struct folder folder;
    struct peeking p = {.folder = &folder, .each = each, .user = user, .why = ret_why};
    enum status st = folder_look(dir, &folder, ret_why);
    if (st != ST_OK)
        return st;
    if (folder.n > 0)
        st = peek_folder(&p, last_n);
    folder_close(&folder);
    return st;
}
