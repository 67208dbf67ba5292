#include "rules/cel_networks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct cel_address address(const char *text)
{
    struct cel_address a;
    assert_true(cel_address_parse(span_str(text), &a));
    return a;
}

static bool has(const char *network, const char *text)
{
    struct cel_network n;
    struct cel_address a = address(text);
    assert_true(cel_network_parse(span_str(network), &n));
    return cel_network_has(&n, &a);
}

static void a_network_has_what_begins_with_its_prefix(void **state)
{
    (void)state;
    assert_true(has("10.0.0.0/8", "10.255.0.1"));
    assert_false(has("10.0.0.0/8", "11.0.0.0"));
    assert_true(has("10.1.2.3/8", "10.200.0.0")); /* bits behind the prefix do not count */
    assert_true(has("192.0.2.128/25", "192.0.2.200"));
    assert_false(has("192.0.2.128/25", "192.0.2.127"));
    assert_true(has("192.0.2.7", "192.0.2.7"));
    assert_false(has("192.0.2.7/32", "192.0.2.8"));
    assert_true(has("0.0.0.0/0", "255.255.255.255"));
    assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(has("::1", "::1"));
}

static void the_two_families_are_apart_and_a_mapped_address_is_ipv4(void **state)
{
    (void)state;
    assert_false(has("::/0", "10.0.0.1"));
    assert_false(has("0.0.0.0/0", "::1"));
    assert_true(has("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert_true(has("::ffff:10.1.2.3", "10.1.2.3"));
}

static void what_is_no_network_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0/8",
        "10.0.0.0/08",
        "010.0.0.0/8",
        "2001:db8::/129",
        "fe80::1%eth0",
        "10.0.0.0/8 ",
        "a",
        "::ffff:10.0.0.0/8",
        "10.0.0.0/8/8",
        "2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001"};
    struct cel_network n;
    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        if (cel_network_parse(span_str(wrong[i]), &n))
            print_error("%s\n", wrong[i]);
        assert_false(cel_network_parse(span_str(wrong[i]), &n));
    }
    assert_false(cel_network_parse(span_of("10.0.0.1\0/8", 11), &n));
}

/* Looking through all of them gives the same answers as looking in the sorted ones. */
static void sorted_networks_have_what_one_of_them_has(void **state)
{
    struct cel_network all[200], sorted[200];
    size_t count = COUNT(all);
    uint32_t random = 1;
    (void)state;
    for (size_t i = 0; i < COUNT(all); i++) {
        char text[64];
        random = random * 1664525 + 1013904223;
        snprintf(text, sizeof text, "10.%u.%u.%u/%u", random >> 28, random >> 16 & 255,
                 random >> 8 & 255, 18 + random % 15);
        assert_true(cel_network_parse(span_str(text), &all[i]));
        sorted[i] = all[i];
    }
    cel_networks_sort(sorted, &count);
    assert_in_range(count, 10, 199); /* some are within others */
    for (int i = 0; i < 20000; i++) {
        random = random * 1664525 + 1013904223;
        struct cel_address a = {
            {4, 10, (uint8_t)(random >> 28), (uint8_t)(random >> 16), (uint8_t)(random >> 8)}};
        bool wanted = false;
        for (size_t j = 0; j < COUNT(all); j++)
            wanted |= cel_network_has(&all[j], &a);
        assert_int_equal(cel_networks_have(sorted, count, &a), wanted);
    }
}

static void no_networks_have_nothing(void **state)
{
    struct cel_address a = address("10.0.0.1");
    size_t count = 0;
    (void)state;
    cel_networks_sort(NULL, &count);
    assert_false(cel_networks_have(NULL, count, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_has_what_begins_with_its_prefix),
        cmocka_unit_test(the_two_families_are_apart_and_a_mapped_address_is_ipv4),
        cmocka_unit_test(what_is_no_network_is_refused),
        cmocka_unit_test(sorted_networks_have_what_one_of_them_has),
        cmocka_unit_test(no_networks_have_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
