/*
 * generate_bank.h -- a bank around the world of generate_world.h, with all that its rule packs
 * look at: salaries, transfers, cash, holidays, shops that open, and frauds of six kinds.
 *
 * The payments are those of the world under the same seed. To them come *occasions*: each has a
 * name (BANK_SCENARIOS), begins so many times a day for each 5,000 accounts, and plans all its
 * bookings at once, up to BANK_AHEAD_DAYS ahead. Honest occasions are there to be mistaken for
 * frauds: who collects for a club looks like a mule, a new shop's opening like a bust-out.
 *
 * Each occasion draws from random numbers of its own: leaving a fraud out leaves out its
 * bookings, and changes no other.
 *
 * Owns:    bank_new's heap: O(accounts), and the bookings that are planned.
 * Threads: one bank belongs to one thread.
 */
#ifndef SLUICE_CLI_GENERATE_BANK_H
#define SLUICE_CLI_GENERATE_BANK_H

#include "service/base/span.h"
#include "service/base/status.h"
#include "service/cli/generate_world.h"

enum {
    BANK_AHEAD_DAYS = 64, /* an occasion ends within two months of its beginning */
    BANK_NEVER = INT32_MIN,
};

/* Honest ones, then frauds: of the handbook, and those that one asks for by name. */
#define BANK_SCENARIOS(X)                     \
    X(EVERYDAY, "everyday")                   \
    X(REFUND, "refund")                       \
    X(SALARY, "salary")                       \
    X(STANDING_ORDER, "standing-order")       \
    X(FRIENDS, "friends")                     \
    X(LARGE_TRANSFER, "large-transfer")       \
    X(COLLECTION, "collection")               \
    X(LANDLORD, "landlord")                   \
    X(CASH, "cash")                           \
    X(TAKINGS, "takings")                     \
    X(CASH_SALE, "cash-sale")                 \
    X(HOLIDAY, "holiday")                     \
    X(NEW_PHONE, "new-phone")                 \
    X(NEW_CUSTOMER, "new-customer")           \
    X(TINY_PRICES, "tiny-prices")             \
    X(DONATIONS, "donations")                 \
    X(KIOSK, "kiosk")                         \
    X(NEW_SHOP, "new-shop")                   \
    X(SHOP_SALE, "shop-sale")                 \
    X(HANDBOOK_LARGE, "handbook-large")       \
    X(HANDBOOK_TERMINAL, "handbook-terminal") \
    X(HANDBOOK_LEAKED, "handbook-leaked")     \
    X(CARD_TESTING, "card-testing")           \
    X(ACCOUNT_TAKEOVER, "account-takeover")   \
    X(IMPOSSIBLE_TRAVEL, "impossible-travel") \
    X(MULE_ACCOUNTS, "mule-accounts")         \
    X(STRUCTURING, "structuring")             \
    X(MERCHANT_BUST_OUT, "merchant-bust-out")

#define BANK_SCENARIO_ENUM(symbol, name) BANK_##symbol,
enum bank_scenario { BANK_SCENARIOS(BANK_SCENARIO_ENUM) BANK_N_SCENARIOS };
#undef BANK_SCENARIO_ENUM

#define BANK_OPERATIONS(X)                                                \
    X(PURCHASE, "purchase")                                               \
    X(REFUND, "refund")     /* of a purchase; its amount is below zero */ \
    X(TRANSFER, "transfer") /* to another account */                      \
    X(CREDIT, "credit")     /* from another account */                    \
    X(DEPOSIT, "deposit")   /* of cash */                                 \
    X(CASH_OUT, "cash_out")

#define BANK_OPERATION_ENUM(symbol, name) OPERATION_##symbol,
enum bank_operation { BANK_OPERATIONS(BANK_OPERATION_ENUM) };
#undef BANK_OPERATION_ENUM

#define BANK_CHANNELS(X)      \
    X(POS, "pos")             \
    X(ATM, "atm")             \
    X(ECOMMERCE, "ecommerce") \
    X(MOBILE, "mobile")       \
    X(BRANCH, "branch")

#define BANK_CHANNEL_ENUM(symbol, name) CHANNEL_##symbol,
enum bank_channel { BANK_CHANNELS(BANK_CHANNEL_ENUM) };
#undef BANK_CHANNEL_ENUM

/* Whose it is, written kind-number, such as d-17. Kind 0: there is none. */
struct name {
    char kind;
    uint64_t number;
};

struct place {
    int32_t lat_e4, lon_e4; /* degrees */
};

/* One line of a bank's books; what a kind of booking has not is 0, NULL or BANK_NEVER. */
struct booking {
    uint32_t second; /* of the day */
    uint32_t serial; /* order of planning, among those of one second */
    uint8_t scenario, operation, channel;
    bool is_placed, is_declined; /* is_placed: `place` and `home` count */
    int32_t cents;               /* below 0: a refund */
    struct name account, card, terminal, device, payee, payer;
    uint32_t bin; /* the card's first six digits */
    uint32_t ip;  /* version 4 */
    const char *ip_country, *merchant_country, *category;
    struct place place, home;
    int32_t merchant_opened, account_opened; /* day of the stream; before it below 0 */
    int64_t password_changed_s;              /* since the stream began */
    uint32_t fraud_case;                     /* shared by a fraud's bookings; from 1 */
};

struct bank_options {
    struct world_options world;
    uint32_t frauds; /* bits 1 << enum bank_scenario, of the six */
};

struct bank;

/* Never NULL: CHECKs on no memory. */
struct bank *bank_new(const struct bank_options *options);
void bank_free(struct bank *b); /* NULL is fine */

/* The bookings of the next day, in order of time. Borrowed until the next call. May be empty. */
size_t bank_next_day(struct bank *b, const struct booking **ret_bookings);

const char *bank_scenario_name(enum bank_scenario scenario);
const char *bank_operation_name(enum bank_operation operation);
const char *bank_channel_name(enum bank_channel channel);

/* Is it a fraud, of the handbook or of the six? */
bool bank_is_fraud(enum bank_scenario scenario);

/*
 * Bits of the frauds that a text names, separated by commas; "all" and "none" are words for it.
 * Errors: ST_INVALID at a name that is none of the six, or an empty one.
 */
MUST_USE enum status bank_frauds_of(struct span text, uint32_t *ret_frauds);

#endif
