#include "rules/cel_func.h"

#include "rules/cel_convert.h"
#include "rules/cel_string.h"
#include "rules/cel_time.h"
#include "rules/cel_zone.h"

#define A &cel_type_a
#define B &cel_type_b
#define LIST &cel_type_list_a
#define MAP &cel_type_map_ab
#define DYN &cel_type_dyn
#define BOOL &cel_type_bool
#define INT &cel_type_int
#define UINT &cel_type_uint
#define DOUBLE &cel_type_double
#define STRING &cel_type_string
#define BYTES &cel_type_bytes
#define TIME &cel_type_timestamp
#define DURATION &cel_type_duration
#define TYPE &cel_type_type
#define STRINGS &cel_type_list_string

#define COUNT(...) (int)(sizeof((const struct cel_type *[]){__VA_ARGS__}) / sizeof(void *))
#define OPERATOR(text, type, ...)                                                             \
    {                                                                                         \
        .name = (text), .n_args = COUNT(__VA_ARGS__), .args = {__VA_ARGS__}, .result = (type) \
    }
#define FUNCTION(text, function, type, ...)                                                    \
    {                                                                                          \
        .name = (text), .n_args = COUNT(__VA_ARGS__), .args = {__VA_ARGS__}, .result = (type), \
        .run = (function)                                                                      \
    }
#define METHOD(text, function, type, ...)                                                       \
    {                                                                                           \
        .name = (text), .is_method = true, .n_args = COUNT(__VA_ARGS__), .args = {__VA_ARGS__}, \
        .result = (type), .run = (function)                                                     \
    }
/* x.getHours(), x.getHours("Europe/Berlin") */
#define TIME_METHOD(text, function)                                                            \
    METHOD(text, function, INT, TIME),                                                         \
    {                                                                                          \
        .name = (text), .is_method = true, .n_args = 2, .args = {TIME, STRING}, .result = INT, \
        .run = (function), .prepare = cel_zone_prepare                                         \
    }
#define ORDERED(name, type) OPERATOR(name, BOOL, type, type)
#define ORDERINGS(name)                                                                            \
    ORDERED(name, BOOL), ORDERED(name, INT), ORDERED(name, UINT), ORDERED(name, DOUBLE),           \
        ORDERED(name, STRING), ORDERED(name, BYTES), ORDERED(name, TIME), ORDERED(name, DURATION), \
        OPERATOR(name, BOOL, INT, UINT), OPERATOR(name, BOOL, INT, DOUBLE),                        \
        OPERATOR(name, BOOL, UINT, INT), OPERATOR(name, BOOL, UINT, DOUBLE),                       \
        OPERATOR(name, BOOL, DOUBLE, INT), OPERATOR(name, BOOL, DOUBLE, UINT)
#define ARITHMETIC(name, type) OPERATOR(name, type, type, type)

