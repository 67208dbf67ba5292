/*
 * Frauds of six kinds, each in several manners, of which some are hard to see: a stream on which
 * rules are perfect says nothing about them. One function a case; amounts in units of the
 * currency. rules/packs tells how each shows.
 */
#include "service/base/check.h"
#include "service/cli/generate_plan.h"

struct crime {
    struct bank *bank;
    struct random *random;
    enum bank_scenario scenario;
    uint32_t number; /* of the case */
};

static void commit(const struct crime *c, int64_t at, struct booking k)
{
    k.scenario = (uint8_t)c->scenario;
    k.fraud_case = c->number;
    if (at < (int64_t)BANK_AHEAD_DAYS * DAY_S)
        plan(c->bank, at, &k);
}

static struct crime crime_new(struct bank *b, struct random *r, enum bank_scenario scenario)
{
    return (struct crime){b, r, scenario, plan_count(b, scenario)};
}

/* A name that nobody else has. */
static struct name stranger(const struct crime *c, char kind)
{
    return name_of(kind, random_below(c->random, 1u << 30));
}

static void from_machine(const struct crime *c, struct booking *k, uint32_t machine)
{
    k->device = name_of('x', (uint32_t)c->scenario * 10000000 + c->number * 1000 + machine);
    k->ip = plan_proxy(c->random);
    k->ip_country = plan_cities[random_below(c->random, CITIES)].country;
}

/* ---- card testing ---- */

/* How a bot works: how many cards, so many seconds apart, a machine for so many of them. */
struct bot {
    int32_t cards_min, cards_max, pause_min_s, pause_max_s, machine_cards;
    uint32_t declined_percent;
    bool guesses; /* numbers of one BIN, most of which do not exist */
};

static const struct bot bots[] = {
    {20, 90, 4, 30, 1000, 60, false}, /* one machine */
    {30, 120, 10, 60, 8, 65, false},  /* through many */
    {12, 40, 60, 600, 1, 60, false},  /* slow, each card from its own machine: hard */
    {15, 60, 20, 300, 1, 20, false},  /* of a good list, that is declined little: hard */
    {60, 200, 2, 15, 10, 93, true},
};

static struct booking tried(const struct crime *c, const struct bot *bot, uint32_t account,
                            int64_t at, uint32_t bin)
{
    struct booking k =
        plan_card_online(c->bank, account, at, 1 + (int32_t)random_below(c->random, 300));
    if (bot->guesses) {
        k.account = stranger(c, 'u');
        k.card = name_of('u', k.account.number);
        k.bin = bin;
        k.account_opened = BANK_NEVER;
    }
    k.is_declined = random_below(c->random, 100) < bot->declined_percent;
    return k;
}

/* What a card that lives is for. */
static void cash_out_card(const struct crime *c, uint32_t account, int64_t at)
{
    struct random *r = c->random;
    at += random_range(r, 1, 30) * HOUR_S;
    for (int32_t n = random_range(r, 1, 3); n > 0; n--, at += random_range(r, 60, 1800)) {
        struct booking k = plan_card_online(c->bank, account, at, plan_cents(r, 120, 900));
        k.terminal = name_of('m', random_below(r, c->bank->n_terminals));
        from_machine(c, &k, 900);
        commit(c, at, k);
    }
}

static void test_cards(const struct crime *c, const struct bot *bot)
{
    struct random *r = c->random;
    bool hidden = random_below(r, 3) == 0; /* among the many of a seller of songs */
    struct name shop = hidden ? name_of('g', random_below(r, 3))
                              : name_of('m', random_below(r, c->bank->n_terminals));
    uint32_t bin = 990000 + random_below(r, 40);
    int64_t at = random_range(r, 0, 20 * HOUR_S);
    int32_t cards = random_range(r, bot->cards_min, bot->cards_max);
    for (int32_t i = 0; i < cards; i++, at += random_range(r, bot->pause_min_s, bot->pause_max_s)) {
        uint32_t account = plan_any_account(c->bank, r);
        struct booking k = tried(c, bot, account, at, bin);
        k.terminal = shop;
        from_machine(c, &k, (uint32_t)(i / bot->machine_cards));
        commit(c, at, k);
        if (!k.is_declined && !bot->guesses && random_below(r, 4) == 0)
            cash_out_card(c, account, at);
    }
}

