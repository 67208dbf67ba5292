/*
 * `sluice generate`: a labelled stream of card payments on stdout, one JSON object a line, in
 * order of time. The world is generate_world.h's, with --frauds the bank around it
 * generate_bank.h's; this file dates it, names it and writes it. Each fraud is labelled seven
 * days after its transaction; labels come first at equal time.
 */
#include "service/base/check.h"
#include "service/base/decode.h"
#include "service/base/text.h"
#include "service/cli/cli.h"
#include "service/cli/generate_bank.h"
#include "service/cli/generate_line.h"
#include "service/cli/generate_world.h"
#include "service/txn/reader.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    OUT_BYTES = 256 << 10, /* one write(2) takes about a thousand lines */
    LINE_MAX_BYTES = 1024, /* the longest line of the world is below 320, of the bank below 900 */
    DAYS_MAX = 36525,      /* a hundred years; too few accounts for N would run for ever */
    DATE_BYTES = 11,       /* "2024-01-01T" */
};

static const int64_t day_ms = 86400 * 1000;

/* What becomes known of a transaction, and after how long. */
enum truth { DECLINED, FRAUD, N_OUTCOMES };
static const struct {
    const char *name;
    int64_t delay_ms;
} outcomes[N_OUTCOMES] = {{"declined", 1000}, {"fraud", 7 * 86400 * 1000}};

static const char usage_text[] =
    "usage: sluice generate --transactions N --seed S [--accounts N] [--terminals N]\n"
    "                       [--start TIME] [--frauds LIST]\n"
    "\n"
    "Write a labelled stream of simulated card payments to stdout, one JSON object a line, in\n"
    "order of time. Frauds are labelled seven days later. The same arguments give the same bytes\n"
    "on every machine.\n"
    "\n"
    "  --transactions N   how many transactions; labels come on top: about one in 115, but few\n"
    "                     in the first four weeks, in which the frauds begin; 100000 of the\n"
    "                     default accounts are ten days, with about 270 labels\n"
    "  --seed S           0 to 18446744073709551615\n"
    "  --accounts N       how many accounts pay (5000)\n"
    "  --terminals N      how many terminals take payments (10000)\n"
    "  --start TIME       the first day, RFC 3339 (2024-01-01T00:00:00Z)\n"
    "  --frauds LIST      the same payments within a bank: transfers, cash, salaries, holidays, "
    "new\n"
    "                     shops; and these frauds, separated by commas, or all, or none:\n"
    "                     card-testing, account-takeover, impossible-travel, mule-accounts,\n"
    "                     structuring, merchant-bust-out. rules/packs finds them. What each line "
    "is\n"
    "                     stands in \"scenario\", which no schema declares. Declined ones are\n"
    "                     labelled a second later\n"
    "  --help             this text\n"
    "\n"
    "examples:\n"
    "  sluice generate --transactions 100000 --seed 1 | sluice replay -c sluice.yaml --events -\n"
    "  sluice generate --transactions 100000 --seed 1 --frauds card-testing,structuring\n";

/* A transaction that waits for its label. */
struct waiting {
    uint64_t number; /* of the transaction */
    int64_t ts_ms;
};

/* First in, first out: transactions come in order of time, and so do the labels of one outcome. It
 * holds the frauds of seven days, however long the stream. */
struct queue {
    struct waiting *items;
    size_t head, count, cap;
};

struct stream {
    uint64_t number, wanted; /* of transactions written; asked for */
    char id_prefix[32];      /* "t<seed>-": streams of two seeds may be loaded side by side */
    int64_t start_ms;
    int64_t day_start_ms;
    char date[DATE_BYTES + 1];
    struct queue labels[N_OUTCOMES];
    struct text out;
    bool failed;
};

static void queue_push(struct queue *q, struct waiting item)
{
    if (q->count == q->cap) {
        size_t cap = q->cap ? q->cap * 2 : 1024;
        struct waiting *items = malloc(cap * sizeof *items);
        CHECK(items != NULL);
        for (size_t i = 0; i < q->count; i++)
            items[i] = q->items[(q->head + i) % q->cap];
        free(q->items);
        *q = (struct queue){.items = items, .count = q->count, .cap = cap};
    }
    q->items[(q->head + q->count++) % q->cap] = item;
}

