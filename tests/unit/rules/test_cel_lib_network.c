#include "tests/unit/rules/cel_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

FIXTURE_OF_TESTS

static void an_address_has_one_spelling(void **state)
{
    static const struct program programs[] = {
        {"string(ip('192.168.0.1'))", "192.168.0.1"},
        {"string(ip('2001:DB8:0:0:0:0:0:68'))", "2001:db8::68"},
        {"string(ip('0:0:1:0:0:0:0:0'))", "0:0:1::"},
        {"string(ip('1:0:2:3:4:5:6:7'))", "1:0:2:3:4:5:6:7"},
        {"string(ip('::'))", "::"},
        {"string(ip('::1'))", "::1"},
        {"string(ip('::1.2.3.4'))", "::102:304"},
        {"string(ip('0:0:0:0:0:0:1:0'))", "::1:0"},
        {"string(ip('ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255'))",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"ip.isCanonical('127.0.0.1')", "true"},
        {"ip.isCanonical('2001:db8::68')", "true"},
        {"ip.isCanonical('2001:DB8::68')", "false"},
        {"ip.isCanonical('2001:db8:0:0:0:0:0:68')", "false"},
        {"ip.isCanonical('127.0.0.1.0')", "error: invalid argument (this is no IP address)"},
        {"type(ip('::1')) == net.IP && net.IP != net.CIDR", "true"},
    };
    (void)state;
    ALL_HOLD(programs);
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "1.2.3.04",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.4/32",
        "0x1.2.3.4",
        "fe80::1%en0",
        "::ffff:192.168.0.1",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1::2::3",
        ":1",
        "12345::",
        "::1.2.3.04",
        "1.2.3.4\\x00",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char source[128];
        snprintf(source, sizeof source, "isIP('%s') || isIP(dyn('%s'))", wrong[i], wrong[i]);
        assert_string_equal(fixture_text(&f, source), "false");
        snprintf(source, sizeof source, "ip(dyn('%s'))", wrong[i]);
        assert_string_equal(fixture_text(&f, source),
                            "error: invalid argument (this is no IP address)");
    }
}

static void a_constant_is_read_at_load(void **state)
{
    (void)state;
    assert_string_equal(fixture_diags(&f, "ip('1.2.3.256') == ip('::1')"),
                        "r.yaml:1:4: this is no IP address\n"
                        "    ip('1.2.3.256') == ip('::1')\n"
                        "       ^\n");
    assert_null(fixture_compile(&f, "cidr('1.2.3.4')"));
    assert_null(fixture_compile(&f, "cidr('1.2.3.4/8').containsIP('1.2.3')"));
    assert_null(fixture_compile(&f, "cidr('1.2.3.4/8').containsCIDR('1.2.3.4/33')"));
    assert_null(fixture_compile(&f, "isIP(cidr('1.2.3.4/8'))"));
    assert_null(fixture_compile(&f, "ip('::1') < ip('::2')"));
    assert_null(fixture_compile(&f, "ip('::1').masked()"));
}

static void mapped_in_hex_it_is_the_ipv4_address(void **state)
{
    static const struct program programs[] = {
        {"ip('::ffff:c0a8:1') == ip('192.168.0.1')", "true"},
        {"ip('::ffff:c0a8:1') == ip('192.168.10.1')", "false"},
        {"ip('::ffff:c0a8:1').family()", "4"},
        {"string(ip('::ffff:c0a8:1'))", "192.168.0.1"},
        {"cidr('192.168.0.0/16').containsIP('::ffff:c0a8:1')", "true"},
        {"isIP('::ffff:192.168.0.1') || isCIDR('::ffff:c0a8:1/120')", "false"},
        {"isCIDR('::ffff:192.168.0.1/120')", "false"},
    };
    (void)state;
    ALL_HOLD(programs);
}

static void addresses_have_a_family_and_kinds(void **state)
{
    static const struct program programs[] = {
        {"ip('1.2.3.4').family()", "4"},
        {"ip('2001:db8::68').family()", "6"},
        {"ip('0.0.0.0').isUnspecified() && ip('::').isUnspecified()", "true"},
        {"ip('0.0.0.1').isUnspecified() || ip('::1').isUnspecified()", "false"},
        {"ip('127.0.0.1').isLoopback() && ip('127.255.0.9').isLoopback()", "true"},
        {"ip('::1').isLoopback()", "true"},
        {"ip('128.0.0.1').isLoopback() || ip('::2').isLoopback()", "false"},
        {"ip('7f00::').isLoopback()", "false"},
        {"ip('192.168.0.1').isGlobalUnicast() && ip('2001:db8::1').isGlobalUnicast()", "true"},
        {"ip('fc00::1').isGlobalUnicast()", "true"},
        {"['0.0.0.0', '255.255.255.255', '127.0.0.1', '224.0.0.1', '169.254.1.1', '::', '::1',"
         " 'ff00::1', 'fe80::1'].exists(x, ip(x).isGlobalUnicast())",
         "false"},
        {"ip('224.0.0.1').isLinkLocalMulticast() && ip('ff02::1').isLinkLocalMulticast()", "true"},
        {"ip('ff32::1').isLinkLocalMulticast()", "true"},
        {"ip('224.0.1.1').isLinkLocalMulticast() || ip('ff05::1').isLinkLocalMulticast()", "false"},
        {"ip('169.254.169.254').isLinkLocalUnicast() && ip('fe80::1').isLinkLocalUnicast()",
         "true"},
        {"ip('febf::1').isLinkLocalUnicast()", "true"},
        {"ip('169.255.0.1').isLinkLocalUnicast() || ip('fec0::1').isLinkLocalUnicast()", "false"},
    };
    (void)state;
    ALL_HOLD(programs);
}

