#include "service/lists/roster_list.h"

#include "service/base/check.h"

#include <stdlib.h>

struct roster_list *roster_list_new(struct span name, enum list_type type)
{
    struct roster_list *l = calloc(1, sizeof *l);
    CHECK(l != NULL && name.len <= LIST_NAME_MAX);
    memcpy(l->name, name.base, name.len);
    l->type = type;
    l->changes = list_changes_new();
    l->index = -1;
    return l;
}

static void clear_pending(struct roster_list *l)
{
    for (size_t i = 0; i < l->n_pending; i++)
        free((void *)(uintptr_t)l->pending[i].base);
    l->n_pending = 0;
}

void roster_list_free(struct roster_list *l)
{
    clear_pending(l);
    free(l->pending);
    list_changes_free(l->changes);
    list_changes_free(l->incoming);
    list_view_unref(l->base);
    list_view_unref(l->view);
    free(l);
}

static void tell(struct roster_list *l)
{
    l->told.changed = list_changes_count(l->changes);
    l->told.bytes = list_changes_bytes(l->changes);
    l->told.version = l->version;
}

bool roster_list_counts(const struct list_change *c, int64_t now_ms)
{
    return c->expires_ms == 0 || c->expires_ms > now_ms;
}

bool roster_list_has(const struct roster_list *l, struct span key, int64_t now_ms)
{
    const struct list_change *c = list_changes_find(l->changes, key);
    return c != NULL && roster_list_counts(c, now_ms) ? !c->out : list_view_has(l->base, key);
}

/* ---- views ---------------------------------------------------------------------------------- */

static struct list_edit *edits_room(size_t n)
{
    struct list_edit *edits = malloc((n + 1) * sizeof *edits);
    CHECK(edits != NULL);
    return edits;
}

struct list_view *roster_list_over(const struct roster_list *l, struct list_view *base,
                                   int64_t now_ms)
{
    struct list_edit *edits = edits_room(list_changes_count(l->changes));
    size_t n = 0;
    for (size_t i = 0; i < list_changes_room(l->changes); i++) {
        const struct list_change *c = list_changes_at(l->changes, i);
        if (c != NULL && roster_list_counts(c, now_ms))
            edits[n++] = (struct list_edit){c->key, !c->out};
    }
    struct list_view *view = n > 0 ? list_view_edit(base, edits, n) : list_view_ref(base);
    free(edits);
    return view;
}

static void replace(struct list_view **at, struct list_view *view_take)
{
    list_view_unref(*at);
    *at = view_take;
}

void roster_list_rebase(struct roster_list *l, int index, struct list_view *base, int64_t now_ms)
{
    l->index = index;
    clear_pending(l);
    replace(&l->view, base != NULL ? roster_list_over(l, base, now_ms) : NULL);
    replace(&l->base, base != NULL ? list_view_ref(base) : NULL);
}

bool roster_list_is_pending(const struct roster_list *l)
{
    return l->n_pending > 0;
}

/* Without changes the base stands again, in the order of its file. */
void roster_list_publish(struct roster_list *l, int64_t now_ms)
{
    if (list_changes_count(l->changes) == 0) {
        clear_pending(l);
        replace(&l->view, list_view_ref(l->base));
        return;
    }
    struct list_edit *edits = edits_room(l->n_pending);
    for (size_t i = 0; i < l->n_pending; i++)
        edits[i] = (struct list_edit){l->pending[i], roster_list_has(l, l->pending[i], now_ms)};
    replace(&l->view, list_view_edit(l->view, edits, l->n_pending));
    clear_pending(l);
    free(edits);
}

static void add_pending(struct roster_list *l, struct span key)
{
    if (l->base == NULL)
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
}

/* ---- changes -------------------------------------------------------------------------------- */

static void note_version(struct roster_list *l, uint64_t n)
{
    l->version = n > l->version ? n : l->version;
}

bool roster_list_apply(struct roster_list *l, const struct list_line *line)
{
    const struct list_change *before = list_changes_find(l->changes, line->change.key);
    if (before != NULL && before->n >= line->change.n)
        return false;
    add_pending(l, line->change.key); /* first: the line's key may be the change's own */
    if (line->forget)
        (void)list_changes_drop(l->changes, line->change.key);
    else
        list_changes_put(l->changes, &line->change);
    note_version(l, line->change.n);
    tell(l);
    return true;
}

size_t roster_list_expire(struct roster_list *l, int64_t now_ms,
                          void (*visit)(void *user, const struct roster_list *l,
                                        const struct list_change *c),
                          void *user)
{
    const struct list_change *c;
    size_t n = 0;
    for (; (c = list_changes_first_to_expire(l->changes)) != NULL && !roster_list_counts(c, now_ms);
         n++) {
        visit(user, l, c);
        add_pending(l, c->key);
        (void)list_changes_drop(l->changes, c->key);
    }
    if (n > 0)
        tell(l);
    return n;
}

/* ---- all of them anew ----------------------------------------------------------------------- */

void roster_list_take(struct roster_list *l, const struct list_line *line)
{
    if (l->incoming == NULL)
        l->incoming = list_changes_new();
    list_changes_put(l->incoming, &line->change);
}

size_t roster_list_taken(const struct roster_list *l)
{
    return l->incoming != NULL ? list_changes_count(l->incoming) : 0;
}

void roster_list_settle(struct roster_list *l, uint64_t since)
{
    struct list_changes *fresh = l->incoming != NULL ? l->incoming : list_changes_new();
    l->version = since == UINT64_MAX ? 0 : l->version;
    for (size_t i = 0; i < list_changes_room(l->changes); i++) {
        const struct list_change *c = list_changes_at(l->changes, i);
        if (c != NULL && c->n > since)
            list_changes_put(fresh, c);
    }
    for (size_t i = 0; i < list_changes_room(fresh); i++) {
        if (list_changes_at(fresh, i) != NULL)
            note_version(l, list_changes_at(fresh, i)->n);
    }
    list_changes_free(l->changes);
    l->changes = fresh;
    l->incoming = NULL;
    tell(l);
}

void roster_list_discard(struct roster_list *l)
{
    list_changes_free(l->incoming);
    l->incoming = NULL;
}
