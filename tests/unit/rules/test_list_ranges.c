#include "rules/list_ranges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct list_network network(const char *text)
{
    struct list_network n;
    assert_true(list_network_parse(span_str(text), &n));
    return n;
}

static bool has(const struct list_ranges *r, const char *text)
{
    struct cel_address address;
    assert_true(cel_address_parse(span_str(text), &address));
    return list_ranges_have(r, &address);
}

static struct list_ranges *edited(struct list_ranges *old_take, const char *text, bool in)
{
    struct list_range_edit edit = {network(text), in};
    struct list_ranges *r = list_ranges_edit(old_take, &edit, 1);
    list_ranges_free(old_take);
    return r;
}

static struct list_ranges *made_of(const char *const *texts, size_t n)
{
    struct list_network networks[16];
    for (size_t i = 0; i < n; i++)
        networks[i] = network(texts[i]);
    return list_ranges_new(networks, n);
}

static void bits_behind_the_prefix_do_not_count(void **state)
{
    struct list_network a = network("10.1.255.3/17"), b = network("10.1.128.0/17");
    (void)state;
    assert_memory_equal(&a.address, &b.address, sizeof a.address);
    a = network("2001:db8:ffff::1/33");
    b = network("2001:db8:8000::/33");
    assert_memory_equal(&a.address, &b.address, sizeof a.address);
    assert_int_equal(network("192.0.2.7").bits, 32);
    assert_int_equal(network("::/0").bits, 0);
    a.bits = 77;
    assert_false(list_network_parse(span_str("10.0.0.0/33"), &a));
    assert_int_equal(a.bits, 77);
}

static void an_address_is_found_through_all_that_hold_it(void **state)
{
    static const char *const texts[] = {"10.1.2.0/24", "10.0.0.0/8",   "10.1.0.0/16",
                                        "10.0.0.0/8",  "192.0.2.7",    "2001:db8::/32",
                                        "10.0.0.0/9",  "10.200.0.0/16"};
    struct list_ranges *r = made_of(texts, sizeof texts / sizeof *texts);
    (void)state;
    assert_true(has(r, "10.1.2.3") && has(r, "10.255.0.1") && has(r, "192.0.2.7"));
    assert_true(has(r, "2001:db8::9") && has(r, "::ffff:192.0.2.7"));
    assert_false(has(r, "11.0.0.0") || has(r, "9.255.255.255") || has(r, "192.0.2.8"));
    assert_false(has(r, "2001:db9::"));
    r = edited(r, "10.0.0.0/8", false);
    assert_true(has(r, "10.1.2.3") && has(r, "10.100.0.1") && has(r, "10.200.0.1"));
    assert_false(has(r, "10.201.0.1"));
    r = edited(r, "10.0.0.0/9", false);
    assert_true(has(r, "10.1.200.1") && !has(r, "10.100.0.1"));
    r = edited(r, "10.0.0.0/8", true);
    assert_true(has(r, "10.201.0.1") && has(r, "10.100.0.1"));
    list_ranges_free(r);
}

static void a_version_leaves_the_one_before_as_it_was(void **state)
{
    static const char *const texts[] = {"10.0.0.0/8"};
    struct list_ranges *first = made_of(texts, 1);
    struct list_range_edit edits[] = {{network("10.0.0.0/8"), false},
                                      {network("11.0.0.0/8"), true}};
    (void)state;
    struct list_ranges *next = list_ranges_edit(first, edits, 2);
    assert_true(has(first, "10.0.0.1") && !has(first, "11.0.0.1"));
    assert_true(!has(next, "10.0.0.1") && has(next, "11.0.0.1"));
    list_ranges_free(first);
    assert_true(has(next, "11.0.0.1"));
    list_ranges_free(next);
}

static void what_is_so_already_changes_nothing(void **state)
{
    struct list_ranges *r = list_ranges_new(NULL, 0);
    (void)state;
    assert_false(has(r, "10.0.0.1"));
    r = edited(r, "10.0.0.0/8", false);
    r = edited(r, "10.0.0.0/8", true);
    r = edited(r, "10.0.0.0/8", true);
    assert_true(has(r, "10.0.0.1"));
    r = edited(r, "10.0.0.0/8", false);
    assert_false(has(r, "10.0.0.1"));
    list_ranges_free(r);
}

/* Against looking at each: random networks of few bits, so that they hold each other, put in and
 * taken out by the hundred. */
enum { NETWORKS = 6000, ROUNDS = 120, A_ROUND = 200 };

