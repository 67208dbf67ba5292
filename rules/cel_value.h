/*
 * cel_value.h -- a value of an expression: 24 bytes, passed by value.
 *
 *      0      1      2       4         8                      24
 *      | kind | code | is_int| nanos   | payload, 16 bytes    |
 *
 * Strings, bytes, lists and maps are views: their bytes live in the message, the program or the
 * arena of the run. Kind 0 is CEL_MISSING, so a zeroed row has every field missing.
 *
 * What CEL itself has not:
 *   CEL_MISSING  stands in a row only; reading it gives an error value "missing NAME".
 *   CEL_RANGE    an inexact number: the true one lies in [lo, hi]. A comparison that all pairs
 *                agree on is decided; + - * / give ranges, widened outward; whatever else meets
 *                one is an error value "inexact". Its static type is int or double.
 *   CEL_HANDLE   something prepared at load (a pattern, a time zone); no expression sees it.
 *
 * An error is a value: && and || may absorb it, everything else passes the first one on.
 *
 * Source: the CEL specification, "Values" and "Runtime Errors".
 */
#ifndef SLUICE_RULES_CEL_VALUE_H
#define SLUICE_RULES_CEL_VALUE_H

#include "service/base/arena.h"
#include "service/base/text.h"

#include <stdint.h>

enum cel_kind {
    CEL_MISSING, /* 0: a zeroed row is all missing */
    CEL_NULL,
    CEL_BOOL,
    CEL_INT,
    CEL_UINT,
    CEL_DOUBLE,
    CEL_STRING,
    CEL_BYTES,
    CEL_TIMESTAMP,
    CEL_DURATION,
    CEL_LIST,
    CEL_MAP,
    CEL_TYPE,
    CEL_OPTIONAL,
    CEL_IP,
    CEL_CIDR,
    CEL_RANGE,
    CEL_HANDLE,
    CEL_ERROR,
};

/* X(name, text): why there is no value. */
#define CEL_ERROR_TABLE(X)                     \
    X(CEL_ERR_MISSING, "missing")              \
    X(CEL_ERR_INEXACT, "inexact")              \
    X(CEL_ERR_NO_OVERLOAD, "no such overload") \
    X(CEL_ERR_NO_KEY, "no such key")           \
    X(CEL_ERR_INDEX, "index out of bounds")    \
    X(CEL_ERR_NO_VALUE, "no value")            \
    X(CEL_ERR_DIVIDE, "division by zero")      \
    X(CEL_ERR_OVERFLOW, "overflow")            \
    X(CEL_ERR_RANGE, "out of range")           \
    X(CEL_ERR_ARGUMENT, "invalid argument")    \
    X(CEL_ERR_REPEATED_KEY, "repeated key")    \
    X(CEL_ERR_UNKNOWN, "unknown name")         \
    X(CEL_ERR_LIMIT, "over the limit of steps or room")

enum cel_error_code {
#define X(name, text) name,
    CEL_ERROR_TABLE(X)
#undef X
};

struct cel_list;
struct cel_map;

struct cel_value {
    uint8_t kind;  /* enum cel_kind */
    uint8_t code;  /* CEL_ERROR: enum cel_error_code; CEL_IP, CEL_CIDR: 4 or 6 */
    bool is_int;   /* CEL_RANGE: lo_i64 and hi_i64 hold, else lo and hi */
    int32_t nanos; /* CEL_TIMESTAMP: 0 .. 999,999,999; CEL_CIDR: the prefix's length, bits */
    union {
        bool flag;        /* CEL_BOOL */
        int64_t i64;      /* CEL_INT; CEL_TIMESTAMP: seconds; CEL_DURATION: nanoseconds */
        uint64_t u64;     /* CEL_UINT */
        double f64;       /* CEL_DOUBLE */
        struct span text; /* CEL_STRING, CEL_BYTES; CEL_TYPE: its name; CEL_ERROR: about what */
        const struct cel_list *list;
        const struct cel_map *map;
        const void *handle;
        const struct cel_value *some; /* CEL_OPTIONAL; NULL: none */
        uint8_t ip[16]; /* CEL_IP, CEL_CIDR: network order; of version 4 the first four, then 0 */
        struct {
            double lo, hi;
        };
        struct {
            int64_t lo_i64, hi_i64;
        };
    };
};

struct cel_index;
struct cel_address; /* cel_networks.h */

/* A list of the ruleset that is larger than its items are worth showing, or changes: list_view.h */
struct cel_set {
    bool (*has)(const struct cel_set *set, struct cel_value v);
    /* Is the address in one of its networks? NULL: they are no networks. */
    bool (*has_address)(const struct cel_set *set, const struct cel_address *address);
    bool has_within; /* has() is true of what lies in an item, and need not equal one */
};

struct cel_list {
    size_t count;
    struct cel_value *items;       /* NULL: only its `set` may be asked */
    const struct cel_index *index; /* NULL: `in` looks at each item */
    const struct cel_set *set;     /* not NULL: `in` asks it */
    int slot; /* > 0: of a constant: its value is what stands there in the row when run */
};

struct cel_entry {
    struct cel_value key, value;
};

struct cel_map {
    size_t count;
    struct cel_entry *entries;     /* in the order written */
    const struct cel_index *index; /* NULL: look-up goes through all */
};

static inline struct cel_value cel_null(void)
{
    return (struct cel_value){.kind = CEL_NULL};
}

static inline struct cel_value cel_bool(bool v)
{
    return (struct cel_value){.kind = CEL_BOOL, .flag = v};
}

