/*
 * What rules on payments ask besides: distances, check digits, hours of the week, names that are
 * nearly the same, parts of an e-mail address, networks. rules/README.md lists them with sources.
 */
#include "rules/cel_library.h"

#include "rules/cel_date.h"
#include "rules/cel_networks.h"
#include "rules/cel_utf8.h"
#include "rules/cel_zone.h"
#include "service/base/geo.h"
#include "service/txn/card.h"

#include <math.h>

enum { BYTES_A_STEP = 64 }; /* as in cel_lib_strings.c */

static struct cel_value wrong_argument(const char *what)
{
    return cel_error(CEL_ERR_ARGUMENT, span_str(what));
}

/* ---- places --------------------------------------------------------------------------------- */

/* Latitude and longitude, degrees. */
struct place {
    double lat, lon;
};

static struct cel_value distance(struct place a, struct place b)
{
    const double radian = M_PI / 180;
    bool on_earth = fabs(a.lat) <= 90 && fabs(b.lat) <= 90 && fabs(a.lon) <= 180 &&
                    fabs(b.lon) <= 180; /* NaN is not */
    if (!on_earth)
        return cel_error(CEL_ERR_RANGE, span_str("latitude or longitude"));
    return cel_double(
        geo_distance_km(a.lat * radian, a.lon * radian, b.lat * radian, b.lon * radian));
}

static bool degrees(struct cel_context *cx, const struct cel_map *map, const char *name,
                    double *ret_degrees)
{
    const struct cel_value *v = cel_map_get(map, cel_string(span_str(name)), &cx->steps);
    if (v == NULL || (v->kind != CEL_DOUBLE && v->kind != CEL_INT))
        return false;
    *ret_degrees = v->kind == CEL_INT ? (double)v->i64 : v->f64;
    return true;
}

static bool place_of(struct cel_context *cx, const struct cel_map *map, struct place *ret_place)
{
    return degrees(cx, map, "lat", &ret_place->lat) && degrees(cx, map, "lon", &ret_place->lon);
}

/* geo.distance_km(a, b) */
static struct cel_value distance_of_maps(struct cel_context *cx, const struct cel_value *args,
                                         int n_args)
{
    struct place a, b;
    (void)n_args;
    if (!place_of(cx, args[0].map, &a) || !place_of(cx, args[1].map, &b))
        return wrong_argument("a place has numbers lat and lon");
    return distance(a, b);
}

/* geo.distance_km(lat1, lon1, lat2, lon2) */
static struct cel_value distance_of_degrees(struct cel_context *cx, const struct cel_value *args,
                                            int n_args)
{
    UNUSED_ARGS;
    return distance((struct place){args[0].f64, args[1].f64},
                    (struct place){args[2].f64, args[3].f64});
}

/* ---- check digits and hours ----------------------------------------------------------------- */

static struct cel_value luhn(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    (void)n_args;
    cel_spend(cx, args[0].text.len / BYTES_A_STEP);
    return cel_bool(card_check_digit(args[0].text));
}

/* hour_of_week(time), hour_of_week(time, zone): Monday 00:00 to 00:59 is 0. */
static struct cel_value hour_of_week(struct cel_context *cx, const struct cel_value *args,
                                     int n_args)
{
    int32_t offset_s = 0;
    (void)cx;
    if (n_args > 1 && !cel_zone_offset(&args[1], args[0].i64, &offset_s))
        return wrong_argument("time zone");
    int64_t s = args[0].i64 + offset_s, days = floor_div(s, DAY_S);
    int from_monday = (cel_date_weekday(days) + 6) % 7;
    return cel_int(24 * from_monday + (s - days * DAY_S) / 3600);
}

/* ---- names that are nearly the same --------------------------------------------------------- */

/* Of each text so many code points are compared: 64 Ki comparisons at most, 50 us. */
enum { SIMILAR_MAX = 256, COMPARISONS_A_STEP = 16 };

struct letters {
    int n;
    int32_t code[SIMILAR_MAX];
    bool matched[SIMILAR_MAX];
};

static void letters_of(struct span s, struct letters *ret_letters)
{
    ret_letters->n = 0;
    memset(ret_letters->matched, 0, sizeof ret_letters->matched);
    for (size_t i = 0; i < s.len && ret_letters->n < SIMILAR_MAX;)
        ret_letters->code[ret_letters->n++] = cel_utf8_next(s, &i);
}

/* Pairs of equal letters at most `window` places apart, each letter in one pair. */
static int match_letters(struct letters *a, struct letters *b, int window)
{
    int matches = 0;
    for (int i = 0; i < a->n; i++) {
        int from = i > window ? i - window : 0, to = i + window + 1 < b->n ? i + window + 1 : b->n;
        for (int j = from; j < to; j++) {
            if (b->matched[j] || a->code[i] != b->code[j])
                continue;
            a->matched[i] = b->matched[j] = true;
            matches++;
            break;
        }
    }
    return matches;
}

