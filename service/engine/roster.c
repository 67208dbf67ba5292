#include "service/engine/roster.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/hash.h"
#include "service/engine/roster_file.h"
#include "service/engine/roster_redis.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    WINDOW_MS = 20,     /* in which ROSTER_AT_ONCE generations are made, and then one */
    TURN_MS = 250,      /* of the upkeep when there is nothing to do */
    SYNC_TURNS = 4,     /* a second */
    CLEANED_MAX = 1000, /* expired changes that one turn takes out of Redis */
};

/* Changes of one list, by name and type; in the ruleset or not. */
struct roster_list {
    char name[LIST_NAME_MAX + 1];
    enum list_type type;
    struct list_changes *changes;
    struct list_changes *incoming; /* while all of Redis is read; NULL: nothing yet */
    uint64_t version;
    int64_t next_expiry_ms; /* INT64_MAX: none expires */
    int index;              /* in the ruleset that was loaded; -1: it has no such list */
    struct list_view *view; /* as far as it is published; NULL with index -1 */
    struct span *pending;   /* keys to publish, copies */
    size_t n_pending, pending_room;
};

struct roster {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct snapshot_slot *snapshots;
    struct snapshot *loaded; /* whose lists are changed */
    struct roster_list *lists[ROSTER_LISTS_MAX];
    int n_lists;
    size_t n_changes; /* of all lists */
    uint64_t n;       /* of the newest change, where no Redis counts */
    bool is_dirty, is_stopping;
    int64_t window_ms; /* when it began */
    int in_window;     /* generations made since */
    struct roster_counts counts;
    int64_t read_ms; /* when Redis was read last */
    struct roster_file *file;
    pthread_mutex_t keeping;      /* over `writer` */
    struct roster_redis *writer;  /* NULL: no Redis */
    struct roster_redis *reader;  /* of the reading thread */
    struct roster_cursor cursor;  /* likewise */
    bool is_lost;                 /* likewise: Redis has lost what stood there */
    struct roster_redis *cleaner; /* of the upkeep */
    pthread_t upkeep_thread, reading_thread;
};

/* ---- lists ---------------------------------------------------------------------------------- */

static int index_in(const struct snapshot *s, const struct roster_list *l)
{
    for (int i = 0; i < s->lists->count; i++) {
        const struct list *list = &s->lists->items[i];
        if (span_is(list->name, l->name) && list_view_type(list->view) == l->type)
            return i;
    }
    return -1;
}

static struct list_view *base_of(const struct roster *r, const struct roster_list *l)
{
    return r->loaded->lists->items[l->index].view;
}

static struct roster_list *find_list(struct roster *r, struct span name, enum list_type type)
{
    for (int i = 0; i < r->n_lists; i++) {
        if (r->lists[i]->type == type && span_is(name, r->lists[i]->name))
            return r->lists[i];
    }
    return NULL;
}

/* NULL: there are too many. */
static struct roster_list *make_list(struct roster *r, struct span name, enum list_type type)
{
    struct roster_list *l = find_list(r, name, type);
    if (l != NULL || r->n_lists == ROSTER_LISTS_MAX || name.len > LIST_NAME_MAX)
        return l;
    l = calloc(1, sizeof *l);
    CHECK(l != NULL);
    memcpy(l->name, name.base, name.len);
    l->type = type;
    l->changes = list_changes_new();
    l->next_expiry_ms = INT64_MAX;
    l->index = index_in(r->loaded, l);
    l->view = l->index >= 0 ? list_view_ref(base_of(r, l)) : NULL;
    r->lists[r->n_lists++] = l;
    return l;
}

static void clear_pending(struct roster_list *l)
{
    for (size_t i = 0; i < l->n_pending; i++)
        free((void *)(uintptr_t)l->pending[i].base);
    l->n_pending = 0;
}

static void list_free(struct roster_list *l)
{
    clear_pending(l);
    free(l->pending);
    list_changes_free(l->changes);
    list_changes_free(l->incoming);
    list_view_unref(l->view);
    free(l);
}

