#include "service/cli/generate_bank.h"
#include "service/base/check.h"
#include "service/cli/generate_plan.h"

#include <stdlib.h>
#include <string.h>

const struct city plan_cities[CITIES] = {
    {{488600, 23500}, "FR", 3},    {{523700, 49000}, "NL", 3},    {{515100, -1300}, "GB", 4},
    {{413900, 21700}, "ES", 6},    {{419000, 125000}, "IT", 6},   {{387200, -91400}, "PT", 7},
    {{410100, 289800}, "TR", 8},   {{316300, -79800}, "MA", 8},   {{252000, 552700}, "AE", 12},
    {{407100, -740100}, "US", 14}, {{137600, 1005000}, "TH", 17}, {{-235500, -466300}, "BR", 18},
};

/* A few terminals are registered at their chain's head office, wherever they stand. */
static const struct place head_office = {387200, -91400};

/* ---- traits ---- */

struct name name_of(char kind, uint64_t number)
{
    return (struct name){.kind = kind, .number = number};
}

uint32_t plan_trait(const struct bank *b, char of, uint32_t number, uint32_t n)
{
    uint64_t bits = random_trait(b->seed ^ random_trait((uint64_t)of << 32 | number));
    return (uint32_t)random_multiply_shift(bits, n, 64);
}

static struct place place_of(int32_t x, int32_t y) /* Belgium, about 170 km each way */
{
    return (struct place){.lat_e4 = 498000 + (int32_t)((int64_t)y * 150 / WORLD_TICKS),
                          .lon_e4 = 30000 + (int32_t)((int64_t)x * 250 / WORLD_TICKS)};
}

/* Two neighbours by number live together, in three households of ten. */
static bool shares_household(const struct bank *b, uint32_t account)
{
    return account < b->n_world && plan_trait(b, 'h', account / 2, 10) < 3;
}

static bool has_partner_card(const struct bank *b, uint32_t account)
{
    return plan_trait(b, 'p', account, 20) == 0;
}

static struct name phone_of(const struct bank *b, uint32_t account)
{
    /* 1,000 telephones a life: numbers of two accounts do not meet. */
    return name_of('d', (uint64_t)account * 1000 + b->holders[account].phones);
}

static uint32_t ip_of(uint32_t a, uint32_t b, uint32_t low_16)
{
    return a << 24 | b << 16 | low_16;
}

/* All from networks that belong to nobody: 10/8 are homes, 100.64/10 mobile networks that put
 * thousands behind one address, 198.19/16 hotels, 198.18/16 proxies. */
static uint32_t home_ip(const struct bank *b, uint32_t account)
{
    uint32_t house = shares_household(b, account) ? account / 2 : account;
    return (10u << 24) + plan_trait(b, shares_household(b, account) ? 'i' : 'j', house, 1u << 24);
}

uint32_t plan_proxy(struct random *r)
{
    return ip_of(198, 18, random_below(r, 1u << 16));
}

/* ---- booking ---- */

static void append(struct bookings *list, const struct booking *one)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 256;
        list->items = realloc(list->items, list->cap * sizeof *list->items);
        CHECK(list->items != NULL);
    }
    list->items[list->count++] = *one;
}

void plan(struct bank *b, int64_t at, const struct booking *booking)
{
    CHECK(at >= 0 && at < (int64_t)BANK_AHEAD_DAYS * DAY_S);
    struct booking one = *booking;
    one.second = (uint32_t)(at % DAY_S);
    one.serial = b->serial++;
    append(&b->planned[((int64_t)b->day + at / DAY_S) % BANK_AHEAD_DAYS], &one);
}

uint32_t plan_count(struct bank *b, enum bank_scenario scenario)
{
    return ++b->n_begun[scenario];
}

uint32_t plan_starts(struct bank *b, struct random *r, uint32_t hundredths)
{
    uint64_t product = (uint64_t)hundredths * b->n_world;
    return (uint32_t)(product / 500000) + (random_below(r, 500000) < product % 500000);
}

int64_t plan_hours(struct random *r, int from, int to)
{
    return random_range(r, from * HOUR_S, to * HOUR_S - 1);
}

int64_t plan_waking(struct random *r)
{
    int64_t first = plan_hours(r, 0, 8);
    return plan_hours(r, 7, 14) + first;
}

int32_t plan_cents(struct random *r, int32_t low_units, int32_t high_units)
{
    return random_range(r, low_units * 100, high_units * 100);
}

uint32_t plan_any_account(struct bank *b, struct random *r)
{
    return random_below(r, b->n_world);
}

