#include "service/cli/generate_world.h"

#include "service/base/check.h"
#include "service/cli/generate_random.h"

#include <stdlib.h>
#include <string.h>

enum {
    DAY_SECONDS = 86400,
    REACH_TICKS = 5 * WORLD_TICKS,          /* the radius in which an account pays */
    CELLS = WORLD_SIDE_TICKS / REACH_TICKS, /* a row of the grid: reach is then 3 x 3 cells */
    DAILY_MAX = 32, /* payments of one account a day; Poisson(4) exceeds it once in 10^19 */
    LARGE_CENTS = 22000,
    COMPROMISED_DAYS = 28,
    LEAKED_DAYS = 14,
};

#define ONE_Q32 (INT64_C(1) << 32)
#define ONE_Q62 (UINT64_C(1) << 62)

struct account {
    int32_t x, y;         /* ticks */
    int32_t mean_cents;   /* of an amount */
    int32_t only;         /* index of the one terminal it pays at; -1: those in reach */
    uint64_t rate_q32;    /* mean payments a day */
    uint64_t none_q62;    /* e^-rate: the probability of a day without payment */
    int32_t leaked_until; /* day */
};

struct terminal {
    int32_t x, y;
    uint32_t id;
    int32_t compromised_until; /* day */
    uint8_t country, trade;
};

struct world {
    struct random random;
    struct account *accounts;
    struct terminal *terminals; /* in order of cell */
    uint32_t n_accounts, n_terminals;
    uint32_t *cell_start; /* CELLS * CELLS + 1 */
    int32_t day;
    struct payment *drawn, *sorted; /* of the day */
    size_t n_drawn, cap;
};

/* ---- how many ---- */

static uint64_t multiply_q62(uint64_t a, uint64_t b)
{
    return random_multiply_shift(a, b, 62);
}

/* e^-rate for rate <= 4: seven terms of the series at rate/64, then squared six times. */
static uint64_t exp_minus_q62(uint64_t rate_q32)
{
    uint64_t x = rate_q32 << 24, r = ONE_Q62; /* x: rate/64 with 62 fraction bits */
    for (unsigned k = 7; k >= 1; k--)
        r = ONE_Q62 - multiply_q62(x, r) / k;
    for (int i = 0; i < 6; i++)
        r = multiply_q62(r, r);
    return r;
}

/* Poisson, by walking up its distribution. */
static int daily_payments(struct random *rnd, const struct account *a)
{
    uint64_t u = random_bits(rnd) >> 2, p = a->none_q62, below = p;
    int k = 0;
    while (u >= below && k < DAILY_MAX) {
        k++;
        p = random_multiply_shift(p, a->rate_q32, 32) / (unsigned)k;
        below += p;
    }
    return k;
}

/* ---- the map ---- */

static int cell_of(int32_t ticks)
{
    return ticks / REACH_TICKS;
}

static int64_t distance_squared(const struct account *a, const struct terminal *t)
{
    int64_t dx = a->x - t->x, dy = a->y - t->y;
    return dx * dx + dy * dy;
}

static bool in_reach(const struct account *a, const struct terminal *t)
{
    return distance_squared(a, t) <= (int64_t)REACH_TICKS * REACH_TICKS;
}

/* The terminals of the cells around an account: up to three runs of the array. */
struct nearby {
    uint32_t from[3], count[3], total;
};

static struct nearby nearby_of(const struct world *w, const struct account *a)
{
    struct nearby n = {.total = 0};
    int cx = cell_of(a->x), cy = cell_of(a->y), runs = 0;
    int left = cx > 0 ? cx - 1 : 0, right = cx < CELLS - 1 ? cx + 1 : CELLS - 1;
    for (int row = cy - 1; row <= cy + 1; row++) {
        if (row < 0 || row >= CELLS)
            continue;
        uint32_t from = w->cell_start[row * CELLS + left];
        uint32_t end = w->cell_start[row * CELLS + right + 1];
        n.from[runs] = from;
        n.count[runs++] = end - from;
        n.total += end - from;
    }
    return n;
}

static uint32_t nearby_at(const struct nearby *n, uint32_t i)
{
    int run = 0;
    while (i >= n->count[run])
        i -= n->count[run++];
    return n->from[run] + i;
}

static bool any_in_reach(const struct world *w, const struct account *a)
{
    struct nearby n = nearby_of(w, a);
    for (uint32_t i = 0; i < n.total; i++)
        if (in_reach(a, &w->terminals[nearby_at(&n, i)]))
            return true;
    return false;
}

