#include "service/cli/rules_text.h"

#include "service/base/check.h"
#include "service/cli/text_table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* X(name, heading, is to the right) */
#define COLUMN_TABLE(X)                        \
    X(COLUMN_RULE, "RULE", false)              \
    X(COLUMN_MODE, "MODE", false)              \
    X(COLUMN_SEVERITY, "SEVERITY", false)      \
    X(COLUMN_FIRED, "FIRED", true)             \
    X(COLUMN_RATE, "PER 10K", true)            \
    X(COLUMN_NEAR, "NEAR", true)               \
    X(COLUMN_FRAUD, "FRAUD", true)             \
    X(COLUMN_LEGITIMATE, "LEGIT", true)        \
    X(COLUMN_PRECISION, "PRECISION", true)     \
    X(COLUMN_RECALL, "RECALL", true)           \
    X(COLUMN_CAUGHT, "CAUGHT", true)           \
    X(COLUMN_WRONGED, "FALSE POSITIVES", true) \
    X(COLUMN_LAG, "LAG", true)                 \
    X(COLUMN_HINT, "HINT", false)

enum column {
#define X(name, heading, right) name,
    COLUMN_TABLE(X)
#undef X
        COLUMNS,
};

static const struct text_column columns[] = {
#define X(name, heading, right) {heading, right},
    COLUMN_TABLE(X)
#undef X
};

enum { CELL_BYTES = TEXT_CELL_BYTES, MONEY_MAX = 8 };

struct row {
    char cells[COLUMNS][CELL_BYTES];
};

/* ---- values ---- */

/* 90061 s as 1d 1h: two units are enough. */
static void put_lag(char cell[CELL_BYTES], const json_t *seconds)
{
    int64_t s = (int64_t)json_number_value(seconds);
    if (!json_is_number(seconds))
        snprintf(cell, CELL_BYTES, "-");
    else if (s >= 86400)
        snprintf(cell, CELL_BYTES, "%lldd %lldh", (long long)(s / 86400),
                 (long long)(s / 3600 % 24));
    else if (s >= 3600)
        snprintf(cell, CELL_BYTES, "%lldh %lldm", (long long)(s / 3600), (long long)(s / 60 % 60));
    else
        snprintf(cell, CELL_BYTES, "%lldm %llds", (long long)(s / 60), (long long)(s % 60));
}

struct money {
    const char *currency;
    double amount;
};

static struct money *money_of(struct money all[MONEY_MAX], const char *currency)
{
    int i = 0;
    while (i < MONEY_MAX - 1 && all[i].currency != NULL && strcmp(all[i].currency, currency) != 0)
        i++;
    all[i].currency = currency;
    return &all[i];
}

static void add_money(struct money all[MONEY_MAX], const json_t *labelled, const char *outcome)
{
    size_t i;
    const json_t *amount;
    json_array_foreach(json_object_get(labelled, "amounts"), i, amount)
    {
        double n = json_number_value(json_object_get(amount, outcome));
        if (n > 0)
            money_of(all, text_json_text(amount, "currency"))->amount += n;
    }
}

static void put_money(char cell[CELL_BYTES], const json_t *labelled, const char *outcome)
{
    struct money all[MONEY_MAX] = {0};
    size_t at = 0;
    add_money(all, labelled, outcome);
    snprintf(cell, CELL_BYTES, "-");
    for (int i = 0; i < MONEY_MAX && all[i].currency != NULL && at < CELL_BYTES; i++) {
        char whole[CELL_BYTES];
        int64_t cents = (int64_t)(all[i].amount * 100 + 0.5);
        text_cell_count(whole, cents / 100);
        at += (size_t)snprintf(cell + at, CELL_BYTES - at, "%s%s%s%.32s.%02d", i > 0 ? " + " : "",
                               all[i].currency, all[i].currency[0] != '\0' ? " " : "", whole,
                               (int)(cents % 100));
    }
}

/* ---- rows ---- */

static void put_hint(char cell[CELL_BYTES], const json_t *rule)
{
    const char *hint = text_json_text(rule, "hint"), *by = text_json_text(rule, "covered_by");
    if (by[0] != '\0')
        snprintf(cell, CELL_BYTES, "covered by %.64s", by);
    else if (strcmp(hint, "never_fires") == 0)
        snprintf(cell, CELL_BYTES, "never fires");
    else if (strcmp(hint, "always_fires") == 0)
        snprintf(cell, CELL_BYTES, "always fires");
    else
        cell[0] = '\0';
}

/* In which of the two ways a rule fires, and where the answer has it. */
static const struct way {
    const char *name, *fired;
} live = {"live", "fired"}, shadow = {"shadow", "shadow_fired"};

