#include "service/lists/roster_lines.h"

#include "service/base/check.h"

#include <stdlib.h>

static struct span copied(char **at, struct span text)
{
    struct span copy = span_of(*at, text.len);
    if (text.len > 0)
        memcpy(*at, text.base, text.len);
    *at += text.len;
    return copy;
}

bool roster_lines_add(struct roster_lines *lines, struct span list, enum list_type type,
                      const struct list_change *change)
{
    if (lines->n == ROSTER_LINES_MAX)
        return false;
    if (lines->n == lines->room) {
        lines->room = lines->room ? 2 * lines->room : 16;
        lines->at = realloc(lines->at, lines->room * sizeof *lines->at);
        CHECK(lines->at != NULL);
    }
    char *mem = malloc(change->key.len + change->by.len + change->note.len + list.len + 1);
    CHECK(mem != NULL);
    struct list_line *line = &lines->at[lines->n++];
    *line = (struct list_line){.type = type, .change = *change};
    line->change.key = copied(&mem, change->key); /* the first: its base is what is freed */
    line->change.by = copied(&mem, change->by);
    line->change.note = copied(&mem, change->note);
    line->list = copied(&mem, list);
    return true;
}

const struct list_line *roster_lines_last(const struct roster_lines *lines)
{
    return lines->n > 0 ? &lines->at[lines->n - 1] : NULL;
}

void roster_lines_drop_last(struct roster_lines *lines)
{
    free((void *)(uintptr_t)lines->at[--lines->n].change.key.base);
}

void roster_lines_fini(struct roster_lines *lines)
{
    while (lines->n > 0)
        roster_lines_drop_last(lines);
    free(lines->at);
    *lines = (struct roster_lines){0};
}