static int32_t nearest_terminal(const struct world *w, const struct account *a)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < w->n_terminals; i++)
        if (distance_squared(a, &w->terminals[i]) < distance_squared(a, &w->terminals[best]))
            best = i;
    return (int32_t)best;
}

/* Uniform over the terminals in reach: a draw outside of it is drawn again. */
static uint32_t pick_terminal(struct world *w, const struct account *a)
{
    if (a->only >= 0)
        return (uint32_t)a->only;
    struct nearby n = nearby_of(w, a);
    for (;;) {
        uint32_t i = nearby_at(&n, random_below(&w->random, n.total));
        if (in_reach(a, &w->terminals[i]))
            return i;
    }
}

/* ---- making the world ---- */

static void *must_alloc(size_t count, size_t size_bytes)
{
    void *mem = calloc(count, size_bytes);
    CHECK(mem != NULL);
    return mem;
}

static int cell_index(const struct terminal *t)
{
    return cell_of(t->y) * CELLS + cell_of(t->x);
}

/* Counting sort: afterwards cell c holds terminals[cell_start[c] .. cell_start[c + 1]). */
static void sort_terminals(struct world *w, const struct terminal *loose)
{
    uint32_t next[CELLS * CELLS + 1] = {0};
    for (uint32_t i = 0; i < w->n_terminals; i++)
        next[cell_index(&loose[i]) + 1]++;
    for (int c = 0; c < CELLS * CELLS; c++)
        next[c + 1] += next[c];
    memcpy(w->cell_start, next, sizeof next);
    for (uint32_t i = 0; i < w->n_terminals; i++)
        w->terminals[next[cell_index(&loose[i])]++] = loose[i];
}

static void make_terminals(struct world *w)
{
    struct terminal *loose = must_alloc(w->n_terminals, sizeof *loose);
    for (uint32_t i = 0; i < w->n_terminals; i++)
        loose[i] = (struct terminal){
            .x = (int32_t)random_below(&w->random, WORLD_SIDE_TICKS),
            .y = (int32_t)random_below(&w->random, WORLD_SIDE_TICKS),
            .id = i,
            .country = (uint8_t)random_below(&w->random, 100),
            .trade = (uint8_t)random_below(&w->random, 100),
        };
    sort_terminals(w, loose);
    free(loose);
}

static void make_accounts(struct world *w)
{
    for (uint32_t i = 0; i < w->n_accounts; i++) {
        struct account *a = &w->accounts[i];
        a->x = (int32_t)random_below(&w->random, WORLD_SIDE_TICKS);
        a->y = (int32_t)random_below(&w->random, WORLD_SIDE_TICKS);
        a->mean_cents = (int32_t)(500 + random_below(&w->random, 9501)); /* 5.00 to 100.00 */
        a->rate_q32 = random_bits(&w->random) >> 30;                     /* 0 to 4 */
        a->none_q62 = exp_minus_q62(a->rate_q32);
        a->only = any_in_reach(w, a) ? -1 : nearest_terminal(w, a);
    }
}

struct world *world_new(const struct world_options *o)
{
    CHECK(o->accounts >= 1 && o->accounts <= WORLD_ACCOUNTS_MAX);
    CHECK(o->terminals >= 1 && o->terminals <= WORLD_TERMINALS_MAX);
    struct world *w = must_alloc(1, sizeof *w);
    random_init(&w->random, o->seed);
    w->n_accounts = o->accounts;
    w->n_terminals = o->terminals;
    w->accounts = must_alloc(o->accounts, sizeof *w->accounts);
    w->terminals = must_alloc(o->terminals, sizeof *w->terminals);
    w->cell_start = must_alloc(CELLS * CELLS + 1, sizeof *w->cell_start);
    make_terminals(w);
    make_accounts(w);
    return w;
}

void world_free(struct world *w)
{
    if (w == NULL)
        return;
    free(w->accounts);
    free(w->terminals);
    free(w->cell_start);
    free(w->drawn);
    free(w->sorted);
    free(w);
}

void world_home(const struct world *w, uint32_t account, int32_t *ret_x, int32_t *ret_y)
{
    CHECK(account < w->n_accounts);
    *ret_x = w->accounts[account].x;
    *ret_y = w->accounts[account].y;
}

