#include "service/cli/http_get.h"

#include "service/base/check.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { NAME_BYTES = 256, PORT_BYTES = 8, REQUEST_BYTES = 8192 };

struct address {
    char host[NAME_BYTES]; /* without brackets */
    char port[PORT_BYTES];
};

static bool copy(char *to, size_t room, const char *from, size_t n)
{
    if (n == 0 || n >= room)
        return false;
    memcpy(to, from, n);
    to[n] = '\0';
    return true;
}

static bool parse_url(const char *url, struct address *ret_address)
{
    static const char scheme[] = "http://";
    if (strncmp(url, scheme, sizeof scheme - 1) != 0)
        return false;
    const char *host = url + sizeof scheme - 1;
    bool is_bracketed = *host == '[';
    host += is_bracketed;
    size_t n = strcspn(host, is_bracketed ? "]" : ":/");
    const char *rest = host + n;
    if (is_bracketed && *rest++ != ']')
        return false;
    const char *port = *rest == ':' ? rest + 1 : "80";
    size_t port_len = strspn(port, "0123456789");
    const char *end = *rest == ':' ? port + port_len : rest;
    return (*end == '\0' || strcmp(end, "/") == 0) &&
           copy(ret_address->host, NAME_BYTES, host, n) &&
           copy(ret_address->port, PORT_BYTES, port, port_len);
}

static int connect_one(const struct addrinfo *a)
{
    const struct timeval timeout = {.tv_sec = HTTP_GET_TIMEOUT_S};
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
        return fd;
    close(fd);
    return -1;
}

static enum status open_connection(const struct address *address, int *ret_fd, char *ret_why)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int failed = getaddrinfo(address->host, address->port, &hints, &found);
    if (failed != 0) {
        snprintf(ret_why, HTTP_GET_WHY_BYTES, "%s: %s", address->host, gai_strerror(failed));
        return ST_UNAVAILABLE;
    }
    int fd = -1;
    for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next)
        fd = connect_one(a);
    freeaddrinfo(found);
    if (fd < 0) {
        snprintf(ret_why, HTTP_GET_WHY_BYTES, "nobody answers at %s, port %s: %s", address->host,
                 address->port, strerror(errno));
        return ST_UNAVAILABLE;
    }
    *ret_fd = fd;
    return ST_OK;
}

/* HTTP/1.0: the answer ends with the connection. */
static enum status ask(int fd, const struct address *address, const char *path, struct span token,
                       char *ret_why)
{
    char request[REQUEST_BYTES];
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.0\r\nHost: %s\r\nAccept: application/json\r\n%s%.*s%s\r\n",
                     path, address->host, token.len > 0 ? "Authorization: Bearer " : "",
                     SPAN_ARG(token), token.len > 0 ? "\r\n" : "");
    CHECK(n > 0 && (size_t)n < sizeof request);
    if (send(fd, request, (size_t)n, MSG_NOSIGNAL) == n)
        return ST_OK;
    snprintf(ret_why, HTTP_GET_WHY_BYTES, "cannot ask: %s", strerror(errno));
    return ST_UNAVAILABLE;
}

static enum status read_all(int fd, char *bytes, size_t *ret_len, char *ret_why)
{
    size_t len = 0;
    ssize_t n;
    while ((n = recv(fd, bytes + len, HTTP_GET_BYTES_MAX - len, 0)) > 0)
        len += (size_t)n;
    if (n == 0 && len < HTTP_GET_BYTES_MAX) {
        *ret_len = len;
        return ST_OK;
    }
    snprintf(ret_why, HTTP_GET_WHY_BYTES, n < 0 ? "the answer does not end: %s" : "%s",
             n < 0 ? strerror(errno) : "the answer is too long");
    return n < 0 ? ST_UNAVAILABLE : ST_TOO_LARGE;
}

/* "HTTP/1.1 200 OK", headers, an empty line, the body. */
static enum status take_apart(struct http_answer *a, size_t len, char *ret_why)
{
    static const char end[] = "\r\n\r\n";
    a->bytes[len] = '\0';
    char *body = strstr(a->bytes, end);
    if (body == NULL || sscanf(a->bytes, "HTTP/1.%*1[01] %3d", &a->status) != 1) {
        snprintf(ret_why, HTTP_GET_WHY_BYTES, "what answers there is no Sluice");
        return ST_CORRUPT;
    }
    body += sizeof end - 1;
    a->body = span_of(body, len - (size_t)(body - a->bytes));
    return ST_OK;
}

enum status http_get(const char *url, const char *path, struct span token,
                     struct http_answer *ret_answer, char *ret_why)
{
    struct address address;
    struct http_answer a = {0};
    size_t len;
    int fd;
    if (!parse_url(url, &address)) {
        snprintf(ret_why, HTTP_GET_WHY_BYTES, "'%s' is no address such as http://127.0.0.1:8080",
                 url);
        return ST_INVALID;
    }
    enum status st = open_connection(&address, &fd, ret_why);
    if (st != ST_OK)
        return st;
    a.bytes = malloc(HTTP_GET_BYTES_MAX + 1);
    CHECK(a.bytes != NULL);
    st = ask(fd, &address, path, token, ret_why);
    if (st == ST_OK)
        st = read_all(fd, a.bytes, &len, ret_why);
    if (st == ST_OK)
        st = take_apart(&a, len, ret_why);
    close(fd);
    if (st == ST_OK)
        *ret_answer = a;
    else
        http_answer_fini(&a);
    return st;
}

void http_answer_fini(struct http_answer *a)
{
    free(a->bytes);
    *a = (struct http_answer){0};
}
