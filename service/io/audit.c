#include "service/io/audit.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/text.h"
#include "service/io/line_file.h"

#include <pthread.h>
#include <stdlib.h>

enum { LINE_BYTES = AUDIT_MORE_MAX + 16 * AUDIT_TEXT_MAX }; /* texts of control characters grow */

struct audit {
    struct line_file *file;
    pthread_mutex_t lock;
};

enum status audit_open(const char *path, struct audit **ret_audit)
{
    struct line_file_options o = {.path = path, .files_max = 1};
    struct audit *a = calloc(1, sizeof *a);
    CHECK(a != NULL);
    enum status st = line_file_open(&o, &a->file);
    if (st != ST_OK) {
        free(a);
        return st;
    }
    CHECK(pthread_mutex_init(&a->lock, NULL) == 0);
    *ret_audit = a;
    return ST_OK;
}

void audit_close(struct audit *a)
{
    if (a == NULL)
        return;
    line_file_close(a->file);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

/* The first AUDIT_TEXT_MAX bytes at most, and no character in two. */
static struct span shortened(const char *value)
{
    size_t len = strlen(value);
    if (len <= AUDIT_TEXT_MAX)
        return span_of(value, len);
    len = AUDIT_TEXT_MAX;
    while (len > 0 && ((unsigned char)value[len] & 0xC0) == 0x80)
        len--;
    return span_of(value, len);
}

static void put_member(struct text *out, const char *name, const char *value)
{
    text_str(out, name);
    text_json_string(out, shortened(value));
}

static void write_entry(const struct audit_entry *e, struct text *out)
{
    text_str(out, "{\"at\":\"");
    text_time_ms(out, e->at_ms != 0 ? e->at_ms : clock_wall_ms());
    put_member(out, "\",\"who\":", e->who);
    put_member(out, ",\"address\":", e->address);
    text_str(out, ",\"request\":");
    if (e->request_id != 0)
        text_printf(out, "\"%016llx\"", (unsigned long long)e->request_id);
    else
        text_str(out, "null");
    put_member(out, ",\"action\":", e->action);
    put_member(out, ",\"result\":", e->result);
    text_put(out, e->more);
    text_char(out, '}');
}

enum status audit_append(struct audit *a, const struct audit_entry *e)
{
    char line[LINE_BYTES];
    struct text out;
    if (e->more.len > AUDIT_MORE_MAX)
        return ST_TOO_LARGE;
    text_init(&out, line, sizeof line);
    write_entry(e, &out);
    if (out.overflow)
        return ST_TOO_LARGE;
    pthread_mutex_lock(&a->lock);
    enum status st = line_file_put(a->file, text_span(&out));
    if (st == ST_OK)
        st = line_file_sync(a->file);
    pthread_mutex_unlock(&a->lock);
    return st;
}
