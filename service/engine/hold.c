#include "service/engine/hold.h"

#include "service/base/check.h"

#include <stdlib.h>

static struct hold *hold_new(struct snapshot_slot *slot)
{
    struct hold *h = malloc(sizeof *h);
    CHECK(h != NULL);
    *h = (struct hold){.snap = snapshot_current(slot), .is_current = true};
    return h;
}

void hold_free(struct hold *h)
{
    if (h == NULL)
        return;
    CHECK(h->users == 0);
    snapshot_unref(h->snap);
    free(h);
}

static void retire(struct hold *h)
{
    if (h == NULL)
        return;
    h->is_current = false;
    if (h->users == 0)
        hold_free(h);
}

struct hold *hold_current(struct hold **current, struct snapshot_slot *slot)
{
    if (*current == NULL || !snapshot_is_current(slot, (*current)->snap)) {
        retire(*current);
        *current = hold_new(slot);
    }
    (*current)->users++;
    return *current;
}

void hold_drop(struct hold *h)
{
    h->users--;
    if (h->users == 0 && !h->is_current)
        hold_free(h);
}