static const struct cel_func standard[] = {
    /* operators; cel_ops.c runs them */
    OPERATOR("_&&_", BOOL, BOOL, BOOL),
    OPERATOR("_||_", BOOL, BOOL, BOOL),
    OPERATOR("!_", BOOL, BOOL),
    OPERATOR("_?_:_", A, BOOL, A, A),
    OPERATOR("@not_strictly_false", BOOL, BOOL),
    OPERATOR("@append", LIST, LIST, A),
    OPERATOR("_==_", BOOL, A, A),
    OPERATOR("_!=_", BOOL, A, A),
    ORDERINGS("_<_"),
    ORDERINGS("_<=_"),
    ORDERINGS("_>_"),
    ORDERINGS("_>=_"),
    OPERATOR("@in", BOOL, A, LIST),
    OPERATOR("@in", BOOL, A, MAP),
    OPERATOR("_[_]", A, LIST, INT),
    OPERATOR("_[_]", B, MAP, A),
    ARITHMETIC("_+_", INT),
    ARITHMETIC("_+_", UINT),
    ARITHMETIC("_+_", DOUBLE),
    ARITHMETIC("_+_", STRING),
    ARITHMETIC("_+_", BYTES),
    ARITHMETIC("_+_", LIST),
    ARITHMETIC("_+_", DURATION),
    OPERATOR("_+_", TIME, TIME, DURATION),
    OPERATOR("_+_", TIME, DURATION, TIME),
    ARITHMETIC("_-_", INT),
    ARITHMETIC("_-_", UINT),
    ARITHMETIC("_-_", DOUBLE),
    ARITHMETIC("_-_", DURATION),
    OPERATOR("_-_", TIME, TIME, DURATION),
    OPERATOR("_-_", DURATION, TIME, TIME),
    ARITHMETIC("_*_", INT),
    ARITHMETIC("_*_", UINT),
    ARITHMETIC("_*_", DOUBLE),
    ARITHMETIC("_/_", INT),
    ARITHMETIC("_/_", UINT),
    ARITHMETIC("_/_", DOUBLE),
    ARITHMETIC("_%_", INT),
    ARITHMETIC("_%_", UINT),
    OPERATOR("-_", INT, INT),
    OPERATOR("-_", DOUBLE, DOUBLE),
    OPERATOR("-_", DURATION, DURATION),

    /* conversions */
    FUNCTION("bool", cel_to_bool, BOOL, BOOL),
    FUNCTION("bool", cel_to_bool, BOOL, STRING),
    {.name = "int",
     .n_args = 1,
     .args = {INT},
     .result = INT,
     .run = cel_to_int,
     .takes_ranges = true},
    FUNCTION("int", cel_to_int, INT, UINT),
    {.name = "int",
     .n_args = 1,
     .args = {DOUBLE},
     .result = INT,
     .run = cel_to_int,
     .takes_ranges = true},
    FUNCTION("int", cel_to_int, INT, STRING),
    FUNCTION("int", cel_to_int, INT, TIME),
    FUNCTION("uint", cel_to_uint, UINT, UINT),
    FUNCTION("uint", cel_to_uint, UINT, INT),
    FUNCTION("uint", cel_to_uint, UINT, DOUBLE),
    FUNCTION("uint", cel_to_uint, UINT, STRING),
    {.name = "double",
     .n_args = 1,
     .args = {DOUBLE},
     .result = DOUBLE,
     .run = cel_to_double,
     .takes_ranges = true},
    {.name = "double",
     .n_args = 1,
     .args = {INT},
     .result = DOUBLE,
     .run = cel_to_double,
     .takes_ranges = true},
    FUNCTION("double", cel_to_double, DOUBLE, UINT),
    FUNCTION("double", cel_to_double, DOUBLE, STRING),
    FUNCTION("string", cel_to_string, STRING, STRING),
    FUNCTION("string", cel_to_string, STRING, BOOL),
    FUNCTION("string", cel_to_string, STRING, INT),
    FUNCTION("string", cel_to_string, STRING, UINT),
    FUNCTION("string", cel_to_string, STRING, DOUBLE),
    FUNCTION("string", cel_to_string, STRING, BYTES),
    FUNCTION("string", cel_to_string, STRING, TIME),
    FUNCTION("string", cel_to_string, STRING, DURATION),
    FUNCTION("bytes", cel_to_bytes, BYTES, BYTES),
    FUNCTION("bytes", cel_to_bytes, BYTES, STRING),
    FUNCTION("timestamp", cel_to_timestamp, TIME, TIME),
    FUNCTION("timestamp", cel_to_timestamp, TIME, STRING),
    FUNCTION("timestamp", cel_to_timestamp, TIME, INT),
    FUNCTION("duration", cel_to_duration, DURATION, DURATION),
    FUNCTION("duration", cel_to_duration, DURATION, STRING),
    FUNCTION("dyn", cel_to_dyn, DYN, A),
    FUNCTION("type", cel_type_of, TYPE, A),

    /* sizes */
    FUNCTION("size", cel_size, INT, STRING),
    FUNCTION("size", cel_size, INT, BYTES),
    FUNCTION("size", cel_size, INT, LIST),
    FUNCTION("size", cel_size, INT, MAP),
    METHOD("size", cel_size, INT, STRING),
    METHOD("size", cel_size, INT, BYTES),
    METHOD("size", cel_size, INT, LIST),
    METHOD("size", cel_size, INT, MAP),

    /* strings */
    METHOD("contains", cel_str_contains, BOOL, STRING, STRING),
    METHOD("startsWith", cel_str_starts_with, BOOL, STRING, STRING),
    METHOD("endsWith", cel_str_ends_with, BOOL, STRING, STRING),
    {.name = "matches",
     .n_args = 2,
     .args = {STRING, STRING},
     .result = BOOL,
     .run = cel_str_matches,
     .prepare = cel_str_prepare_pattern},
    {.name = "matches",
     .is_method = true,
     .n_args = 2,
     .args = {STRING, STRING},
     .result = BOOL,
     .run = cel_str_matches,
     .prepare = cel_str_prepare_pattern},
    METHOD("charAt", cel_str_char_at, STRING, STRING, INT),
    METHOD("indexOf", cel_str_index_of, INT, STRING, STRING),
    METHOD("indexOf", cel_str_index_of, INT, STRING, STRING, INT),
    METHOD("lastIndexOf", cel_str_last_index_of, INT, STRING, STRING),
    METHOD("lastIndexOf", cel_str_last_index_of, INT, STRING, STRING, INT),
    METHOD("lowerAscii", cel_str_lower_ascii, STRING, STRING),
    METHOD("upperAscii", cel_str_upper_ascii, STRING, STRING),
    METHOD("trim", cel_str_trim, STRING, STRING),
    METHOD("reverse", cel_str_reverse, STRING, STRING),
    METHOD("replace", cel_str_replace, STRING, STRING, STRING, STRING),
    METHOD("replace", cel_str_replace, STRING, STRING, STRING, STRING, INT),
    METHOD("split", cel_str_split, STRINGS, STRING, STRING),
    METHOD("split", cel_str_split, STRINGS, STRING, STRING, INT),
    METHOD("substring", cel_str_substring, STRING, STRING, INT),
    METHOD("substring", cel_str_substring, STRING, STRING, INT, INT),
    METHOD("join", cel_str_join, STRING, STRINGS),
    METHOD("join", cel_str_join, STRING, STRINGS, STRING),

    /* times */
    TIME_METHOD("getFullYear", cel_get_full_year),
    TIME_METHOD("getMonth", cel_get_month),
    TIME_METHOD("getDate", cel_get_date),
    TIME_METHOD("getDayOfMonth", cel_get_day_of_month),
    TIME_METHOD("getDayOfWeek", cel_get_day_of_week),
    TIME_METHOD("getDayOfYear", cel_get_day_of_year),
    TIME_METHOD("getHours", cel_get_hours),
    METHOD("getHours", cel_duration_hours, INT, DURATION),
    TIME_METHOD("getMinutes", cel_get_minutes),
    METHOD("getMinutes", cel_duration_minutes, INT, DURATION),
    TIME_METHOD("getSeconds", cel_get_seconds),
    METHOD("getSeconds", cel_duration_seconds, INT, DURATION),
    TIME_METHOD("getMilliseconds", cel_get_milliseconds),
    METHOD("getMilliseconds", cel_duration_milliseconds, INT, DURATION),
};

