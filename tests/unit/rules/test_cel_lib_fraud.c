#include "rules/cel_library.h"

#include "rules/cel_networks.h"
#include "tests/unit/rules/cel_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

FIXTURE_OF_TESTS

static void assert_near(const char *source, double wanted, double by)
{
    struct cel_value v = fixture_eval(&f, source);
    if (v.kind != CEL_DOUBLE || fabs(v.f64 - wanted) > by)
        print_error("%s gives %s\n", source, fixture_text(&f, source));
    assert_int_equal(v.kind, CEL_DOUBLE);
    assert_true(fabs(v.f64 - wanted) <= by);
}

static void a_distance_is_that_of_the_great_circle(void **state)
{
    (void)state;
    /* the airports of Nashville and Los Angeles, as Rosetta Code has them with 6372.8 km */
    assert_near("geo.distance_km(36.12, -86.67, 33.94, -118.40)", 2887.25995 / 6372.8 * 6371.0088,
                1e-4);
    assert_near("geo.distance_km(location, {'lat': 50.5, 'lon': 4.25})", 0, 0);
    assert_near("geo.distance_km(location, {'lat': 51.5, 'lon': 4.25})", 6371.0088 * M_PI / 180,
                1e-9);
    assert_near("geo.distance_km(dyn({'lat': 0, 'lon': 0}), {'lat': 0.0, 'lon': 180.0})",
                6371.0088 * M_PI, 1e-9);
}

static void a_place_that_is_none_is_an_error(void **state)
{
    (void)state;
    static const struct program pairs[] = {
        {"geo.distance_km(90.1, 0.0, 0.0, 0.0)", "error: out of range latitude or longitude"},
        {"geo.distance_km(0.0, 0.0, 0.0, -180.1)", "error: out of range latitude or longitude"},
        {"geo.distance_km(0.0, 0.0 / 0.0, 0.0, 0.0)", "error: out of range latitude or longitude"},
        {"geo.distance_km(location, {'lat': 1.0})",
         "error: invalid argument a place has numbers lat and lon"},
        {"geo.distance_km(location, dyn({'lat': 1.0, 'lon': 'x'}))",
         "error: invalid argument a place has numbers lat and lon"},
        {"geo.distance_km(inexact_avg, 0.0, 0.0, 0.0)", "error: inexact"},
    };
    ALL_HOLD(pairs);
}

static void a_check_digit_is_luhns(void **state)
{
    (void)state;
    static const struct program pairs[] = {
        {"luhn('79927398713')", "true"}, /* the example of many descriptions */
        {"luhn('79927398710')", "false"},
        {"luhn('490154203237518')", "true"}, /* an IMEI, from 3GPP's examples */
        {"luhn('4539 1488 0343-6467')", "true"},
        {"luhn('4539 1488 0343 6476')", "false"},
        {"luhn('4539  14880343 6467')", "false"},
        {"luhn('4539 1488 0343 6467 ')", "false"},
        {"luhn('00')", "true"},
        {"luhn('0')", "false"},
        {"luhn('')", "false"},
        {"luhn('7992739871x3')", "false"},
    };
    ALL_HOLD(pairs);
}

static void a_week_begins_on_monday(void **state)
{
    (void)state;
    static const struct program pairs[] = {
        {"hour_of_week(time)", "12"}, /* 2026-01-05 is a Monday */
        {"hour_of_week(time, 'Europe/Brussels')", "13"},
        {"hour_of_week(time, '-12:30')", "167"},
        {"hour_of_week(timestamp('2026-01-04T23:59:59.999Z'))", "167"},
        {"hour_of_week(timestamp('2026-01-05T00:00:00Z'))", "0"},
        {"hour_of_week(timestamp('1969-12-31T23:59:59Z'))", "71"},
        {"hour_of_week(timestamp('2026-03-29T01:30:00Z'), 'Europe/Brussels')", "147"},
        {"hour_of_week(time, currency)", "error: invalid argument time zone"},
    };
    ALL_HOLD(pairs);
    assert_non_null(strstr(fixture_diags(&f, "hour_of_week(time, 'Europe/Brusel') > 3"),
                           "this is no time zone"));
}