static void card_testing(struct bank *b, struct random *r)
{
    for (uint32_t n = plan_starts(b, r, 60); n > 0; n--) {
        struct crime c = crime_new(b, r, BANK_CARD_TESTING);
        test_cards(&c, &bots[random_below(r, sizeof bots / sizeof bots[0])]);
    }
}

/* ---- account takeover ---- */

static void take_over(const struct crime *c)
{
    struct random *r = c->random;
    uint32_t account = plan_any_account(c->bank, r), manner = random_below(r, 10);
    bool hijack = manner == 9;          /* of a session: her own telephone, hard to see */
    bool reset = !hijack && manner > 1; /* two in ten had the password */
    bool shops = manner == 2 || manner == 3;
    int64_t start = random_below(r, 2) ? plan_hours(r, 0, 6) : plan_waking(r);
    int64_t at = start + random_range(r, 2, 45) * MINUTE_S;
    struct name payee = stranger(c, 'z');
    for (int32_t n = random_range(r, 2, 6); n > 0; n--, at += random_range(r, 60, 1200)) {
        int32_t cents = plan_cents(r, 250, 2900);
        struct booking k = shops ? plan_card_online(c->bank, account, at, cents / 2)
                                 : plan_transfer(c->bank, account, at, payee, cents);
        if (shops)
            k.terminal = name_of('m', random_below(r, c->bank->n_terminals));
        if (!hijack)
            from_machine(c, &k, 1);
        if (reset)
            k.password_changed_s = (int64_t)c->bank->day * DAY_S + start;
        commit(c, at, k);
        if (random_below(r, 3) == 0)
            payee = stranger(c, 'z');
    }
}

static void account_takeover(struct bank *b, struct random *r)
{
    for (uint32_t n = plan_starts(b, r, 300); n > 0; n--) {
        struct crime c = crime_new(b, r, BANK_ACCOUNT_TAKEOVER);
        take_over(&c);
    }
}

/* ---- impossible travel ---- */

/* A card is copied where it is used today; hours later the copy is in another city, while its
 * holder pays at home as ever. */
static void use_copy(const struct crime *c)
{
    struct random *r = c->random;
    if (c->bank->n_payments == 0)
        return;
    const struct payment *copied =
        &c->bank->payments[random_below(r, (uint32_t)c->bank->n_payments)];
    uint32_t account = copied->account;
    int city = (int)random_below(r, CITIES), at_home = 0;
    int64_t at = (int64_t)copied->second + random_range(r, 30, 600) * MINUTE_S;
    if (plan_is_away(c->bank, account, at, &at_home))
        return;
    for (int32_t n = random_range(r, 2, 9); n > 0; n--, at += random_range(r, 5, 90) * MINUTE_S) {
        bool notes = random_below(r, 2) == 0;
        int32_t cents = notes ? random_range(r, 4, 25) * 2000 : plan_cents(r, 40, 600);
        struct booking k = plan_card_in(c->bank, account, at, city, cents);
        if (notes) {
            k.operation = OPERATION_CASH_OUT;
            k.channel = CHANNEL_ATM;
            k.category = "6011";
        }
        commit(c, at, k);
    }
}

static void impossible_travel(struct bank *b, struct random *r)
{
    for (uint32_t n = plan_starts(b, r, 300); n > 0; n--) {
        struct crime c = crime_new(b, r, BANK_IMPOSSIBLE_TRAVEL);
        use_copy(&c);
    }
}

/* ---- mule accounts ---- */

/* Most accounts of mules are opened for it, some are bought. */
static uint32_t mule_account(const struct crime *c)
{
    if (random_below(c->random, 10) < 3)
        return plan_any_account(c->bank, c->random);
    return plan_new_account(c->bank, c->bank->day - random_range(c->random, 2, 45));
}