static struct waiting queue_pop(struct queue *q)
{
    struct waiting item = q->items[q->head];
    q->head = (q->head + 1) % q->cap;
    q->count--;
    return item;
}

static void flush(struct stream *s)
{
    size_t from = 0;
    while (from < s->out.len && !s->failed) {
        ssize_t n = write(STDOUT_FILENO, s->out.base + from, s->out.len - from);
        if (n >= 0)
            from += (size_t)n;
        else if (errno != EINTR)
            s->failed = true;
    }
    s->out.len = 0;
}

static void line_start(struct stream *s)
{
    if (s->out.cap - s->out.len < LINE_MAX_BYTES)
        flush(s);
}

static void line_end(struct stream *s)
{
    text_str(&s->out, "}\n");
    CHECK(!s->out.overflow);
}

static void put_id(struct stream *s, uint64_t number)
{
    text_str(&s->out, "\"transaction_id\":\"");
    text_str(&s->out, s->id_prefix);
    text_i64(&s->out, (int64_t)number);
    text_char(&s->out, '"');
}

static void put_two(struct text *t, uint32_t v)
{
    text_char(t, (char)('0' + v / 10));
    text_char(t, (char)('0' + v % 10));
}

static void put_clock(struct stream *s, uint32_t second)
{
    text_str(&s->out, ",\"timestamp\":\"");
    text_put(&s->out, span_of(s->date, DATE_BYTES));
    put_two(&s->out, second / 3600);
    text_char(&s->out, ':');
    put_two(&s->out, second / 60 % 60);
    text_char(&s->out, ':');
    put_two(&s->out, second % 60);
    text_str(&s->out, "Z\"");
}

static void put_cents(struct text *t, int32_t cents)
{
    text_str(t, ",\"amount\":");
    text_i64(t, cents / 100);
    text_char(t, '.');
    put_two(t, (uint32_t)(cents % 100));
}

/* A leaked card is used from a device of the thief's. */
static void put_device(struct stream *s, const struct payment *p)
{
    text_str(&s->out, p->fraud == WORLD_LEAKED ? ",\"device_id\":\"x-" : ",\"device_id\":\"d-");
    text_i64(&s->out, p->account);
    text_char(&s->out, '"');
}

static void put_merchant(struct stream *s, const struct payment *p)
{
    text_str(&s->out, ",\"merchant\":{\"country\":\"");
    text_str(&s->out, world_country(p->country));
    text_str(&s->out, "\",\"category\":\"");
    text_str(&s->out, world_category(p->trade));
    text_str(&s->out, "\"}");
}

static void put_transaction(struct stream *s, const struct payment *p)
{
    line_start(s);
    text_char(&s->out, '{');
    put_id(s, s->number);
    text_str(&s->out, ",\"account_id\":\"a-");
    text_i64(&s->out, p->account);
    text_str(&s->out, "\",\"terminal_id\":\"m-");
    text_i64(&s->out, p->terminal);
    text_char(&s->out, '"');
    put_device(s, p);
    put_cents(&s->out, p->cents);
    text_str(&s->out, ",\"currency\":\"EUR\"");
    put_clock(s, p->second);
    put_merchant(s, p);
    line_end(s);
}

static void put_booking(struct stream *s, const struct booking *k)
{
    line_start(s);
    text_char(&s->out, '{');
    put_id(s, s->number);
    put_clock(s, k->second);
    line_put_booking(&s->out, k, s->start_ms);
    line_end(s);
}

static void put_label(struct stream *s, enum truth outcome)
{
    struct waiting w = queue_pop(&s->labels[outcome]);
    line_start(s);
    text_str(&s->out, "{\"kind\":\"label\",");
    put_id(s, w.number);
    text_str(&s->out, ",\"outcome\":\"");
    text_str(&s->out, outcomes[outcome].name);
    text_str(&s->out, "\",\"timestamp\":\"");
    text_time_ms(&s->out, w.ts_ms + outcomes[outcome].delay_ms);
    text_char(&s->out, '"');
    line_end(s);
}

