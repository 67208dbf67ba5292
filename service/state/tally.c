#include "service/state/tally.h"

#include "service/base/check.h"

#include <stdlib.h>

bool verdict_supersedes(const struct verdict *v, const struct verdict *stood)
{
    if (v->known_at_ms != stood->known_at_ms)
        return v->known_at_ms > stood->known_at_ms;
    return v->is_fraud && !stood->is_fraud;
}

static void add(int64_t *sum, int64_t n)
{
    int64_t moved;
    if (!__builtin_add_overflow(*sum, n, &moved))
        *sum = moved;
}

static void subtract(int64_t *sum, int64_t n)
{
    int64_t moved;
    if (!__builtin_sub_overflow(*sum, n, &moved))
        *sum = moved;
}

void tally_count(int64_t columns[TALLY_COLUMNS], const struct verdict *v, int64_t amount_e4,
                 bool takes_back)
{
    void (*move)(int64_t *, int64_t) = takes_back ? subtract : add;
    move(&columns[v->is_fraud ? TALLY_FRAUD : TALLY_LEGITIMATE], 1);
    move(&columns[v->is_fraud ? TALLY_FRAUD_E4 : TALLY_LEGITIMATE_E4], amount_e4);
    move(&columns[TALLY_LAG_MS], v->lag_ms);
}

void tally_init(struct tally *t)
{
    *t = (struct tally){.cap = 64};
    t->rows = calloc((size_t)t->cap, sizeof *t->rows);
    CHECK(t->rows != NULL);
}

void tally_fini(struct tally *t)
{
    free(t->rows);
    *t = (struct tally){0};
}

static struct span name_of(const struct tally_row *row)
{
    return span_of(row->name, row->name_len);
}

/* Where a row of this name stands, or would. */
static int place_of(const struct tally *t, struct span name)
{
    int low = 0, high = t->n;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (span_cmp(name_of(&t->rows[middle]), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void make_room(struct tally *t)
{
    if (t->n < t->cap)
        return;
    t->cap *= 2;
    t->rows = realloc(t->rows, (size_t)t->cap * sizeof *t->rows);
    CHECK(t->rows != NULL);
}

int64_t *tally_row(struct tally *t, struct span name)
{
    int at = place_of(t, name);
    if (at < t->n && span_eq(name_of(&t->rows[at]), name))
        return t->rows[at].columns;
    if (name.len > TALLY_NAME_MAX || t->n == TALLY_ROWS_MAX)
        return NULL;
    make_room(t);
    struct tally_row *row = &t->rows[at];
    memmove(row + 1, row, (size_t)(t->n - at) * sizeof *row);
    *row = (struct tally_row){.name_len = (uint8_t)name.len};
    if (name.len > 0)
        memcpy(row->name, name.base, name.len);
    t->n++;
    return row->columns;
}

void tally_add(struct tally *t, struct span name, const int64_t columns[TALLY_COLUMNS])
{
    int64_t *row = tally_row(t, name);
    if (row == NULL)
        return;
    for (int i = 0; i < TALLY_USED_MS; i++)
        add(&row[i], columns[i]);
    if (row[TALLY_USED_MS] < columns[TALLY_USED_MS])
        row[TALLY_USED_MS] = columns[TALLY_USED_MS];
}