static inline struct cel_value cel_int(int64_t v)
{
    return (struct cel_value){.kind = CEL_INT, .i64 = v};
}

static inline struct cel_value cel_uint(uint64_t v)
{
    return (struct cel_value){.kind = CEL_UINT, .u64 = v};
}

static inline struct cel_value cel_double(double v)
{
    return (struct cel_value){.kind = CEL_DOUBLE, .f64 = v};
}

/* `s` is valid UTF-8. */
static inline struct cel_value cel_string(struct span s)
{
    return (struct cel_value){.kind = CEL_STRING, .text = s};
}

static inline struct cel_value cel_bytes(struct span s)
{
    return (struct cel_value){.kind = CEL_BYTES, .text = s};
}

static inline struct cel_value cel_list_of(const struct cel_list *list)
{
    return (struct cel_value){.kind = CEL_LIST, .list = list};
}

static inline struct cel_value cel_map_of(const struct cel_map *map)
{
    return (struct cel_value){.kind = CEL_MAP, .map = map};
}

static inline struct cel_value cel_type_named(struct span name)
{
    return (struct cel_value){.kind = CEL_TYPE, .text = name};
}

/* `ns` since 1970, within `s`: 0 .. 999,999,999. */
static inline struct cel_value cel_timestamp(int64_t s, int32_t ns)
{
    return (struct cel_value){.kind = CEL_TIMESTAMP, .nanos = ns, .i64 = s};
}

static inline struct cel_value cel_duration(int64_t ns)
{
    return (struct cel_value){.kind = CEL_DURATION, .i64 = ns};
}

/* `some` outlives the value; NULL: optional.none(). */
static inline struct cel_value cel_optional_of(const struct cel_value *some)
{
    return (struct cel_value){.kind = CEL_OPTIONAL, .some = some};
}

/* An instant in Unix milliseconds, as the schema's timestamps are. */
struct cel_value cel_timestamp_ms(int64_t unix_ms);

/* An inexact number; lo <= hi. With lo == hi it is the exact number. */
struct cel_value cel_range_int(int64_t lo, int64_t hi);
struct cel_value cel_range_double(double lo, double hi);

/* `about` (static, or living as long as the run's answer) says what; may be empty. */
static inline struct cel_value cel_error(enum cel_error_code code, struct span about)
{
    return (struct cel_value){.kind = CEL_ERROR, .code = (uint8_t)code, .text = about};
}

static inline bool cel_is_error(struct cel_value v)
{
    return v.kind == CEL_ERROR;
}

static inline bool cel_is_true(struct cel_value v)
{
    return v.kind == CEL_BOOL && v.flag;
}

/* A list of the ruleset: what it holds may change between two runs. */
static inline bool cel_stands_in_row(const struct cel_value *v)
{
    return v->kind == CEL_LIST && v->list->slot > 0;
}

/* "missing merchant.country", "division by zero"; `v` is an error. */
void cel_error_write(struct cel_value v, struct text *out);

/*
 * How a value reads in a reason: an int and a double plain, a string raw, a timestamp in
 * RFC 3339, a list in brackets, a missing value or an error as "?", a range as "9..12".
 */
void cel_value_write(struct cel_value v, struct text *out);

/* The name of the value's type as type(v) gives it: "int", "google.protobuf.Timestamp". */
struct span cel_kind_name(enum cel_kind kind);

/*
 * a == b as CEL has it: numbers whatever their types (with a double, as doubles), lists and maps
 * by content, unlike types unequal, NaN unequal to itself. Not for errors and ranges.
 * O(size); of maps without an index O(size^2). `steps` (may be NULL) is counted down by what
 * was looked at; at zero the answer is false.
 */
bool cel_equal(struct cel_value a, struct cel_value b, int64_t *steps);

/*
 * -1, 0, 1 when `a` and `b` can be ordered (bool, numbers of any types, string, bytes, timestamp,
 * duration): *ret_order. false: they cannot. *ret_order is 2 when one is NaN.
 */
bool cel_order(struct cel_value a, struct cel_value b, int *ret_order);

/* The value of `key`, or NULL. O(1) with an index, else O(n). `steps` as in cel_equal. */
const struct cel_value *cel_map_get(const struct cel_map *map, struct cel_value key,
                                    int64_t *steps);
const struct cel_value *cel_map_get_text(const struct cel_map *map, struct span key,
                                         int64_t *steps);
bool cel_list_has(const struct cel_list *list, struct cel_value v, int64_t *steps);

/*
 * `v`, with what of it lives in `scratch` copied to `arena`; CEL_ERR_LIMIT when that is full.
 * O(what is copied).
 */
struct cel_value cel_keep(struct cel_value v, const struct arena *scratch, struct arena *arena);

/*
 * An index that is filled by and by, of at most `room` values. O(room). NULL: the arena is full.
 * _add: values[i] is in it from now on, unless it is equal to one that is (*ret_repeated); false:
 * it has no hash.
 */
struct cel_index *cel_index_new(struct arena *arena, const void *values, size_t room,
                                size_t stride);
bool cel_index_add(struct cel_index *index, size_t i, bool *ret_repeated);

/*
 * A hash index over values `stride` bytes apart (items of a list, keys of a map), for load time.
 * Open addressing, at most half full. NULL: the arena is full, or a value has no hash (a
 * list, a map). *ret_repeated: two of them are equal.
 */
const struct cel_index *cel_index_build(struct arena *arena, const void *values, size_t count,
                                        size_t stride, bool *ret_repeated);

#endif