/* Winkler, "Advanced Methods for Record Linkage" (1994), table 1, and (2006), to three digits. */
static void names_are_as_similar_as_winkler_says(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        double similarity;
    } names[] = {
        {"MARTHA", "MARHTA", 0.961},
        {"DWAYNE", "DUANE", 0.840},
        {"DIXON", "DICKSONX", 0.813},
        {"SHACKLEFORD", "SHACKELFORD", 0.982},
        {"DUNNINGHAM", "CUNNIGHAM", 0.896},
        {"NICHLESON", "NICHULSON", 0.956},
        {"JONES", "JOHNSON", 0.832},
        {"MASSEY", "MASSIE", 0.933},
        {"ABROMS", "ABRAMS", 0.922},
        {"JERALDINE", "GERALDINE", 0.926},
        {"MICHELLE", "MICHAEL", 0.921},
        {"JULIES", "JULIUS", 0.933},
        {"TANYA", "TONYA", 0.880},
        {"SEAN", "SUSAN", 0.805},
        {"JON", "JOHN", 0.933},
        {"ABC", "XYZ", 0},
        {"", "", 1},
        {"A", "", 0},
        {"\u00c9mile", "\u00c9mile", 1},
        {"A", "A", 1},
    };
    char source[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(source, sizeof source, "similarity.jaro_winkler('%s', '%s')", names[i].a,
                 names[i].b);
        assert_near(source, names[i].similarity, 0.0005);
        snprintf(source, sizeof source, "similarity.jaro_winkler('%s', '%s')", names[i].b,
                 names[i].a);
        assert_near(source, names[i].similarity, 0.0005);
    }
}

static void similarity_counts_code_points_and_the_first_256(void **state)
{
    (void)state;
    char source[1400], run[301] = "";
    memset(run, 'a', 300);
    assert_near("similarity.jaro_winkler('\u00e9\u00e8', '\u00e9\u00ea')", 2. / 3, 1e-9);
    snprintf(source, sizeof source, "similarity.jaro_winkler('%sx', '%sy' + currency)", run, run);
    assert_near(source, 1, 0);
}

static void an_address_has_a_name_and_a_domain(void **state)
{
    (void)state;
    static const struct program pairs[] = {
        {"email.domain('Jo.Do+x@Mail.Example.COM')", "mail.example.com"},
        {"email.local('Jo.Do+x@Mail.Example.COM')", "Jo.Do+x"},
        {"email.domain('\u00e9mile@b\u00fccher.example')", "b\u00fccher.example"},
        {"email.domain('a@localhost')", "localhost"},
        {"email.domain(currency + '@A-1.be')", "a-1.be"},
    };
    static const char *const wrong[] = {
        "",
        "a",
        "@b.be",
        "a@",
        "a@b@c.be",
        ".a@b.be",
        "a.@b.be",
        "a..b@c.be",
        "a b@c.be",
        "a@b..be",
        "a@-b.be",
        "a@b-.be",
        "a@b.be.",
        "a@b_c.be",
        " a@b.be",
        "a@[10.0.0.1]",
        "\"a\"@b.be",
        "a@b.be\\n",
        "a\\x00@b.be",
        "a@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.be",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b.be"};
    char source[256];
    ALL_HOLD(pairs);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(source, sizeof source, "email.domain('%s')", wrong[i]);
        const char *text = fixture_text(&f, source);
        assert_string_equal(text, "error: invalid argument this is no e-mail address");
        snprintf(source, sizeof source, "email.local('%s')", wrong[i]);
        text = fixture_text(&f, source);
        assert_string_equal(text, "error: invalid argument this is no e-mail address");
    }
}

