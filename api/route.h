/*
 * route.h -- the table of what is served where.
 *
 * One row is a method, a path template, the handler and what the body may be. openapi.yaml says
 * the same to the outside; tests/system compares the two.
 */
#ifndef SLUICE_API_ROUTE_H
#define SLUICE_API_ROUTE_H

#include "api/uri.h"

struct request;

enum method {
    METHOD_GET = 1,
    METHOD_POST = 2,
    METHOD_PUT = 4,
    METHOD_DELETE = 8,
    METHOD_HEAD = 16,
    METHOD_OTHER = 32, /* OPTIONS, TRACE, and what nobody knows */
};

enum route_body {
    ROUTE_BODY_NONE,   /* ignored up to the limit */
    ROUTE_BODY_WHOLE,  /* handle() runs when all of it is there */
    ROUTE_BODY_STREAM, /* feed() gets it in pieces, handle() runs at its end */
    ROUTE_BODY_FILE,   /* the same into r->upload, up to ROUTE_FILE_BYTES_MAX */
};

enum {
    /* Beside the body: changes what decides, or shows it (admin.h). */
    ROUTE_ADMIN = 16,
    ROUTE_FILE_BYTES_MAX = 64 << 20, /* BUNDLE_PACKED_BYTES */
    ROUTE_QUERY_MAX = 2,             /* query parameters of one route */
    /* What route_query() answers beside an index. */
    ROUTE_QUERY_UNKNOWN = -1,
    ROUTE_QUERY_FREE = ROUTE_QUERY_MAX,
};

/* Probes and scrapers add parameters of their own. */
#define ROUTE_QUERY_ANY "*"

/* X(method, path, body, content type or NULL, handler, query parameters or NULL). A HEAD runs the
 * GET row. */
