#include "service/lists/roster.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/lists/roster_internal.h"

#include <stdlib.h>
#include <time.h>

/* Until a change of ours was read from Redis; then it is made active without that. */
enum { READ_WAIT_MS = 1000 };

/* ---- lists ---------------------------------------------------------------------------------- */

struct roster_list *roster_list_named(struct roster *r, struct span name, enum list_type type)
{
    for (int i = 0; i < r->n_lists; i++) {
        if (r->lists[i]->type == type && span_is(name, r->lists[i]->name))
            return r->lists[i];
    }
    return NULL;
}

struct roster_list *roster_list_make(struct roster *r, struct span name, enum list_type type)
{
    struct roster_list *l = roster_list_named(r, name, type);
    if (l != NULL || r->n_lists == ROSTER_LISTS_MAX)
        return l;
    l = roster_list_new(name, type);
    int index = roster_index_in(r->loaded, l);
    if (index >= 0)
        roster_list_rebase(l, index, r->loaded->lists->items[index].view, 0);
    r->lists[r->n_lists] = l;
    r->n_lists++; /* behind it: others may look now */
    return l;
}

bool roster_walk_next(void *user, struct list_line *ret_line)
{
    struct roster_walk *w = user;
    for (; w->list < w->roster->n_lists; w->list++, w->place = 0) {
        const struct roster_list *l = w->roster->lists[w->list];
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

/* ---- what is so ----------------------------------------------------------------------------- */

static void copy_text(char **at, struct span *text)
{
    if (text->len > 0)
        memcpy(*at, text->base, text->len);
    *text = span_of(*at, text->len);
    *at += text->len;
}

/* The view that the ruleset came with; NULL: it has no such list. */
static const struct list_view *base_of(const struct roster *r, const struct list_line *line)
{
    const struct list *list = lists_find(r->loaded->lists, line->list);
    return list != NULL && list_view_type(list->view) == line->type ? list->view : NULL;
}

static bool is_in_file(const struct roster *r, const struct list_line *line)
{
    const struct list_view *base = base_of(r, line);
    return base != NULL && list_view_has(base, line->change.key);
}

/* NULL: none is known. */
static const struct list_change *change_of(const struct roster_list *l, struct span key)
{
    return l != NULL ? list_changes_find(l->changes, key) : NULL;
}

static bool is_item(const struct roster *r, const struct roster_list *l,
                    const struct list_line *line)
{
    const struct list_change *c = change_of(l, line->change.key);
    return c != NULL && roster_list_counts(c, clock_wall_ms()) ? !c->out : is_in_file(r, line);
}

/* The narrowest network of the list that has the one of the line. O(bits of an address). */
static bool find_wider(const struct roster *r, const struct roster_list *l,
                       const struct list_line *line, struct list_line *ret_wider)
{
    struct span *key = &ret_wider->change.key;
    *ret_wider = *line;
    while (line->type == LIST_NETWORK && list_key_wider(*key, ret_wider->key_bytes, key)) {
        if (is_item(r, l, ret_wider))
            return true;
    }
    return false;
}

static void fill_item(struct roster *r, const struct list_line *line, struct roster_item *ret)
{
    const struct roster_list *l = roster_list_named(r, line->list, line->type);
    const struct list_change *c = change_of(l, line->change.key);
    struct list_line wider;
    char *at = ret->bytes;
    ret->in_file = is_in_file(r, line);
    ret->in = is_item(r, l, line);
    ret->covered_by = span_of(NULL, 0);
    if (!ret->in && find_wider(r, l, line, &wider)) {
        ret->in = true;
        ret->covered_by = wider.change.key;
    }
    ret->version = l != NULL ? l->version : 0;
    ret->changed = c != NULL;
    ret->type = line->type;
    ret->change = c != NULL ? *c : (struct list_change){.key = line->change.key};
    copy_text(&at, &ret->change.key);
    copy_text(&at, &ret->change.by);
    copy_text(&at, &ret->change.note);
    copy_text(&at, &ret->covered_by);
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

/* ---- changes -------------------------------------------------------------------------------- */

void roster_apply(struct roster *r, const struct list_line *line)
{
    struct roster_list *l = roster_list_make(r, line->list, line->type);
    if (l == NULL || (!line->forget && r->n_changes >= ROSTER_CHANGES_MAX &&
                      list_changes_find(l->changes, line->change.key) == NULL)) {
        r->told.refused++;
        return;
    }
    size_t count = list_changes_count(l->changes);
    if (!roster_list_apply(l, line))
        return; /* it is known */
    r->n_changes += list_changes_count(l->changes) - count;
    r->n = line->change.n > r->n ? line->change.n : r->n;
    r->told.changes++;
    r->is_dirty = r->is_dirty || roster_list_is_pending(l);
}

/* For roster_file_open(). */
static void apply_kept(void *user, const struct list_line *line)
{
    roster_apply(user, line);
}

/* In the file, or nowhere. Under the lock, so that numbers are in the file's order. */
static enum status keep_here(struct roster *r, struct list_line *line)
{
    line->change.n = r->n + 1;
    return r->file != NULL ? roster_file_append(r->file, line) : ST_OK;
}

static void wait_until_read(struct roster *r, uint64_t n)
{
    int64_t until_ms = clock_mono_us() / 1000 + READ_WAIT_MS;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    while (r->read_n < n && pthread_cond_timedwait(&r->read, &r->lock, &until) == 0)
        ;
}

/* The lock is let go meanwhile. */
static enum status keep_there(struct roster *r, struct list_line *line)
{
    pthread_mutex_unlock(&r->lock);
    pthread_mutex_lock(&r->keeping);
    enum status st = roster_redis_keep(r->writer, line, &line->change.n);
    pthread_mutex_unlock(&r->keeping);
    pthread_mutex_lock(&r->lock);
    if (st == ST_OK)
        wait_until_read(r, line->change.n);
    return st;
}

static enum status change(struct roster *r, const struct roster_order *o, struct list_line *line)
{
    line->change.at_ms = o->now_ms;
    line->change.by = o->by;
    line->change.note = o->note;
    if (roster_list_make(r, line->list, line->type) == NULL)
        return ST_TOO_LARGE;
    enum status st = r->writer != NULL ? keep_there(r, line) : keep_here(r, line);
    if (st != ST_OK)
        return st;
    if (r->writer == NULL || r->read_n < line->change.n)
        roster_apply(r, line);
    roster_publish_soon(r);
    return ST_OK;
}

static enum status put(struct roster *r, const struct roster_order *o, struct list_line *line)
{
    if (r->n_changes >= ROSTER_CHANGES_MAX)
        return ST_TOO_LARGE;
    line->change.expires_ms = o->expires_ms;
    return change(r, o, line);
}

static enum status take_out(struct roster *r, const struct roster_order *o, struct list_line *line)
{
    const struct roster_list *l = roster_list_named(r, line->list, line->type);
    line->change.out = is_in_file(r, line);
    line->forget = !line->change.out;
    if (line->forget && (l == NULL || list_changes_find(l->changes, line->change.key) == NULL))
        return ST_OK; /* it is out */
    return change(r, o, line);
}

static enum status run(struct roster *r, const struct roster_order *o,
                       enum status (*act)(struct roster *r, const struct roster_order *o,
                                          struct list_line *line),
                       struct roster_item *ret_item)
{
    struct list_line line;
    pthread_mutex_lock(&r->lock);
    enum status st = look_up(r, o->list, o->value, &line);
    if (st == ST_OK)
        st = act(r, o, &line);
    if (st == ST_OK)
        fill_item(r, &line, ret_item);
    pthread_mutex_unlock(&r->lock);
    return st;
}

enum status roster_put(struct roster *r, const struct roster_order *o, struct roster_item *ret_item)
{
    return run(r, o, put, ret_item);
}

enum status roster_remove(struct roster *r, const struct roster_order *o,
                          struct roster_item *ret_item)
{
    return run(r, o, take_out, ret_item);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void init_locks(struct roster *r)
{
    pthread_condattr_t monotonic;
    CHECK(pthread_condattr_init(&monotonic) == 0);
    CHECK(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&r->changed, &monotonic) == 0);
    CHECK(pthread_cond_init(&r->read, &monotonic) == 0);
    pthread_condattr_destroy(&monotonic);
    CHECK(pthread_mutex_init(&r->lock, NULL) == 0);
    CHECK(pthread_mutex_init(&r->keeping, NULL) == 0);
}

static enum status open_keeper(struct roster *r, const struct roster_options *o, char *why)
{
    if (o->redis == NULL)
        return o->file == NULL || o->file[0] == '\0'
                   ? ST_OK
                   : roster_file_open(o->file, apply_kept, r, &r->file, why);
    r->writer = roster_redis_new(o->redis, o->prefix);
    r->reader = roster_redis_new(o->redis, o->prefix);
    r->cleaner = roster_redis_new(o->redis, o->prefix);
    if (roster_read_all(r) != ST_OK)
        r->told.is_away = true; /* the reading thread goes on trying */
    r->told.read_ms = clock_mono_us() / 1000;
    return ST_OK;
}

static void release(struct roster *r)
{
    for (int i = 0; i < r->n_lists; i++)
        roster_list_free(r->lists[i]);
    roster_file_close(r->file);
    roster_redis_free(r->writer);
    roster_redis_free(r->reader);
    roster_redis_free(r->cleaner);
    roster_lines_fini(&r->expired);
    snapshot_unref(r->loaded);
    pthread_mutex_destroy(&r->lock);
    pthread_mutex_destroy(&r->keeping);
    pthread_cond_destroy(&r->changed);
    pthread_cond_destroy(&r->read);
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
        roster_publish(r);
    struct snapshot_dresser dresser = roster_dresser;
    dresser.user = r;
    snapshot_slot_dresser(o->snapshots, &dresser);
    CHECK(pthread_create(&r->upkeep_thread, NULL, roster_upkeep, r) == 0);
    if (r->reader != NULL)
        CHECK(pthread_create(&r->reading_thread, NULL, roster_reading, r) == 0);
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

/* ---- what is asked of all ------------------------------------------------------------------- */

static struct roster_list *list_of(struct roster *r, const struct snapshot *snap, int i)
{
    const struct list *list = &snap->lists->items[i];
    return roster_list_named(r, list->name, list_view_type(list->view));
}

void roster_info(struct roster *r, const struct snapshot *snap, int i, struct roster_info *ret)
{
    const struct list *now = &snap->lists->items[i];
    const struct list *base = &snapshot_loaded(snap)->lists->items[i];
    const struct roster_list *l = list_of(r, snap, i);
    *ret = (struct roster_info){
        .name = now->name,
        .type = list_view_type(now->view),
        .count = list_view_count(now->view),
        .in_file = list_view_count(base->view),
        .changed = l != NULL ? l->told.changed : 0,
        .bytes = list_view_bytes(now->view) + (l != NULL ? l->told.bytes : 0),
        .version = l != NULL ? l->told.version : 0,
    };
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
    *ret_counts = (struct roster_counts){
        .changes = r->told.changes,
        .refused = r->told.refused,
        .generations = r->told.generations,
        .expired = r->told.expired,
        .behind_ms = r->reader != NULL ? clock_mono_us() / 1000 - r->told.read_ms : 0,
        .is_away = r->told.is_away,
    };
}
