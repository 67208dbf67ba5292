/*
 * http_get.h -- one answer of a Sluice, for verbs that ask a running one.
 *
 * By libcurl: http and https, no redirects; a proxy of the environment is not asked.
 */
#ifndef SLUICE_CLI_HTTP_GET_H
#define SLUICE_CLI_HTTP_GET_H

#include "service/base/span.h"
#include "service/base/status.h"

enum {
    HTTP_GET_BYTES_MAX = 16 << 20, /* of an answer's body */
    HTTP_GET_TIMEOUT_S = 10,       /* to connect, and without a byte */
    HTTP_GET_WHY_BYTES = 512,
};

struct http_answer {
    int status;       /* 200 */
    struct span body; /* in `bytes` */
    char *bytes;      /* on the heap; http_answer_fini() */
};

/*
 * GET `path` of `url`: "http://HOST[:PORT]" or https, HOST perhaps "[::1]". `token` is sent as
 * `Authorization: Bearer`; empty: none is. It has no newline.
 * Errors: ST_INVALID (no such address), ST_UNAVAILABLE, ST_TOO_LARGE, ST_CORRUPT (no HTTP); ret_why
 * (HTTP_GET_WHY_BYTES) says what.
 */
MUST_USE enum status http_get(const char *url, const char *path, struct span token,
                              struct http_answer *ret_answer, char *ret_why);
/* POST `json` (empty: no body) to it; the rest as above. */
MUST_USE enum status http_post(const char *url, const char *path, struct span token,
                               struct span json, struct http_answer *ret_answer, char *ret_why);
void http_answer_fini(struct http_answer *a);

#endif
