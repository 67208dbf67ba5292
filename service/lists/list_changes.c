#include "service/lists/list_changes.h"

#include "service/base/check.h"
#include "service/base/hash.h"

#include <stdlib.h>

enum { ROOM_MIN = 16 };

struct entry {
    struct list_change change; /* its texts are behind it */
    uint64_t hash;
    size_t bytes;
    size_t turn; /* its place in `expiring`, when it expires */
};

struct list_changes {
    struct entry **places; /* [room]; NULL: free */
    size_t room, count;    /* room is a power of two, at most 3/4 full */
    size_t bytes;
    uint64_t sum;
    struct entry **expiring; /* a heap: that in place i before those in 2i+1 and 2i+2 */
    size_t n_expiring, expiring_room;
};

static uint64_t hash_of(struct span key)
{
    static const struct hash_key open;
    return hash_quick_u64(&open, key);
}

/* Of SHA-256, so that nobody can make two contents with one sum. */
static uint64_t weight(const struct list_change *change)
{
    unsigned char digests[2 * HASH_SHA256_BYTES] = {0}, whole[HASH_SHA256_BYTES];
    uint64_t w;
    hash_sha256(change->key, digests);
    digests[HASH_SHA256_BYTES] = change->out;
    hash_sha256(span_of(digests, sizeof digests), whole);
    memcpy(&w, whole, sizeof w);
    return w;
}

struct list_changes *list_changes_new(void)
{
    struct list_changes *c = calloc(1, sizeof *c);
    CHECK(c != NULL);
    c->room = ROOM_MIN;
    c->places = calloc(c->room, sizeof *c->places);
    CHECK(c->places != NULL);
    return c;
}

void list_changes_free(struct list_changes *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->room; i++)
        free(c->places[i]);
    free(c->places);
    free(c->expiring);
    free(c);
}

/* ---- which expires first -------------------------------------------------------------------- */

static void set_turn(struct list_changes *c, size_t turn, struct entry *e)
{
    c->expiring[turn] = e;
    e->turn = turn;
}

static bool is_before(const struct entry *a, const struct entry *b)
{
    return a->change.expires_ms < b->change.expires_ms;
}

/* `e` goes to `turn`, or where it belongs above that. */
static void move_up(struct list_changes *c, size_t turn, struct entry *e)
{
    for (; turn > 0 && is_before(e, c->expiring[(turn - 1) / 2]); turn = (turn - 1) / 2)
        set_turn(c, turn, c->expiring[(turn - 1) / 2]);
    set_turn(c, turn, e);
}

/* The same below it. */
static void move_down(struct list_changes *c, size_t turn, struct entry *e)
{
    for (size_t next = 2 * turn + 1; next < c->n_expiring; next = 2 * turn + 1) {
        next += next + 1 < c->n_expiring && is_before(c->expiring[next + 1], c->expiring[next]);
        if (!is_before(c->expiring[next], e))
            break;
        set_turn(c, turn, c->expiring[next]);
        turn = next;
    }
    set_turn(c, turn, e);
}

static void queue(struct list_changes *c, struct entry *e)
{
    if (e->change.expires_ms == 0)
        return;
    if (c->n_expiring == c->expiring_room) {
        c->expiring_room = c->expiring_room ? 2 * c->expiring_room : ROOM_MIN;
        c->expiring = realloc(c->expiring, c->expiring_room * sizeof(struct entry *));
        CHECK(c->expiring != NULL);
    }
    move_up(c, c->n_expiring++, e);
}

static void unqueue(struct list_changes *c, const struct entry *e)
{
    if (e->change.expires_ms == 0)
        return;
    struct entry *last = c->expiring[--c->n_expiring];
    if (last == e)
        return;
    if (is_before(last, e))
        move_up(c, e->turn, last);
    else
        move_down(c, e->turn, last);
}

const struct list_change *list_changes_first_to_expire(const struct list_changes *c)
{
    return c->n_expiring > 0 ? &c->expiring[0]->change : NULL;
}

/* ---- the table ------------------------------------------------------------------------------ */

/* Where the key stands, or the free place where it would. */
static size_t place_of(const struct list_changes *c, uint64_t hash, struct span key)
{
    size_t at = hash & (c->room - 1);
    while (c->places[at] != NULL &&
           (c->places[at]->hash != hash || !span_eq(c->places[at]->change.key, key)))
        at = (at + 1) & (c->room - 1);
    return at;
}

const struct list_change *list_changes_find(const struct list_changes *c, struct span key)
{
    const struct entry *e = c->places[place_of(c, hash_of(key), key)];
    return e != NULL ? &e->change : NULL;
}

static struct span copied(char **at, struct span s)
{
    struct span copy = span_of(*at, s.len);
    if (s.len > 0)
        memcpy(*at, s.base, s.len);
    *at += s.len;
    return copy;
}

static struct entry *entry_new(const struct list_change *change)
{
    size_t bytes = sizeof(struct entry) + change->key.len + change->by.len + change->note.len;
    struct entry *e = malloc(bytes);
    CHECK(e != NULL);
    char *at = (char *)(e + 1);
    e->change = *change;
    e->change.key = copied(&at, change->key);
    e->change.by = copied(&at, change->by);
    e->change.note = copied(&at, change->note);
    e->hash = hash_of(change->key);
    e->bytes = bytes;
    return e;
}

static void grow(struct list_changes *c)
{
    struct list_changes wider = *c;
    wider.room = 2 * c->room;
    wider.places = calloc(wider.room, sizeof *wider.places);
    CHECK(wider.places != NULL);
    for (size_t i = 0; i < c->room; i++) {
        struct entry *e = c->places[i];
        if (e != NULL)
            wider.places[place_of(&wider, e->hash, e->change.key)] = e;
    }
    free(c->places);
    *c = wider;
}

/* Those behind the hole move up, where their own place is not behind it (Knuth, 6.4, algorithm R).
 */
static void close_hole(struct list_changes *c, size_t hole)
{
    size_t mask = c->room - 1;
    for (size_t i = (hole + 1) & mask; c->places[i] != NULL; i = (i + 1) & mask) {
        size_t home = c->places[i]->hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        c->places[hole] = c->places[i];
        c->places[i] = NULL;
        hole = i;
    }
}

bool list_changes_drop(struct list_changes *c, struct span key)
{
    size_t at = place_of(c, hash_of(key), key);
    struct entry *e = c->places[at];
    if (e == NULL)
        return false;
    c->sum -= weight(&e->change);
    c->bytes -= e->bytes;
    c->count--;
    c->places[at] = NULL;
    close_hole(c, at);
    unqueue(c, e);
    free(e);
    return true;
}

void list_changes_put(struct list_changes *c, const struct list_change *change)
{
    struct entry *e = entry_new(change);
    (void)list_changes_drop(c, e->change.key);
    if (4 * (c->count + 1) > 3 * c->room)
        grow(c);
    c->places[place_of(c, e->hash, e->change.key)] = e;
    c->sum += weight(&e->change);
    c->bytes += e->bytes;
    c->count++;
    queue(c, e);
}

size_t list_changes_count(const struct list_changes *c)
{
    return c->count;
}

uint64_t list_changes_sum(const struct list_changes *c)
{
    return c->sum;
}

size_t list_changes_bytes(const struct list_changes *c)
{
    return sizeof *c + (c->room + c->expiring_room) * sizeof *c->places + c->bytes;
}

size_t list_changes_room(const struct list_changes *c)
{
    return c->room;
}

const struct list_change *list_changes_at(const struct list_changes *c, size_t place)
{
    return c->places[place] != NULL ? &c->places[place]->change : NULL;
}