static void pass_on(const struct crime *c, uint32_t mule, int64_t at, struct name payee,
                    int32_t cents)
{
    struct booking k = plan_transfer(c->bank, mule, at, payee, cents);
    if (random_below(c->random, 5) == 0) {
        k = plan_card_here(c->bank, mule, at, cents / 2000 * 2000);
        k.operation = OPERATION_CASH_OUT;
    }
    if (k.cents > 0)
        commit(c, at, k);
}

/* Many victims pay one account, which passes nearly all of it on within hours. The slow ones take
 * days between two, and are hard to tell from a small seller. */
static void gather(const struct crime *c, bool slow)
{
    struct random *r = c->random;
    uint32_t mule = mule_account(c);
    struct name first = stranger(c, 'z'), second = stranger(c, 'z'), boss[2] = {first, second};
    int64_t at = plan_waking(r);
    int32_t victims = slow ? random_range(r, 3, 6) : random_range(r, 4, 14);
    for (int32_t i = 0; i < victims; i++) {
        int32_t cents = plan_cents(r, 150, 1600), kept = cents / 100 * random_range(r, 1, 20);
        int64_t later = at + random_range(r, 10, 300) * MINUTE_S;
        commit(c, at, plan_credit(c->bank, mule, stranger(c, 'v'), cents));
        pass_on(c, mule, later, boss[random_below(r, 2)], cents - kept);
        at += slow ? random_range(r, 4, 9) * DAY_S : random_range(r, 10, 360) * MINUTE_S;
    }
}

/* One large sum comes in and leaves in many parts, to many. */
static void scatter(const struct crime *c)
{
    struct random *r = c->random;
    uint32_t mule = mule_account(c);
    int32_t parts = random_range(r, 6, 16), cents = plan_cents(r, 4000, 20000);
    int64_t at = plan_waking(r);
    commit(c, at, plan_credit(c->bank, mule, stranger(c, 'v'), cents));
    for (int32_t i = 0; i < parts; i++) {
        at += random_range(r, 5, 120) * MINUTE_S;
        struct name payee = stranger(c, 'z');
        pass_on(c, mule, at, payee, cents / parts / 100 * random_range(r, 85, 99));
    }
}

static void mule_accounts(struct bank *b, struct random *r)
{
    for (uint32_t n = plan_starts(b, r, 200); n > 0; n--) {
        struct crime c = crime_new(b, r, BANK_MULE_ACCOUNTS);
        uint32_t manner = random_below(r, 10);
        if (manner < 4)
            scatter(&c);
        else
            gather(&c, manner == 9);
    }
}

/* ---- structuring ---- */

static const struct name itself = {0, 0};

static void bring(const struct crime *c, uint32_t account, int64_t at, int32_t cents,
                  struct name payer)
{
    struct booking k = plan_bare(c->bank, account, OPERATION_DEPOSIT, cents);
    k.terminal = name_of('b', random_below(c->random, 40));
    k.payer = payer;
    commit(c, at, k);
}

static int64_t opening_hours(struct random *r, int64_t day)
{
    return day * DAY_S + plan_hours(r, 9, 17);
}

/* Just below what is reported; the patient one leaves a week between two, and is hard to see. */
static void bring_just_below(const struct crime *c, bool patient)
{
    struct random *r = c->random;
    uint32_t account = plan_any_account(c->bank, r);
    int64_t day = 0;
    for (int32_t n = random_range(r, 3, patient ? 5 : 8); n > 0; n--) {
        int32_t cents = random_range(r, 850, 999) * 1000;
        bring(c, account, opening_hours(r, day), cents, itself);
        day += patient ? random_range(r, 8, 12) : random_range(r, 0, 2);
    }
}

/* More than the threshold in a day, at several branches. */
static void bring_in_parts(const struct crime *c)
{
    struct random *r = c->random;
    uint32_t account = plan_any_account(c->bank, r);
    int32_t days = random_range(r, 1, 2);
    for (int32_t day = 0; day < days; day++) {
        for (int32_t n = random_range(r, 3, 6); n > 0; n--) {
            int32_t cents = random_range(r, 24, 49) * 10000;
            bring(c, account, opening_hours(r, day), cents, itself);
        }
    }
}