bool plan_is_away(const struct bank *b, uint32_t account, int64_t at, int *ret_city)
{
    const struct holder *h = &b->holders[account];
    int64_t now_s = (int64_t)b->day * DAY_S + at;
    if (now_s < h->leave_s || now_s >= h->back_s)
        return false;
    *ret_city = now_s >= h->arrive_s && now_s < h->return_s ? h->city : -1;
    return true;
}

struct booking plan_bare(struct bank *b, uint32_t account, enum bank_operation op, int32_t cents)
{
    const struct holder *h = &b->holders[account];
    return (struct booking){
        .operation = (uint8_t)op,
        .channel = CHANNEL_BRANCH,
        .cents = cents,
        .account = name_of('a', account),
        .account_opened = h->opened,
        .merchant_opened = BANK_NEVER,
        .password_changed_s = h->password_s,
        .home = h->home,
    };
}

static void put_card(struct booking *k, uint32_t account)
{
    k->card = name_of('c', account);
    k->bin = 990000 + account % 40;
}

struct booking plan_card_in(struct bank *b, uint32_t account, int64_t at, int city, int32_t cents)
{
    struct booking k = plan_bare(b, account, OPERATION_PURCHASE, cents);
    uint32_t stall = plan_trait(b, 's', (uint32_t)at ^ account << 8, 200);
    put_card(&k, account);
    k.channel = CHANNEL_POS;
    k.terminal = name_of('f', (uint32_t)city * 1000 + stall);
    k.merchant_country = plan_cities[city].country;
    k.merchant_opened = -(int32_t)(400 + stall);
    k.category = "5812";
    k.is_placed = true;
    k.place = plan_cities[city].place;
    k.place.lat_e4 += (int32_t)stall;
    return k;
}

static struct booking card_at_home(struct bank *b, uint32_t account, int32_t cents)
{
    struct booking k = plan_bare(b, account, OPERATION_PURCHASE, cents);
    put_card(&k, account);
    k.terminal = name_of('w', account / 50);
    k.merchant_country = "BE";
    k.merchant_opened = -3000;
    k.is_placed = true;
    k.place = k.home;
    k.place.lat_e4 += 70;
    return k;
}

struct booking plan_card_here(struct bank *b, uint32_t account, int64_t at, int32_t cents)
{
    int city = -1;
    bool away = plan_is_away(b, account, at, &city) && city >= 0;
    struct booking k =
        away ? plan_card_in(b, account, at, city, cents) : card_at_home(b, account, cents);
    k.operation = OPERATION_CASH_OUT;
    k.channel = CHANNEL_ATM;
    k.category = "6011";
    return k;
}

/* At home, on the road, or abroad: where its telephone speaks from. */
static void put_address(struct bank *b, struct booking *k, uint32_t account, int64_t at)
{
    int city = -1;
    uint32_t some = plan_trait(b, 'w', account * 31 + (uint32_t)at, 1000);
    bool away = plan_is_away(b, account, at, &city) && city >= 0;
    k->ip_country = away ? plan_cities[city].country : "BE";
    if (away)
        k->ip = ip_of(198, 19, (uint32_t)city << 8 | (some & 255));
    else if (k->channel == CHANNEL_MOBILE && some < 400)
        k->ip = ip_of(100, 64, some % 256);
    else
        k->ip = home_ip(b, account);
}

struct booking plan_card_online(struct bank *b, uint32_t account, int64_t at, int32_t cents)
{
    struct booking k = plan_bare(b, account, OPERATION_PURCHASE, cents);
    uint32_t tablet = plan_trait(b, 't', account * 17 + (uint32_t)at, 10);
    put_card(&k, account);
    k.channel = CHANNEL_ECOMMERCE;
    k.device = shares_household(b, account) && tablet < 4 ? name_of('h', account / 2)
                                                          : phone_of(b, account);
    k.merchant_country = "BE";
    k.merchant_opened = -1500;
    k.category = "5732";
    put_address(b, &k, account, at);
    return k;
}

struct booking plan_transfer(struct bank *b, uint32_t account, int64_t at, struct name payee,
                             int32_t cents)
{
    struct booking k = plan_bare(b, account, OPERATION_TRANSFER, cents);
    k.channel = CHANNEL_MOBILE;
    k.device = phone_of(b, account);
    k.payee = payee;
    put_address(b, &k, account, at);
    return k;
}

struct booking plan_credit(struct bank *b, uint32_t account, struct name payer, int32_t cents)
{
    struct booking k = plan_bare(b, account, OPERATION_CREDIT, cents);
    k.channel = CHANNEL_MOBILE;
    k.payer = payer;
    return k;
}

/* ---- the world's payments ---- */

