#include "rules/cel_zone.h"

#include "rules/cel_zone_rule.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#define ZONE_FOLDER "/usr/share/zoneinfo/"

enum {
    ZONE_FILE_MAX = 64 << 10, /* the largest of the database has 4 KiB */
    ZONE_NAME_MAX = 64,       /* America/Argentina/ComodRivadavia has 32 */
};

struct zone {
    int32_t fixed_s; /* before the first transition, or where there is none */
    int n;
    const int64_t *at_s;     /* [n] ascending: from here on ... */
    const int32_t *offset_s; /* [n] ... this is the offset */
    bool has_rule;           /* it holds from the last transition on; else its offset stays */
    struct cel_zone_rule rule;
};

/* UTC, or [+-]HH:MM, or HH:MM */
static bool parse_offset(struct span s, int32_t *ret_offset_s)
{
    int sign = 1;
    if (span_is(s, "UTC") || span_is(s, "Z")) {
        *ret_offset_s = 0;
        return true;
    }
    if (s.len == 6 && (s.base[0] == '+' || s.base[0] == '-')) {
        sign = s.base[0] == '-' ? -1 : 1;
        s = span_of(s.base + 1, 5);
    }
    if (s.len != 5 || s.base[2] != ':')
        return false;
    for (int i = 0; i < 5; i++) {
        if (i != 2 && (s.base[i] < '0' || s.base[i] > '9'))
            return false;
    }
    int h = (s.base[0] - '0') * 10 + s.base[1] - '0', m = (s.base[3] - '0') * 10 + s.base[4] - '0';
    *ret_offset_s = sign * (h * 3600 + m * 60);
    return h < 24 && m < 60;
}

/* Names are paths below the folder: no way out of it. */
static bool is_name(struct span s)
{
    if (s.len == 0 || s.len > ZONE_NAME_MAX || s.base[0] == '/')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.base[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && strchr("/_+-", c) == NULL)
            return false;
    }
    return true;
}

static size_t read_file(struct span name, unsigned char *buf)
{
    char path[sizeof ZONE_FOLDER + ZONE_NAME_MAX];
    snprintf(path, sizeof path, ZONE_FOLDER "%.*s", SPAN_ARG(name));
    FILE *in = fopen(path, "rb");
    if (in == NULL)
        return 0;
    size_t n = fread(buf, 1, ZONE_FILE_MAX, in);
    fclose(in);
    return n;
}

static uint32_t be32(const unsigned char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return be32toh(v);
}

static int64_t be64_signed(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return (int64_t)be64toh(v);
}

/* The counts of a header, in the order of RFC 8536, section 3.1. */
struct counts {
    size_t isut, isstd, leap, time, type, chars;
};

enum { HEADER_BYTES = 44, TYPE_BYTES = 6 };

static bool header(const unsigned char *p, const unsigned char *end, struct counts *ret_counts)
{
    if (end - p < HEADER_BYTES || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
        return false;
    *ret_counts = (struct counts){be32(p + 20), be32(p + 24), be32(p + 28),
                                  be32(p + 32), be32(p + 36), be32(p + 40)};
    const struct counts *c = ret_counts;
    return c->time < ZONE_FILE_MAX && c->type < 256 && c->type > 0 && c->chars < ZONE_FILE_MAX &&
           c->leap < ZONE_FILE_MAX && c->isstd < ZONE_FILE_MAX && c->isut < ZONE_FILE_MAX;
}

/* The text between two line ends; an empty one is no rule. */
static bool footer(const unsigned char *p, const unsigned char *end, struct zone *zone)
{
    if (p == end || *p++ != '\n')
        return false;
    const unsigned char *nl = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
    zone->has_rule = nl != p;
    return nl != NULL &&
           (nl == p || cel_zone_rule_parse(span_of(p, (size_t)(nl - p)), &zone->rule));
}

/* Version 2 files hold everything twice: first with 32-bit times, which we pass over. */
static bool parse_zone(const unsigned char *p, const unsigned char *end, struct arena *arena,
                       struct zone *ret_zone)
{
    struct counts c;
    if (!header(p, end, &c))
        return false;
    size_t skip =
        HEADER_BYTES + c.time * 5 + c.type * TYPE_BYTES + c.chars + c.leap * 8 + c.isstd + c.isut;
    if ((size_t)(end - p) < skip || !header(p += skip, end, &c))
        return false;
    p += HEADER_BYTES;
    size_t body = c.time * 9 + c.type * TYPE_BYTES + c.chars + c.leap * 12 + c.isstd + c.isut;
    if ((size_t)(end - p) < body)
        return false;
    const unsigned char *index = p + c.time * 8, *types = index + c.time;
    int64_t *at_s = arena_must(arena, (c.time + 1) * sizeof *at_s);
    int32_t *offset_s = arena_must(arena, (c.time + 1) * sizeof *offset_s);
    for (size_t i = 0; i < c.time; i++) {
        if (index[i] >= c.type)
            return false;
        at_s[i] = be64_signed(p + i * 8);
        offset_s[i] = (int32_t)be32(types + index[i] * TYPE_BYTES);
    }
    *ret_zone = (struct zone){
        .fixed_s = (int32_t)be32(types), .n = (int)c.time, .at_s = at_s, .offset_s = offset_s};
    return footer(p + body, end, ret_zone);
}

bool cel_zone_parse(struct span file, struct arena *arena, struct cel_value *ret_zone)
{
    const unsigned char *p = (const unsigned char *)file.base;
    struct zone *zone = arena_must(arena, sizeof *zone);
    if (!parse_zone(p, p + file.len, arena, zone))
        return false;
    *ret_zone = (struct cel_value){.kind = CEL_HANDLE, .handle = zone};
    return true;
}

static bool load_zone(struct span name, struct arena *arena, struct cel_value *ret_zone)
{
    unsigned char *buf = malloc(ZONE_FILE_MAX);
    if (buf == NULL)
        return false;
    size_t n = is_name(name) ? read_file(name, buf) : 0;
    bool good = n > 0 && cel_zone_parse(span_of(buf, n), arena, ret_zone);
    free(buf);
    return good;
}

static const char no_zone[] =
    "this is no time zone: write \"UTC\", \"+02:00\", or a name as \"Europe/Berlin\"";

const char *cel_zone_prepare(struct span text, struct arena *arena, struct cel_value *ret_value)
{
    int32_t offset_s;
    if (!parse_offset(text, &offset_s))
        return load_zone(text, arena, ret_value) ? NULL : no_zone;
    struct zone *zone = arena_must(arena, sizeof *zone);
    *zone = (struct zone){.fixed_s = offset_s};
    *ret_value = (struct cel_value){.kind = CEL_HANDLE, .handle = zone};
    return NULL;
}

static int32_t zone_at(const struct zone *z, int64_t unix_s)
{
    if (z->has_rule && (z->n == 0 || unix_s >= z->at_s[z->n - 1]))
        return cel_zone_rule_offset(&z->rule, unix_s);
    int lo = 0, hi = z->n; /* the first transition after unix_s */
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (z->at_s[mid] <= unix_s)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo == 0 ? z->fixed_s : z->offset_s[lo - 1];
}

bool cel_zone_offset(const struct cel_value *zone, int64_t unix_s, int32_t *ret_offset_s)
{
    if (zone->kind == CEL_STRING)
        return parse_offset(zone->text, ret_offset_s);
    *ret_offset_s = zone_at(zone->handle, unix_s);
    return true;
}