/* Several people pay into one account, each less than what a name is asked for. */
static void bring_by_others(const struct crime *c)
{
    struct random *r = c->random;
    uint32_t account = plan_any_account(c->bank, r);
    int64_t days = random_range(r, 1, 3);
    for (int32_t n = random_range(r, 4, 9); n > 0; n--) {
        int64_t at = opening_hours(r, random_below(r, (uint32_t)days));
        int32_t cents = random_range(r, 18, 29) * 10000;
        bring(c, account, at, cents, stranger(c, 'v'));
    }
}

static void structuring(struct bank *b, struct random *r)
{
    for (uint32_t n = plan_starts(b, r, 200); n > 0; n--) {
        struct crime c = crime_new(b, r, BANK_STRUCTURING);
        uint32_t manner = random_below(r, 10);
        if (manner < 5)
            bring_just_below(&c, manner == 4);
        else if (manner < 8)
            bring_in_parts(&c);
        else
            bring_by_others(&c);
    }
}

/* ---- merchant bust-out ---- */

struct front {
    struct name shop;
    int32_t opened, ticket;
};

static struct booking sale(const struct crime *c, const struct front *f, int64_t at, int32_t cents)
{
    struct booking k = plan_card_online(c->bank, plan_any_account(c->bank, c->random), at, cents);
    k.terminal = f->shop;
    k.merchant_opened = f->opened;
    k.category = "5732";
    return k;
}

static void sell_quietly(const struct crime *c, const struct front *f, int days)
{
    for (int day = 0; day < days; day++) {
        for (int32_t n = random_range(c->random, 1, 8); n > 0; n--) {
            int64_t at = day * (int64_t)DAY_S + plan_waking(c->random);
            struct booking k = sale(c, f, at, plan_cents(c->random, f->ticket / 2, f->ticket * 2));
            k.scenario = BANK_NEW_SHOP;
            plan(c->bank, at, &k);
        }
    }
}

/* Stolen cards, keyed in or from a handful of machines, until the money is paid out. */
static void bust(const struct crime *c, const struct front *f, int from_day)
{
    struct random *r = c->random;
    bool keyed = random_below(r, 2) == 0, near = random_below(r, 2) == 0;
    int32_t last = from_day + random_range(r, 1, 3);
    for (int32_t day = from_day; day < last; day++) {
        for (int32_t n = random_range(r, 10, 70); n > 0; n--) {
            int64_t at = day * (int64_t)DAY_S + plan_waking(r);
            int32_t times = random_range(r, 1, 10);
            struct booking k = sale(c, f, at, f->ticket * 100 * times);
            from_machine(c, &k, random_below(r, 12));
            if (near) /* machines of people, rented */
                k.ip_country = "BE";
            if (keyed)
                k.device = (struct name){0};
            k.is_declined = random_below(r, 8) == 0;
            commit(c, at, k);
        }
    }
}

static void merchant_bust_out(struct bank *b, struct random *r)
{
    for (uint32_t n = plan_starts(b, r, 80); n > 0; n--) {
        struct crime c = crime_new(b, r, BANK_MERCHANT_BUST_OUT);
        struct front f = {.shop = name_of('n', 2 * c.number + 1)};
        f.opened = b->day - random_range(r, 0, 30);
        f.ticket = random_range(r, 20, 70);
        int quiet = random_range(r, 6, 25);
        sell_quietly(&c, &f, quiet);
        bust(&c, &f, quiet);
    }
}

occasions_day *const fraud_days[BANK_N_SCENARIOS] = {
    [BANK_CARD_TESTING] = card_testing,
    [BANK_ACCOUNT_TAKEOVER] = account_takeover,
    [BANK_IMPOSSIBLE_TRAVEL] = impossible_travel,
    [BANK_MULE_ACCOUNTS] = mule_accounts,
    [BANK_STRUCTURING] = structuring,
    [BANK_MERCHANT_BUST_OUT] = merchant_bust_out,
};