static void fill_way(struct row *row, const json_t *rule, const struct way *way,
                     int64_t transactions)
{
    const json_t *labels = json_object_get(rule, way->name);
    int64_t fired = text_json_number(rule, way->fired);
    text_cell_count(row->cells[COLUMN_FIRED], fired);
    if (transactions > 0)
        snprintf(row->cells[COLUMN_RATE], CELL_BYTES, "%.1f",
                 10000 * (double)fired / (double)transactions);
    else
        snprintf(row->cells[COLUMN_RATE], CELL_BYTES, "-");
    text_cell_count(row->cells[COLUMN_FRAUD], text_json_number(labels, "fraud"));
    text_cell_count(row->cells[COLUMN_LEGITIMATE], text_json_number(labels, "legitimate"));
    put_money(row->cells[COLUMN_CAUGHT], labels, "fraud");
    put_money(row->cells[COLUMN_WRONGED], labels, "legitimate");
}

/* What is of the rule, whichever way it fired. */
static void fill_rule(struct row *row, const json_t *rule)
{
    const char *rollout = text_json_text(rule, "rollout");
    snprintf(row->cells[COLUMN_RULE], CELL_BYTES, "%.64s", text_json_text(rule, "rule"));
    snprintf(row->cells[COLUMN_MODE], CELL_BYTES, "%.16s%s%.16s", text_json_text(rule, "mode"),
             rollout[0] != '\0' ? " " : "", rollout);
    snprintf(row->cells[COLUMN_SEVERITY], CELL_BYTES, "%.16s", text_json_text(rule, "severity"));
    text_cell_count(row->cells[COLUMN_NEAR], text_json_number(rule, "near_misses"));
    text_cell_share(row->cells[COLUMN_PRECISION], json_object_get(rule, "precision"));
    text_cell_share(row->cells[COLUMN_RECALL], json_object_get(rule, "recall"));
    put_lag(row->cells[COLUMN_LAG], json_object_get(rule, "mean_lag_s"));
    put_hint(row->cells[COLUMN_HINT], rule);
}

static bool has_way(const json_t *rule, const struct way *way)
{
    const json_t *labels = json_object_get(rule, way->name);
    return text_json_number(rule, way->fired) + text_json_number(labels, "fraud") +
               text_json_number(labels, "legitimate") >
           0;
}

/*
 * The rule by its mode, and below it what it did the other way, if it did: a shadow outside its
 * rollout, or in another mode earlier. Returns how many rows that are: 2 at most.
 */
static int fill_rows(struct row rows[2], const json_t *rule, int64_t transactions)
{
    bool is_shadow = strcmp(text_json_text(rule, "mode"), "shadow") == 0;
    const struct way *first = is_shadow ? &shadow : &live, *other = is_shadow ? &live : &shadow;
    fill_rule(&rows[0], rule);
    fill_way(&rows[0], rule, first, transactions);
    if (!has_way(rule, other) && json_object_get(rule, "rollout") == NULL)
        return 1;
    snprintf(rows[1].cells[COLUMN_MODE], CELL_BYTES, "%s", other->name);
    fill_way(&rows[1], rule, other, transactions);
    return 2;
}

static void print_table(const json_t *rules, int64_t transactions, FILE *out)
{
    size_t i, n = 0;
    const json_t *rule;
    struct row *rows = calloc(2 * json_array_size(rules) + 1, sizeof *rows);
    CHECK(rows != NULL);
    json_array_foreach(rules, i, rule) n += (size_t)fill_rows(&rows[n], rule, transactions);
    text_table_print(columns, COLUMNS, (char(*)[CELL_BYTES])rows, n, out);
    free(rows);
}

static void print_summary(const json_t *answer, FILE *out)
{
    const json_t *labels = json_object_get(answer, "labels");
    const json_t *flagged = json_object_get(labels, "flagged");
    const json_t *allowed = json_object_get(labels, "allowed");
    int64_t fraud = text_json_number(flagged, "fraud"),
            legitimate = text_json_number(flagged, "legitimate");
    char cells[8][CELL_BYTES];
    text_cell_count(cells[0], text_json_number(answer, "transactions"));
    text_cell_count(cells[1], fraud + text_json_number(allowed, "fraud"));
    text_cell_count(cells[2], fraud);
    text_cell_count(cells[3], legitimate + text_json_number(allowed, "legitimate"));
    text_cell_count(cells[4], legitimate);
    text_cell_share(cells[5], json_object_get(labels, "precision"));
    text_cell_share(cells[6], json_object_get(labels, "recall"));
    text_cell_count(cells[7], text_json_number(labels, "unattributed"));
    fprintf(out, "ruleset %s since %s: %s transactions of this process\n",
            text_json_text(answer, "ruleset"), text_json_text(answer, "since"), cells[0]);
    fprintf(out,
            "labels: %s fraud, %s of them flagged; %s legitimate, %s of them flagged; "
            "precision %s, recall %s; %s unattributed\n\n",
            cells[1], cells[2], cells[3], cells[4], cells[5], cells[6], cells[7]);
}

void rules_text(const json_t *answer, FILE *out)
{
    print_summary(answer, out);
    print_table(json_object_get(answer, "rules"), text_json_number(answer, "transactions"), out);
}
