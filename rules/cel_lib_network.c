/*
 * Addresses and networks: ip(), cidr(), and what they can be asked.
 *
 * Addresses are those that Go's net/netip takes, without a zone; leading zeros are refused. IPv4
 * mapped into IPv6 is refused when it is written with dots (::ffff:192.0.2.1) or as a network; in
 * hex digits (::ffff:c000:201) it is the IPv4 address, as the conformance suite has it.
 *
 * Source: cel-go, ext/network.go; RFC 4291, section 2; RFC 4632; RFC 5952.
 */
#include "rules/cel_library.h"

#include "rules/cel_networks.h"

#include <arpa/inet.h>

#define NO_IP "this is no IP address"
#define NO_CIDR "this is no network, as 10.0.0.0/8 and 2001:db8::/32 are"

/* "2001:db8:ffff:ffff:ffff:ffff:255.255.255.255/128" is longer than any. */
enum { TEXT_MAX = INET6_ADDRSTRLEN + 4 };

/* ---- from text ------------------------------------------------------------------------------ */

typedef bool parse_fn(struct span text, struct cel_value *ret_value);

static struct cel_value value_of(const struct cel_address *a, enum cel_kind kind)
{
    struct cel_value v = {.kind = (uint8_t)kind, .code = a->bytes[0]};
    memcpy(v.ip, a->bytes + 1, sizeof v.ip);
    return v;
}

static bool has(struct span text, char c)
{
    return text.len > 0 && memchr(text.base, c, text.len) != NULL;
}

static bool parse_ip(struct span text, struct cel_value *ret_ip)
{
    struct cel_address a;
    if (!cel_address_parse(text, &a) || (a.bytes[0] == 4 && has(text, ':') && has(text, '.')))
        return false;
    *ret_ip = value_of(&a, CEL_IP);
    return true;
}

static int width(struct cel_value v)
{
    return v.code == 4 ? 32 : 128;
}

/* ADDRESS "/" BITS; bits behind the prefix may be set: 10.1.2.3/8. */
static bool parse_cidr(struct span text, struct cel_value *ret_cidr)
{
    struct cel_address a;
    int bits;
    if (!has(text, '/') || !cel_prefix_parse(text, &a, &bits))
        return false;
    *ret_cidr = value_of(&a, CEL_CIDR);
    ret_cidr->nanos = bits;
    return true;
}

/* A constant is read once, at load. Without room for that it is read in each run. */
static const char *prepare(struct span text, struct arena *arena, struct cel_value *ret_value,
                           parse_fn *parse, const char *wrong)
{
    struct cel_value v;
    if (!parse(text, &v))
        return wrong;
    struct cel_value *kept = arena_try(arena, sizeof *kept);
    if (kept != NULL) {
        *kept = v;
        *ret_value = (struct cel_value){.kind = CEL_HANDLE, .handle = kept};
    }
    return NULL;
}

static const char *prepare_ip(struct span text, struct arena *arena, struct cel_value *ret_value)
{
    return prepare(text, arena, ret_value, parse_ip, NO_IP);
}

static const char *prepare_cidr(struct span text, struct arena *arena, struct cel_value *ret_value)
{
    return prepare(text, arena, ret_value, parse_cidr, NO_CIDR);
}

/* An argument that is given as a value, prepared, or as text. */
static struct cel_value taken(struct cel_value arg, parse_fn *parse, const char *wrong)
{
    struct cel_value v = arg;
    if (arg.kind == CEL_HANDLE)
        v = *(const struct cel_value *)arg.handle;
    else if (arg.kind == CEL_STRING && !parse(arg.text, &v))
        v = cel_error(CEL_ERR_ARGUMENT, span_str(wrong));
    return v;
}

static struct cel_value ip_of(struct cel_value arg)
{
    return taken(arg, parse_ip, "(" NO_IP ")");
}

static struct cel_value cidr_of(struct cel_value arg)
{
    return taken(arg, parse_cidr, "(" NO_CIDR ")");
}