/* ---- generations ---------------------------------------------------------------------------- */

static bool counts_at(const struct list_change *c, int64_t now_ms)
{
    return c->expires_ms == 0 || c->expires_ms > now_ms;
}

/* Is the key in the list, by its changes and the file beneath? */
static bool is_in(const struct roster *r, const struct roster_list *l, struct span key,
                  int64_t now_ms)
{
    const struct list_change *c = list_changes_find(l->changes, key);
    return c != NULL && counts_at(c, now_ms) ? !c->out : list_view_has(base_of(r, l), key);
}

static void add_pending(struct roster *r, struct roster_list *l, struct span key)
{
    if (l->index < 0)
        return;
    if (l->n_pending == l->pending_room) {
        l->pending_room = l->pending_room ? 2 * l->pending_room : 16;
        l->pending = realloc(l->pending, l->pending_room * sizeof *l->pending);
        CHECK(l->pending != NULL);
    }
    char *copy = malloc(key.len + 1);
    CHECK(copy != NULL);
    memcpy(copy, key.base, key.len);
    l->pending[l->n_pending++] = span_of(copy, key.len);
    r->is_dirty = true;
}

static struct list_edit *edits_room(size_t n)
{
    struct list_edit *edits = malloc((n + 1) * sizeof *edits);
    CHECK(edits != NULL);
    return edits;
}

static void replace_view(struct roster_list *l, struct list_view *view_take)
{
    list_view_unref(l->view);
    l->view = view_take;
}

static void publish_list(struct roster *r, struct roster_list *l, int64_t now_ms)
{
    struct list_edit *edits = edits_room(l->n_pending);
    for (size_t i = 0; i < l->n_pending; i++)
        edits[i] = (struct list_edit){l->pending[i], is_in(r, l, l->pending[i], now_ms)};
    replace_view(l, list_view_edit(l->view, edits, l->n_pending));
    clear_pending(l);
    free(edits);
}

/* The view of a list from the file's, with all changes. */
static void renew_view(struct roster *r, struct roster_list *l, int64_t now_ms)
{
    struct list_edit *edits = edits_room(list_changes_count(l->changes));
    size_t n = 0;
    for (size_t i = 0; i < list_changes_room(l->changes); i++) {
        const struct list_change *c = list_changes_at(l->changes, i);
        if (c != NULL && counts_at(c, now_ms))
            edits[n++] = (struct list_edit){c->key, !c->out};
    }
    replace_view(l, n > 0 ? list_view_edit(base_of(r, l), edits, n) : list_view_ref(base_of(r, l)));
    clear_pending(l);
    free(edits);
}

static struct roster_list *changed_list(struct roster *r, int index)
{
    for (int i = 0; i < r->n_lists; i++) {
        if (r->lists[i]->index == index && list_changes_count(r->lists[i]->changes) > 0)
            return r->lists[i];
    }
    return NULL;
}

/*
 * The name of the ruleset with its changed lists: over the id of the ruleset, and of each changed
 * list its number, how many changes, and their sum. false: none is changed, and the id stands.
 */
static bool name_generation(struct roster *r, char ret_name[17])
{
    uint64_t parts[1 + 3 * LISTS_MAX];
    unsigned char digest[HASH_SHA256_BYTES];
    size_t n = 0;
    struct text text;
    parts[n++] = r->loaded->id;
    for (int i = 0; i < r->loaded->lists->count; i++) {
        const struct roster_list *l = changed_list(r, i);
        if (l == NULL)
            continue;
        parts[n++] = (uint64_t)i;
        parts[n++] = list_changes_count(l->changes);
        parts[n++] = list_changes_sum(l->changes);
    }
    snprintf(ret_name, 17, "%s", r->loaded->id_text);
    if (n == 1)
        return false;
    hash_sha256(span_of(parts, n * sizeof *parts), digest);
    text_init(&text, ret_name, 17);
    text_hex_bytes(&text, digest, 8);
    return true;
}