static void an_address_is_in_networks_or_not(void **state)
{
    (void)state;
    static const struct program pairs[] = {
        {"'10.1.2.3'.inNetworks(['192.0.2.0/24', '10.0.0.0/8'])", "true"},
        {"'11.1.2.3'.inNetworks(['192.0.2.0/24', '10.0.0.0/8'])", "false"},
        {"'2001:db8::1'.inNetworks(['2001:db8::/32'])", "true"},
        {"'10.0.0.1'.inNetworks([])", "false"},
        {"['10.0.0.1', '10.0.0.9'].filter(x, x.inNetworks(['10.0.0.8/29']))", "[10.0.0.9]"},
        /* made while the rule runs */
        {"'10.0.0.1'.inNetworks([currency, '10.0.0.0/8'])",
         "error: invalid argument this is no network, as \"10.0.0.0/8\" and \"2001:db8::/32\" "
         "are"},
        {"'10.0.0.1'.inNetworks(['10.0.0.0/8', currency])", "true"},
        {"'10.0.0.1'.inNetworks(dyn([1]))", "error: no such overload"},
        {"currency.inNetworks(['10.0.0.0/8'])", "error: invalid argument this is no IP address"},
    };
    ALL_HOLD(pairs);
}

static void a_constant_that_is_no_network_is_refused_at_load(void **state)
{
    (void)state;
    assert_non_null(strstr(fixture_diags(&f, "currency.inNetworks(['10.0.0.0/8', '10.0.0.0/40'])"),
                           "r.yaml:1:36: \"10.0.0.0/40\" is no network"));
    assert_non_null(strstr(fixture_diags(&f, "currency.inNetworks(lists.countries)"),
                           "r.yaml:1:21: \"XX\" is no network"));
    f.env.unchecked = true;
    assert_string_equal(fixture_text(&f, "'10.0.0.1'.inNetworks(['10.0.0.0/40'])"),
                        "error: invalid argument this is no network, as \"10.0.0.0/8\" and "
                        "\"2001:db8::/32\" are");
}

enum { NETWORKS = 20000 };

static bool compiles_within(size_t bytes)
{
    struct arena *arena = arena_new(bytes);
    const struct cel_program *program;
    struct span source = span_str("currency.inNetworks(lists.countries) && count > 1");
    memset(&f.diags, 0, sizeof f.diags);
    enum status st = cel_compile(&f.env, source, (struct diag_at){0}, arena, &f.diags, &program);
    assert_true((st == ST_OK) == (f.diags.errors == 0));
    arena_free(arena);
    return st == ST_OK;
}

/* What they take is free, and a little more, or a little more than that ...: there is a
 * diagnostic each time, and never a CHECK. */
static void networks_of_a_list_leave_room_for_the_rest(void **state)
{
    const size_t taken = NETWORKS * sizeof(struct cel_network);
    (void)state;
    struct cel_value *items = arena_must(f.arena, NETWORKS * sizeof *items);
    struct cel_list list = {.count = NETWORKS, .items = items};
    for (int i = 0; i < NETWORKS; i++)
        items[i] = cel_string(span_str("10.0.0.0/8"));
    f.countries = cel_list_of(&list);
    for (size_t more = 0; more < 16384; more += 128)
        assert_false(compiles_within(taken + more));
    assert_true(compiles_within(taken + (1 << 20)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_distance_is_that_of_the_great_circle),
        TEST(a_place_that_is_none_is_an_error),
        TEST(a_check_digit_is_luhns),
        TEST(a_week_begins_on_monday),
        TEST(names_are_as_similar_as_winkler_says),
        TEST(similarity_counts_code_points_and_the_first_256),
        TEST(an_address_has_a_name_and_a_domain),
        TEST(an_address_is_in_networks_or_not),
        TEST(a_constant_that_is_no_network_is_refused_at_load),
        TEST(networks_of_a_list_leave_room_for_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