/* Matched letters that stand in another order in `b`. */
static int out_of_order(const struct letters *a, const struct letters *b)
{
    int n = 0;
    for (int i = 0, j = 0; i < a->n; i++) {
        if (!a->matched[i])
            continue;
        while (!b->matched[j])
            j++;
        n += a->code[i] != b->code[j++];
    }
    return n;
}

static double jaro(struct letters *a, struct letters *b)
{
    int longer = a->n > b->n ? a->n : b->n;
    if (a->n == 0 || b->n == 0)
        return a->n == b->n;
    int matches = match_letters(a, b, longer > 3 ? longer / 2 - 1 : 0);
    if (matches == 0)
        return 0;
    int transpositions = out_of_order(a, b) / 2; /* whole pairs, as in strcmp95.c */
    double m = matches;
    return (m / a->n + m / b->n + (m - transpositions) / m) / 3;
}

/* What begins alike is more alike: 0.1 of what is missing for each of four letters. */
static double winkler(double jaro_of, const struct letters *a, const struct letters *b)
{
    int prefix = 0;
    while (prefix < 4 && prefix < a->n && prefix < b->n && a->code[prefix] == b->code[prefix])
        prefix++;
    return jaro_of > 0.7 ? jaro_of + prefix * 0.1 * (1 - jaro_of) : jaro_of;
}

/* similarity.jaro_winkler(a, b) */
static struct cel_value jaro_winkler(struct cel_context *cx, const struct cel_value *args,
                                     int n_args)
{
    struct letters a, b;
    (void)n_args;
    letters_of(args[0].text, &a);
    letters_of(args[1].text, &b);
    if (!cel_spend(cx, (size_t)(a.n * b.n) / COMPARISONS_A_STEP + 1))
        return cel_fault(CEL_ERR_LIMIT);
    return cel_double(winkler(jaro(&a, &b), &a, &b));
}

/* ---- e-mail addresses ----------------------------------------------------------------------- */

enum { EMAIL_MAX = 254, EMAIL_LOCAL_MAX = 64, EMAIL_LABEL_MAX = 63 }; /* RFC 5321, 4.5.3.1 */

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 5322's atext, and, by RFC 6531, what is not ASCII. */
static bool is_atext(char c)
{
    return is_alphanumeric(c) || (unsigned char)c >= 0x80 ||
           (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool is_host_char(char c)
{
    return is_alphanumeric(c) || c == '-' || (unsigned char)c >= 0x80;
}

/* A part between two dots of characters that `is_good` has. */
static bool is_part(struct span s, bool (*is_good)(char))
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_good(s.base[i]))
            return false;
    }
    return s.len > 0;
}

static bool is_label(struct span s)
{
    return is_part(s, is_host_char) && s.len <= EMAIL_LABEL_MAX && s.base[0] != '-' &&
           s.base[s.len - 1] != '-';
}

static bool is_atom(struct span s)
{
    return is_part(s, is_atext);
}

static bool all_parts(struct span s, bool (*is_good)(struct span))
{
    for (;;) {
        const char *dot = s.len > 0 ? memchr(s.base, '.', s.len) : NULL;
        size_t len = dot ? (size_t)(dot - s.base) : s.len;
        if (!is_good(span_of(s.base, len)))
            return false;
        if (dot == NULL)
            return true;
        s = span_of(dot + 1, s.len - len - 1);
    }
}

/* ATOM ("." ATOM)* "@" LABEL ("." LABEL)*: no quoted names, no [addresses], no comments. */
static bool split_email(struct span s, struct span *ret_local, struct span *ret_domain)
{
    const char *at = s.len > 0 && s.len <= EMAIL_MAX ? memchr(s.base, '@', s.len) : NULL;
    if (at == NULL)
        return false;
    *ret_local = span_of(s.base, (size_t)(at - s.base));
    *ret_domain = span_of(at + 1, s.len - ret_local->len - 1);
    return ret_local->len <= EMAIL_LOCAL_MAX && all_parts(*ret_local, is_atom) &&
           all_parts(*ret_domain, is_label);
}

static struct cel_value no_email(void)
{
    return wrong_argument("this is no e-mail address");
}

/* email.local(s) */
static struct cel_value email_local(struct cel_context *cx, const struct cel_value *args,
                                    int n_args)
{
    struct span local, domain;
    UNUSED_ARGS;
    return split_email(args[0].text, &local, &domain) ? cel_string(local) : no_email();
}