static struct snapshot *make_generation(struct roster *r)
{
    struct list_view *views[LISTS_MAX];
    char name[17] = "";
    for (int i = 0; i < r->loaded->lists->count; i++)
        views[i] = r->loaded->lists->items[i].view;
    for (int i = 0; i < r->n_lists; i++) {
        if (r->lists[i]->index >= 0)
            views[r->lists[i]->index] = r->lists[i]->view;
    }
    (void)name_generation(r, name);
    r->counts.generations++;
    return snapshot_with_lists(r->loaded, views, name);
}

static void publish(struct roster *r)
{
    int64_t now_ms = clock_wall_ms();
    for (int i = 0; i < r->n_lists; i++) {
        if (r->lists[i]->n_pending > 0)
            publish_list(r, r->lists[i], now_ms);
    }
    r->is_dirty = false;
    snapshot_slot_relist(r->snapshots, make_generation(r));
}

/* At once, unless there were many of late: then the upkeep does. */
static void publish_soon(struct roster *r)
{
    int64_t now_ms = clock_mono_us() / 1000;
    if (!r->is_dirty)
        return;
    if (now_ms - r->window_ms >= WINDOW_MS) {
        r->window_ms = now_ms;
        r->in_window = 0;
    }
    if (r->in_window++ < ROSTER_AT_ONCE)
        publish(r);
    else
        pthread_cond_signal(&r->changed);
}

/* All views anew from the lists of the ruleset that was loaded. */
static void renew_views(struct roster *r)
{
    int64_t now_ms = clock_wall_ms();
    for (int i = 0; i < r->n_lists; i++) {
        struct roster_list *l = r->lists[i];
        l->index = index_in(r->loaded, l);
        clear_pending(l);
        if (l->index >= 0)
            renew_view(r, l, now_ms);
        else
            replace_view(l, NULL);
    }
}

/* For struct snapshot_dresser; the lock stays until dressed(). */
static struct snapshot *dress(void *user, struct snapshot *fresh_take)
{
    struct roster *r = user;
    char name[17];
    pthread_mutex_lock(&r->lock);
    snapshot_unref(r->loaded);
    r->loaded = fresh_take;
    renew_views(r);
    r->is_dirty = false;
    return name_generation(r, name) ? make_generation(r) : snapshot_ref(r->loaded);
}

static void dressed(void *user)
{
    struct roster *r = user;
    pthread_mutex_unlock(&r->lock);
}

/* ---- changes -------------------------------------------------------------------------------- */

static void note_expiry(struct roster_list *l, const struct list_change *c)
{
    if (c->expires_ms != 0 && c->expires_ms < l->next_expiry_ms)
        l->next_expiry_ms = c->expires_ms;
}

static void apply(struct roster *r, const struct list_line *line)
{
    struct roster_list *l = make_list(r, line->list, line->type);
    const struct list_change *before =
        l != NULL ? list_changes_find(l->changes, line->change.key) : NULL;
    if (before != NULL && before->n >= line->change.n)
        return; /* one of ours that comes back from Redis */
    if (l == NULL || (!line->forget && before == NULL && r->n_changes >= ROSTER_CHANGES_MAX)) {
        r->counts.refused++;
        return;
    }
    size_t count = list_changes_count(l->changes);
    if (line->forget)
        (void)list_changes_drop(l->changes, line->change.key);
    else
        list_changes_put(l->changes, &line->change);
    r->n_changes += list_changes_count(l->changes) - count;
    r->n = line->change.n > r->n ? line->change.n : r->n;
    l->version = line->change.n > l->version ? line->change.n : l->version;
    note_expiry(l, &line->change);
    r->counts.changes++;
    add_pending(r, l, line->change.key);
}

/* For roster_file_open() and roster_redis_read(). */
static void apply_read(void *user, const struct list_line *line)
{
    struct roster *r = user;
    pthread_mutex_lock(&r->lock);
    apply(r, line);
    pthread_mutex_unlock(&r->lock);
}

