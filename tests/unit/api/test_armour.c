#include "api/armour.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct pair {
    const char *name;
    const char *value;
};

static const char *verdict(const struct pair *headers, bool http_1_0)
{
    struct armour a = {0};
    for (; headers->name != NULL; headers++)
        armour_header(&a, span_str(headers->name), span_str(headers->value));
    return armour_verdict(&a, http_1_0);
}

#define REFUSED(...) assert_non_null(verdict((const struct pair[]){__VA_ARGS__, {0}}, false))
#define FINE(...) assert_null(verdict((const struct pair[]){__VA_ARGS__, {0}}, false))

static void ordinary_headers_pass(void **state)
{
    (void)state;
    FINE({"Host", "a"}, {"Content-Length", "3"}, {"X-Tab", "a\tb"}, {"Accept", "*/*"});
    FINE({"Host", "a"}, {"transfer-encoding", "Chunked"});
    FINE({"Content-Type", "x"}, {"Content-Encoding", "y"}, {"Hostess", "z"}, {"TE", "trailers"});
}

static void two_lengths_are_refused_even_when_equal(void **state)
{
    (void)state;
    REFUSED({"Content-Length", "3"}, {"Content-Length", "5"});
    REFUSED({"Content-Length", "3"}, {"content-length", "3"});
}

static void a_length_is_digits(void **state)
{
    (void)state;
    REFUSED({"Content-Length", "+3"});
    REFUSED({"Content-Length", "-3"});
    REFUSED({"Content-Length", "0x3"});
    REFUSED({"Content-Length", "3, 3"});
    REFUSED({"Content-Length", ""});
}

static void a_huge_length_saturates(void **state)
{
    struct armour a = {0};
    (void)state;
    armour_header(&a, span_str("Content-Length"), span_str("99999999999999999999999"));
    assert_null(armour_verdict(&a, false));
    assert_true(a.content_length == UINT64_MAX);
}

static void only_a_lone_chunked_encodes_the_transfer(void **state)
{
    (void)state;
    REFUSED({"Transfer-Encoding", "gzip"});
    REFUSED({"Transfer-Encoding", "gzip, chunked"});
    REFUSED({"Transfer-Encoding", "chunked, chunked"});
    REFUSED({"Transfer-Encoding", "xchunked"});
    REFUSED({"Transfer-Encoding", "\x0b"
                                  "chunked"});
    REFUSED({"Transfer-Encoding", ""});
    REFUSED({"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"});
    REFUSED({"Transfer-Encoding", "chunked"}, {"Content-Length", "3"});
    REFUSED({"Content-Length", "3"}, {"Transfer-Encoding", "chunked"});
    assert_non_null(verdict((const struct pair[]){{"Transfer-Encoding", "chunked"}, {0}}, true));
}

static void names_are_tokens(void **state)
{
    (void)state;
    REFUSED({"Content-Length ", "3"});
    REFUSED({"X Y", "3"});
    REFUSED({"", "3"});
    REFUSED({"XTransfer-Encoding: chunked", "y"});
    REFUSED({"caf\xc3\xa9", "y"});
}

static void folded_lines_are_seen(void **state)
{
    (void)state;
    REFUSED({"Content-Length3", ""});
    REFUSED({"Transfer-Encodingchunked", ""});
    REFUSED({"X", "a\rContent-Length: 3"});
}

static void one_host_is_enough(void **state)
{
    (void)state;
    REFUSED({"Host", "a"}, {"Host", "a"});
}

static void expectations_are_told_apart(void **state)
{
    struct armour a = {0}, b = {0};
    (void)state;
    armour_header(&a, span_str("Expect"), span_str("100-Continue"));
    armour_header(&b, span_str("Expect"), span_str("the unexpected"));
    assert_true(a.expects_continue && !a.expects_else);
    assert_true(b.expects_else && !b.expects_continue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_headers_pass),
        cmocka_unit_test(two_lengths_are_refused_even_when_equal),
        cmocka_unit_test(a_length_is_digits),
        cmocka_unit_test(a_huge_length_saturates),
        cmocka_unit_test(only_a_lone_chunked_encodes_the_transfer),
        cmocka_unit_test(names_are_tokens),
        cmocka_unit_test(folded_lines_are_seen),
        cmocka_unit_test(one_host_is_enough),
        cmocka_unit_test(expectations_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
