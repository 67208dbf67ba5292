/*
 * What honest people do, each so that some rule may take it for a fraud. One function an
 * occasion; how often and how much stands in the numbers of its lines, in units of the currency.
 */
#include "service/cli/generate_plan.h"

enum { MONTH = 30 };

static void plan_as(struct bank *b, int64_t at, struct booking k, enum bank_scenario scenario)
{
    k.scenario = (uint8_t)scenario;
    plan(b, at, &k);
}

static bool is_one_in(const struct bank *b, char trait, uint32_t account, uint32_t n)
{
    return plan_trait(b, trait, account, n) == 0;
}

/* Does an account's own day of the month come today? Most have it in its last week. */
static bool is_its_day(const struct bank *b, char trait, uint32_t account)
{
    uint32_t late = plan_trait(b, trait, account, 10) < 7;
    uint32_t dom =
        late ? 23 + plan_trait(b, trait, account + 7, 5) : plan_trait(b, trait, account + 7, MONTH);
    return (uint32_t)b->day % MONTH == dom;
}

/* ---- money that comes and goes every month ---- */

static void salaries(struct bank *b, struct random *r)
{
    for (uint32_t i = 0; i < b->n_world; i++) {
        int32_t usual = 1300 + (int32_t)plan_trait(b, 'S', i, 2700);
        struct name employer = name_of('e', plan_trait(b, 'E', i, 300));
        if (is_its_day(b, 's', i))
            plan_as(b, plan_hours(r, 1, 6), plan_credit(b, i, employer, usual * 100), BANK_SALARY);
    }
}

static void standing_orders(struct bank *b, struct random *r)
{
    for (uint32_t i = 0; i < b->n_world; i++) {
        int32_t rent = 400 + (int32_t)plan_trait(b, 'R', i, 900);
        struct name landlord = name_of('l', plan_trait(b, 'L', i, 400));
        int64_t at = plan_hours(r, 2, 6);
        if (is_its_day(b, 'r', i))
            plan_as(b, at, plan_transfer(b, i, at, landlord, rent * 100), BANK_STANDING_ORDER);
    }
}

/* Each has six friends; the other side is booked too. */
static void friends(struct bank *b, struct random *r)
{
    for (uint32_t n = plan_starts(b, r, 30000); n > 0; n--) {
        uint32_t from = plan_any_account(b, r), which = random_below(r, 6);
        uint32_t to = plan_trait(b, 'f', from * 6 + which, b->n_world);
        int64_t at = plan_waking(r);
        int32_t cents = plan_cents(r, 3, 90);
        if (to == from)
            continue;
        plan_as(b, at, plan_transfer(b, from, at, name_of('a', to), cents), BANK_FRIENDS);
        plan_as(b, at + 1, plan_credit(b, to, name_of('a', from), cents), BANK_FRIENDS);
    }
}

/* A car, a builder, a deposit for a flat: much money, to somebody new. */
static void large_transfers(struct bank *b, struct random *r)
{
    for (uint32_t n = plan_starts(b, r, 1800); n > 0; n--) {
        uint32_t account = plan_any_account(b, r);
        int64_t at = plan_waking(r);
        struct name payee = name_of('q', random_below(r, 1u << 30));
        plan_as(b, at, plan_transfer(b, account, at, payee, plan_cents(r, 500, 7000)),
                BANK_LARGE_TRANSFER);
    }
}

/* Twenty parents pay for a class trip, and somebody pays the coach. */
static void collections(struct bank *b, struct random *r)
{
    for (uint32_t n = plan_starts(b, r, 60); n > 0; n--) {
        uint32_t treasurer = plan_any_account(b, r);
        int32_t share = random_range(r, 15, 80) * 100, payers = random_range(r, 8, 24);
        int64_t days = random_range(r, 1, 6), end = days * DAY_S + plan_waking(r);
        struct name coach = name_of('q', random_below(r, 1u << 30));
        for (int32_t i = 0; i < payers; i++) {
            int64_t at = (int64_t)random_below(r, (uint32_t)days) * DAY_S;
            struct name payer = name_of('a', plan_any_account(b, r));
            plan_as(b, at + plan_waking(r), plan_credit(b, treasurer, payer, share),
                    BANK_COLLECTION);
        }
        plan_as(b, end, plan_transfer(b, treasurer, end, coach, share * payers), BANK_COLLECTION);
    }
}

