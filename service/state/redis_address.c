#include "service/state/redis_address.h"

#include "service/base/decode.h"

static bool copy(struct span s, char *out, size_t cap)
{
    if (s.len >= cap)
        return false;
    memcpy(out, s.base, s.len);
    out[s.len] = '\0';
    return true;
}

/* Percent-decoded, to a text with a NUL behind it and none in it. */
static bool copy_decoded(struct span s, char *out, size_t cap)
{
    struct text t;
    text_init(&t, out, cap - 1);
    if (!decode_percent(s, &t) || memchr(out, '\0', t.len) != NULL)
        return false;
    out[t.len] = '\0';
    return true;
}

static bool to_int(struct span s, uint64_t max, int *ret)
{
    uint64_t v;
    if (s.len > 5 || !decode_u64(s, 10, &v) || v > max)
        return false;
    *ret = (int)v;
    return true;
}

/* Cuts `s` at the last (or first) `c`; false: it is not there. */
static bool cut(struct span s, char c, bool last, struct span *ret_before, struct span *ret_after)
{
    const char *at = s.len == 0 ? NULL
                     : last     ? memrchr(s.base, c, s.len)
                                : memchr(s.base, c, s.len);
    if (at == NULL)
        return false;
    *ret_before = span_of(s.base, (size_t)(at - s.base));
    *ret_after = span_of(at + 1, s.len - ret_before->len - 1);
    return true;
}

static const char *parse_credentials(struct span s, struct redis_address *a)
{
    struct span user, password;
    if (!cut(s, ':', false, &user, &password))
        return "what stands before @ is user:password, or :password";
    if (!copy_decoded(user, a->user, sizeof a->user) ||
        !copy_decoded(password, a->password, sizeof a->password))
        return "the user or the password is too long, or its %-encoding is wrong";
    return NULL;
}

static const char *parse_host(struct span s, struct redis_address *a)
{
    struct span host = s, port = {NULL, 0}, rest = {NULL, 0};
    if (s.len > 0 && s.base[0] == '[') { /* IPv6 */
        if (!cut(s, ']', false, &host, &rest))
            return "an IPv6 address ends with ]";
        host = span_of(host.base + 1, host.len - 1);
        if (rest.len > 0 && rest.base[0] != ':')
            return "behind ] stands :port, or nothing";
        port = rest.len > 0 ? span_of(rest.base + 1, rest.len - 1) : port;
        if (rest.len == 1)
            return "the port is missing behind the colon";
    } else if (cut(s, ':', true, &host, &port)) {
        if (port.len == 0)
            return "the port is missing behind the colon";
        if (memchr(host.base, ':', host.len) != NULL)
            return "an IPv6 address stands in brackets: redis://[::1]:6379";
    }
    if (host.len == 0 || !copy(host, a->host, sizeof a->host))
        return "the host is missing or too long";
    if (port.len > 0 && (!to_int(port, 65535, &a->port) || a->port == 0))
        return "the port is 1 to 65535";
    return NULL;
}

static const char *parse_tcp(struct span s, struct redis_address *a)
{
    struct span before, after, db;
    const char *why = NULL;
    a->port = 6379;
    if (cut(s, '@', true, &before, &after)) {
        why = parse_credentials(before, a);
        s = after;
    }
    if (why == NULL && cut(s, '/', false, &before, &db)) {
        if (db.len > 0 && !to_int(db, 99999, &a->db))
            why = "the database behind / is a number";
        s = before;
    }
    return why != NULL ? why : parse_host(s, a);
}

static const char *parse_unix(struct span s, struct redis_address *a)
{
    struct span before, after;
    const char *why = NULL;
    a->is_unix = true;
    if (cut(s, '@', true, &before, &after)) {
        why = parse_credentials(before, a);
        s = after;
    }
    if (why == NULL && cut(s, '?', false, &before, &after)) {
        struct span name, db;
        if (!cut(after, '=', false, &name, &db) || !span_is(name, "db") ||
            !to_int(db, 99999, &a->db))
            why = "behind ? stands db=N";
        s = before;
    }
    if (why == NULL && (s.len < 2 || s.base[0] != '/'))
        why = "the socket's path is absolute: redis+unix:///run/redis/redis.sock";
    if (why == NULL && (s.len >= 108 || !copy(s, a->host, sizeof a->host)))
        why = "the socket's path is longer than 107 bytes";
    return why;
}

static bool skip(struct span *s, const char *prefix)
{
    struct span p = span_str(prefix);
    if (!span_starts(*s, p))
        return false;
    *s = span_of(s->base + p.len, s->len - p.len);
    return true;
}

enum status redis_address_parse(struct span url, struct redis_address *ret_address,
                                const char **ret_why)
{
    struct redis_address a = {.port = 0};
    const char *why;
    if (skip(&url, "rediss://")) {
        *ret_why =
            "rediss:// needs a hiredis with TLS, and this one (0.14) has none: connect through "
            "a local TLS proxy such as stunnel, or use redis:// or redis+unix://";
        return ST_UNSUPPORTED;
    }
    if (skip(&url, "redis+unix://") || skip(&url, "unix://"))
        why = parse_unix(url, &a);
    else if (skip(&url, "redis://"))
        why = parse_tcp(url, &a);
    else
        why = "an address starts with redis:// or redis+unix://";
    if (why != NULL) {
        *ret_why = why;
        return ST_INVALID;
    }
    *ret_address = a;
    return ST_OK;
}
