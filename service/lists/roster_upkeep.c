/* The thread that lets changes expire, publishes those that had to wait, and tends the file:
 * declared in roster_internal.h. */
#include "service/base/clock.h"
#include "service/lists/roster_internal.h"

#include <time.h>

enum {
    SYNC_MS = 1000,   /* between two syncs of the file */
    CLEANED_MAX = 50, /* expired changes that one turn takes out of Redis: some 5 ms */
};

static void note_expired(void *user, const struct roster_list *l, const struct list_change *c)
{
    struct roster *r = user;
    if (r->cleaner != NULL) /* of too many, the others go when all of Redis is read again */
        (void)roster_lines_add(&r->expired, span_str(l->name), l->type, c);
}

static void expire(struct roster *r)
{
    int64_t now_ms = clock_wall_ms();
    for (int i = 0; i < r->n_lists; i++) {
        size_t n = roster_list_expire(r->lists[i], now_ms, note_expired, r);
        r->n_changes -= n;
        r->told.expired += n;
        r->is_dirty = r->is_dirty || roster_list_is_pending(r->lists[i]);
    }
}

static int64_t now_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

/* Until what waits may be published, or for a turn. */
static void wait_turn(struct roster *r)
{
    int64_t until_ms = r->is_dirty         ? r->window_ms + ROSTER_WINDOW_MS
                       : r->expired.n == 0 ? now_mono_ms() + ROSTER_TURN_MS
                                           : now_mono_ms() + ROSTER_WINDOW_MS;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    if (!r->is_stopping)
        (void)pthread_cond_timedwait(&r->changed, &r->lock, &until);
}

static void tend_file(struct roster *r)
{
    struct roster_walk walk = {.roster = r};
    (void)roster_file_sync(r->file); /* else again in a second */
    pthread_mutex_lock(&r->lock);
    if (roster_file_is_loose(r->file, r->n_changes))
        (void)!roster_file_rewrite(r->file, roster_walk_next, &walk);
    pthread_mutex_unlock(&r->lock);
}

/* What has expired goes from Redis; when that is away, later. */
static void clean_redis(struct roster *r)
{
    const struct list_line *line;
    for (int i = 0; i < CLEANED_MAX && (line = roster_lines_last(&r->expired)) != NULL; i++) {
        if (roster_redis_expire(r->cleaner, line) != ST_OK)
            return;
        roster_lines_drop_last(&r->expired);
    }
}

void *roster_upkeep(void *roster)
{
    struct roster *r = roster;
    int64_t synced_ms = now_mono_ms();
    pthread_mutex_lock(&r->lock);
    while (!r->is_stopping) {
        wait_turn(r);
        expire(r);
        roster_publish_soon(r);
        pthread_mutex_unlock(&r->lock);
        (void)snapshot_slot_sweep(r->snapshots);
        clean_redis(r);
        if (r->file != NULL && now_mono_ms() - synced_ms >= SYNC_MS) {
            tend_file(r);
            synced_ms = now_mono_ms();
        }
        pthread_mutex_lock(&r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}