/* Four terminals in five stand at home. */
const char *world_country(uint8_t of_100)
{
    static const char abroad[10][3] = {"DE", "ES", "IT", "NL", "LU", "CH", "GB", "PT", "US", "TR"};
    CHECK(of_100 < 100);
    return of_100 < 80 ? "BE" : of_100 < 90 ? "FR" : abroad[of_100 - 90];
}

const char *world_category(uint8_t of_100)
{
    static const char codes[10][5] = {"5411", "5812", "5541", "5651", "5912",
                                      "5814", "5311", "4111", "5732", "7995"};
    CHECK(of_100 < 100);
    return codes[of_100 / 10];
}

/* ---- a day ---- */

/* `per` of `of` a day, for a population of n: the fraction is drawn. */
static uint32_t share(struct world *w, uint32_t per, uint32_t of, uint32_t n)
{
    uint64_t product = (uint64_t)per * n;
    bool one_more = random_below(&w->random, of) < product % of;
    return (uint32_t)(product / of) + one_more;
}

static void start_frauds(struct world *w)
{
    for (uint32_t n = share(w, 2, 10000, w->n_terminals); n > 0; n--)
        w->terminals[random_below(&w->random, w->n_terminals)].compromised_until =
            w->day + COMPROMISED_DAYS;
    for (uint32_t n = share(w, 3, 5000, w->n_accounts); n > 0; n--)
        w->accounts[random_below(&w->random, w->n_accounts)].leaked_until = w->day + LEAKED_DAYS;
}

static int32_t draw_cents(struct world *w, const struct account *a)
{
    int64_t deviation = random_normal_q32(&w->random) * (a->mean_cents / 2) / ONE_Q32;
    int64_t cents = a->mean_cents + deviation;
    if (cents < 0) /* as the handbook does */
        cents = random_below(&w->random, (uint32_t)a->mean_cents * 2);
    return cents < 1 ? 1 : (int32_t)cents;
}

static void reserve(struct world *w)
{
    if (w->n_drawn < w->cap)
        return;
    w->cap = w->cap ? w->cap * 2 : 4096;
    w->drawn = realloc(w->drawn, w->cap * sizeof *w->drawn);
    w->sorted = realloc(w->sorted, w->cap * sizeof *w->sorted);
    CHECK(w->drawn != NULL && w->sorted != NULL);
}

/* Later scenarios overrule earlier ones, as in the handbook. */
static void draw_payment(struct world *w, uint32_t account, uint32_t second)
{
    const struct account *a = &w->accounts[account];
    const struct terminal *t = &w->terminals[pick_terminal(w, a)];
    struct payment p = {.account = account, .terminal = t->id, .second = second};
    p.x = t->x;
    p.y = t->y;
    p.country = t->country;
    p.trade = t->trade;
    p.cents = draw_cents(w, a);
    if (p.cents > LARGE_CENTS)
        p.fraud = WORLD_LARGE;
    if (w->day < t->compromised_until)
        p.fraud = WORLD_TERMINAL;
    if (w->day < a->leaked_until && random_below(&w->random, 3) == 0) {
        p.fraud = WORLD_LEAKED;
        p.cents *= 5;
    }
    reserve(w);
    w->drawn[w->n_drawn++] = p;
}

static void draw_account_day(struct world *w, uint32_t account)
{
    for (int n = daily_payments(&w->random, &w->accounts[account]); n > 0; n--) {
        int64_t second = DAY_SECONDS / 2 + random_normal_q32(&w->random) * 20000 / ONE_Q32;
        if (second > 0 && second < DAY_SECONDS)
            draw_payment(w, account, (uint32_t)second);
    }
}

/* A stable counting sort by second; the drawing order was that of accounts. */
static void sort_day(struct world *w)
{
    uint32_t *next = must_alloc(DAY_SECONDS + 1, sizeof *next);
    for (size_t i = 0; i < w->n_drawn; i++)
        next[w->drawn[i].second + 1]++;
    for (int s = 0; s < DAY_SECONDS; s++)
        next[s + 1] += next[s];
    for (size_t i = 0; i < w->n_drawn; i++)
        w->sorted[next[w->drawn[i].second]++] = w->drawn[i];
    free(next);
}

size_t world_next_day(struct world *w, const struct payment **ret_payments)
{
    w->n_drawn = 0;
    start_frauds(w);
    for (uint32_t i = 0; i < w->n_accounts; i++)
        draw_account_day(w, i);
    sort_day(w);
    w->day++;
    *ret_payments = w->sorted;
    return w->n_drawn;
}