enum { STANDARD_COUNT = sizeof standard / sizeof *standard };

static const struct cel_func *find_in(const struct cel_func *table, int n, struct span name,
                                      bool is_method, int *ret_count)
{
    int first = 0, count = 0;
    for (int i = 0; i < n; i++) {
        bool same = table[i].is_method == is_method && span_is(name, table[i].name);
        first = same && count == 0 ? i : first;
        count += same;
        if (count > 0 && !same)
            break;
    }
    *ret_count = count;
    return count > 0 ? &table[first] : NULL;
}

const struct cel_func *cel_func_find(const struct cel_env *env, struct span name, bool is_method,
                                     int *ret_count)
{
    const struct cel_func *own =
        find_in(env->functions, env->n_functions, name, is_method, ret_count);
    return own ? own : find_in(standard, STANDARD_COUNT, name, is_method, ret_count);
}

size_t cel_func_names(bool is_method, const char **ret_names, size_t max)
{
    size_t n = 0;
    for (int i = 0; i < STANDARD_COUNT && n < max; i++) {
        const struct cel_func *f = &standard[i];
        if (f->is_method == is_method && f->run != NULL &&
            (n == 0 || strcmp(ret_names[n - 1], f->name) != 0))
            ret_names[n++] = f->name;
    }
    return n;
}

static bool takes(const struct cel_func *f, const struct cel_value *args, int n_args)
{
    if (f->n_args != n_args || f->run == NULL)
        return false;
    for (int i = 0; i < n_args; i++) {
        if (!cel_type_takes(f->args[i], args[i]))
            return false;
    }
    return true;
}

struct cel_value cel_func_call(struct cel_context *cx, const struct cel_func *funcs, int count,
                               const struct cel_value *args, int n_args)
{
    bool range = false;
    for (int i = 0; i < n_args; i++) {
        if (args[i].kind == CEL_ERROR)
            return args[i];
        range |= args[i].kind == CEL_RANGE;
    }
    for (int i = 0; i < count; i++) {
        if (takes(&funcs[i], args, n_args) && (!range || funcs[i].takes_ranges))
            return funcs[i].run(cx, args, n_args);
    }
    return cel_fault(range ? CEL_ERR_INEXACT : CEL_ERR_NO_OVERLOAD);
}

void *cel_room(struct cel_context *cx, size_t size)
{
    void *mem = arena_try(cx->arena, size ? size : 1);
    if (mem == NULL)
        cx->steps = 0;
    return mem;
}