static void copy_text(char **at, struct span *text)
{
    if (text->len > 0)
        memcpy(*at, text->base, text->len);
    *text = span_of(*at, text->len);
    *at += text->len;
}

/* What is so of a value of a list of the ruleset. */
static void fill_item(struct roster *r, const struct list_line *line, struct roster_item *ret)
{
    const struct roster_list *l = find_list(r, line->list, line->type);
    const struct list_change *c =
        l != NULL ? list_changes_find(l->changes, line->change.key) : NULL;
    char *at = ret->bytes;
    ret->in_file = list_view_has(lists_find(r->loaded->lists, line->list)->view, line->change.key);
    ret->in = c != NULL && counts_at(c, clock_wall_ms()) ? !c->out : ret->in_file;
    ret->version = l != NULL ? l->version : 0;
    ret->changed = c != NULL;
    ret->type = line->type;
    ret->change = c != NULL ? *c : (struct list_change){.key = line->change.key};
    copy_text(&at, &ret->change.key);
    copy_text(&at, &ret->change.by);
    copy_text(&at, &ret->change.note);
}

/* The list of that name, and the value's key. */
static enum status look_up(struct roster *r, struct span list, struct span value,
                           struct list_line *ret_line)
{
    const struct list *found = lists_find(r->loaded->lists, list);
    if (found == NULL)
        return ST_NOT_FOUND;
    *ret_line = (struct list_line){.list = list, .type = list_view_type(found->view)};
    return list_key(ret_line->type, value, ret_line->key_bytes, &ret_line->change.key) ? ST_OK
                                                                                       : ST_INVALID;
}

enum status roster_find(struct roster *r, struct span list, struct span value,
                        struct roster_item *ret_item)
{
    struct list_line line;
    pthread_mutex_lock(&r->lock);
    enum status st = look_up(r, list, value, &line);
    if (st == ST_OK)
        fill_item(r, &line, ret_item);
    pthread_mutex_unlock(&r->lock);
    return st;
}

/* In the file, or nowhere: under the lock, so that numbers are in its order. */
static enum status keep_here(struct roster *r, struct list_line *line)
{
    line->change.n = r->n + 1;
    return r->file != NULL ? roster_file_append(r->file, line) : ST_OK;
}

/* Not under the lock: it waits for Redis. */
static enum status keep_there(struct roster *r, struct list_line *line)
{
    pthread_mutex_lock(&r->keeping);
    enum status st = roster_redis_keep(r->writer, line, &line->change.n);
    pthread_mutex_unlock(&r->keeping);
    return st;
}

/* What is wanted is known, and the lock is held; it is so at the end. */
static enum status change_list(struct roster *r, struct list_line *line)
{
    enum status st;
    if (r->writer != NULL) {
        pthread_mutex_unlock(&r->lock);
        st = keep_there(r, line);
        pthread_mutex_lock(&r->lock);
    } else {
        st = keep_here(r, line);
    }
    if (st == ST_OK) {
        apply(r, line);
        publish_soon(r);
    }
    return st;
}

enum status roster_put(struct roster *r, const struct roster_order *o, struct roster_item *ret_item)
{
    struct list_line line;
    pthread_mutex_lock(&r->lock);
    enum status st = look_up(r, o->list, o->value, &line);
    if (st == ST_OK && r->n_changes >= ROSTER_CHANGES_MAX)
        st = ST_TOO_LARGE;
    if (st == ST_OK) {
        line.change.at_ms = o->now_ms;
        line.change.expires_ms = o->expires_ms;
        line.change.by = o->by;
        line.change.note = o->note;
        st = change_list(r, &line);
    }
    if (st == ST_OK && look_up(r, o->list, o->value, &line) == ST_OK)
        fill_item(r, &line, ret_item);
    pthread_mutex_unlock(&r->lock);
    return st;
}

