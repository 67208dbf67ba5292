/* Where the active snapshot stands; declared in snapshot.h. */
#include "service/engine/snapshot.h"

#include "service/base/check.h"
#include "service/engine/covered.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct snapshot_slot {
    pthread_mutex_t lock; /* over `active`, taking a reference of it, and `retired` */
    struct snapshot *active;
    struct snapshot **retired; /* active no more, and perhaps held by workers */
    size_t n_retired, retired_room;
    struct layouts *layouts;
    pthread_mutex_t dressing;        /* over `dresser`, taken before `lock` */
    struct snapshot_dresser dresser; /* .dress NULL: nobody changes lists */
};

static enum status learn_layouts(struct layouts *layouts, const struct snapshot *s)
{
    enum status st = ST_OK;
    for (int i = 0; i < s->features.n_keys && st == ST_OK; i++)
        st = layouts_learn(layouts, plan_layout(s->features.keys[i].plan)->text);
    return st;
}

struct snapshot_slot *snapshot_slot_new(struct snapshot *first_take)
{
    struct snapshot_slot *slot = calloc(1, sizeof *slot);
    CHECK(slot != NULL);
    CHECK(pthread_mutex_init(&slot->lock, NULL) == 0);
    CHECK(pthread_mutex_init(&slot->dressing, NULL) == 0);
    slot->active = first_take;
    slot->layouts = layouts_new();
    CHECK(learn_layouts(slot->layouts, first_take) == ST_OK);
    return slot;
}

void snapshot_slot_free(struct snapshot_slot *slot)
{
    if (slot == NULL)
        return;
    snapshot_unref(slot->active);
    for (size_t i = 0; i < slot->n_retired; i++)
        snapshot_unref(slot->retired[i]);
    free(slot->retired);
    layouts_free(slot->layouts);
    pthread_mutex_destroy(&slot->lock);
    pthread_mutex_destroy(&slot->dressing);
    free(slot);
}

struct snapshot *snapshot_current(struct snapshot_slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    struct snapshot *s = snapshot_ref(slot->active);
    pthread_mutex_unlock(&slot->lock);
    return s;
}

bool snapshot_is_current(const struct snapshot_slot *slot, const struct snapshot *s)
{
    return __atomic_load_n(&slot->active, __ATOMIC_ACQUIRE) == s;
}

struct layouts *snapshot_slot_layouts(struct snapshot_slot *slot)
{
    return slot->layouts;
}

void snapshot_slot_dresser(struct snapshot_slot *slot, const struct snapshot_dresser *dresser)
{
    pthread_mutex_lock(&slot->dressing);
    slot->dresser = *dresser;
    pthread_mutex_unlock(&slot->dressing);
}

/* ---- those of before ------------------------------------------------------------------------ */

/* With the lock. */
static void retire(struct snapshot_slot *slot, struct snapshot *old_take)
{
    if (slot->n_retired == slot->retired_room) {
        slot->retired_room = slot->retired_room ? 2 * slot->retired_room : 16;
        slot->retired = realloc(slot->retired, slot->retired_room * sizeof(struct snapshot *));
        CHECK(slot->retired != NULL);
    }
    slot->retired[slot->n_retired++] = old_take;
}

/* One that nobody else holds; NULL: there is none. */
static struct snapshot *take_unheld(struct snapshot_slot *slot, size_t *ret_held)
{
    struct snapshot *unheld = NULL;
    pthread_mutex_lock(&slot->lock);
    for (size_t i = 0; i < slot->n_retired && unheld == NULL; i++) {
        if (!snapshot_is_last(slot->retired[i]))
            continue;
        unheld = slot->retired[i];
        slot->retired[i] = slot->retired[--slot->n_retired];
    }
    *ret_held = slot->n_retired;
    pthread_mutex_unlock(&slot->lock);
    return unheld;
}

size_t snapshot_slot_sweep(struct snapshot_slot *slot)
{
    struct snapshot *unheld;
    size_t held;
    while ((unheld = take_unheld(slot, &held)) != NULL)
        snapshot_unref(unheld); /* not under the lock: it may be large */
    return held;
}

/* ---- the next one --------------------------------------------------------------------------- */

/* Only over one that was loaded as `over`, unless that is NULL. */
static void swap_over(struct snapshot_slot *slot, const struct snapshot *over,
                      struct snapshot *fresh)
{
    pthread_mutex_lock(&slot->lock);
    struct snapshot *old = slot->active;
    if (over != NULL && snapshot_loaded(old) != over) {
        old = fresh;
    } else {
        if (over == NULL)
            covered_follow(fresh, old, fresh->loaded_at_ms);
        __atomic_store_n(&slot->active, fresh, __ATOMIC_RELEASE);
    }
    retire(slot, old);
    pthread_mutex_unlock(&slot->lock);
}

void snapshot_slot_relist(struct snapshot_slot *slot, struct snapshot *with_lists_take)
{
    swap_over(slot, snapshot_loaded(with_lists_take), with_lists_take);
}

static void swap(struct snapshot_slot *slot, struct snapshot *fresh)
{
    const struct snapshot_dresser *d = &slot->dresser;
    pthread_mutex_lock(&slot->dressing);
    if (d->dress != NULL)
        fresh = d->dress(d->user, fresh);
    swap_over(slot, NULL, fresh);
    if (d->dress != NULL)
        d->dressed(d->user);
    pthread_mutex_unlock(&slot->dressing);
    (void)snapshot_slot_sweep(slot);
}

struct snapshot *snapshot_slot_preview(struct snapshot_slot *slot, struct snapshot *s)
{
    const struct snapshot_dresser *d = &slot->dresser;
    pthread_mutex_lock(&slot->dressing);
    struct snapshot *seen = d->preview != NULL ? d->preview(d->user, s) : snapshot_ref(s);
    pthread_mutex_unlock(&slot->dressing);
    return seen;
}

enum status snapshot_put(struct snapshot_slot *slot, struct snapshot *fresh_take, const char *who,
                         struct diag_list *diags)
{
    enum status st = learn_layouts(slot->layouts, fresh_take);
    if (st != ST_OK) {
        diag_error(diags, (struct diag_at){.file = fresh_take->files.items[0].path},
                   "restart the process", "more than %d layouts of records since the start",
                   LAYOUT_BOOK_MAX);
        return st;
    }
    snprintf(fresh_take->loaded_by, sizeof fresh_take->loaded_by, "%s", who);
    swap(slot, fresh_take);
    return ST_OK;
}

enum status snapshot_offer(struct snapshot_slot *slot, const char *path,
                           const struct snapshot_options *o, const char *who,
                           struct diag_list *diags)
{
    struct snapshot *fresh;
    enum status st = snapshot_load(path, o, diags, &fresh);
    if (st != ST_OK)
        return st;
    st = snapshot_put(slot, fresh, who, diags);
    if (st != ST_OK)
        snapshot_unref(fresh);
    return st;
}
