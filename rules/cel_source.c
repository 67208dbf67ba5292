#include "rules/cel_source.h"

static size_t offset_of(struct span content, int line, int col)
{
    size_t at = 0;
    for (int i = 1; i < line && at < content.len; at++)
        i += content.base[at] == '\n';
    return at + (size_t)(col - 1);
}

static struct diag_at moved_to(struct diag_at at, size_t offset)
{
    at.line = 1;
    at.col = 1;
    for (size_t i = 0; i < offset; i++) {
        at.col++;
        if (at.content.base[i] == '\n') {
            at.line++;
            at.col = 1;
        }
    }
    return at;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

struct diag_at cel_source_at(struct diag_at at, struct span source, size_t offset)
{
    if (at.content.len == 0) {
        at.content = source;
        return moved_to(at, offset < source.len ? offset : source.len);
    }
    if (at.line < 1 || at.col < 1)
        return at;
    const char *bytes = at.content.base;
    size_t p = offset_of(at.content, at.line, at.col), end = at.content.len, q = 0;
    while (p < end && q < offset) {
        if (is_blank(bytes[p]) && !(q < source.len && is_blank(source.base[q]))) {
            p++; /* an indent, or the rest of a fold */
        } else if (is_blank(source.base[q])) {
            p += is_blank(bytes[p]);
            q++;
        } else if (bytes[p] == source.base[q]) {
            p++;
            q++;
        } else if (bytes[p] == '\'' || bytes[p] == '\\') {
            p++; /* the first of '' or of \" */
        } else {
            return at;
        }
    }
    while (q < source.len && p < end && is_blank(bytes[p]) && !is_blank(source.base[q]))
        p++;
    return p <= end && q == offset ? moved_to(at, p) : at;
}