static bool looked_for(const struct list_network *all, const bool *in, const char *address)
{
    for (int i = 0; i < NETWORKS; i++) {
        char text[40];
        struct list_network asked;
        snprintf(text, sizeof text, "%s/%d", address, all[i].bits);
        if (!in[i])
            continue;
        assert_true(list_network_parse(span_str(text), &asked));
        if (memcmp(&asked.address, &all[i].address, sizeof asked.address) == 0)
            return true;
    }
    return false;
}

static uint32_t seed = 7;

static uint32_t next_random(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

static void ask_some(const struct list_ranges *r, const struct list_network *all, const bool *in)
{
    for (int i = 0; i < 20; i++) {
        char address[32];
        snprintf(address, sizeof address, "10.%u.%u.%u", next_random() % 64, next_random() % 256,
                 next_random() % 256);
        assert_int_equal(has(r, address), looked_for(all, in, address));
    }
}

static void many_changes_come_to_what_looking_at_each_finds(void **state)
{
    static struct list_network all[NETWORKS], sorted[NETWORKS];
    static bool in[NETWORKS];
    size_t n = 0;
    (void)state;
    for (int i = 0; i < NETWORKS; i++) { /* each another one: i stands in its bits */
        char text[32];
        snprintf(text, sizeof text, "10.%d.%d.0/%d", i % 64, i / 64 * 2, i % 7 == 0 ? 23 : 24);
        if (i < 30)
            snprintf(text, sizeof text, "10.%d.0.0/%d", i * 2, 9 + i % 8);
        all[i] = network(text);
        in[i] = i % 2 == 0;
        for (int j = 0; j < i; j++) {
            if (all[j].bits == all[i].bits &&
                memcmp(&all[j].address, &all[i].address, sizeof all[i].address) == 0)
                in[i] = false, all[i].bits = 200; /* a repeat: left alone */
        }
        if (in[i])
            sorted[n++] = all[i];
    }
    struct list_ranges *r = list_ranges_new(sorted, n);
    for (int round = 0; round < ROUNDS; round++) {
        struct list_range_edit edits[A_ROUND];
        size_t n_edits = 0;
        for (int i = 0; i < A_ROUND; i++) {
            size_t at = next_random() % NETWORKS;
            if (all[at].bits == 200)
                continue;
            in[at] = !in[at];
            edits[n_edits++] = (struct list_range_edit){all[at], in[at]};
            for (size_t j = 0; j + 1 < n_edits; j++) { /* of one network all say the same */
                if (memcmp(&edits[j].network, &all[at], sizeof all[at]) == 0)
                    edits[j].in = in[at];
            }
        }
        struct list_ranges *next = list_ranges_edit(r, edits, n_edits);
        list_ranges_free(r);
        r = next;
        ask_some(r, all, in);
    }
    list_ranges_free(r);
}

/* So many that the search begins behind two bytes of the address. */
static void many_networks_are_found_from_end_to_end(void **state)
{
    enum { MANY = 40000 };
    struct list_network *networks = calloc(MANY + 3, sizeof *networks);
    (void)state;
    for (int i = 0; i < MANY; i++) {
        char text[32];
        snprintf(text, sizeof text, "%d.%d.%d.0/25", i % 200 + 20, i / 200, i % 256);
        networks[i] = network(text);
    }
    networks[MANY] = network("0.0.0.0/24");
    networks[MANY + 1] = network("255.255.255.0/24");
    networks[MANY + 2] = network("8000::/1");
    struct list_ranges *r = list_ranges_new(networks, MANY + 3);
    assert_true(has(r, "0.0.0.0") && has(r, "255.255.255.255") && has(r, "ffff::1"));
    assert_false(has(r, "0.0.1.0") || has(r, "255.255.254.255") || has(r, "7fff::1"));
    for (int i = 0; i < MANY; i += 97) {
        char in[32], out[32];
        snprintf(in, sizeof in, "%d.%d.%d.127", i % 200 + 20, i / 200, i % 256);
        snprintf(out, sizeof out, "%d.%d.%d.128", i % 200 + 20, i / 200, i % 256);
        assert_true(has(r, in) && !has(r, out));
    }
    r = edited(r, "32.0.0.0/4", true); /* begins far before what it has */
    r = edited(r, "0.0.0.0/24", false);
    assert_true(has(r, "47.250.0.1") && !has(r, "0.0.0.0"));
    list_ranges_free(r);
    free(networks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_behind_the_prefix_do_not_count),
        cmocka_unit_test(an_address_is_found_through_all_that_hold_it),
        cmocka_unit_test(a_version_leaves_the_one_before_as_it_was),
        cmocka_unit_test(what_is_so_already_changes_nothing),
        cmocka_unit_test(many_networks_are_found_from_end_to_end),
        cmocka_unit_test(many_changes_come_to_what_looking_at_each_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