/* Tenants pay on the first days of the month; the mortgage follows. */
static void landlords(struct bank *b, struct random *r)
{
    for (uint32_t i = 0; i < b->n_world; i++) {
        if (!is_one_in(b, 'l', i, 400) || b->day % MONTH != 0)
            continue;
        int32_t tenants = 2 + (int32_t)plan_trait(b, 'T', i, 6);
        int64_t end = 4 * DAY_S + 5 * HOUR_S;
        for (int32_t t = 0; t < tenants; t++) {
            int64_t at = (int64_t)random_below(r, 3) * DAY_S;
            struct name tenant = name_of('t', i * 8 + (uint32_t)t);
            plan_as(b, at + plan_waking(r), plan_credit(b, i, tenant, 70000 + t * 5000),
                    BANK_LANDLORD);
        }
        plan_as(b, end, plan_transfer(b, i, end, name_of('l', 1), tenants * 50000), BANK_LANDLORD);
    }
}

/* ---- cash ---- */

static struct booking deposit(struct bank *b, uint32_t account, uint32_t branch, int32_t cents)
{
    struct booking k = plan_bare(b, account, OPERATION_DEPOSIT, cents);
    k.terminal = name_of('b', branch);
    return k;
}

/* From the wall, and now and then into it. */
static void cash(struct bank *b, struct random *r)
{
    for (uint32_t n = plan_starts(b, r, 40000); n > 0; n--) {
        uint32_t account = plan_any_account(b, r);
        int64_t at = plan_waking(r);
        int32_t cents = random_range(r, 1, 20) * 2000;
        int city = 0;
        if (!plan_is_away(b, account, at, &city) || city >= 0)
            plan_as(b, at, plan_card_here(b, account, at, cents), BANK_CASH);
    }
    for (uint32_t n = plan_starts(b, r, 4000); n > 0; n--) {
        uint32_t account = plan_any_account(b, r);
        int32_t cents = plan_cents(r, 50, 900);
        plan_as(b, plan_waking(r), deposit(b, account, account % 40, cents), BANK_CASH);
    }
}

/* What restaurants and markets took, each evening; some take more than the threshold. */
static void takings(struct bank *b, struct random *r)
{
    for (uint32_t i = 0; i < b->n_world; i++) {
        if (!is_one_in(b, 'c', i, 90) || b->day % 7 == 6)
            continue;
        uint32_t size = plan_trait(b, 'C', i, 5) * plan_trait(b, 'D', i, 5);
        int32_t usual = 500 + (int32_t)size * 550;
        int32_t cents = plan_cents(r, usual * 7 / 10, usual * 14 / 10);
        plan_as(b, plan_hours(r, 19, 22), deposit(b, i, i % 40, cents), BANK_TAKINGS);
    }
}

/* A used car, paid in notes and brought to the bank. */
static void cash_sales(struct bank *b, struct random *r)
{
    for (uint32_t n = plan_starts(b, r, 150); n > 0; n--) {
        uint32_t account = plan_any_account(b, r);
        int32_t cents = random_range(r, 25, 140) * 10000;
        plan_as(b, plan_hours(r, 9, 16), deposit(b, account, account % 40, cents), BANK_CASH_SALE);
    }
}

/* ---- being elsewhere, and with something else ---- */

