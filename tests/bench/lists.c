/*
 * lists.c -- is it in a list of a million? Beside the plainest table there is: XXH3 and open
 * addressing, half full, each entry its hash and where its bytes are.
 *
 *     lists ROUNDS     one object of JSON: medians, in nanoseconds, of rounds taken by turns
 *
 * What is asked for lies in memory of its own, in random order, so that no answer is in the cache
 * but by luck.
 */
#include "rules/list_view.h"
#include "service/base/check.h"
#include "service/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

enum {
    ITEMS = 1000000,
    ASKED = 500000,
    KEY_BYTES = 16,
    PLACES = 1 << 21,
    ROUNDS_MAX = 101,
    EDITS = 200, /* a batch of changes */
};

struct item {
    char text[KEY_BYTES + 1];
};

struct place {
    uint64_t hash;
    const char *key; /* NULL: free */
};

static struct item items[2 * ITEMS]; /* the second half is in no list */
static struct item asked[2][ASKED];  /* misses, hits */
static struct place *table;

static uint32_t next_random(void)
{
    static uint32_t seed = 7;
    seed = seed * 1664525 + 1013904223;
    return seed >> 4;
}

static struct span key_of(const struct item *item)
{
    return span_of(item->text, KEY_BYTES);
}

static void fill_items(void)
{
    for (uint32_t i = 0; i < 2 * ITEMS; i++)
        snprintf(items[i].text, sizeof items[i].text, "device-%09u",
                 (unsigned)(i * 2654435761u % 999999937u));
    for (int i = 0; i < ASKED; i++) {
        asked[0][i] = items[ITEMS + next_random() % ITEMS];
        asked[1][i] = items[next_random() % ITEMS];
    }
}

/* ---- the table ------------------------------------------------------------------------------ */

static struct place *place_of(const struct item *item, uint64_t hash)
{
    size_t at = hash % PLACES;
    while (table[at].key != NULL &&
           (table[at].hash != hash || memcmp(table[at].key, item->text, KEY_BYTES) != 0))
        at = (at + 1) % PLACES;
    return &table[at];
}

static void fill_table(void)
{
    char *keys = malloc((size_t)ITEMS * KEY_BYTES);
    table = calloc(PLACES, sizeof *table);
    CHECK(keys != NULL && table != NULL);
    for (int i = 0; i < ITEMS; i++) {
        uint64_t hash = XXH3_64bits(items[i].text, KEY_BYTES);
        memcpy(keys + (size_t)i * KEY_BYTES, items[i].text, KEY_BYTES);
        *place_of(&items[i], hash) = (struct place){hash, keys + (size_t)i * KEY_BYTES};
    }
}

static bool table_has(const struct item *item)
{
    return place_of(item, XXH3_64bits(item->text, KEY_BYTES))->key != NULL;
}

/* ---- rounds --------------------------------------------------------------------------------- */

static double ask_view(const struct cel_list *list, int hit)
{
    int64_t begun_us = clock_mono_us();
    int found = 0;
    for (int i = 0; i < ASKED; i++)
        found += cel_list_has(list, cel_string(key_of(&asked[hit][i])), NULL);
    CHECK(found == hit * ASKED);
    return (double)(clock_mono_us() - begun_us) * 1000 / ASKED;
}

static double ask_table(int hit)
{
    int64_t begun_us = clock_mono_us();
    int found = 0;
    for (int i = 0; i < ASKED; i++)
        found += table_has(&asked[hit][i]);
    CHECK(found == hit * ASKED);
    return (double)(clock_mono_us() - begun_us) * 1000 / ASKED;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *at, int n)
{
    qsort(at, (size_t)n, sizeof *at, by_size);
    return at[n / 2];
}

static void measure(const struct cel_list *list, int hit, int rounds)
{
    double ours[ROUNDS_MAX], plain[ROUNDS_MAX], ratios[ROUNDS_MAX];
    for (int i = 0; i < rounds; i++) {
        ours[i] = ask_view(list, hit);
        plain[i] = ask_table(hit);
        ratios[i] = ours[i] / plain[i];
    }
    printf("\"%s\": {\"ours\": %.0f, \"table\": %.0f, \"ratio\": %.2f}, ", hit ? "hit" : "miss",
           median(ours, rounds), median(plain, rounds), median(ratios, rounds));
}

