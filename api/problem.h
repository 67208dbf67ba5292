/*
 * problem.h -- errors as problem+json (RFC 9457).
 *
 *     {"type":"urn:sluice:problem:schema","title":"The body does not fit the schema","status":422,
 *      "detail":"amount is missing","instance":"urn:sluice:request:5f0c...",
 *      "errors":[{"pointer":"/amount","offset":17,"detail":"amount is missing"}]}
 *
 * What is wrong with a value that is JSON and fits the schema has a pointer and no offset; what is
 * about no part of the body has no errors. In a batch a problem is one line: "line":N comes first,
 * and there is no instance.
 */
#ifndef SLUICE_API_PROBLEM_H
#define SLUICE_API_PROBLEM_H

#include "service/txn/reader.h"

/* X(name, status, slug, title): all there are; openapi.yaml lists the same. */
#define PROBLEM_TABLE(X)                                                                     \
    X(PROBLEM_BAD_REQUEST, 400, "bad-request", "The request is malformed")                   \
    X(PROBLEM_NOT_JSON, 400, "not-json", "The body is not a JSON object")                    \
    X(PROBLEM_PARAMETER, 400, "parameter", "A parameter or header has a wrong value")        \
    X(PROBLEM_UNAUTHORIZED, 401, "unauthorized", "This path needs a key")                    \
    X(PROBLEM_NOT_FOUND, 404, "not-found", "There is nothing here")                          \
    X(PROBLEM_METHOD, 405, "method-not-allowed", "This path does not take that method")      \
    X(PROBLEM_TIMEOUT, 408, "timeout", "The request did not arrive in time")                 \
    X(PROBLEM_GATED, 409, "gated", "The gate has refused the ruleset")                       \
    X(PROBLEM_MISMATCH, 412, "mismatch", "Another ruleset decides than was thought")         \
    X(PROBLEM_TOO_LARGE, 413, "too-large", "The body is over the limit")                     \
    X(PROBLEM_URI_TOO_LONG, 414, "uri-too-long", "The address is over the limit")            \
    X(PROBLEM_MEDIA_TYPE, 415, "media-type", "This path does not take that content type")    \
    X(PROBLEM_EXPECTATION, 417, "expectation", "Only 100-continue can be expected")          \
    X(PROBLEM_SCHEMA, 422, "schema", "The body does not fit the schema")                     \
    X(PROBLEM_CONFLICT, 422, "conflict", "The transaction was answered with another body")   \
    X(PROBLEM_RULESET, 422, "ruleset", "The ruleset is refused")                             \
    X(PROBLEM_HEADERS_TOO_LARGE, 431, "headers-too-large", "The headers are over the limit") \
    X(PROBLEM_INTERNAL, 500, "internal", "Sluice could not answer")                          \
    X(PROBLEM_OVERLOADED, 503, "overloaded", "Too many requests are under way")              \
    X(PROBLEM_UNAVAILABLE, 503, "state-unavailable", "State is not available")               \
    X(PROBLEM_VERSION, 505, "http-version", "Only HTTP/1.0 and HTTP/1.1 are spoken")         \
    X(PROBLEM_STORAGE, 507, "no-room", "There is no room for the answers")

enum problem {
#define X(name, status, slug, title) name,
    PROBLEM_TABLE(X)
#undef X
};

enum {
    PROBLEM_BYTES_MAX = 4096,  /* the longest pointer and detail, with every byte escaped */
    PROBLEM_RETRY_AFTER_S = 1, /* what a 503 asks for: Redis is mostly back within one */
};

/* Where in the body it is, as far as it has a place there. */
struct problem_error {
    const char *pointer; /* JSON Pointer, "" is the whole; NULL: none */
    int64_t offset;      /* byte of the body; -1: none */
    const char *detail;
    const struct reader_error *more; /* of the same kind; NULL: none */
};

/* What is known of one occurrence; all of it optional. */
struct problem_about {
    const char *detail;                /* NULL: the title says it all */
    const struct problem_error *error; /* NULL: no errors[] */
    uint64_t request_id;               /* 0: no instance */
    uint64_t line;                     /* of a batch, from 1; 0: none */
};

unsigned problem_status(enum problem p);
/* The problem that stands for an HTTP status; PROBLEM_INTERNAL when there is none. */
enum problem problem_of_status(unsigned status);
void problem_write(enum problem p, const struct problem_about *about, struct text *out);

#endif