static void holidays(struct bank *b, struct random *r)
{
    for (uint32_t n = plan_starts(b, r, 1200); n > 0; n--) {
        struct holder *h = &b->holders[plan_any_account(b, r)];
        int64_t today_s = (int64_t)b->day * DAY_S, days = random_range(r, 2, 14);
        uint32_t city = random_below(r, CITIES);
        int64_t leave_s = today_s + random_range(r, 5, 18) * HOUR_S;
        if (h->back_s > today_s)
            continue;
        h->city = (uint8_t)city;
        h->leave_s = leave_s;
        h->arrive_s = leave_s + plan_cities[city].travel_h * HOUR_S;
        h->return_s = h->leave_s + days * DAY_S;
        h->back_s = h->return_s + plan_cities[city].travel_h * HOUR_S;
    }
}

/* With a new telephone most get a new password too; some change that by itself. Now and then the
 * first thing they do is a transfer. */
static void new_phones(struct bank *b, struct random *r)
{
    for (uint32_t n = plan_starts(b, r, 1500); n > 0; n--) {
        uint32_t account = plan_any_account(b, r);
        struct holder *h = &b->holders[account];
        int64_t at = plan_waking(r), soon = at + random_range(r, 10, 600) * MINUTE_S;
        if (random_below(r, 3) != 0)
            h->phones = (h->phones + 1) % 1000;
        if (random_below(r, 2) == 0)
            h->password_s = (int64_t)b->day * DAY_S + at;
        bool is_new = random_below(r, 4) == 0;
        struct name to = is_new ? name_of('q', random_below(r, 1u << 30))
                                : name_of('l', plan_trait(b, 'L', account, 400));
        int32_t cents = plan_cents(r, 10, 900);
        if (random_below(r, 3) == 0)
            plan_as(b, soon, plan_transfer(b, account, soon, to, cents), BANK_NEW_PHONE);
    }
}

/* What they had at another bank comes over, perhaps a gift with it; then they pay for all that a
 * move costs, and at last begin to buy what they always do. */
static void welcome(struct bank *b, struct random *r, uint32_t account)
{
    int64_t day = DAY_S;
    for (int32_t n = random_range(r, 1, 4); n > 0; n--) {
        struct name before = name_of('o', account * 8 + (uint32_t)n);
        int32_t cents = plan_cents(r, 100, n == 1 ? 9000 : 600);
        plan_as(b, day + plan_waking(r), plan_credit(b, account, before, cents), BANK_NEW_CUSTOMER);
    }
    for (int32_t n = random_range(r, 1, 6); n > 0; n--) {
        int64_t after = day * random_range(r, 1, 4), at = after + plan_waking(r);
        struct name payee = name_of('l', random_below(r, 400));
        int32_t cents = plan_cents(r, 40, 900);
        plan_as(b, at, plan_transfer(b, account, at, payee, cents), BANK_NEW_CUSTOMER);
    }
    for (int32_t n = random_range(r, 5, 40); n > 0; n--) {
        int64_t after = day * random_range(r, 2, 40), at = after + plan_waking(r);
        plan_as(b, at, plan_card_online(b, account, at, plan_cents(r, 5, 120)), BANK_NEW_CUSTOMER);
    }
}

static void new_customers(struct bank *b, struct random *r)
{
    for (uint32_t i = b->n_world; i < b->n_known; i++)
        if (b->holders[i].opened == b->day)
            welcome(b, r, i);
}

/* ---- shops ---- */

struct shop {
    struct name name;
    int32_t opened;
    const char *category;
    enum bank_scenario scenario;
    bool for_tourists; /* two customers of three are from abroad */
};

static void sell(struct bank *b, struct random *r, const struct shop *s, int64_t at, int32_t cents)
{
    struct booking k = plan_card_online(b, plan_any_account(b, r), at, cents);
    k.terminal = s->name;
    k.merchant_opened = s->opened;
    k.category = s->category;
    k.is_declined = random_below(r, 40) == 0;
    if (s->for_tourists && random_below(r, 3) != 0)
        k.ip_country = plan_cities[random_below(r, CITIES)].country;
    plan_as(b, at, k, s->scenario);
}

static void sell_day(struct bank *b, struct random *r, const struct shop *s, int day, int32_t sales,
                     int32_t ticket)
{
    for (int32_t i = 0; i < sales; i++) {
        int64_t at = day * (int64_t)DAY_S + plan_waking(r);
        sell(b, r, s, at, plan_cents(r, ticket * 6 / 10, ticket * 16 / 10));
    }
}

