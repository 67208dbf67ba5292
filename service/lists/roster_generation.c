/* Changed lists become active: declared in roster_internal.h. */
#include "service/base/clock.h"
#include "service/base/hash.h"
#include "service/lists/roster_internal.h"

#include <stdio.h>

int roster_index_in(const struct snapshot *s, const struct roster_list *l)
{
    for (int i = 0; i < s->lists->count; i++) {
        const struct list *list = &s->lists->items[i];
        if (span_is(list->name, l->name) && list_view_type(list->view) == l->type)
            return i;
    }
    return -1;
}

/* Of each list of `s` what was changed of it; NULL: nothing. */
static void place_lists(const struct roster *r, const struct snapshot *s,
                        const struct roster_list *ret_at[LISTS_MAX])
{
    memset(ret_at, 0, LISTS_MAX * sizeof *ret_at);
    for (int i = 0; i < r->n_lists; i++) {
        const struct roster_list *l = r->lists[i];
        int at = s == r->loaded ? l->index : roster_index_in(s, l);
        if (at >= 0 && list_changes_count(l->changes) > 0)
            ret_at[at] = l;
    }
}

static void digest(const uint64_t *parts, size_t n, unsigned char ret[HASH_SHA256_BYTES])
{
    hash_sha256(span_of(parts, n * sizeof *parts), ret);
}

/*
 * The name of the ruleset with its changed lists: over the id of the ruleset, and of each changed
 * list its number, how many changes, and their sum. *ret_id is over the latter alone; 0: none is
 * changed, and the ruleset's id stands.
 */
static void name_generation(const struct snapshot *s, const struct roster_list *const at[LISTS_MAX],
                            uint64_t *ret_id, char ret_name[17])
{
    uint64_t parts[1 + 3 * LISTS_MAX] = {s->id};
    unsigned char bytes[HASH_SHA256_BYTES];
    size_t n = 1;
    struct text text;
    for (int i = 0; i < s->lists->count; i++) {
        if (at[i] == NULL)
            continue;
        parts[n++] = (uint64_t)i;
        parts[n++] = list_changes_count(at[i]->changes);
        parts[n++] = list_changes_sum(at[i]->changes);
    }
    snprintf(ret_name, 17, "%s", s->id_text);
    *ret_id = 0;
    if (n == 1)
        return;
    digest(parts + 1, n - 1, bytes);
    memcpy(ret_id, bytes, sizeof *ret_id);
    digest(parts, n, bytes);
    text_init(&text, ret_name, 17);
    text_hex_bytes(&text, bytes, 8);
}

/* `s` with what was changed of its lists; itself when nothing was. */
static struct snapshot *with_changes(const struct roster *r, struct snapshot *s, int64_t now_ms)
{
    const struct roster_list *at[LISTS_MAX];
    struct list_view *views[LISTS_MAX];
    struct snapshot_lists lists = {.views = views};
    place_lists(r, s, at);
    name_generation(s, at, &lists.id, lists.decided_by);
    if (lists.id == 0)
        return snapshot_ref(s);
    for (int i = 0; i < s->lists->count; i++) {
        struct list_view *base = s->lists->items[i].view;
        views[i] = at[i] == NULL    ? list_view_ref(base)
                   : s == r->loaded ? list_view_ref(at[i]->view)
                                    : roster_list_over(at[i], base, now_ms);
    }
    struct snapshot *made = snapshot_with_lists(s, &lists);
    for (int i = 0; i < s->lists->count; i++)
        list_view_unref(views[i]);
    return made;
}

void roster_publish(struct roster *r)
{
    int64_t now_ms = clock_wall_ms();
    for (int i = 0; i < r->n_lists; i++) {
        if (roster_list_is_pending(r->lists[i]))
            roster_list_publish(r->lists[i], now_ms);
    }
    r->is_dirty = false;
    r->told.generations++;
    snapshot_slot_relist(r->snapshots, with_changes(r, r->loaded, now_ms));
}

void roster_publish_soon(struct roster *r)
{
    int64_t now_ms = clock_mono_us() / 1000;
    if (!r->is_dirty)
        return;
    if (now_ms - r->window_ms >= ROSTER_WINDOW_MS) {
        r->window_ms = now_ms;
        r->in_window = 0;
    }
    if (r->in_window++ < ROSTER_AT_ONCE)
        roster_publish(r);
    else
        pthread_cond_signal(&r->changed);
}

void roster_renew_views(struct roster *r)
{
    int64_t now_ms = clock_wall_ms();
    for (int i = 0; i < r->n_lists; i++) {
        int index = roster_index_in(r->loaded, r->lists[i]);
        struct list_view *base = index >= 0 ? r->loaded->lists->items[index].view : NULL;
        roster_list_rebase(r->lists[i], index, base, now_ms);
    }
}

/* ---- for the slot --------------------------------------------------------------------------- */

/* The lock stays until dressed(). */
static struct snapshot *dress(void *user, struct snapshot *fresh_take)
{
    struct roster *r = user;
    pthread_mutex_lock(&r->lock);
    snapshot_unref(r->loaded);
    r->loaded = fresh_take;
    roster_renew_views(r);
    r->is_dirty = false;
    return with_changes(r, r->loaded, clock_wall_ms());
}

static void dressed(void *user)
{
    struct roster *r = user;
    pthread_mutex_unlock(&r->lock);
}

static struct snapshot *preview(void *user, struct snapshot *s)
{
    struct roster *r = user;
    pthread_mutex_lock(&r->lock);
    struct snapshot *made = with_changes(r, s, clock_wall_ms());
    pthread_mutex_unlock(&r->lock);
    return made;
}

const struct snapshot_dresser roster_dresser = {dress, dressed, preview, NULL};