static struct cel_value ip(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return ip_of(args[0]);
}

static struct cel_value cidr(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return cidr_of(args[0]);
}

static struct cel_value is_ip(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct cel_value v;
    UNUSED_ARGS;
    return cel_bool(parse_ip(args[0].text, &v));
}

static struct cel_value is_cidr(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct cel_value v;
    UNUSED_ARGS;
    return cel_bool(parse_cidr(args[0].text, &v));
}

/* ---- as text -------------------------------------------------------------------------------- */

static struct cel_value to_string(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct text out;
    char *mem = cel_room(cx, TEXT_MAX);
    (void)n_args;
    if (mem == NULL)
        return cel_fault(CEL_ERR_LIMIT);
    text_init(&out, mem, TEXT_MAX);
    cel_value_write(args[0], &out);
    return cel_string(text_span(&out));
}

/* Is the text the one that RFC 5952 asks for? */
static struct cel_value is_canonical(struct cel_context *cx, const struct cel_value *args,
                                     int n_args)
{
    char buf[TEXT_MAX];
    struct text out;
    struct cel_value v = ip_of(args[0]);
    UNUSED_ARGS;
    if (cel_is_error(v))
        return v;
    text_init(&out, buf, sizeof buf);
    cel_value_write(v, &out);
    return cel_bool(span_eq(text_span(&out), args[0].text));
}

/* ---- networks ------------------------------------------------------------------------------- */

/* Are the first `bits` of both the same? */
static bool same_prefix(const uint8_t *a, const uint8_t *b, int bits)
{
    int bytes = bits / 8, rest = bits % 8;
    return memcmp(a, b, (size_t)bytes) == 0 &&
           (rest == 0 || (a[bytes] ^ b[bytes]) >> (8 - rest) == 0);
}

static bool contains(struct cel_value network, struct cel_value ip_or_cidr)
{
    return network.code == ip_or_cidr.code && same_prefix(network.ip, ip_or_cidr.ip, network.nanos);
}

static struct cel_value contains_ip(struct cel_context *cx, const struct cel_value *args,
                                    int n_args)
{
    struct cel_value v = ip_of(args[1]);
    UNUSED_ARGS;
    return cel_is_error(v) ? v : cel_bool(contains(args[0], v));
}

static struct cel_value contains_cidr(struct cel_context *cx, const struct cel_value *args,
                                      int n_args)
{
    struct cel_value v = cidr_of(args[1]);
    UNUSED_ARGS;
    return cel_is_error(v) ? v : cel_bool(args[0].nanos <= v.nanos && contains(args[0], v));
}

static struct cel_value address_of(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct cel_value v = args[0];
    UNUSED_ARGS;
    v.kind = CEL_IP;
    v.nanos = 0;
    return v;
}

/* The network with the bits behind its prefix cleared. */
static struct cel_value cleared(struct cel_value v)
{
    for (int i = 0; i < (int)sizeof v.ip; i++) {
        int kept = v.nanos - 8 * i;
        if (kept < 8)
            v.ip[i] &= (uint8_t)(kept > 0 ? 0xff << (8 - kept) : 0);
    }
    return v;
}

static struct cel_value masked(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return cleared(args[0]);
}

static struct cel_value is_mask(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return cel_bool(cel_equal(args[0], cleared(args[0]), NULL));
}

static struct cel_value prefix_length(struct cel_context *cx, const struct cel_value *args,
                                      int n_args)
{
    UNUSED_ARGS;
    return cel_int(args[0].nanos);
}

/* ---- kinds of addresses --------------------------------------------------------------------- */

static struct cel_value family(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return cel_int(args[0].code);
}

/* Is it of the family `code`, and in its network? */
static bool within(struct cel_value v, int code, const uint8_t network[16], int bits)
{
    return v.code == code && same_prefix(v.ip, network, bits);
}

static bool unspecified(struct cel_value v)
{
    static const uint8_t zero[16];
    return same_prefix(v.ip, zero, width(v));
}