/* Three sellers of songs and tickets, all day; what they sell costs as much as a test does. */
static void tiny_prices(struct bank *b, struct random *r)
{
    for (uint32_t n = plan_starts(b, r, 25000); n > 0; n--) {
        struct shop s = {name_of('g', random_below(r, 3)), -2000, "5815", BANK_TINY_PRICES, false};
        int64_t at = plan_waking(r);
        sell(b, r, &s, at, 99 + 100 * (int32_t)random_below(r, 4));
    }
}

/* An evening on television: hundreds give a few euros within two hours. */
static void donations(struct bank *b, struct random *r)
{
    for (uint32_t n = plan_starts(b, r, 25); n > 0; n--) {
        struct shop s = {name_of('g', 10), -3000, "8398", BANK_DONATIONS, false};
        for (int i = random_range(r, 80, 200); i > 0; i--) {
            int64_t at = plan_hours(r, 20, 22);
            sell(b, r, &s, at, random_range(r, 2, 20) * 100);
        }
    }
}

/* A tablet at the counter of a canteen, on which all pay with their own cards. */
static void kiosks(struct bank *b, struct random *r)
{
    for (uint32_t n = plan_starts(b, r, 2500); n > 0; n--) {
        uint32_t account = plan_any_account(b, r);
        int64_t at = plan_hours(r, 12, 14);
        struct booking k = plan_card_online(b, account, at, plan_cents(r, 2, 12));
        k.device = name_of('k', 1);
        k.terminal = name_of('g', 20);
        k.merchant_opened = -800;
        k.category = "5814";
        plan_as(b, at, k, BANK_KIOSK);
    }
}

/* It opens with a crowd, then sells a little every day; after weeks there may be a sale, or
 * something dear and new that all want. One in four sells furniture, few and dear. */
static void new_shops(struct bank *b, struct random *r)
{
    for (uint32_t n = plan_starts(b, r, 50); n > 0; n--) {
        struct shop s = {name_of('n', 2 * plan_count(b, BANK_NEW_SHOP)), b->day, "5651",
                         BANK_NEW_SHOP, false};
        bool dear = random_below(r, 4) == 0, novelty = random_below(r, 3) == 0;
        s.for_tourists = random_below(r, 5) == 0;
        int32_t ticket = dear ? random_range(r, 250, 700) : random_range(r, 15, 60);
        int sale = random_range(r, 8, 45);
        for (int day = 0; day < 50; day++) {
            s.scenario = day >= sale && day < sale + 3 ? BANK_SHOP_SALE : BANK_NEW_SHOP;
            bool crowd = day < 2 || s.scenario == BANK_SHOP_SALE;
            int32_t most = dear ? (crowd ? 8 : 3) : (crowd ? 70 : 10);
            int32_t sales = random_range(r, most / 3, most);
            int32_t price = s.scenario == BANK_SHOP_SALE && novelty ? 3 * ticket : ticket;
            sell_day(b, r, &s, day, sales, price);
        }
    }
}

occasions_day *const life_days[BANK_N_SCENARIOS] = {
    [BANK_SALARY] = salaries,
    [BANK_STANDING_ORDER] = standing_orders,
    [BANK_FRIENDS] = friends,
    [BANK_LARGE_TRANSFER] = large_transfers,
    [BANK_COLLECTION] = collections,
    [BANK_LANDLORD] = landlords,
    [BANK_CASH] = cash,
    [BANK_TAKINGS] = takings,
    [BANK_CASH_SALE] = cash_sales,
    [BANK_HOLIDAY] = holidays,
    [BANK_NEW_PHONE] = new_phones,
    [BANK_NEW_CUSTOMER] = new_customers,
    [BANK_TINY_PRICES] = tiny_prices,
    [BANK_DONATIONS] = donations,
    [BANK_KIOSK] = kiosks,
    [BANK_NEW_SHOP] = new_shops,
};