#define ROUTE_TABLE(X)                                                                            \
    X(METHOD_POST, "/v1/score", ROUTE_BODY_WHOLE, "application/json", on_score, "explain")        \
    X(METHOD_POST, "/v1/score/batch", ROUTE_BODY_STREAM, "application/x-ndjson", on_batch,        \
      "explain", "historic")                                                                      \
    X(METHOD_POST, "/v1/labels", ROUTE_BODY_WHOLE, "application/json", on_label, NULL)            \
    X(METHOD_GET, "/v1/decisions/{transaction_id}", ROUTE_BODY_NONE, NULL, on_decision, NULL)     \
    X(METHOD_GET, "/v1/entities/{field}/{value}", ROUTE_BODY_NONE, NULL, on_entity, "at")         \
    X(METHOD_DELETE, "/v1/entities/{field}/{value}", ROUTE_BODY_NONE | ROUTE_ADMIN, NULL,         \
      on_entity_erase, NULL)                                                                      \
    X(METHOD_GET, "/v1/alerts", ROUTE_BODY_NONE, NULL, on_alerts, "since", "limit")               \
    X(METHOD_GET, "/v1/alerts/stream", ROUTE_BODY_NONE, NULL, on_alert_stream, NULL)              \
    X(METHOD_GET, "/v1/ruleset", ROUTE_BODY_NONE | ROUTE_ADMIN, NULL, on_ruleset, NULL)           \
    X(METHOD_PUT, "/v1/ruleset", ROUTE_BODY_FILE | ROUTE_ADMIN,                                   \
      "application/gzip, application/x-tar", on_ruleset_put, "dry_run", "force")                  \
    X(METHOD_GET, "/v1/ruleset/versions", ROUTE_BODY_NONE | ROUTE_ADMIN, NULL, on_versions, NULL) \
    X(METHOD_GET, "/v1/ruleset/versions/{ruleset}", ROUTE_BODY_NONE | ROUTE_ADMIN, NULL,          \
      on_version, NULL)                                                                           \
    X(METHOD_GET, "/v1/ruleset/diff", ROUTE_BODY_NONE | ROUTE_ADMIN, NULL, on_diff, "from", "to") \
    X(METHOD_POST, "/v1/ruleset/rollback", ROUTE_BODY_WHOLE | ROUTE_ADMIN, NULL, on_rollback,     \
      NULL)                                                                                       \
    X(METHOD_POST, "/v1/ruleset/backtest", ROUTE_BODY_FILE | ROUTE_ADMIN,                         \
      "application/json, application/gzip, application/x-tar", on_backtest, "from", "to")         \
    X(METHOD_GET, "/v1/ruleset/backtest/{id}", ROUTE_BODY_NONE | ROUTE_ADMIN, NULL,               \
      on_backtest_result, NULL)                                                                   \
    X(METHOD_DELETE, "/v1/ruleset/backtest/{id}", ROUTE_BODY_NONE | ROUTE_ADMIN, NULL,            \
      on_backtest_cancel, NULL)                                                                   \
    X(METHOD_GET, "/v1/lists", ROUTE_BODY_NONE | ROUTE_ADMIN, NULL, on_lists, NULL)               \
    X(METHOD_GET, "/v1/lists/{name}", ROUTE_BODY_NONE | ROUTE_ADMIN, NULL, on_list, "from",       \
      "limit")                                                                                    \
    X(METHOD_GET, "/v1/lists/{name}/{value}", ROUTE_BODY_NONE | ROUTE_ADMIN, NULL, on_list_item,  \
      NULL)                                                                                       \
    X(METHOD_PUT, "/v1/lists/{name}/{value}", ROUTE_BODY_WHOLE | ROUTE_ADMIN, NULL, on_list_put,  \
      NULL)                                                                                       \
    X(METHOD_DELETE, "/v1/lists/{name}/{value}", ROUTE_BODY_NONE | ROUTE_ADMIN, NULL,             \
      on_list_remove, NULL)                                                                       \
    X(METHOD_GET, "/v1/rules", ROUTE_BODY_NONE | ROUTE_ADMIN, NULL, on_rules, NULL)               \
    X(METHOD_GET, "/v1/models", ROUTE_BODY_NONE | ROUTE_ADMIN, NULL, on_models, NULL)             \
    X(METHOD_GET, "/livez", ROUTE_BODY_NONE, NULL, on_livez, ROUTE_QUERY_ANY)                     \
    X(METHOD_GET, "/readyz", ROUTE_BODY_NONE, NULL, on_readyz, ROUTE_QUERY_ANY)                   \
    X(METHOD_GET, "/metrics", ROUTE_BODY_NONE, NULL, on_metrics, ROUTE_QUERY_ANY)                 \
    X(METHOD_GET, "/openapi.yaml", ROUTE_BODY_NONE, NULL, on_openapi, ROUTE_QUERY_ANY)            \
    X(METHOD_GET, "/asyncapi.yaml", ROUTE_BODY_NONE, NULL, on_asyncapi, ROUTE_QUERY_ANY)

struct route {
    enum method method;
    const char *path;
    enum route_body body;
    bool is_admin;
    const char *content_type;
    void (*handle)(struct request *r);
    const char *query[ROUTE_QUERY_MAX]; /* names; NULL: no more */
};

enum {
#define X(method, path, body, type, handler, ...) ROUTE_INDEX_##handler,
    ROUTE_TABLE(X)
#undef X
        ROUTES
};

#define X(method, path, body, type, handler, ...) void handler(struct request *r);
ROUTE_TABLE(X)
#undef X

extern const struct route routes[ROUTES];

enum method route_method(const char *name);

enum route_found { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };

/*
 * The row for a method and a path (still encoded; uri_path() of the target). ROUTE_NO_METHOD:
 * *ret_allow is the value of Allow, static text.
 */
enum route_found route_find(enum method method, struct span path, const struct route **ret_route,
                            struct span ret_params[URI_PARAMS_MAX], const char **ret_allow);

/* The path of the table that was perhaps meant; NULL: none is near. */
const char *route_nearest(struct span path);

/* Does the Content-Type header (NULL: none was sent) name `type`, parameters aside? `type` may be
 * several, each behind ", ". */
bool route_takes(const char *header, const char *type);

/* Which of route->query has this name? ROUTE_QUERY_FREE: the route takes any, any number of times.
 * ROUTE_QUERY_UNKNOWN: none; *ret_nearest is the one that was perhaps meant, or NULL. */
int route_query(const struct route *route, struct span name, const char **ret_nearest);

#endif
