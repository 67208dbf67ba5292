#include "service/base/log.h"

#include "service/base/clock.h"
#include "service/base/text.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static _Atomic int level_min = LOG_LEVEL_INFO;
static _Atomic int log_fd = STDOUT_FILENO;
static pthread_mutex_t write_lock = PTHREAD_MUTEX_INITIALIZER;

void log_set_level(enum log_level level)
{
    level_min = (int)level;
}

void log_set_fd(int fd)
{
    log_fd = fd;
}

static const char *level_text(enum log_level level)
{
    switch (level) {
#define X(name, text) \
    case name:        \
        return text;
        LOG_LEVEL_TABLE(X)
#undef X
    }
    return "unknown";
}

static void put_field(struct text *line, const char *key, struct span value)
{
    text_char(line, ',');
    text_json_string(line, span_str(key));
    text_char(line, ':');
    text_json_string(line, value);
}

static void put_head(struct text *line, enum log_level level, const char *message)
{
    text_str(line, "{\"time\":\"");
    text_time_ms(line, clock_wall_ms());
    text_char(line, '"');
    put_field(line, "level", span_str(level_text(level)));
    put_field(line, "message", span_str(message));
}

static void put_fields(struct text *line, const struct log_field *f)
{
    for (; f->key != NULL; f++) {
        if (f->text != NULL) {
            put_field(line, f->key, span_str(f->text));
            continue;
        }
        text_char(line, ',');
        text_json_string(line, span_str(f->key));
        text_char(line, ':');
        text_i64(line, f->number);
    }
}

/* A log that cannot be written has nobody to complain to: errors end here. */
static void write_all(int fd, struct span s)
{
    while (s.len > 0) {
        ssize_t n = write(fd, s.base, s.len);
        if (n <= 0)
            return;
        s = span_of(s.base + n, s.len - (size_t)n);
    }
}

void log_fields(enum log_level level, const char *message, const struct log_field *fields)
{
    if ((int)level < level_min)
        return;
    char bytes[LOG_LINE_MAX];
    struct text line;
    text_init(&line, bytes, sizeof bytes - 2); /* room for the end, whatever happens */
    put_head(&line, level, message);
    size_t head_bytes = line.len;
    put_fields(&line, fields);
    if (line.overflow) {
        line.len = head_bytes;
        put_field(&line, "log", span_str("fields left out: the line was too long"));
    }
    line.cap = sizeof bytes;
    text_str(&line, "}\n");
    pthread_mutex_lock(&write_lock);
    write_all(log_fd, text_span(&line));
    pthread_mutex_unlock(&write_lock);
}
