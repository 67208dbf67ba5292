/*
 * The thread that reads changes of all instances from Redis, our own among them, in their order:
 * declared in roster_internal.h.
 *
 * A change of ours is applied here, too: applied by who asked for it, the one before of the same
 * value might be read behind it, and stand again for a moment.
 */
#include "service/base/clock.h"
#include "service/lists/roster_internal.h"

#include <time.h>

static void apply_read(void *user, const struct list_line *line)
{
    struct roster *r = user;
    pthread_mutex_lock(&r->lock);
    roster_apply(r, line);
    r->read_n = line->change.n;
    pthread_mutex_unlock(&r->lock);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void take(void *user, const struct list_line *line)
{
    struct roster *r = user;
    pthread_mutex_lock(&r->lock);
    struct roster_list *l = roster_list_make(r, line->list, line->type);
    if (l == NULL || roster_list_taken(l) >= ROSTER_CHANGES_MAX)
        r->told.refused++;
    else
        roster_list_take(l, line);
    pthread_mutex_unlock(&r->lock);
}

static void settle(struct roster *r, uint64_t n_wrong)
{
    pthread_mutex_lock(&r->lock);
    r->n_changes = 0;
    for (int i = 0; i < r->n_lists; i++) {
        roster_list_settle(r->lists[i], r->is_lost ? UINT64_MAX : r->cursor.n);
        r->n_changes += list_changes_count(r->lists[i]->changes);
    }
    r->told.changes += r->n_changes;
    r->told.refused += n_wrong;
    r->read_n = r->cursor.n;
    roster_renew_views(r);
    roster_publish(r);
    pthread_cond_broadcast(&r->read);
    pthread_mutex_unlock(&r->lock);
}

/* Changes from where *w stands on, as many as fit; false: there are no more. */
static bool gather(struct roster *r, struct roster_walk *w, struct roster_lines *lines)
{
    enum { AT_ONCE = 1000 };
    struct list_line line;
    pthread_mutex_lock(&r->lock);
    while (lines->n < AT_ONCE && roster_walk_next(w, &line))
        (void)roster_lines_add(lines, line.list, line.type, &line.change);
    pthread_mutex_unlock(&r->lock);
    return lines->n > 0;
}

/* Redis was emptied: what we know goes back, unless another instance was quicker. */
static enum status restore(struct roster *r)
{
    struct roster_lines lines = {0};
    struct roster_walk w = {.roster = r};
    enum status st = ST_OK;
    while (st == ST_OK && gather(r, &w, &lines)) {
        while (st == ST_OK && lines.n > 0) {
            st = roster_redis_restore(r->reader, roster_lines_last(&lines));
            roster_lines_drop_last(&lines);
        }
    }
    roster_lines_fini(&lines);
    return st;
}

static void discard(struct roster *r)
{
    pthread_mutex_lock(&r->lock);
    for (int i = 0; i < r->n_lists; i++)
        roster_list_discard(r->lists[i]);
    pthread_mutex_unlock(&r->lock);
}

enum status roster_read_all(struct roster *r)
{
    uint64_t n_wrong = 0;
    enum status st = r->is_lost ? restore(r) : ST_OK;
    if (st == ST_OK)
        st = roster_redis_read_all(r->reader, &r->cursor, take, r, &n_wrong);
    if (st != ST_OK) {
        discard(r);
        return st;
    }
    settle(r, n_wrong);
    r->is_lost = false;
    return ST_OK;
}

/* ---- what is new ---------------------------------------------------------------------------- */

static void note_read(struct roster *r, bool is_away, uint64_t n_wrong)
{
    pthread_mutex_lock(&r->lock);
    r->told.is_away = is_away;
    r->told.refused += n_wrong;
    if (!is_away) {
        r->told.read_ms = clock_mono_us() / 1000;
        /* also past lines that could not be read; in another Redis numbers begin anew */
        r->read_n = r->is_lost ? 0 : r->cursor.n;
    }
    roster_publish_soon(r);
    pthread_cond_broadcast(&r->read);
    pthread_mutex_unlock(&r->lock);
}

static bool is_stopping(struct roster *r)
{
    pthread_mutex_lock(&r->lock);
    bool stopping = r->is_stopping;
    pthread_mutex_unlock(&r->lock);
    return stopping;
}

void *roster_reading(void *roster)
{
    struct roster *r = roster;
    bool is_behind = r->told.is_away;
    while (!is_stopping(r)) {
        enum roster_read got = ROSTER_READ_AWAY;
        uint64_t n_wrong = 0;
        if (!is_behind || roster_read_all(r) == ST_OK)
            got = roster_redis_read(r->reader, &r->cursor, apply_read, r, &n_wrong);
        r->is_lost = r->is_lost || got == ROSTER_READ_EMPTY;
        is_behind = got == ROSTER_READ_BEHIND || got == ROSTER_READ_EMPTY ||
                    (got == ROSTER_READ_AWAY && is_behind);
        note_read(r, got == ROSTER_READ_AWAY, n_wrong);
        if (got == ROSTER_READ_AWAY)
            nanosleep(&(struct timespec){.tv_nsec = ROSTER_TURN_MS * 1000000L}, NULL);
    }
    return NULL;
}