/* Nothing to take out: neither in the file nor put in. */
static bool is_out_already(struct roster *r, const struct list_line *line,
                           const struct list_view *base)
{
    const struct roster_list *l = find_list(r, line->list, line->type);
    return (l == NULL || list_changes_find(l->changes, line->change.key) == NULL) &&
           !list_view_has(base, line->change.key);
}

static const struct list_view *base_named(const struct roster *r, struct span name)
{
    return lists_find(r->loaded->lists, name)->view;
}

enum status roster_remove(struct roster *r, const struct roster_order *o,
                          struct roster_item *ret_item)
{
    struct list_line line;
    pthread_mutex_lock(&r->lock);
    enum status st = look_up(r, o->list, o->value, &line);
    if (st == ST_OK && !is_out_already(r, &line, base_named(r, o->list))) {
        line.forget = !list_view_has(base_named(r, o->list), line.change.key);
        line.change.out = !line.forget;
        line.change.at_ms = o->now_ms;
        line.change.by = o->by;
        line.change.note = o->note;
        st = change_list(r, &line);
    }
    if (st == ST_OK && look_up(r, o->list, o->value, &line) == ST_OK)
        fill_item(r, &line, ret_item);
    pthread_mutex_unlock(&r->lock);
    return st;
}

/* ---- upkeep --------------------------------------------------------------------------------- */

/* Lines that outlive the lock. */
struct lines {
    struct list_line at[CLEANED_MAX];
    size_t n;
};

static struct lines *lines_new(void)
{
    struct lines *lines = calloc(1, sizeof *lines);
    CHECK(lines != NULL);
    return lines;
}

static void lines_add(struct lines *lines, const struct roster_list *l, const struct list_change *c)
{
    if (lines == NULL || lines->n == CLEANED_MAX)
        return;
    char *mem = malloc(c->key.len + c->by.len + c->note.len + strlen(l->name) + 1);
    CHECK(mem != NULL);
    struct list_line *line = &lines->at[lines->n++];
    *line = (struct list_line){.list = span_str(l->name), .type = l->type, .change = *c};
    copy_text(&mem, &line->change.key); /* the first: its base is what is freed */
    copy_text(&mem, &line->change.by);
    copy_text(&mem, &line->change.note);
    copy_text(&mem, &line->list);
}

static void lines_free(struct lines *lines)
{
    for (size_t i = 0; i < lines->n; i++)
        free((void *)(uintptr_t)lines->at[i].change.key.base);
    lines->n = 0;
}

/* Dropping moves what stands behind: the place is looked at again. */
static void expire_list(struct roster *r, struct roster_list *l, int64_t now_ms,
                        struct lines *ret_lines)
{
    l->next_expiry_ms = INT64_MAX;
    for (size_t i = 0; i < list_changes_room(l->changes);) {
        const struct list_change *c = list_changes_at(l->changes, i);
        if (c == NULL || counts_at(c, now_ms)) {
            if (c != NULL)
                note_expiry(l, c);
            i++;
            continue;
        }
        lines_add(ret_lines, l, c);
        add_pending(r, l, c->key);
        (void)list_changes_drop(l->changes, c->key);
        r->n_changes--;
        r->counts.expired++;
    }
}

static void expire(struct roster *r, struct lines *ret_lines)
{
    int64_t now_ms = clock_wall_ms();
    for (int i = 0; i < r->n_lists; i++) {
        if (r->lists[i]->next_expiry_ms <= now_ms)
            expire_list(r, r->lists[i], now_ms, ret_lines);
    }
}

/* For roster_file_rewrite(): all changes, one after the other. */
struct walk {
    struct roster *r;
    int list;
    size_t place;
};

static bool next_line(void *user, struct list_line *ret_line)
{
    struct walk *w = user;
    for (; w->list < w->r->n_lists; w->list++, w->place = 0) {
        const struct roster_list *l = w->r->lists[w->list];
        while (w->place < list_changes_room(l->changes)) {
            const struct list_change *c = list_changes_at(l->changes, w->place++);
            if (c == NULL)
                continue;
            *ret_line =
                (struct list_line){.list = span_str(l->name), .type = l->type, .change = *c};
            return true;
        }
    }
    return false;
}

