#include "api/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static enum route_found find(const char *method, const char *path, const struct route **ret_route,
                             const char **ret_allow)
{
    struct span params[URI_PARAMS_MAX];
    return route_find(route_method(method), span_str(path), ret_route, params, ret_allow);
}

static void every_row_is_found_by_its_own_path(void **state)
{
    (void)state;
    for (int i = 0; i < ROUTES; i++) {
        const char *method = routes[i].method == METHOD_GET    ? "GET"
                             : routes[i].method == METHOD_POST ? "POST"
                             : routes[i].method == METHOD_PUT  ? "PUT"
                                                               : "DELETE";
        const struct route *route = NULL;
        const char *allow = NULL;
        assert_int_equal(find(method, routes[i].path, &route, &allow), ROUTE_FOUND);
        assert_ptr_equal(route, &routes[i]);
    }
}

static void a_head_runs_the_get_row(void **state)
{
    const struct route *route = NULL;
    const char *allow;
    (void)state;
    assert_int_equal(find("HEAD", "/livez", &route, &allow), ROUTE_FOUND);
    assert_int_equal(route->method, METHOD_GET);
    assert_int_equal(find("HEAD", "/v1/score", &route, &allow), ROUTE_NO_METHOD);
}

static void another_method_is_told_what_is_allowed(void **state)
{
    const struct route *route = NULL;
    const char *allow = NULL;
    (void)state;
    assert_int_equal(find("OPTIONS", "/v1/score", &route, &allow), ROUTE_NO_METHOD);
    assert_string_equal(allow, "POST");
    assert_int_equal(find("POST", "/metrics", &route, &allow), ROUTE_NO_METHOD);
    assert_string_equal(allow, "GET, HEAD");
    assert_int_equal(find("PUT", "/v1/entities/a/b", &route, &allow), ROUTE_NO_METHOD);
    assert_string_equal(allow, "GET, HEAD, DELETE");
    assert_int_equal(find("get", "/livez", &route, &allow), ROUTE_NO_METHOD);
}

static void every_path_has_a_text_for_what_it_allows(void **state)
{
    (void)state;
    for (int i = 0; i < ROUTES; i++) {
        const struct route *route = NULL;
        const char *allow = NULL;
        assert_int_equal(find("OPTIONS", routes[i].path, &route, &allow), ROUTE_NO_METHOD);
        assert_string_not_equal(allow, "");
    }
}

static void a_route_may_take_several_types(void **state)
{
    static const char two[] = "application/gzip, application/x-tar";
    (void)state;
    assert_true(route_takes("application/gzip", two));
    assert_true(route_takes("Application/X-Tar; a=b", two));
    assert_false(route_takes("application/x-tarball", two));
    assert_false(route_takes("application/", two));
    assert_false(route_takes("", two));
    assert_false(route_takes(NULL, two));
}

static void another_path_is_not_found(void **state)
{
    const struct route *route = NULL;
    const char *allow = NULL;
    (void)state;
    assert_int_equal(find("GET", "/", &route, &allow), ROUTE_NO_PATH);
    assert_int_equal(find("GET", "", &route, &allow), ROUTE_NO_PATH);
    assert_int_equal(find("POST", "/v1/score/", &route, &allow), ROUTE_NO_PATH);
    assert_null(route);
}

static void a_path_that_is_not_served_brings_the_nearest_one(void **state)
{
    (void)state;
    assert_string_equal(route_nearest(span_str("/v1/socre")), "/v1/score");
    assert_string_equal(route_nearest(span_str("/metric")), "/metrics");
    assert_null(route_nearest(span_str("/")));
    assert_null(route_nearest(span_str("/favicon.ico")));
}

static void a_content_type_may_have_parameters(void **state)
{
    (void)state;
    assert_true(route_takes("application/json", "application/json"));
    assert_true(route_takes("Application/JSON ; charset=utf-8", "application/json"));
    assert_false(route_takes("application/jsonp", "application/json"));
    assert_false(route_takes("text/json", "application/json"));
    assert_false(route_takes(NULL, "application/json"));
    assert_false(route_takes("", "application/json"));
}

static void a_query_parameter_that_is_not_known_brings_the_nearest_one(void **state)
{
    const struct route *batch = &routes[ROUTE_INDEX_on_batch];
    const char *nearest = "untouched";
    (void)state;
    assert_int_equal(route_query(batch, span_str("explain"), &nearest), 0);
    assert_int_equal(route_query(batch, span_str("historic"), &nearest), 1);
    assert_string_equal(nearest, "untouched");
    assert_int_equal(route_query(batch, span_str("explian"), &nearest), ROUTE_QUERY_UNKNOWN);
    assert_string_equal(nearest, "explain");
    assert_int_equal(route_query(batch, span_str("verbose"), &nearest), ROUTE_QUERY_UNKNOWN);
    assert_null(nearest);
    assert_int_equal(route_query(batch, span_str(""), &nearest), ROUTE_QUERY_UNKNOWN);
    assert_null(nearest);
}

static void a_route_without_parameters_knows_none_and_a_probe_may_bring_any(void **state)
{
    const char *nearest = "untouched";
    (void)state;
    assert_int_equal(route_query(&routes[ROUTE_INDEX_on_metrics], span_str("name[]"), &nearest),
                     ROUTE_QUERY_FREE);
    assert_int_equal(route_query(&routes[ROUTE_INDEX_on_label], span_str("explain"), &nearest),
                     ROUTE_QUERY_UNKNOWN);
    assert_null(nearest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_found_by_its_own_path),
        cmocka_unit_test(a_head_runs_the_get_row),
        cmocka_unit_test(another_method_is_told_what_is_allowed),
        cmocka_unit_test(every_path_has_a_text_for_what_it_allows),
        cmocka_unit_test(a_route_may_take_several_types),
        cmocka_unit_test(another_path_is_not_found),
        cmocka_unit_test(a_path_that_is_not_served_brings_the_nearest_one),
        cmocka_unit_test(a_content_type_may_have_parameters),
        cmocka_unit_test(a_query_parameter_that_is_not_known_brings_the_nearest_one),
        cmocka_unit_test(a_route_without_parameters_knows_none_and_a_probe_may_bring_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
