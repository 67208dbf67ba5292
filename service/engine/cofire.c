#include "service/engine/cofire.h"

#include <string.h>

static void set_with(uint16_t *with, int value)
{
    __atomic_store_n(with, (uint16_t)value, __ATOMIC_RELAXED);
}

static void begin(struct cofire_rule *r, int index, const int *indexes, int n)
{
    int n_with = 0;
    for (int i = 0; i < n && n_with < COFIRE_MAX; i++)
        if (indexes[i] != index)
            set_with(&r->with[n_with++], indexes[i] + 1);
    __atomic_store_n(&r->has_fired, true, __ATOMIC_RELAXED);
}

/* Those that did not fire this time are struck out. */
static void strike(struct cofire *c, struct cofire_rule *r)
{
    for (int i = 0; i < COFIRE_MAX; i++)
        if (r->with[i] != 0 && c->last[r->with[i] - 1] != c->transactions)
            set_with(&r->with[i], 0);
}

void cofire_note(struct cofire *c, uint64_t ruleset, const int *indexes, int n)
{
    if (c->ruleset != ruleset) {
        memset(c, 0, sizeof *c);
        __atomic_store_n(&c->ruleset, ruleset, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&c->transactions, c->transactions + 1, __ATOMIC_RELAXED);
    for (int i = 0; i < n; i++)
        c->last[indexes[i]] = c->transactions;
    for (int i = 0; i < n; i++) {
        struct cofire_rule *r = &c->rules[indexes[i]];
        if (r->has_fired)
            strike(c, r);
        else
            begin(r, indexes[i], indexes, n);
    }
}

static bool has(const struct cofire_rule *r, uint16_t with)
{
    for (int i = 0; i < COFIRE_MAX; i++)
        if (__atomic_load_n(&r->with[i], __ATOMIC_RELAXED) == with)
            return true;
    return false;
}

void cofire_join(const struct cofire *c, int index, bool *has_fired, uint16_t both[COFIRE_MAX])
{
    const struct cofire_rule *r = &c->rules[index];
    if (!__atomic_load_n(&r->has_fired, __ATOMIC_RELAXED))
        return;
    for (int i = 0; i < COFIRE_MAX; i++) {
        if (!*has_fired)
            both[i] = __atomic_load_n(&r->with[i], __ATOMIC_RELAXED);
        else if (both[i] != 0 && !has(r, both[i]))
            both[i] = 0;
    }
    *has_fired = true;
}