static uint8_t scenario_of(const struct payment *p)
{
    static const uint8_t scenarios[] = {[WORLD_HONEST] = BANK_EVERYDAY,
                                        [WORLD_LARGE] = BANK_HANDBOOK_LARGE,
                                        [WORLD_TERMINAL] = BANK_HANDBOOK_TERMINAL,
                                        [WORLD_LEAKED] = BANK_HANDBOOK_LEAKED};
    return scenarios[p->fraud];
}

/* Three terminals of ten are online shops. */
static bool is_online(const struct bank *b, const struct payment *p)
{
    return plan_trait(b, 'o', p->terminal, 10) < 3;
}

static void put_online(struct bank *b, struct booking *k, const struct payment *p)
{
    *k = plan_card_online(b, p->account, p->second, p->cents);
    k->merchant_country = world_country(p->country);
    if (p->fraud == WORLD_LEAKED)
        k->device = name_of('x', p->account);
    k->is_declined = plan_trait(b, 'd', p->account ^ p->second << 5, 50) == 0;
}

/* In one account of twenty a second person has a card, which stays at home. */
static void put_in_shop(struct bank *b, struct booking *k, const struct payment *p)
{
    int city = -1;
    bool away = plan_is_away(b, p->account, p->second, &city) && city >= 0;
    bool partner =
        has_partner_card(b, p->account) && plan_trait(b, 'q', p->account ^ p->second << 5, 5) < 2;
    if (away && !partner) {
        *k = plan_card_in(b, p->account, p->second, city, p->cents);
        return;
    }
    *k = card_at_home(b, p->account, p->cents);
    k->card.kind = partner ? 'p' : 'c';
    k->channel = CHANNEL_POS;
    k->place = plan_trait(b, 'y', p->terminal, 2500) == 0 ? head_office : place_of(p->x, p->y);
}

/* What is bought is returned once in seventy times. */
static void plan_refund(struct bank *b, const struct booking *bought)
{
    struct random *r = &b->random[BANK_REFUND];
    struct booking k = *bought;
    if (random_below(r, 70) != 0)
        return;
    k.operation = OPERATION_REFUND;
    k.scenario = BANK_REFUND;
    k.cents = -k.cents;
    k.is_declined = false;
    int64_t days = random_range(r, 1, 10);
    plan(b, days * DAY_S + plan_waking(r), &k);
}

static void plan_payment(struct bank *b, const struct payment *p)
{
    struct booking k;
    int city = 0;
    bool away = plan_is_away(b, p->account, p->second, &city);
    if (away && city < 0)
        return; /* in the plane */
    if (is_online(b, p))
        put_online(b, &k, p);
    else
        put_in_shop(b, &k, p);
    k.scenario = scenario_of(p);
    if (away && k.scenario == BANK_EVERYDAY)
        k.scenario = BANK_HOLIDAY;
    if (k.terminal.kind != 'f') {
        k.terminal = name_of('m', p->terminal);
        k.merchant_opened = -(int32_t)(300 + plan_trait(b, 'm', p->terminal, 3000));
        k.category = world_category(p->trade);
    }
    plan(b, p->second, &k);
    if (k.scenario == BANK_EVERYDAY && !k.is_declined)
        plan_refund(b, &k);
}

/* ---- making a bank ---- */

static void add_holder(struct bank *b, struct place home, int32_t opened)
{
    if (b->n_holders == b->cap_holders) {
        b->cap_holders = b->cap_holders ? b->cap_holders * 2 : 1024;
        b->holders = realloc(b->holders, b->cap_holders * sizeof *b->holders);
        CHECK(b->holders != NULL);
    }
    b->holders[b->n_holders++] = (struct holder){
        .home = home, .opened = opened, .password_s = BANK_NEVER, .leave_s = 0, .back_s = 0};
}

uint32_t plan_new_account(struct bank *b, int32_t opened)
{
    uint32_t like = plan_trait(b, 'n', b->n_holders, b->n_world);
    add_holder(b, b->holders[like].home, opened);
    return b->n_holders - 1;
}

/* One account of thirty is younger than two months. */
static void add_world_holder(struct bank *b, uint32_t account)
{
    int32_t x = 0, y = 0;
    world_home(b->world, account, &x, &y);
    bool young = plan_trait(b, 'a', account, 30) == 0;
    uint32_t age =
        young ? 1 + plan_trait(b, 'e', account, 60) : 60 + plan_trait(b, 'e', account, 4000);
    add_holder(b, place_of(x, y), -(int32_t)age);
}