/* ---- changes -------------------------------------------------------------------------------- */

/* Microseconds of a batch of changes, and of letting what was before go. */
static void measure_changes(struct list_view *view, const struct list_edit *edits, size_t n,
                            int rounds, const char *name)
{
    double made_us[ROUNDS_MAX], freed_us[ROUNDS_MAX];
    for (int i = 0; i < rounds; i++) {
        int64_t begun_us = clock_mono_us();
        struct list_view *next = list_view_edit(view, edits, n);
        made_us[i] = (double)(clock_mono_us() - begun_us);
        begun_us = clock_mono_us();
        list_view_unref(next);
        freed_us[i] = (double)(clock_mono_us() - begun_us);
    }
    printf("\"%s\": {\"made_us\": %.0f, \"freed_us\": %.0f}, ", name, median(made_us, rounds),
           median(freed_us, rounds));
}

static void measure_texts(int rounds)
{
    static struct span keys[2 * ITEMS];
    struct list_edit edits[EDITS];
    for (int i = 0; i < 2 * ITEMS; i++)
        keys[i] = key_of(&items[i]);
    struct list_view *view = list_view_new(LIST_STRING, keys, ITEMS);
    measure(list_view_list(view), 1, rounds);
    measure(list_view_list(view), 0, rounds);
    printf("\"bytes\": {\"ours\": %.1f, \"table\": %.1f}, ",
           (double)list_view_bytes(view) / (double)list_view_count(view),
           (double)PLACES * sizeof *table / ITEMS + KEY_BYTES);
    for (int i = 0; i < EDITS; i++)
        edits[i] = (struct list_edit){keys[ITEMS + i], true};
    measure_changes(view, edits, 1, rounds, "change");
    measure_changes(view, edits, EDITS, rounds, "changes");
    int64_t begun_us = clock_mono_us();
    list_view_unref(view);
    printf("\"all_freed_us\": %lld, ", (long long)(clock_mono_us() - begun_us));
}

/* ---- networks ------------------------------------------------------------------------------- */

static void random_address(char text[20], const char *end)
{
    uint32_t r = next_random();
    snprintf(text, 20, "%u.%u.%u.%s", r % 223 + 1, r >> 8 & 255, r >> 16 & 255, end);
}

static double ask_addresses(const struct cel_list *list, char (*texts)[20])
{
    int64_t begun_us = clock_mono_us();
    int found = 0;
    for (int i = 0; i < ASKED; i++)
        found += cel_list_has(list, cel_string(span_str(texts[i])), NULL);
    CHECK(found > 0);
    return (double)(clock_mono_us() - begun_us) * 1000 / ASKED;
}

static void measure_networks(int rounds)
{
    static char texts[ITEMS][20], addresses[ASKED][20];
    static struct span keys[ITEMS];
    double ns[ROUNDS_MAX];
    for (int i = 0; i < ITEMS; i++) {
        random_address(texts[i], "0/24");
        keys[i] = span_str(texts[i]);
    }
    for (int i = 0; i < ASKED; i++)
        random_address(addresses[i], "7");
    struct list_view *view = list_view_new(LIST_NETWORK, keys, ITEMS);
    for (int i = 0; i < rounds; i++)
        ns[i] = ask_addresses(list_view_list(view), addresses);
    printf("\"networks\": {\"items\": %zu, \"ns\": %.0f, \"bytes\": %.1f}, ", list_view_count(view),
           median(ns, rounds), (double)list_view_bytes(view) / (double)list_view_count(view));
    const struct list_edit removed = {keys[0], false};
    measure_changes(view, &removed, 1, rounds, "network_removed");
    list_view_unref(view);
}

int main(int argc, char **argv)
{
    int rounds = argc == 2 ? atoi(argv[1]) : 0;
    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: lists ROUNDS (1 to %d)\n", ROUNDS_MAX);
        return 2;
    }
    fill_items();
    fill_table();
    printf("{");
    measure_texts(rounds);
    measure_networks(rounds);
    printf("\"items\": %d}\n", ITEMS);
    return 0;
}
