#include "rules/cel_library.h"

#include "rules/cel_convert.h"
#include "rules/cel_time.h"
#include "rules/cel_zone.h"

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

static const struct cel_type optional_list = {
    .kind = CEL_T_OPTIONAL, .n_params = 1, .params = {LIST}};
static const struct cel_type optional_map = {
    .kind = CEL_T_OPTIONAL, .n_params = 1, .params = {MAP}};

static const struct cel_func standard[] = {
    /* operators; cel_ops.c runs them */
    OPERATOR("_&&_", BOOL, BOOL, BOOL),
    OPERATOR("_||_", BOOL, BOOL, BOOL),
    OPERATOR("!_", BOOL, BOOL),
    OPERATOR("_?_:_", A, BOOL, A, A),
    OPERATOR("@not_strictly_false", BOOL, BOOL),
    OPERATOR("@append", LIST, LIST, A),
    OPERATOR("@put", MAP, MAP, A, B),
    OPERATOR("@merge", MAP, MAP, MAP),
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
    OPERATOR("_[_]", OPTIONAL_A, &optional_list, INT),
    OPERATOR("_[_]", OPTIONAL_B, &optional_map, A),
    OPERATOR("_[?_]", OPTIONAL_A, LIST, INT),
    OPERATOR("_[?_]", OPTIONAL_B, MAP, A),
    OPERATOR("_[?_]", OPTIONAL_A, &optional_list, INT),
    OPERATOR("_[?_]", OPTIONAL_B, &optional_map, A),
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
    RANGED("int", cel_to_int, INT, INT),
    FUNCTION("int", cel_to_int, INT, UINT),
    RANGED("int", cel_to_int, INT, DOUBLE),
    FUNCTION("int", cel_to_int, INT, STRING),
    FUNCTION("int", cel_to_int, INT, TIME),
    FUNCTION("uint", cel_to_uint, UINT, UINT),
    FUNCTION("uint", cel_to_uint, UINT, INT),
    FUNCTION("uint", cel_to_uint, UINT, DOUBLE),
    FUNCTION("uint", cel_to_uint, UINT, STRING),
    RANGED("double", cel_to_double, DOUBLE, DOUBLE),
    RANGED("double", cel_to_double, DOUBLE, INT),
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

LIBRARY(cel_lib_standard, standard);
