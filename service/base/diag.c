#include "service/base/diag.h"

#include <stdarg.h>
#include <stdio.h>

static struct span line_of(struct span content, int line)
{
    if (line < 1 || content.len == 0)
        return span_of(NULL, 0);
    const char *p = content.base, *end = content.base + content.len;
    for (int i = 1; i < line && p < end; i++) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        p = nl ? nl + 1 : end;
    }
    if (p == end)
        return span_of(NULL, 0);
    const char *nl = memchr(p, '\n', (size_t)(end - p));
    return span_of(p, (size_t)((nl ? nl : end) - p));
}

/* The line of an address, whole or in pieces, may hold its password, which may be any bytes. */
static bool may_hold_secret(struct span line)
{
    if (line.len == 0)
        return false;
    return memmem(line.base, line.len, "redis", 5) != NULL ||
           memmem(line.base, line.len, "://", 3) != NULL ||
           memchr(line.base, '@', line.len) != NULL;
}

/* Stars up to the last '@' of `whole`, from behind "://", or else ':', or else from the start. */
static void hide_secret(char *shown, struct span whole)
{
    const char *at = memrchr(whole.base, '@', whole.len);
    if (at == NULL)
        return;
    const char *scheme = strstr(shown, "://"), *colon = strchr(shown, ':');
    size_t i = scheme != NULL  ? (size_t)(scheme - shown) + 3
               : colon != NULL ? (size_t)(colon - shown) + 1
                               : 0;
    for (; shown[i] != '\0' && whole.base + i < at; i++)
        shown[i] = '*';
}

static void copy_cut(char *dst, size_t cap, struct span s)
{
    size_t n = s.len < cap - 1 ? s.len : cap - 1;
    if (n > 0)
        memcpy(dst, s.base, n);
    dst[n] = '\0';
}

static bool continues(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80; /* a character of UTF-8 */
}

/* The line, or of one that is too long as much as there is room for, from before `col` on. */
static void copy_source(struct diag *d, struct span line)
{
    enum { BEFORE = 100, DOTS = 3 }; /* bytes before the caret: half a wide terminal */
    size_t col = d->col > 0 ? (size_t)d->col : 1, from = 0;
    d->source_col = d->col;
    if (line.len < sizeof d->source || col > line.len + 1) {
        copy_cut(d->source, sizeof d->source, line);
        return;
    }
    if (col > BEFORE)
        from = col - 1 - (BEFORE - DOTS);
    while (from > 0 && from < line.len && continues(line.base[from]))
        from++;
    size_t end = from + sizeof d->source - 1 - 2 * DOTS;
    end = end < line.len ? end : line.len;
    while (end < line.len && end > from && continues(line.base[end]))
        end--;
    snprintf(d->source, sizeof d->source, "%s%.*s%s", from > 0 ? "..." : "", (int)(end - from),
             line.base + from, end < line.len ? "..." : "");
    if (from > 0)
        d->source_col = (int)(col - from) + DOTS;
}

__attribute__((format(printf, 5, 0))) static void add(struct diag_list *list, enum diag_level level,
                                                      struct diag_at at, const char *hint,
                                                      const char *format, va_list args)
{
    char message[1024]; /* whole, with an address or a path in it */
    list->errors += level == DIAG_ERROR;
    if (list->count == DIAG_MAX) {
        list->dropped++;
        return;
    }
    struct diag *d = &list->items[list->count++];
    *d = (struct diag){.level = level, .line = at.line, .col = at.col};
    copy_cut(d->file, sizeof d->file, span_str(at.file ? at.file : ""));
    struct span line = line_of(at.content, at.line);
    if (!list->has_secrets || !may_hold_secret(line))
        copy_source(d, line);
    copy_cut(d->hint, sizeof d->hint, span_str(hint ? hint : ""));
    vsnprintf(message, sizeof message, format, args);
    copy_cut(d->message, sizeof d->message, span_str(message));
    if (!list->has_secrets)
        return;
    hide_secret(d->hint, span_str(hint ? hint : ""));
    hide_secret(d->message, span_str(message));
}

void diag_error(struct diag_list *list, struct diag_at at, const char *hint, const char *format,
                ...)
{
    va_list args;
    va_start(args, format);
    add(list, DIAG_ERROR, at, hint, format, args);
    va_end(args);
}

void diag_warning(struct diag_list *list, struct diag_at at, const char *hint, const char *format,
                  ...)
{
    va_list args;
    va_start(args, format);
    add(list, DIAG_WARNING, at, hint, format, args);
    va_end(args);
}

