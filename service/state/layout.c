#include "service/state/layout.h"

#include "service/base/hash.h"

#include <stdlib.h>

static const char *const kind_texts[] = {
#define X(name, text, scale) [name] = text,
    COLUMN_TABLE(X)
#undef X
};

enum { KINDS = sizeof kind_texts / sizeof kind_texts[0] };

/* Cuts the first line off `text`. */
static struct span next_line(struct span *text)
{
    const char *nl = text->len ? memchr(text->base, '\n', text->len) : NULL;
    size_t n = nl ? (size_t)(nl - text->base) : text->len;
    struct span line = span_of(text->base, n);
    size_t skip = nl ? n + 1 : n;
    text->base += skip;
    text->len -= skip;
    return line;
}

/* Cuts the first word, and the space behind it, off `line`. */
static struct span next_word(struct span *line)
{
    const char *space = line->len ? memchr(line->base, ' ', line->len) : NULL;
    size_t n = space ? (size_t)(space - line->base) : line->len;
    struct span word = span_of(line->base, n);
    size_t skip = space ? n + 1 : n;
    line->base += skip;
    line->len -= skip;
    return word;
}

/* A decimal int64 of at most 19 digits; false: not one. */
static bool to_i64(struct span word, int64_t *ret)
{
    char buf[24];
    char *end = NULL;
    if (word.len == 0 || word.len >= sizeof buf)
        return false;
    memcpy(buf, word.base, word.len);
    buf[word.len] = '\0';
    *ret = strtoll(buf, &end, 10);
    return *end == '\0';
}

static bool next_i64(struct span *line, int64_t min, int64_t max, int64_t *ret)
{
    int64_t v;
    if (!to_i64(next_word(line), &v) || v < min || v > max)
        return false;
    *ret = v;
    return true;
}

static bool parse_column(struct span line, struct layout *l)
{
    struct span kind = next_word(&line);
    if (l->n_columns == RECORD_COLUMNS_MAX || line.len == 0)
        return false;
    for (int k = 0; k < KINDS; k++) {
        if (span_is(kind, kind_texts[k])) {
            l->columns[l->n_columns++] = (struct layout_column){line, (enum column_kind)k};
            return true;
        }
    }
    return false;
}

static bool parse_filter(struct span line, struct layout *l)
{
    if (l->n_filters == LAYOUT_FILTERS_MAX || line.len == 0)
        return false;
    l->filters[l->n_filters++] = line;
    return true;
}

static bool parse_cell(struct span line, struct layout *l)
{
    int64_t filter, column, parts;
    if (l->n_cells == LAYOUT_CELLS_MAX || !next_i64(&line, -1, l->n_filters - 1, &filter) ||
        !next_i64(&line, -1, l->n_columns - 1, &column) ||
        !next_i64(&line, 0, CELL_PARTS_ALL, &parts))
        return false;
    l->cells[l->n_cells++] = (struct layout_cell){(int)filter, (int)column, (unsigned)parts};
    return true;
}

static bool parse_tier(struct span line, struct layout *l)
{
    struct layout_tier tier;
    if (l->n_tiers == LAYOUT_TIERS_MAX || !next_i64(&line, 1, INT64_MAX, &tier.grain_ms) ||
        !next_i64(&line, 1, INT64_MAX, &tier.keep_ms))
        return false;
    l->tiers[l->n_tiers++] = tier;
    return true;
}

static bool parse_line(struct span line, struct layout *l)
{
    struct span word = next_word(&line);
    if (span_is(word, "key")) {
        l->key_field = line;
        return true;
    }
    if (span_is(word, "horizon"))
        return next_i64(&line, 1, INT64_MAX, &l->horizon_ms);
    if (span_is(word, "column"))
        return parse_column(line, l);
    if (span_is(word, "filter"))
        return parse_filter(line, l);
    if (span_is(word, "cell"))
        return parse_cell(line, l);
    if (span_is(word, "tier"))
        return parse_tier(line, l);
    return false;
}

static uint32_t id_of(struct span text)
{
    unsigned char digest[HASH_SHA256_BYTES];
    uint32_t id;
    hash_sha256(text, digest);
    memcpy(&id, digest, sizeof id);
    return id;
}

enum status layout_parse(struct span text, struct arena *arena, const struct layout **ret_layout)
{
    void *mem = NULL;
    if (text.len > LAYOUT_TEXT_MAX)
        return ST_CORRUPT;
    if (arena_alloc(arena, sizeof(struct layout), &mem) != ST_OK)
        return ST_NO_SPACE;
    struct layout *l = mem;
    if (arena_alloc(arena, text.len + 1, &mem) != ST_OK)
        return ST_NO_SPACE;
    memcpy(mem, text.base, text.len);
    l->text = span_of(mem, text.len);
    l->id = id_of(text);
    struct span rest = l->text;
    if (!span_is(next_line(&rest), "layout 1"))
        return ST_CORRUPT;
    while (rest.len > 0) {
        if (!parse_line(next_line(&rest), l))
            return ST_CORRUPT;
    }
    if (l->key_field.len == 0 || l->horizon_ms == 0 ||
        l->n_columns + l->n_filters > RECORD_BITS_MAX)
        return ST_CORRUPT;
    *ret_layout = l;
    return ST_OK;
}

int layout_find_column(const struct layout *l, const struct layout_column *column)
{
    for (int i = 0; i < l->n_columns; i++) {
        if (l->columns[i].kind == column->kind && span_eq(l->columns[i].name, column->name))
            return i;
    }
    return -1;
}

int layout_find_filter(const struct layout *l, struct span text)
{
    for (int i = 0; i < l->n_filters; i++) {
        if (span_eq(l->filters[i], text))
            return i;
    }
    return -1;
}

const char *column_kind_text(enum column_kind kind)
{
    return kind_texts[kind];
}

int32_t column_kind_scale(enum column_kind kind)
{
    static const int32_t scales[] = {
#define X(name, text, scale) [name] = scale,
        COLUMN_TABLE(X)
#undef X
    };
    return scales[kind];
}

const struct layout *layout_book_find(const struct layout_book *book, uint32_t id)
{
    int n = __atomic_load_n(&book->count, __ATOMIC_ACQUIRE);
    for (int i = 0; i < n; i++) {
        if (book->entries[i]->id == id)
            return book->entries[i];
    }
    return NULL;
}

enum status layout_book_add(struct layout_book *book, const struct layout *layout)
{
    if (layout_book_find(book, layout->id) != NULL)
        return ST_OK;
    if (book->count == LAYOUT_BOOK_MAX)
        return ST_NO_SPACE;
    book->entries[book->count] = layout;
    __atomic_store_n(&book->count, book->count + 1, __ATOMIC_RELEASE);
    return ST_OK;
}
