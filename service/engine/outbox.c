#include "service/engine/outbox.h"

#include "service/base/check.h"
#include "service/base/clock.h"

#include <pthread.h>
#include <stdlib.h>

/* Acknowledged entries that Redis has still to forget: an outage of minutes. Past that they stay
 * there, and come once more, under the same id, when this process is gone. */
enum { DONE_MAX = 1 << 16 };

/* Items that wait for the next alert, so that none asks the heap: as many as a busy second needs,
 * of a size that most alerts have. */
enum { SPARES_MAX = 1024, SPARE_BYTES = 4096 };

TAILQ_HEAD(items, outbox_item);
TAILQ_HEAD(places, outbox_place);

struct outbox {
    struct outbox_options options;
    uint64_t opened_seq; /* the journal's newest at the start */
    pthread_mutex_t lock;
    /* all below: with the lock held */
    struct items all, waiting, unkept;
    struct items spares; /* linked by `waiting` */
    int n_spares;
    struct places places;
    int n_items, n_promised;     /* promised: open places with room */
    uint64_t last;               /* number */
    uint64_t acknowledged_seq;   /* as it was told last */
    uint64_t left_from, left_to; /* frames whose alerts were left; left_to 0: none */
    uint64_t lacked_from;        /* frames from here may have an alert that is nowhere else */
    struct state_alert *done;    /* [DONE_MAX] */
    int n_done;
    struct outbox_stats stats;
};

/* ---- memory ---- */

static struct outbox_item *item_alloc(size_t cap)
{
    struct outbox_item *item = malloc(sizeof *item + cap);
    CHECK(item != NULL);
    item->cap = cap;
    return item;
}

/* With the lock held; NULL: there is none of that size. */
static struct outbox_item *spare(struct outbox *o, size_t bytes)
{
    struct outbox_item *item = bytes <= SPARE_BYTES ? TAILQ_FIRST(&o->spares) : NULL;
    if (item == NULL)
        return NULL;
    TAILQ_REMOVE(&o->spares, item, waiting);
    o->n_spares--;
    return item;
}

/* With the lock held. */
static void give_back(struct outbox *o, struct outbox_item *item)
{
    if (item->cap != SPARE_BYTES || o->n_spares == SPARES_MAX) {
        free(item);
        return;
    }
    TAILQ_INSERT_HEAD(&o->spares, item, waiting); /* the one used last is warm */
    o->n_spares++;
}

struct outbox *outbox_new(const struct outbox_options *options)
{
    struct outbox *o = calloc(1, sizeof *o);
    CHECK(o != NULL && pthread_mutex_init(&o->lock, NULL) == 0);
    o->options = *options;
    o->opened_seq = options->journal != NULL ? journal_last_seq(options->journal) : 0;
    o->acknowledged_seq = options->acknowledged_seq;
    o->lacked_from = UINT64_MAX;
    if (options->journal_keeps && options->acknowledged_seq < o->opened_seq) {
        o->left_from = options->acknowledged_seq + 1;
        o->left_to = o->opened_seq;
    }
    o->done = calloc(DONE_MAX, sizeof *o->done);
    CHECK(o->done != NULL);
    TAILQ_INIT(&o->all);
    TAILQ_INIT(&o->waiting);
    TAILQ_INIT(&o->spares);
    while (o->n_spares < SPARES_MAX / 4)
        give_back(o, item_alloc(SPARE_BYTES));
    TAILQ_INIT(&o->unkept);
    TAILQ_INIT(&o->places);
    return o;
}

void outbox_free(struct outbox *o)
{
    if (o == NULL)
        return;
    CHECK(TAILQ_EMPTY(&o->places));
    while (!TAILQ_EMPTY(&o->all)) {
        struct outbox_item *item = TAILQ_FIRST(&o->all);
        TAILQ_REMOVE(&o->all, item, link);
        free(item);
    }
    while (!TAILQ_EMPTY(&o->spares))
        free(spare(o, 0));
    pthread_mutex_destroy(&o->lock);
    free(o->done);
    free(o);
}

/* ---- places ---- */

static int room(const struct outbox *o)
{
    return o->options.waiting_max - o->n_items - o->n_promised;
}

void outbox_open_place(struct outbox *o, struct outbox_place *place)
{
    CHECK(!place->is_open);
    place->from_seq = o->options.journal != NULL ? journal_last_seq(o->options.journal) + 1 : 0;
    place->is_open = true;
    pthread_mutex_lock(&o->lock);
    /* What comes while some are left is left too: they go out in their order. */
    place->has_room = room(o) > 0 && o->left_to == 0;
    o->n_promised += place->has_room;
    TAILQ_INSERT_TAIL(&o->places, place, link);
    pthread_mutex_unlock(&o->lock);
}

static void close_locked(struct outbox *o, struct outbox_place *place)
{
    TAILQ_REMOVE(&o->places, place, link);
    o->n_promised -= place->has_room;
    place->is_open = false;
}