/* When the next label of an outcome is due; INT64_MAX: none waits. */
static int64_t due_ms(const struct stream *s, enum truth outcome)
{
    const struct queue *q = &s->labels[outcome];
    return q->count > 0 ? q->items[q->head].ts_ms + outcomes[outcome].delay_ms : INT64_MAX;
}

static void put_labels_until(struct stream *s, int64_t now_ms)
{
    for (;;) {
        enum truth next = due_ms(s, DECLINED) <= due_ms(s, FRAUD) ? DECLINED : FRAUD;
        if (due_ms(s, next) > now_ms || s->labels[next].count == 0)
            return;
        put_label(s, next);
    }
}

static void expect_label(struct stream *s, enum truth outcome, int64_t ts_ms)
{
    queue_push(&s->labels[outcome], (struct waiting){.number = s->number, .ts_ms = ts_ms});
}

static void date_day(struct stream *s, int day)
{
    struct text date;
    char buf[32];
    s->day_start_ms = s->start_ms + day * day_ms;
    text_init(&date, buf, sizeof buf);
    text_time_ms(&date, s->day_start_ms);
    memcpy(s->date, buf, DATE_BYTES);
}

static bool wants_more(const struct stream *s)
{
    return s->number < s->wanted && !s->failed;
}

static void put_payments(struct stream *s, struct world *w)
{
    const struct payment *payments = NULL;
    size_t n = world_next_day(w, &payments);
    for (size_t i = 0; i < n && wants_more(s); i++) {
        int64_t ts_ms = s->day_start_ms + (int64_t)payments[i].second * 1000;
        put_labels_until(s, ts_ms);
        put_transaction(s, &payments[i]);
        if (payments[i].fraud != WORLD_HONEST)
            expect_label(s, FRAUD, ts_ms);
        s->number++;
    }
}

static void put_bookings(struct stream *s, struct bank *b)
{
    const struct booking *bookings = NULL;
    size_t n = bank_next_day(b, &bookings);
    for (size_t i = 0; i < n && wants_more(s); i++) {
        const struct booking *k = &bookings[i];
        int64_t ts_ms = s->day_start_ms + (int64_t)k->second * 1000;
        put_labels_until(s, ts_ms);
        put_booking(s, k);
        if (k->is_declined)
            expect_label(s, DECLINED, ts_ms);
        if (bank_is_fraud(k->scenario))
            expect_label(s, FRAUD, ts_ms);
        s->number++;
    }
}

static int write_stream(struct stream *s, struct world *w, struct bank *b)
{
    for (int day = 0; wants_more(s) && day < DAYS_MAX; day++) {
        date_day(s, day);
        if (b != NULL)
            put_bookings(s, b);
        else
            put_payments(s, w);
    }
    put_labels_until(s, INT64_MAX);
    flush(s);
    if (s->failed) {
        fprintf(stderr, "sluice generate: cannot write: %s\n", strerror(errno));
        return CLI_REFUSED;
    }
    if (s->number < s->wanted) {
        fprintf(stderr,
                "sluice generate: only %" PRIu64 " transactions in a hundred years: "
                "use more --accounts\n",
                s->number);
        return CLI_REFUSED;
    }
    return 0;
}

/* ---- the command line ---- */

struct arguments {
    struct bank_options bank;
    uint64_t transactions;
    int64_t start_ms;
    bool has_transactions, has_seed, has_bank;
};

static bool parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value)
{
    uint64_t v;
    if (!decode_u64(span_str(text), 10, &v) || v < min || v > max)
        return false;
    *ret_value = v;
    return true;
}

/* A first day at midnight UTC, early enough for a hundred years to follow. */
static bool parse_start(const char *text, int64_t *ret_ms)
{
    int64_t ms = 0;
    if (!reader_timestamp(span_str(text), &ms) || ms % day_ms != 0)
        return false;
    if (ms > INT64_C(250000000000000)) /* in the year 9892 */
        return false;
    *ret_ms = ms;
    return true;
}