struct bank *bank_new(const struct bank_options *o)
{
    struct bank *b = calloc(1, sizeof *b);
    CHECK(b != NULL);
    b->world = world_new(&o->world);
    b->seed = o->world.seed;
    b->n_world = o->world.accounts;
    b->n_terminals = o->world.terminals;
    b->frauds = o->frauds;
    for (uint32_t s = 0; s < BANK_N_SCENARIOS; s++)
        random_init(&b->random[s], random_trait(b->seed) + s);
    for (uint32_t i = 0; i < b->n_world; i++)
        add_world_holder(b, i);
    for (uint32_t i = 0; i < b->n_world / 10; i++)
        plan_new_account(b, (int32_t)plan_trait(b, 'N', i, 365));
    b->n_known = b->n_holders;
    return b;
}

void bank_free(struct bank *b)
{
    if (b == NULL)
        return;
    for (int i = 0; i < BANK_AHEAD_DAYS; i++)
        free(b->planned[i].items);
    free(b->today.items);
    free(b->holders);
    world_free(b->world);
    free(b);
}

/* ---- a day ---- */

static int by_time(const void *a, const void *b)
{
    const struct booking *x = a, *y = b;
    if (x->second != y->second)
        return x->second < y->second ? -1 : 1;
    return x->serial < y->serial ? -1 : x->serial > y->serial;
}

static void begin_occasions(struct bank *b)
{
    for (uint32_t s = 0; s < BANK_N_SCENARIOS; s++) {
        if (life_days[s] != NULL)
            life_days[s](b, &b->random[s]);
        if (fraud_days[s] != NULL && (b->frauds >> s & 1) != 0)
            fraud_days[s](b, &b->random[s]);
    }
}

size_t bank_next_day(struct bank *b, const struct booking **ret_bookings)
{
    const struct payment *payments = NULL;
    size_t n = world_next_day(b->world, &payments);
    b->payments = payments;
    b->n_payments = n;
    begin_occasions(b); /* first: a holiday moves payments */
    for (size_t i = 0; i < n; i++)
        plan_payment(b, &payments[i]);
    struct bookings *day = &b->planned[b->day % BANK_AHEAD_DAYS], free_again = b->today;
    if (day->count > 0)
        qsort(day->items, day->count, sizeof *day->items, by_time);
    b->today = *day;
    free_again.count = 0;
    *day = free_again;
    b->day++;
    *ret_bookings = b->today.items;
    return b->today.count;
}

/* ---- names ---- */

const char *bank_scenario_name(enum bank_scenario scenario)
{
#define NAME(symbol, text) text,
    static const char *const names[] = {BANK_SCENARIOS(NAME)};
    CHECK((uint32_t)scenario < BANK_N_SCENARIOS);
    return names[scenario];
}

const char *bank_operation_name(enum bank_operation operation)
{
    static const char *const names[] = {BANK_OPERATIONS(NAME)};
    CHECK((size_t)operation < sizeof names / sizeof names[0]);
    return names[operation];
}

const char *bank_channel_name(enum bank_channel channel)
{
    static const char *const names[] = {BANK_CHANNELS(NAME)};
#undef NAME
    CHECK((size_t)channel < sizeof names / sizeof names[0]);
    return names[channel];
}

bool bank_is_fraud(enum bank_scenario scenario)
{
    return scenario >= BANK_HANDBOOK_LARGE;
}

static bool fraud_named(struct span name, uint32_t *ret_bit)
{
    for (uint32_t s = BANK_CARD_TESTING; s < BANK_N_SCENARIOS; s++) {
        if (span_is(name, bank_scenario_name(s))) {
            *ret_bit = 1u << s;
            return true;
        }
    }
    return false;
}

static struct span take_name(struct span *from)
{
    const char *comma = from->len ? memchr(from->base, ',', from->len) : NULL;
    struct span name = *from;
    if (comma != NULL)
        name.len = (size_t)(comma - from->base);
    size_t used = name.len + (comma != NULL);
    *from = span_of(from->base + used, from->len - used);
    return name;
}

enum status bank_frauds_of(struct span text, uint32_t *ret_frauds)
{
    uint32_t all = (1u << BANK_N_SCENARIOS) - (1u << BANK_CARD_TESTING), some = 0, bit = 0;
    if (span_is(text, "all") || span_is(text, "none")) {
        *ret_frauds = span_is(text, "all") ? all : 0;
        return ST_OK;
    }
    bool more = true;
    while (more) {
        more = memchr(text.base, ',', text.len) != NULL;
        if (!fraud_named(take_name(&text), &bit))
            return ST_INVALID;
        some |= bit;
    }
    *ret_frauds = some;
    return ST_OK;
}