static void tend_file(struct roster *r)
{
    struct walk w = {r, 0, 0};
    (void)roster_file_sync(r->file); /* else again in a second */
    if (roster_file_is_loose(r->file, r->n_changes))
        (void)!roster_file_rewrite(r->file, next_line, &w);
}

/* Until something is to be published, for a turn at most. */
static void wait_turn(struct roster *r)
{
    struct timespec until;
    int64_t wait_ms = r->is_dirty ? WINDOW_MS : TURN_MS;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += wait_ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    if (!r->is_stopping)
        (void)pthread_cond_timedwait(&r->changed, &r->lock, &until);
}

static void clean_redis(struct roster *r, struct lines *lines)
{
    enum status st = ST_OK;
    for (size_t i = 0; i < lines->n && st == ST_OK; i++)
        st = roster_redis_expire(r->cleaner, &lines->at[i]);
    lines_free(lines);
}

static void *upkeep(void *user)
{
    struct roster *r = user;
    struct lines *lines = lines_new();
    int turns = 0;
    pthread_mutex_lock(&r->lock);
    while (!r->is_stopping) {
        wait_turn(r);
        expire(r, r->cleaner != NULL ? lines : NULL);
        if (r->is_dirty)
            publish(r);
        if (r->file != NULL && ++turns % SYNC_TURNS == 0)
            tend_file(r);
        pthread_mutex_unlock(&r->lock);
        clean_redis(r, lines);
        pthread_mutex_lock(&r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    free(lines);
    return NULL;
}

/* ---- reading Redis -------------------------------------------------------------------------- */

static void take_incoming(void *user, const struct list_line *line)
{
    struct roster *r = user;
    pthread_mutex_lock(&r->lock);
    struct roster_list *l = make_list(r, line->list, line->type);
    if (l != NULL && l->incoming == NULL)
        l->incoming = list_changes_new();
    if (l == NULL || list_changes_count(l->incoming) >= ROSTER_CHANGES_MAX)
        r->counts.refused++;
    else
        list_changes_put(l->incoming, &line->change);
    pthread_mutex_unlock(&r->lock);
}

/* What was read takes the place of what was known, but for changes after number `since`, when the
 * reading began; UINT64_MAX: numbers have begun anew. */
static void settle_list(struct roster_list *l, uint64_t since)
{
    struct list_changes *fresh = l->incoming != NULL ? l->incoming : list_changes_new();
    l->next_expiry_ms = INT64_MAX;
    l->version = since == UINT64_MAX ? 0 : l->version;
    for (size_t i = 0; i < list_changes_room(l->changes); i++) {
        const struct list_change *c = list_changes_at(l->changes, i);
        if (c != NULL && c->n > since)
            list_changes_put(fresh, c);
    }
    for (size_t i = 0; i < list_changes_room(fresh); i++) {
        const struct list_change *c = list_changes_at(fresh, i);
        if (c == NULL)
            continue;
        note_expiry(l, c);
        l->version = c->n > l->version ? c->n : l->version;
    }
    list_changes_free(l->changes);
    l->changes = fresh;
    l->incoming = NULL;
}

static void settle(struct roster *r, uint64_t n_wrong)
{
    pthread_mutex_lock(&r->lock);
    r->n_changes = 0;
    for (int i = 0; i < r->n_lists; i++) {
        settle_list(r->lists[i], r->is_lost ? UINT64_MAX : r->cursor.n);
        r->n_changes += list_changes_count(r->lists[i]->changes);
    }
    r->counts.changes += r->n_changes;
    r->counts.refused += n_wrong;
    renew_views(r);
    publish(r);
    pthread_mutex_unlock(&r->lock);
}

/* Changes from where *w stands on, as many as fit; false: there are no more. */
static bool gather_lines(struct roster *r, struct walk *w, struct lines *ret_lines)
{
    struct list_line line;
    pthread_mutex_lock(&r->lock);
    while (ret_lines->n < CLEANED_MAX && next_line(w, &line))
        lines_add(ret_lines, r->lists[w->list], &line.change);
    pthread_mutex_unlock(&r->lock);
    return ret_lines->n > 0;
}

/* Redis was emptied: what we know goes back, unless another instance was quicker. */
static enum status restore(struct roster *r)
{
    struct lines *lines = lines_new();
    struct walk w = {r, 0, 0};
    enum status st = ST_OK;
    while (st == ST_OK && gather_lines(r, &w, lines)) {
        for (size_t i = 0; i < lines->n && st == ST_OK; i++)
            st = roster_redis_restore(r->reader, &lines->at[i]);
        lines_free(lines);
    }
    free(lines);
    return st;
}

static enum status read_all(struct roster *r)
{
    uint64_t n_wrong = 0;
    enum status st = r->is_lost ? restore(r) : ST_OK;
    if (st == ST_OK)
        st = roster_redis_read_all(r->reader, &r->cursor, take_incoming, r, &n_wrong);
    if (st == ST_OK) {
        settle(r, n_wrong);
        r->is_lost = false;
        return ST_OK;
    }
    pthread_mutex_lock(&r->lock);
    for (int i = 0; i < r->n_lists; i++) {
        list_changes_free(r->lists[i]->incoming);
        r->lists[i]->incoming = NULL;
    }
    pthread_mutex_unlock(&r->lock);
    return st;
}

static void note_read(struct roster *r, bool is_away, uint64_t n_wrong)
{
    pthread_mutex_lock(&r->lock);
    r->counts.is_away = is_away;
    r->counts.refused += n_wrong;
    if (!is_away)
        r->read_ms = clock_mono_us() / 1000;
    publish_soon(r);
    pthread_mutex_unlock(&r->lock);
}

static bool is_stopping(struct roster *r)
{
    pthread_mutex_lock(&r->lock);
    bool stopping = r->is_stopping;
    pthread_mutex_unlock(&r->lock);
    return stopping;
}

static void *reading(void *user)
{
    struct roster *r = user;
    bool is_behind = r->counts.is_away;
    while (!is_stopping(r)) {
        enum roster_read got = ROSTER_READ_AWAY;
        uint64_t n_wrong = 0;
        if (!is_behind || read_all(r) == ST_OK)
            got = roster_redis_read(r->reader, &r->cursor, apply_read, r, &n_wrong);
        r->is_lost = r->is_lost || got == ROSTER_READ_EMPTY;
        is_behind = got == ROSTER_READ_BEHIND || got == ROSTER_READ_EMPTY ||
                    (got == ROSTER_READ_AWAY && is_behind);
        note_read(r, got == ROSTER_READ_AWAY, n_wrong);
        if (got == ROSTER_READ_AWAY)
            nanosleep(&(struct timespec){.tv_nsec = TURN_MS * 1000000L}, NULL);
    }
    return NULL;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void init_locks(struct roster *r)
{
    pthread_condattr_t monotonic;
    CHECK(pthread_condattr_init(&monotonic) == 0);
    CHECK(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&r->changed, &monotonic) == 0);
    pthread_condattr_destroy(&monotonic);
    CHECK(pthread_mutex_init(&r->lock, NULL) == 0);
    CHECK(pthread_mutex_init(&r->keeping, NULL) == 0);
}

static enum status open_keeper(struct roster *r, const struct roster_options *o, char *why)
{
    if (o->redis == NULL)
        return o->file == NULL || o->file[0] == '\0'
                   ? ST_OK
                   : roster_file_open(o->file, apply_read, r, &r->file, why);
    r->writer = roster_redis_new(o->redis, o->prefix);
    r->reader = roster_redis_new(o->redis, o->prefix);
    r->cleaner = roster_redis_new(o->redis, o->prefix);
    if (read_all(r) != ST_OK)
        r->counts.is_away = true; /* the reading thread goes on trying */
    r->read_ms = clock_mono_us() / 1000;
    return ST_OK;
}

static void release(struct roster *r)
{
    for (int i = 0; i < r->n_lists; i++)
        list_free(r->lists[i]);
    roster_file_close(r->file);
    roster_redis_free(r->writer);
    roster_redis_free(r->reader);
    roster_redis_free(r->cleaner);
    snapshot_unref(r->loaded);
    pthread_mutex_destroy(&r->lock);
    pthread_mutex_destroy(&r->keeping);
    pthread_cond_destroy(&r->changed);
    free(r);
}

enum status roster_open(const struct roster_options *o, struct roster **ret_roster,
                        char why[ROSTER_WHY_BYTES])
{
    struct roster *r = calloc(1, sizeof *r);
    CHECK(r != NULL);
    init_locks(r);
    r->snapshots = o->snapshots;
    r->loaded = snapshot_current(o->snapshots);
    enum status st = open_keeper(r, o, why);
    if (st != ST_OK) {
        release(r);
        return st;
    }
    if (r->is_dirty)
        publish(r);
    snapshot_slot_dresser(o->snapshots, &(struct snapshot_dresser){dress, dressed, r});
    CHECK(pthread_create(&r->upkeep_thread, NULL, upkeep, r) == 0);
    if (r->reader != NULL)
        CHECK(pthread_create(&r->reading_thread, NULL, reading, r) == 0);
    *ret_roster = r;
    return ST_OK;
}

void roster_close(struct roster *r)
{
    if (r == NULL)
        return;
    snapshot_slot_dresser(r->snapshots, &(struct snapshot_dresser){0});
    pthread_mutex_lock(&r->lock);
    r->is_stopping = true;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->upkeep_thread, NULL);
    if (r->reader != NULL)
        pthread_join(r->reading_thread, NULL);
    release(r);
}

/* ---- what is asked -------------------------------------------------------------------------- */

static struct roster_list *list_of(struct roster *r, const struct snapshot *snap, int i)
{
    const struct list *list = &snap->lists->items[i];
    return find_list(r, list->name, list_view_type(list->view));
}

void roster_info(struct roster *r, const struct snapshot *snap, int i, struct roster_info *ret)
{
    const struct list *now = &snap->lists->items[i];
    const struct list *base = &snapshot_loaded(snap)->lists->items[i];
    pthread_mutex_lock(&r->lock);
    const struct roster_list *l = list_of(r, snap, i);
    *ret = (struct roster_info){
        .name = now->name,
        .type = list_view_type(now->view),
        .count = list_view_count(now->view),
        .in_file = list_view_count(base->view),
        .changed = l != NULL ? list_changes_count(l->changes) : 0,
        .bytes = list_view_bytes(now->view) + (l != NULL ? list_changes_bytes(l->changes) : 0),
        .version = l != NULL ? l->version : 0,
    };
    pthread_mutex_unlock(&r->lock);
}

size_t roster_each_change(struct roster *r, const struct snapshot *snap, int i, size_t place,
                          int max, void (*visit)(void *user, const struct list_change *change),
                          void *user)
{
    pthread_mutex_lock(&r->lock);
    const struct roster_list *l = list_of(r, snap, i);
    size_t room = l != NULL ? list_changes_room(l->changes) : 0;
    for (; place < room && max > 0; place++) {
        const struct list_change *c = list_changes_at(l->changes, place);
        if (c == NULL)
            continue;
        visit(user, c);
        max--;
    }
    pthread_mutex_unlock(&r->lock);
    return place < room ? place : 0;
}

void roster_counts(struct roster *r, struct roster_counts *ret_counts)
{
    pthread_mutex_lock(&r->lock);
    *ret_counts = r->counts;
    if (r->reader != NULL)
        ret_counts->behind_ms = clock_mono_us() / 1000 - r->read_ms;
    pthread_mutex_unlock(&r->lock);
}