static bool parse_count(const char *text, uint32_t max, uint32_t *ret_count)
{
    uint64_t v = 0;
    if (!parse_u64(text, 1, max, &v))
        return false;
    *ret_count = (uint32_t)v;
    return true;
}

static bool take_option(int option, const char *value, struct arguments *a)
{
    switch (option) {
    case 't':
        a->has_transactions = true;
        return parse_u64(value, 1, UINT64_C(1000000000000), &a->transactions);
    case 's':
        a->has_seed = true;
        return parse_u64(value, 0, UINT64_MAX, &a->bank.world.seed);
    case 'a':
        return parse_count(value, WORLD_ACCOUNTS_MAX, &a->bank.world.accounts);
    case 'm':
        return parse_count(value, WORLD_TERMINALS_MAX, &a->bank.world.terminals);
    case 'f':
        a->has_bank = true;
        return bank_frauds_of(span_str(value), &a->bank.frauds) == ST_OK;
    default:
        return parse_start(value, &a->start_ms);
    }
}

/* What take_option() refuses, with what it takes. */
static int value_error(int option, const char *value)
{
    static const struct {
        int option;
        const char *name, *takes;
    } known[] = {
        {'t', "transactions", "a whole number from 1 to 1000000000000"},
        {'s', "seed", "a whole number from 0 to 18446744073709551615"},
        {'a', "accounts", "a whole number from 1 to 10000000"},
        {'m', "terminals", "a whole number from 1 to 10000000"},
        {'b', "start", "a day's first moment, such as 2024-01-01T00:00:00Z"},
        {'f', "frauds", "all, none, or some of those that --help names, separated by commas"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].option == option)
            fprintf(stderr, "sluice generate: --%s %s: it is %s\n\n%s", known[i].name, value,
                    known[i].takes, usage_text);
    return CLI_USAGE;
}

static int usage_error(const char *what, const char *value)
{
    fprintf(stderr, "sluice generate: %s%s\n\n%s", what, value, usage_text);
    return CLI_USAGE;
}

/* 0, CLI_USAGE, or -1: help was asked for. */
static int parse_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"transactions", required_argument, NULL, 't'},
        {"seed", required_argument, NULL, 's'},
        {"accounts", required_argument, NULL, 'a'},
        {"terminals", required_argument, NULL, 'm'},
        {"start", required_argument, NULL, 'b'},
        {"frauds", required_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option = 0;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h')
            return -1;
        if (option == '?')
            return usage_error("not an option, or its value is missing: ", argv[optind - 1]);
        if (!take_option(option, optarg, a))
            return value_error(option, optarg);
    }
    if (optind < argc)
        return usage_error("takes no such argument: ", argv[optind]);
    if (!a->has_transactions || !a->has_seed)
        return usage_error("--transactions and --seed are needed", "");
    return 0;
}

int cli_generate(int argc, char **argv)
{
    struct arguments a = {
        .bank = {.world = {.accounts = 5000, .terminals = 10000}},
        .start_ms = INT64_C(1704067200000), /* 2024-01-01: past, so that live intake takes it */
    };
    int usage = parse_arguments(argc, argv, &a);
    if (usage < 0)
        return fputs(usage_text, stdout) < 0 ? CLI_REFUSED : 0;
    if (usage > 0)
        return usage;
    struct stream s = {.wanted = a.transactions, .start_ms = a.start_ms};
    snprintf(s.id_prefix, sizeof s.id_prefix, "t%" PRIu64 "-", a.bank.world.seed);
    char *block = malloc(OUT_BYTES);
    CHECK(block != NULL);
    text_init(&s.out, block, OUT_BYTES);
    struct world *w = a.has_bank ? NULL : world_new(&a.bank.world);
    struct bank *b = a.has_bank ? bank_new(&a.bank) : NULL;
    int code = write_stream(&s, w, b);
    world_free(w);
    bank_free(b);
    for (int i = 0; i < N_OUTCOMES; i++)
        free(s.labels[i].items);
    free(block);
    return code;
}