void outbox_close_place(struct outbox *o, struct outbox_place *place)
{
    if (!place->is_open)
        return;
    pthread_mutex_lock(&o->lock);
    close_locked(o, place);
    pthread_mutex_unlock(&o->lock);
}

/* ---- items ---- */

static struct outbox_item *item_new(struct outbox *o, struct span record, uint64_t seq,
                                    struct state_alert kept)
{
    pthread_mutex_lock(&o->lock);
    struct outbox_item *item = spare(o, record.len);
    pthread_mutex_unlock(&o->lock);
    if (item == NULL)
        item = item_alloc(record.len > SPARE_BYTES ? record.len : SPARE_BYTES);
    memcpy(item + 1, record.base, record.len);
    item->is_unkept = false;
    CHECK(alert_decode(span_of((char *)(item + 1), record.len), &item->alert) == ST_OK);
    item->seq = seq;
    item->kept = kept;
    item->put_us = clock_mono_us();
    return item;
}

/* Workers put them nearly in the order of their frames. */
static void insert_unkept(struct outbox *o, struct outbox_item *item)
{
    struct outbox_item *before = TAILQ_LAST(&o->unkept, items);
    while (before != NULL && before->seq > item->seq)
        before = TAILQ_PREV(before, items, unkept);
    if (before != NULL)
        TAILQ_INSERT_AFTER(&o->unkept, before, item, unkept);
    else
        TAILQ_INSERT_HEAD(&o->unkept, item, unkept);
}

static void insert(struct outbox *o, struct outbox_item *item)
{
    item->number = ++o->last;
    o->n_items++;
    o->stats.put_total++;
    TAILQ_INSERT_TAIL(&o->all, item, link);
    TAILQ_INSERT_TAIL(&o->waiting, item, waiting);
    item->is_unkept = o->options.redis_keeps && item->seq > 0 && item->kept.ms == 0;
    if (item->is_unkept)
        insert_unkept(o, item);
}

/* It stays where it survives, if it does. */
static void leave(struct outbox *o, uint64_t seq, struct state_alert kept)
{
    bool in_journal = o->options.journal_keeps && seq > 0;
    if (in_journal && (o->left_to == 0 || seq < o->left_from))
        o->left_from = seq;
    if (in_journal && seq > o->left_to)
        o->left_to = seq;
    bool by_redo = o->options.redis_keeps && seq > 0 && kept.ms == 0;
    if (by_redo && seq < o->lacked_from)
        o->lacked_from = seq;
    if (in_journal || kept.ms > 0 || by_redo)
        o->stats.left_total++;
    else
        o->stats.lost_total++;
}

static void tell_seen(const struct outbox *o, const struct alert *alert)
{
    if (o->options.seen != NULL)
        o->options.seen(o->options.user, alert);
}

static void wake(const struct outbox *o)
{
    if (o->options.woken != NULL)
        o->options.woken(o->options.user);
}

void outbox_put(struct outbox *o, struct outbox_place *place, struct span record, uint64_t seq,
                struct state_alert kept)
{
    if (seq < place->from_seq)
        seq = 0; /* a frame from before the place is the event's: the alert's was not written */
    struct outbox_item *item = item_new(o, record, seq, kept);
    bool has_room = place->has_room;
    tell_seen(o, &item->alert);
    pthread_mutex_lock(&o->lock);
    close_locked(o, place);
    if (has_room) {
        insert(o, item);
    } else {
        leave(o, seq, kept);
        give_back(o, item);
    }
    pthread_mutex_unlock(&o->lock);
    if (has_room)
        wake(o);
}

/* ---- the sink's ---- */

struct outbox_item *outbox_take(struct outbox *o)
{
    pthread_mutex_lock(&o->lock);
    struct outbox_item *item = TAILQ_FIRST(&o->waiting);
    if (item != NULL)
        TAILQ_REMOVE(&o->waiting, item, waiting);
    pthread_mutex_unlock(&o->lock);
    return item;
}

static void add_done(struct outbox *o, struct state_alert kept)
{
    if (kept.ms > 0 && o->n_done < DONE_MAX)
        o->done[o->n_done++] = kept;
}

void outbox_done(struct outbox *o, struct outbox_item *item)
{
    pthread_mutex_lock(&o->lock);
    TAILQ_REMOVE(&o->all, item, link);
    if (item->is_unkept)
        TAILQ_REMOVE(&o->unkept, item, unkept);
    o->n_items--;
    o->stats.sent_total++;
    add_done(o, item->kept);
    give_back(o, item);
    pthread_mutex_unlock(&o->lock);
}

void outbox_again(struct outbox *o, struct outbox_item *item)
{
    pthread_mutex_lock(&o->lock);
    o->stats.retries_total++;
    TAILQ_INSERT_HEAD(&o->waiting, item, waiting);
    pthread_mutex_unlock(&o->lock);
}

/* ---- the sweep's ---- */

