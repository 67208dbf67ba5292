#include "tests/unit/engine/far_state.h"

#include <stdlib.h>
#include <string.h>

static void no_answer(struct state_op *op, enum status st)
{
    (void)op, (void)st;
}

/* Memory keeps none: as Redis does it where the decision is new. */
static void keep_alert(struct far_state *f, struct state_op *op)
{
    if (op->alert.len == 0)
        return;
    op->kept = (struct state_alert){(uint64_t)++f->n_alerts, 0};
    f->alert_was_nobodys = op->alert_is_nobodys;
}

/* The operation takes effect, but its user hears of a lost connection. */
static void lose(struct far_state *f, struct state_op *op)
{
    void (*done)(struct state_op *, enum status) = op->done;
    op->done = no_answer;
    state_submit(f->near, op);
    op->done = done;
    done(op, ST_UNAVAILABLE);
}

static void submit(struct state *s, struct state_op *op)
{
    struct far_state *f = (struct far_state *)s;
    f->n_submitted++;
    f->n_beacons += op->verb == STATE_BEACON;
    bool fails = f->n_submitted == f->fails_at;
    if (f->is_away || (fails && !f->fails_lost)) {
        op->done(op, ST_UNAVAILABLE);
    } else if (f->is_losing || fails) {
        lose(f, op);
    } else if (f->is_holding && f->n_held < FAR_HELD_MAX) {
        f->held[f->n_held++] = op;
    } else {
        keep_alert(f, op);
        state_submit(f->near, op);
    }
}

static bool available(const struct state *s)
{
    return !((const struct far_state *)s)->is_away;
}

static void close_far(struct state *s)
{
    struct far_state *f = (struct far_state *)s;
    far_state_fail(f);
    state_close(f->near);
    state_table_free(f->table);
    free(f);
}

static const struct state_backend backend = {
    .name = "far", .submit = submit, .available = available, .close = close_far};

static struct far_state *far_over(struct state_table *table)
{
    struct far_state *f = calloc(1, sizeof *f);
    f->near = state_mem_open(table, true);
    f->state.backend = &backend;
    f->state.hash_key = f->near->hash_key;
    return f;
}

struct far_state *far_state_new(void)
{
    static const struct hash_key key;
    struct state_table *table = state_table_new(&key, NULL);
    struct far_state *f = far_over(table);
    f->table = table;
    return f;
}

struct far_state *far_state_beside(struct far_state *other)
{
    return far_over(other->table);
}

void far_state_answer(struct far_state *f)
{
    struct state_op *held[FAR_HELD_MAX];
    int n = f->n_held;
    memcpy(held, f->held, sizeof held);
    f->n_held = 0;
    for (int i = 0; i < n; i++)
        state_submit(f->near, held[i]);
}

void far_state_fail(struct far_state *f)
{
    int n = f->n_held;
    f->n_held = 0;
    for (int i = 0; i < n; i++)
        f->held[i]->done(f->held[i], ST_UNAVAILABLE);
}