static bool loopback(struct cel_value v)
{
    static const uint8_t four[16] = {127}, six[16] = {[15] = 1};
    return within(v, 4, four, 8) || within(v, 6, six, 128);
}

static bool link_local(struct cel_value v)
{
    static const uint8_t four[16] = {169, 254}, six[16] = {0xfe, 0x80};
    return within(v, 4, four, 16) || within(v, 6, six, 10);
}

/* ff02::/16 with any flags: ffX2. */
static bool link_local_multicast(struct cel_value v)
{
    static const uint8_t four[16] = {224};
    return within(v, 4, four, 24) || (v.code == 6 && v.ip[0] == 0xff && (v.ip[1] & 0x0f) == 2);
}

static bool multicast(struct cel_value v)
{
    static const uint8_t four[16] = {224}, six[16] = {0xff};
    return within(v, 4, four, 4) || within(v, 6, six, 8);
}

static bool broadcast(struct cel_value v)
{
    static const uint8_t four[16] = {255, 255, 255, 255};
    return within(v, 4, four, 32);
}

/* Private networks are in it, as in Go. */
static bool global_unicast(struct cel_value v)
{
    return !unspecified(v) && !broadcast(v) && !loopback(v) && !multicast(v) && !link_local(v);
}

#define TEST_OF(name, test)                                                                        \
    static struct cel_value name(struct cel_context *cx, const struct cel_value *args, int n_args) \
    {                                                                                              \
        UNUSED_ARGS;                                                                               \
        return cel_bool(test(args[0]));                                                            \
    }

TEST_OF(is_unspecified, unspecified)
TEST_OF(is_loopback, loopback)
TEST_OF(is_global_unicast, global_unicast)
TEST_OF(is_link_local_multicast, link_local_multicast)
TEST_OF(is_link_local_unicast, link_local)

/* ---- the table ------------------------------------------------------------------------------ */

/* FUNCTION or METHOD, whose last argument is read at load when it is a constant. */
#define READ_AT_LOAD(method, prepared, text, function, type, ...)                         \
    {                                                                                     \
        .name = (text), .is_method = (method), .n_args = COUNT(__VA_ARGS__),              \
        .args = {__VA_ARGS__}, .result = (type), .run = (function), .prepare = (prepared) \
    }

static const struct cel_func functions[] = {
    READ_AT_LOAD(false, prepare_ip, "ip", ip, IP, STRING),
    READ_AT_LOAD(false, prepare_cidr, "cidr", cidr, CIDR, STRING),
    FUNCTION("isIP", is_ip, BOOL, STRING),
    FUNCTION("isCIDR", is_cidr, BOOL, STRING),
    FUNCTION("ip.isCanonical", is_canonical, BOOL, STRING),
    FUNCTION("string", to_string, STRING, IP),
    FUNCTION("string", to_string, STRING, CIDR),
    METHOD("family", family, INT, IP),
    METHOD("isUnspecified", is_unspecified, BOOL, IP),
    METHOD("isLoopback", is_loopback, BOOL, IP),
    METHOD("isGlobalUnicast", is_global_unicast, BOOL, IP),
    METHOD("isLinkLocalMulticast", is_link_local_multicast, BOOL, IP),
    METHOD("isLinkLocalUnicast", is_link_local_unicast, BOOL, IP),
    METHOD("containsIP", contains_ip, BOOL, CIDR, IP),
    READ_AT_LOAD(true, prepare_ip, "containsIP", contains_ip, BOOL, CIDR, STRING),
    METHOD("containsCIDR", contains_cidr, BOOL, CIDR, CIDR),
    READ_AT_LOAD(true, prepare_cidr, "containsCIDR", contains_cidr, BOOL, CIDR, STRING),
    METHOD("ip", address_of, IP, CIDR),
    METHOD("masked", masked, CIDR, CIDR),
    METHOD("isMask", is_mask, BOOL, CIDR),
    METHOD("prefixLength", prefix_length, INT, CIDR),
};

LIBRARY(cel_lib_network, functions);