/* email.domain(s) */
static struct cel_value email_domain(struct cel_context *cx, const struct cel_value *args,
                                     int n_args)
{
    struct span local, domain;
    (void)n_args;
    if (!split_email(args[0].text, &local, &domain))
        return no_email();
    char *lower = cel_room(cx, domain.len);
    if (lower == NULL)
        return cel_fault(CEL_ERR_LIMIT);
    for (size_t i = 0; i < domain.len; i++) {
        char c = domain.base[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    return cel_string(span_of(lower, domain.len));
}

/* ---- networks ------------------------------------------------------------------------------- */

/* A list prepared at load. */
struct networks {
    size_t count;
    struct cel_network *all;
};

enum { NETWORKS_MAX = 1 << 20, STEPS_A_NETWORK = 20 }; /* as lists.h; 200 ns to read one */

static const char no_network[] = "this is no network, as \"10.0.0.0/8\" and \"2001:db8::/32\" are";

static const char *wrong_network(struct span text, struct arena *arena)
{
    char buf[128];
    struct text t;
    text_init(&t, buf, sizeof buf);
    text_printf(&t, "\"%.*s\" is no network, as \"10.0.0.0/8\" and \"2001:db8::/32\" are",
                SPAN_ARG(cel_utf8_cut(text, 48)));
    struct span kept = arena_try_copy(arena, text_span(&t));
    return kept.base ? kept.base : no_network;
}

static const char *prepare_networks(const struct cel_list *list, struct arena *arena,
                                    struct cel_value *ret_value, size_t *ret_wrong)
{
    struct networks *n = arena_try(arena, sizeof *n);
    struct cel_network *all =
        list->count <= NETWORKS_MAX ? arena_try(arena, list->count * sizeof *all) : NULL;
    if (n == NULL || all == NULL)
        return "too many networks";
    for (size_t i = 0; i < list->count; i++) {
        if (!cel_network_parse(list->items[i].text, &all[i])) {
            *ret_wrong = i;
            return wrong_network(list->items[i].text, arena);
        }
    }
    *n = (struct networks){.count = list->count, .all = all};
    cel_networks_sort(n->all, &n->count);
    *ret_value = (struct cel_value){.kind = CEL_HANDLE, .handle = n};
    return NULL;
}

/* In a list that was made while the rule runs. */
static struct cel_value in_list(struct cel_context *cx, const struct cel_address *address,
                                const struct cel_list *list)
{
    struct cel_network network;
    for (size_t i = 0; i < list->count; i++) {
        if (!cel_spend(cx, STEPS_A_NETWORK))
            return cel_fault(CEL_ERR_LIMIT);
        if (list->items[i].kind != CEL_STRING)
            return cel_fault(CEL_ERR_NO_OVERLOAD);
        if (!cel_network_parse(list->items[i].text, &network))
            return wrong_argument(no_network);
        if (cel_network_has(&network, address))
            return cel_bool(true);
    }
    return cel_bool(false);
}

/* In a list of the ruleset; one that is of no networks was refused at load, if anything was. */
static struct cel_value in_set(const struct cel_set *set, const struct cel_address *address)
{
    return set->has_address != NULL ? cel_bool(set->has_address(set, address))
                                    : wrong_argument(no_network);
}

/* ip.inNetworks(list) */
static struct cel_value in_networks(struct cel_context *cx, const struct cel_value *args,
                                    int n_args)
{
    struct cel_address address;
    (void)n_args;
    if (args[0].kind == CEL_IP)
        address = cel_address_of(args[0]);
    else if (!cel_address_parse(args[0].text, &address))
        return wrong_argument("this is no IP address");
    if (args[1].kind == CEL_LIST && args[1].list->set != NULL)
        return in_set(args[1].list->set, &address);
    if (args[1].kind != CEL_HANDLE)
        return in_list(cx, &address, args[1].list);
    const struct networks *n = args[1].handle;
    return cel_bool(cel_networks_have(n->all, n->count, &address));
}

#define IN_NETWORKS(type)                                                                \
    {                                                                                    \
        .name = "inNetworks", .is_method = true, .n_args = 2, .args = {(type), STRINGS}, \
        .result = BOOL, .run = in_networks, .prepare_list = prepare_networks             \
    }
#define PLACE &cel_type_map_string_double

static const struct cel_func fraud[] = {
    FUNCTION("geo.distance_km", distance_of_maps, DOUBLE, PLACE, PLACE),
    FUNCTION("geo.distance_km", distance_of_degrees, DOUBLE, DOUBLE, DOUBLE, DOUBLE, DOUBLE),
    FUNCTION("luhn", luhn, BOOL, STRING),
    FUNCTION("hour_of_week", hour_of_week, INT, TIME),
    {.name = "hour_of_week",
     .n_args = 2,
     .args = {TIME, STRING},
     .result = INT,
     .run = hour_of_week,
     .prepare = cel_zone_prepare},
    FUNCTION("similarity.jaro_winkler", jaro_winkler, DOUBLE, STRING, STRING),
    FUNCTION("email.domain", email_domain, STRING, STRING),
    FUNCTION("email.local", email_local, STRING, STRING),
    IN_NETWORKS(STRING),
    IN_NETWORKS(IP),
};

LIBRARY(cel_lib_fraud, fraud);