bool outbox_left(struct outbox *o, uint64_t *ret_from, uint64_t *ret_to)
{
    pthread_mutex_lock(&o->lock);
    bool any = o->left_to > 0;
    if (any) {
        *ret_from = o->left_from;
        *ret_to = o->left_to;
    }
    pthread_mutex_unlock(&o->lock);
    return any;
}

int outbox_room(struct outbox *o)
{
    pthread_mutex_lock(&o->lock);
    int n = room(o);
    pthread_mutex_unlock(&o->lock);
    return n > 0 ? n : 0;
}

void outbox_put_swept(struct outbox *o, struct span record, uint64_t seq, struct state_alert kept)
{
    struct outbox_item *item = item_new(o, record, seq, kept);
    if (seq <= o->opened_seq) /* of another process, or another life: it is news here */
        tell_seen(o, &item->alert);
    pthread_mutex_lock(&o->lock);
    insert(o, item);
    pthread_mutex_unlock(&o->lock);
    wake(o);
}

void outbox_swept(struct outbox *o, uint64_t seq)
{
    pthread_mutex_lock(&o->lock);
    o->left_from = seq + 1;
    if (o->left_from > o->left_to)
        o->left_to = 0;
    pthread_mutex_unlock(&o->lock);
}

static void lower(uint64_t *least, uint64_t seq)
{
    if (seq > 0 && seq < *least)
        *least = seq;
}

uint64_t outbox_acknowledged_seq(struct outbox *o, uint64_t last_seq)
{
    const struct outbox_item *item;
    const struct outbox_place *place;
    uint64_t least = last_seq + 1, seq;
    pthread_mutex_lock(&o->lock);
    TAILQ_FOREACH (place, &o->places, link)
        lower(&least, place->from_seq);
    TAILQ_FOREACH (item, &o->all, link)
        lower(&least, item->seq);
    if (o->left_to > 0)
        lower(&least, o->left_from);
    if (o->acknowledged_seq < least - 1)
        o->acknowledged_seq = least - 1;
    seq = o->acknowledged_seq;
    pthread_mutex_unlock(&o->lock);
    return seq;
}

int outbox_take_done(struct outbox *o, struct state_alert *ret_entries, int max)
{
    pthread_mutex_lock(&o->lock);
    int n = o->n_done < max ? o->n_done : max;
    o->n_done -= n;
    memcpy(ret_entries, o->done + o->n_done, (size_t)n * sizeof *ret_entries);
    pthread_mutex_unlock(&o->lock);
    return n;
}

/* Its worker may be settling it: it would find the decision, and take it for another's. */
static bool may_have_place(const struct outbox *o, uint64_t seq)
{
    const struct outbox_place *place;
    TAILQ_FOREACH (place, &o->places, link)
        if (place->from_seq <= seq)
            return true;
    return false;
}

bool outbox_lacks(struct outbox *o, uint64_t seq)
{
    pthread_mutex_lock(&o->lock);
    bool was_left = seq > o->options.acknowledged_seq && seq <= o->opened_seq;
    bool lacks = was_left || seq >= o->lacked_from || may_have_place(o, seq);
    pthread_mutex_unlock(&o->lock);
    return lacks;
}

/* Redelivery asks in the order of frames, and what it has brought is not here any more: O(1). */
static struct outbox_item *find_unkept(const struct outbox *o, uint64_t seq)
{
    struct outbox_item *item = TAILQ_FIRST(&o->unkept);
    while (item != NULL && item->seq < seq)
        item = TAILQ_NEXT(item, unkept);
    return item != NULL && item->seq == seq ? item : NULL;
}

bool outbox_holds(struct outbox *o, uint64_t seq)
{
    pthread_mutex_lock(&o->lock);
    bool holds = find_unkept(o, seq) != NULL;
    pthread_mutex_unlock(&o->lock);
    return holds;
}

void outbox_kept(struct outbox *o, uint64_t seq, struct state_alert kept)
{
    pthread_mutex_lock(&o->lock);
    struct outbox_item *item = find_unkept(o, seq);
    if (item != NULL) {
        TAILQ_REMOVE(&o->unkept, item, unkept);
        item->is_unkept = false;
        item->kept = kept;
    } else {
        add_done(o, kept); /* the sink has taken it meanwhile */
    }
    pthread_mutex_unlock(&o->lock);
}

/* ---- anybody's ---- */

uint64_t outbox_last(struct outbox *o)
{
    pthread_mutex_lock(&o->lock);
    uint64_t last = o->last;
    pthread_mutex_unlock(&o->lock);
    return last;
}

uint64_t outbox_settled(struct outbox *o)
{
    pthread_mutex_lock(&o->lock);
    const struct outbox_item *first = TAILQ_FIRST(&o->all);
    uint64_t settled = first != NULL ? first->number - 1 : o->last;
    pthread_mutex_unlock(&o->lock);
    return settled;
}

struct outbox_stats outbox_stats(struct outbox *o)
{
    pthread_mutex_lock(&o->lock);
    struct outbox_stats stats = o->stats;
    stats.waiting = (uint64_t)o->n_items;
    pthread_mutex_unlock(&o->lock);
    return stats;
}
