#include "service/cli/http_get.h"

#include "service/base/check.h"
#include "service/base/text.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

enum { TOKEN_BYTES = 8192 };

/* Is `part` of `url` what it should be? */
static bool part_is(CURLU *url, CURLUPart part, const char *wanted)
{
    char *text = NULL;
    bool is = curl_url_get(url, part, &text, 0) == CURLUE_OK && strcmp(text, wanted) == 0;
    curl_free(text);
    return is;
}

/* Nothing but a scheme, a host and a port. */
static CURLU *url_of(const char *text, const char *path)
{
    CURLU *url = curl_url();
    CHECK(url != NULL);
    if (curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
        (part_is(url, CURLUPART_SCHEME, "http") || part_is(url, CURLUPART_SCHEME, "https")) &&
        part_is(url, CURLUPART_PATH, "/") &&
        curl_url_set(url, CURLUPART_PATH, path, 0) == CURLUE_OK)
        return url;
    curl_url_cleanup(url);
    return NULL;
}

/* Taking less than all ends the transfer. */
static size_t take(char *bytes, size_t size, size_t n, void *user)
{
    struct text *body = user;
    text_put(body, span_of(bytes, size * n));
    return body->overflow ? 0 : n;
}

static enum status status_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return ST_OK;
    case CURLE_WRITE_ERROR:
        return ST_TOO_LARGE;
    case CURLE_UNSUPPORTED_PROTOCOL: /* an answer without a header */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_PARTIAL_FILE:
        return ST_CORRUPT;
    default:
        return ST_UNAVAILABLE;
    }
}

static void set_token(CURL *curl, struct span token)
{
    char text[TOKEN_BYTES];
    if (token.len == 0)
        return;
    snprintf(text, sizeof text, "%.*s", SPAN_ARG(token));
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
    curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, text);
}

/* What is asked: a GET, or with `json` (perhaps empty) a POST. */
struct question {
    struct span token;
    const struct span *json; /* NULL: a GET */
};

static struct curl_slist *set_post(CURL *curl, const struct span *json)
{
    if (json == NULL)
        return NULL;
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CHECK(headers != NULL);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)json->len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, json->len > 0 ? json->base : "");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    return headers;
}

static CURLcode transfer(CURLU *url, const struct question *q, struct text *body, long *ret_status,
                         char why[CURL_ERROR_SIZE])
{
    CURL *curl = curl_easy_init();
    CHECK(curl != NULL);
    curl_easy_setopt(curl, CURLOPT_CURLU, url);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)HTTP_GET_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)HTTP_GET_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    set_token(curl, q->token);
    struct curl_slist *headers = set_post(curl, q->json);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return code;
}

static enum status ask(CURLU *url, const struct question *q, struct http_answer *ret_answer,
                       char *ret_why)
{
    char why[CURL_ERROR_SIZE] = "", *bytes = malloc(HTTP_GET_BYTES_MAX);
    struct text body;
    long status = 0;
    CHECK(bytes != NULL);
    text_init(&body, bytes, HTTP_GET_BYTES_MAX);
    CURLcode code = transfer(url, q, &body, &status, why);
    enum status st = status_of(code);
    if (st == ST_OK) {
        *ret_answer = (struct http_answer){(int)status, text_span(&body), bytes};
        return ST_OK;
    }
    snprintf(ret_why, HTTP_GET_WHY_BYTES, "%s%s",
             st == ST_TOO_LARGE ? "the answer is too long"
             : why[0] != '\0'   ? why
                                : curl_easy_strerror(code),
             code == CURLE_COULDNT_CONNECT ? ": is a Sluice running there?" : "");
    free(bytes);
    return st;
}

static enum status ask_at(const char *url, const char *path, const struct question *q,
                          struct http_answer *ret_answer, char *ret_why)
{
    CURLU *parsed = url_of(url, path);
    if (parsed == NULL) {
        snprintf(ret_why, HTTP_GET_WHY_BYTES, "'%s' is no address such as http://127.0.0.1:8080",
                 url);
        return ST_INVALID;
    }
    enum status st = ask(parsed, q, ret_answer, ret_why);
    curl_url_cleanup(parsed);
    return st;
}

enum status http_get(const char *url, const char *path, struct span token,
                     struct http_answer *ret_answer, char *ret_why)
{
    const struct question q = {token, NULL};
    return ask_at(url, path, &q, ret_answer, ret_why);
}

enum status http_post(const char *url, const char *path, struct span token, struct span json,
                      struct http_answer *ret_answer, char *ret_why)
{
    const struct question q = {token, &json};
    return ask_at(url, path, &q, ret_answer, ret_why);
}

void http_answer_fini(struct http_answer *a)
{
    free(a->bytes);
    *a = (struct http_answer){0};
}
