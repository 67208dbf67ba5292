#include "api/route.h"

#include "service/base/diag.h"

#include <strings.h>

const struct route routes[ROUTES] = {
#define X(method, path, body, type, handler, ...) \
    {method, path, body, type, handler, {__VA_ARGS__}},
    ROUTE_TABLE(X)
#undef X
};

enum method route_method(const char *name)
{
    static const struct {
        const char *name;
        enum method method;
    } methods[] = {{"GET", METHOD_GET},
                   {"POST", METHOD_POST},
                   {"PUT", METHOD_PUT},
                   {"DELETE", METHOD_DELETE},
                   {"HEAD", METHOD_HEAD}};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (strcmp(name, methods[i].name) == 0)
            return methods[i].method;
    return METHOD_OTHER;
}

static const char *allow_text(unsigned methods)
{
    if (methods == METHOD_POST)
        return "POST";
    return methods & METHOD_DELETE ? "GET, HEAD, DELETE" : "GET, HEAD";
}

enum route_found route_find(enum method method, struct span path, const struct route **ret_route,
                            struct span ret_params[URI_PARAMS_MAX], const char **ret_allow)
{
    unsigned there = 0;
    enum method wanted = method == METHOD_HEAD ? METHOD_GET : method;
    for (int i = 0; i < ROUTES; i++) {
        if (!uri_match(routes[i].path, path, ret_params))
            continue;
        if (routes[i].method == wanted) {
            *ret_route = &routes[i];
            return ROUTE_FOUND;
        }
        there |= (unsigned)routes[i].method;
    }
    if (there == 0)
        return ROUTE_NO_PATH;
    *ret_allow = allow_text(there);
    return ROUTE_NO_METHOD;
}

const char *route_nearest(struct span path)
{
    const char *paths[ROUTES];
    for (int i = 0; i < ROUTES; i++)
        paths[i] = routes[i].path;
    return diag_nearest(path, paths, ROUTES);
}

bool route_takes(const char *header, const char *type)
{
    size_t n = strlen(type);
    if (header == NULL || strncasecmp(header, type, n) != 0)
        return false;
    header += n;
    header += strspn(header, " \t");
    return *header == '\0' || *header == ';';
}

int route_query(const struct route *route, struct span name, const char **ret_nearest)
{
    int n = 0;
    for (; n < ROUTE_QUERY_MAX && route->query[n] != NULL; n++) {
        if (span_is(span_str(route->query[n]), ROUTE_QUERY_ANY))
            return ROUTE_QUERY_FREE;
        if (span_is(name, route->query[n]))
            return n;
    }
    *ret_nearest = diag_nearest(name, route->query, (size_t)n);
    return ROUTE_QUERY_UNKNOWN;
}