static void a_network_contains_what_has_its_prefix(void **state)
{
    static const struct program programs[] = {
        {"cidr('192.168.0.0/24').containsIP(ip('192.168.0.255'))", "true"},
        {"cidr('192.168.0.0/24').containsIP('192.168.1.0')", "false"},
        {"cidr('192.168.0.77/25').containsIP('192.168.0.1')", "true"},
        {"cidr('10.0.0.0/12').containsIP('10.15.255.255')", "true"},
        {"cidr('10.0.0.0/12').containsIP('10.16.0.0')", "false"},
        {"cidr('0.0.0.0/0').containsIP('255.1.2.3')", "true"},
        {"cidr('0.0.0.0/0').containsIP('::')", "false"},
        {"cidr('::/0').containsIP('1.2.3.4')", "false"},
        {"cidr('2001:db8::/33').containsIP('2001:db8:7fff::1')", "true"},
        {"cidr('2001:db8::/33').containsIP('2001:db8:8000::1')", "false"},
        {"cidr('1.2.3.4/32').containsIP('1.2.3.4')", "true"},
        {"cidr('1.2.3.4/32').containsIP(dyn('1.2'))",
         "error: invalid argument (this is no IP address)"},
        {"cidr('10.0.0.0/8').containsCIDR(cidr('10.1.0.0/16'))", "true"},
        {"cidr('10.0.0.0/8').containsCIDR('10.0.0.0/8')", "true"},
        {"cidr('10.0.0.0/8').containsCIDR('10.0.0.0/7')", "false"},
        {"cidr('10.0.0.0/8').containsCIDR('11.0.0.0/16')", "false"},
        {"cidr('::/0').containsCIDR('10.0.0.0/8')", "false"},
        {"cidr('10.0.0.0/8').containsCIDR(dyn('10/8'))",
         "error: invalid argument (this is no network, as 10.0.0.0/8 and 2001:db8::/32 are)"},
    };
    (void)state;
    ALL_HOLD(programs);
}

static void a_network_has_an_address_and_a_prefix(void **state)
{
    static const struct program programs[] = {
        {"string(cidr('192.168.1.5/24'))", "192.168.1.5/24"},
        {"string(cidr('2001:DB8::/32'))", "2001:db8::/32"},
        {"cidr('192.168.1.5/24').ip() == ip('192.168.1.5')", "true"},
        {"cidr('192.168.1.5/24').masked()", "192.168.1.0/24"},
        {"cidr('192.168.1.5/24').masked() == cidr('192.168.1.0/24')", "true"},
        {"cidr('2001:db8:ffff::/35').masked()", "2001:db8:e000::/35"},
        {"cidr('255.255.255.255/0').masked()", "0.0.0.0/0"},
        {"cidr('192.168.1.5/24').isMask() || !cidr('192.168.1.0/24').isMask()", "false"},
        {"cidr('192.168.1.5/24').prefixLength()", "24"},
        {"cidr('10.0.0.0/8') == cidr('10.0.0.0/9')", "false"},
        {"cidr('10.0.0.0/8') == cidr('10.0.0.1/8')", "false"},
        {"dyn(cidr('10.0.0.0/32')) == ip('10.0.0.0')", "false"},
        {"type(cidr('::/0')) == net.CIDR", "true"},
        {"isCIDR('10.0.0.1/8') && isCIDR('::/128') && isCIDR('1.2.3.4/0')", "true"},
        {"['', '/', '10.0.0.0', '10.0.0.0/', '/8', '10.0.0.0/33', '::/129', '10.0.0.0/08',"
         " '10.0.0.0/+8', '10.0.0.0/-1', '10.0.0.0/8/8', '10.0.0.0/8 ', 'fe80::1%en0/64',"
         " '10.0.0.0/255.0.0.0', '10.0.0.0/99999999999999999999'].exists(x, isCIDR(x))",
         "false"},
    };
    (void)state;
    ALL_HOLD(programs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_address_has_one_spelling),
        TEST(what_is_no_address_is_refused),
        TEST(a_constant_is_read_at_load),
        TEST(mapped_in_hex_it_is_the_ipv4_address),
        TEST(addresses_have_a_family_and_kinds),
        TEST(a_network_contains_what_has_its_prefix),
        TEST(a_network_has_an_address_and_a_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
