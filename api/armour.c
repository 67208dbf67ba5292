#include "api/armour.h"

#include <strings.h>

static bool is_name(struct span s, const char *name)
{
    return s.len == strlen(name) && strncasecmp(s.base, name, s.len) == 0;
}

static bool starts_with_name(struct span s, const char *name)
{
    size_t n = strlen(name);
    return s.len > n && strncasecmp(s.base, name, n) == 0;
}

/* RFC 9110, 5.6.2: token = 1*tchar */
static bool is_token(struct span s)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < s.len; i++) {
        char c = s.base[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && (c == '\0' || strchr(marks, c) == NULL))
            return false;
    }
    return s.len > 0;
}

static bool has_control(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.base[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return true;
    }
    return false;
}

/* Digits to a number that stops at UINT64_MAX; false: something else than digits. */
static bool read_digits(struct span s, uint64_t *ret_v)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.base[i] < '0' || s.base[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.base[i] - '0');
        v = v > (UINT64_MAX - digit) / 10 ? UINT64_MAX : v * 10 + digit;
    }
    *ret_v = v;
    return s.len > 0;
}

static const char *check_header(struct armour *a, struct span name, struct span value)
{
    if (!is_token(name))
        return "a header's name is not a token";
    if (has_control(value))
        return "a header's value holds a control character";
    if (starts_with_name(name, "Content-Length") || starts_with_name(name, "Transfer-Encoding"))
        return "a header is folded or misspelt";
    if (is_name(name, "Host") && a->hosts++ > 0)
        return "more than one Host";
    if (is_name(name, "Content-Length")) {
        if (a->content_lengths++ > 0)
            return "more than one Content-Length";
        if (!read_digits(value, &a->content_length))
            return "Content-Length is not a number";
    }
    if (is_name(name, "Transfer-Encoding")) {
        if (a->transfer_encodings++ > 0 || !is_name(value, "chunked"))
            return "Transfer-Encoding is not a lone chunked";
    }
    if (is_name(name, "Expect"))
        *(is_name(value, "100-continue") ? &a->expects_continue : &a->expects_else) = true;
    return NULL;
}

void armour_header(struct armour *a, struct span name, struct span value)
{
    const char *fault = check_header(a, name, value);
    if (a->fault == NULL)
        a->fault = fault;
}

const char *armour_verdict(struct armour *a, bool http_1_0)
{
    if (a->fault == NULL && a->transfer_encodings > 0 && a->content_lengths > 0)
        a->fault = "Transfer-Encoding beside Content-Length";
    if (a->fault == NULL && a->transfer_encodings > 0 && http_1_0)
        a->fault = "Transfer-Encoding in HTTP/1.0";
    return a->fault;
}
