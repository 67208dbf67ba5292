#include "api/route.h"

#include "service/base/diag.h"

#include <strings.h>

const struct route routes[ROUTES] = {
#define X(method, path, body, type, handler, ...) \
    {method,                                      \
     path,                                        \
     (enum route_body)((body) & ~ROUTE_ADMIN),    \
     ((body)&ROUTE_ADMIN) != 0,                   \
     type,                                        \
     handler,                                     \
     {__VA_ARGS__}},
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

/* X(methods, text): all sets that paths of the table have; a test looks that none is missing. */
#define ALLOW_TABLE(X)                                 \
    X(METHOD_GET, "GET, HEAD")                         \
    X(METHOD_POST, "POST")                             \
    X(METHOD_DELETE, "DELETE")                         \
    X(METHOD_GET | METHOD_PUT, "GET, HEAD, PUT")       \
    X(METHOD_GET | METHOD_POST, "GET, HEAD, POST")     \
    X(METHOD_GET | METHOD_DELETE, "GET, HEAD, DELETE") \
    X(METHOD_GET | METHOD_PUT | METHOD_DELETE, "GET, HEAD, PUT, DELETE")

static const char *allow_text(unsigned methods)
{
#define X(set, text)      \
    if (methods == (set)) \
        return text;
    ALLOW_TABLE(X)
#undef X
    return "";
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

static bool takes_one(const char *header, struct span type)
{
    if (strncasecmp(header, type.base, type.len) != 0)
        return false;
    header += type.len;
    header += strspn(header, " \t");
    return *header == '\0' || *header == ';';
}

bool route_takes(const char *header, const char *type)
{
    while (header != NULL && *type != '\0') {
        size_t n = strcspn(type, ",");
        if (takes_one(header, span_of(type, n)))
            return true;
        type += n + strspn(type + n, ", ");
    }
    return false;
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