/* The line indented by four, a caret below its character; tabs are kept: both line up. */
static void print_source(const struct diag *d, struct text *out)
{
    text_printf(out, "    %s\n    ", d->source);
    for (int i = 0; i + 1 < d->source_col && d->source[i]; i++) {
        if (!continues(d->source[i]))
            text_char(out, d->source[i] == '\t' ? '\t' : ' ');
    }
    text_str(out, "^\n");
}

void diag_print(const struct diag *d, struct text *out)
{
    if (d->file[0])
        text_printf(out, "%s:", d->file);
    if (d->line > 0)
        text_printf(out, "%d:%d:", d->line, d->col);
    if (d->file[0] || d->line > 0)
        text_char(out, ' ');
    text_printf(out, "%s%s\n", d->level == DIAG_WARNING ? "warning: " : "", d->message);
    if (d->source[0] && d->col > 0)
        print_source(d, out);
    if (d->hint[0])
        text_printf(out, "%s\n", d->hint);
}

void diag_print_all(const struct diag_list *list, struct text *out)
{
    for (int i = 0; i < list->count; i++)
        diag_print(&list->items[i], out);
    if (list->dropped > 0)
        text_printf(out, "and %d more\n", list->dropped);
}

enum { NEAREST_NAME_MAX = 64 }; /* longer names are not compared */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that make b of a, none of which
 * touches what another one did ("optimal string alignment", Damerau 1964). Of the table by
 * beginnings of a and b three rows are kept: a swap reaches back two. */
static size_t edit_distance(struct span a, struct span b)
{
    size_t rows[3][NEAREST_NAME_MAX + 1];
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replace = above[j - 1] + (a.base[i - 1] != b.base[j - 1]);
            row[j] = least(replace, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.base[i - 1] == b.base[j - 2] && a.base[i - 2] == b.base[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

void diag_write_line(const struct diag *d, struct text *out)
{
    if (d->file[0] != '\0')
        text_str(out, d->file);
    if (d->line > 0)
        text_printf(out, ":%d:%d", d->line, d->col);
    if (out->len > 0)
        text_str(out, ": ");
    text_str(out, d->message);
}

void diag_write_json(const struct diag *d, struct text *out)
{
    text_printf(out, "{\"level\":\"%s\",\"file\":", d->level == DIAG_ERROR ? "error" : "warning");
    text_json_string(out, span_str(d->file));
    text_printf(out, ",\"line\":%d,\"col\":%d,\"message\":", d->line, d->col);
    text_json_string(out, span_str(d->message));
    text_str(out, ",\"hint\":");
    text_json_string(out, span_str(d->hint));
    text_char(out, '}');
}

/* Every place of `prefix` in `text`, for messages name files too. */
static void strip(char *text, const char *prefix, size_t len)
{
    for (char *at = strstr(text, prefix); at != NULL; at = strstr(at, prefix))
        memmove(at, at + len, strlen(at + len) + 1);
}

void diag_strip_folder(struct diag_list *list, const char *folder)
{
    char prefix[DIAG_FILE_MAX];
    int n = snprintf(prefix, sizeof prefix, "%s/", folder);
    if (n < 0 || (size_t)n >= sizeof prefix)
        return;
    for (int i = 0; i < list->count; i++) {
        strip(list->items[i].file, prefix, (size_t)n);
        strip(list->items[i].message, prefix, (size_t)n);
    }
}

/* Is `name` nearer than *distance, which it then sets? */
static bool is_nearer(struct span wrong, struct span name, size_t *distance)
{
    if (wrong.len > NEAREST_NAME_MAX || name.len > NEAREST_NAME_MAX)
        return false;
    size_t own = edit_distance(wrong, name);
    bool nearer = own < *distance;
    *distance = nearer ? own : *distance;
    return nearer;
}

const char *diag_nearest(struct span wrong, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t distance = wrong.len / 3 + 1;
    for (size_t i = 0; i < n; i++)
        best = is_nearer(wrong, span_str(names[i]), &distance) ? names[i] : best;
    return best;
}

int diag_nearest_span(struct span wrong, const struct span *names, int n)
{
    int best = -1;
    size_t distance = wrong.len / 3 + 1;
    for (int i = 0; i < n; i++)
        best = is_nearer(wrong, names[i], &distance) ? i : best;
    return best;
}
