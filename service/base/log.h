/*
 * log.h -- one JSON object a line on stdout.
 *
 *     {"time":"2026-01-05T12:00:10.123Z","level":"info","message":"listening","port":8080}
 *
 * Lines are bounded (LOG_LINE_MAX; a line that would be longer loses its fields and says so)
 * and leave in one write. Only main, cli, io and api log. Never log a value out of a
 * transaction.
 *
 * Threads: any; one lock around the write.
 */
#ifndef SLUICE_BASE_LOG_H
#define SLUICE_BASE_LOG_H

#include <stdint.h>

enum { LOG_LINE_MAX = 4096 }; /* a pipe keeps writes up to PIPE_BUF, 4096, in one piece */

/* X(name, text), in ascending order of weight */
#define LOG_LEVEL_TABLE(X)          \
    X(LOG_LEVEL_DEBUG, "debug")     \
    X(LOG_LEVEL_INFO, "info")       \
    X(LOG_LEVEL_WARNING, "warning") \
    X(LOG_LEVEL_ERROR, "error")

enum log_level {
#define X(name, text) name,
    LOG_LEVEL_TABLE(X)
#undef X
};

/* One key and its value; made by LOG_TEXT and LOG_INT. Texts are UTF-8, NUL-terminated. */
struct log_field {
    const char *key;  /* NULL ends a list of fields */
    const char *text; /* NULL: `number` is the value */
    int64_t number;
};

#define LOG_TEXT(k, v) ((struct log_field){.key = (k), .text = (v)})
#define LOG_INT(k, v) ((struct log_field){.key = (k), .number = (v)})

/* Lines below `level` are dropped from now on. At start: info. */
void log_set_level(enum log_level level);
/* Where lines go; at start 1, stdout. Tests take their own. */
void log_set_fd(int fd);

/* `fields` ends with a field whose key is NULL. */
void log_fields(enum log_level level, const char *message, const struct log_field *fields);

/* log_info("listening", LOG_TEXT("address", a), LOG_INT("workers", n)); one field at least. */
#define log_at(level, message, ...) \
    log_fields(level, message, (const struct log_field[]){__VA_ARGS__, {0}})
#define log_debug(message, ...) log_at(LOG_LEVEL_DEBUG, message, __VA_ARGS__)
#define log_info(message, ...) log_at(LOG_LEVEL_INFO, message, __VA_ARGS__)
#define log_warning(message, ...) log_at(LOG_LEVEL_WARNING, message, __VA_ARGS__)
#define log_error(message, ...) log_at(LOG_LEVEL_ERROR, message, __VA_ARGS__)

#endif
