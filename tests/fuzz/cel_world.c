#include "tests/fuzz/cel_world.h"

#include "rules/cel_func.h"
#include "rules/cel_lex.h"
#include "rules/cel_macro.h"
#include "service/base/check.h"

#include <arpa/inet.h>
#include <math.h>

enum {
    NAMES_MAX = 1024, /* of functions, of one style */
    WORDS_MAX = 4096,
    VISITS_MAX = 100000,             /* of nodes; macros share them */
    VALUES_MAX = 20000,              /* of one value: [v, v] of [w, w] of ... is endless */
    NESTING_MAX = 2 * CEL_DEPTH_MAX, /* of a value: the tree that makes it is no deeper */
};

/* ---- env and rows ---------------------------------------------------------------------------- */

void cel_world_env(struct cel_name names[static CEL_WORLD_SLOTS], struct cel_env *ret_env)
{
    int n = 0;
#define X(name, text, group, type) \
    names[n++] = (struct cel_name){span_str(text), group, &type, CEL_WORLD_##name, NULL, NULL, 0};
    CEL_WORLD_TABLE(X)
#undef X
    *ret_env = (struct cel_env){.names = names, .n_names = n};
}

static struct cel_value list_of(struct cel_list *list, struct cel_value *items, size_t count)
{
    *list = (struct cel_list){.count = count, .items = items};
    return cel_list_of(list);
}

static struct cel_value ints(void)
{
    static struct cel_value items[4];
    static struct cel_list list;
    for (int i = 0; i < 4; i++)
        items[i] = cel_int(i - 1);
    return list_of(&list, items, 4);
}

static struct cel_value words(void)
{
    static struct cel_value items[3];
    static struct cel_list list;
    items[0] = cel_string(span_str("a,b"));
    items[1] = cel_string(span_str(""));
    items[2] = cel_string(span_str("\xc3\xa9\xf0\x9f\x98\x80"));
    return list_of(&list, items, 3);
}

static struct cel_value place(void)
{
    static struct cel_entry entries[2];
    static struct cel_map map = {.count = 2, .entries = entries};
    entries[0] = (struct cel_entry){cel_string(span_str("lat")), cel_double(50.5)};
    entries[1] = (struct cel_entry){cel_string(span_str("lon")), cel_double(-4.25)};
    return cel_map_of(&map);
}

static struct cel_value address(enum cel_kind kind, int version, int bits, const char *text)
{
    struct cel_value v = {.kind = (uint8_t)kind, .code = (uint8_t)version, .nanos = bits};
    CHECK(inet_pton(version == 4 ? AF_INET : AF_INET6, text, v.ip) == 1);
    return v;
}

static void fill(struct cel_value *row, struct cel_value x, struct cel_value y)
{
    row[CEL_WORLD_amount] = cel_double(950.5);
    row[CEL_WORLD_count] = cel_int(11);
    row[CEL_WORLD_currency] = cel_string(span_str("EUR"));
    row[CEL_WORLD_time] = cel_timestamp_ms(INT64_C(1767614410000));
    row[CEL_WORLD_x] = x;
    row[CEL_WORLD_y] = y;
    row[CEL_WORLD_country] = cel_string(span_str("BE"));
    row[CEL_WORLD_flag] = cel_bool(true);
    row[CEL_WORLD_u] = cel_uint(UINT64_MAX);
    row[CEL_WORLD_raw] = cel_bytes(span_of("a\0\xff", 3));
    row[CEL_WORLD_span] = cel_duration(INT64_C(5400000000001));
    row[CEL_WORLD_none] = cel_null();
    row[CEL_WORLD_place] = place();
    row[CEL_WORLD_ints] = ints();
    row[CEL_WORLD_words] = words();
    row[CEL_WORLD_address] = address(CEL_IP, 6, 0, "2001:db8::68");
    row[CEL_WORLD_network] = address(CEL_CIDR, 4, 8, "10.0.0.0");
    row[CEL_WORLD_kind] = cel_type_named(span_str("int"));
    row[CEL_WORLD_any] = cel_bytes(span_str("\xff"));
}

struct cel_value *cel_world_row(enum cel_world_row row)
{
    static struct cel_value rows[CEL_WORLD_ROWS][CEL_WORLD_SLOTS];
    struct cel_value low = cel_double(-1.5), high = cel_double(2.5);
    if (rows[CEL_WORLD_WITHIN][CEL_WORLD_x].kind == CEL_MISSING) {
        fill(rows[CEL_WORLD_RANGES], cel_range_int(9, 12), cel_range_double(-1.5, 2.5));
        fill(rows[CEL_WORLD_LOW_LOW], cel_int(9), low);
        fill(rows[CEL_WORLD_LOW_HIGH], cel_int(9), high);
        fill(rows[CEL_WORLD_HIGH_LOW], cel_int(12), low);
        fill(rows[CEL_WORLD_HIGH_HIGH], cel_int(12), high);
        fill(rows[CEL_WORLD_WITHIN], cel_int(10), cel_double(0.1));
    }
    return rows[row];
}

struct arena *cel_world_arena(size_t len)
{
    static struct arena *whole, part;
    size_t room = CEL_ROOM_BYTES + CEL_ROOM_BYTES_A_BYTE * len + 1;
    if (whole == NULL)
        whole = arena_new(CEL_ROOM_BYTES + (CEL_ROOM_BYTES_A_BYTE + 1) * (size_t)CEL_SOURCE_MAX);
    CHECK(room <= whole->cap_bytes);
    arena_reset(&part); /* patterns of the expression before end here */
    arena_init(&part, whole->base, room);
    return &part;
}

/* ---- where to start -------------------------------------------------------------------------- */

/* A value of the type, as one would write it. */
static const char *example(const struct cel_type *t)
{
    static const char *const texts[] = {
        [CEL_T_DYN] = "any",
        [CEL_T_NULL] = "null",
        [CEL_T_BOOL] = "flag",
        [CEL_T_INT] = "1",
        [CEL_T_UINT] = "2u",
        [CEL_T_DOUBLE] = "1.5",
        [CEL_T_STRING] = "'a,b'",
        [CEL_T_BYTES] = "b'ab'",
        [CEL_T_TIMESTAMP] = "time",
        [CEL_T_DURATION] = "duration('90s')",
        [CEL_T_LIST] = "ints",
        [CEL_T_MAP] = "place",
        [CEL_T_OPTIONAL] = "optional.of(1)",
        [CEL_T_IP] = "ip('10.0.0.1')",
        [CEL_T_CIDR] = "cidr('10.0.0.0/8')",
        [CEL_T_TYPE] = "int",
        [CEL_T_WRAPPER] = "null",
        [CEL_T_ABSTRACT] = "any",
        [CEL_T_PARAM] = "x",
        [CEL_T_VAR] = "x",
        [CEL_T_ERROR] = "1 / 0",
    };
    bool strings = t->kind == CEL_T_LIST && t->params[0]->kind == CEL_T_STRING;
    return strings ? "words" : texts[t->kind];
}

static void write_call(const struct cel_func *f, struct text *out)
{
    if (f->is_method)
        text_printf(out, "%s.", example(f->args[0]));
    text_printf(out, "%s(", f->name);
    for (int i = f->is_method; i < f->n_args; i++)
        text_printf(out, "%s%s", i > f->is_method ? ", " : "", example(f->args[i]));
    text_char(out, ')');
}

/* The i-th signature of all functions that can be called; NULL: there are no more. */
static const struct cel_func *signature(size_t i)
{
    static const char *names[NAMES_MAX];
    const struct cel_env env = {0};
    for (int is_method = 0; is_method < 2; is_method++) {
        size_t n_names = cel_func_names(is_method, names, NAMES_MAX);
        for (size_t n = 0; n < n_names; n++) {
            int count;
            const struct cel_func *first =
                cel_func_find(&env, span_str(names[n]), is_method, &count);
            if (i < (size_t)count)
                return &first[i];
            i -= (size_t)count;
        }
    }
    return NULL;
}

/* What nests: `open` so often, `middle`, `close` as often. Near CEL_DEPTH_MAX, or what grows faster
 * than the text does. */
static const struct nest {
    const char *open, *middle, *close;
    int times;
} nests[] = {
    {"(", "x", ")", 190},
    {"[", "", "]", 190},
    {"{0: ", "{}", "}", 190},
    {"-", "x", "", 190},
    {"!", "flag", "", 190},
    {"flag ? 1 : ", "2", "", 190},
    {"", "x", " + x", 190},
    {"", "any", ".a", 60},
    {"", "any", "[0]", 190},
    {"", "any", ".?a", 60},
    {"ints.map(i, ", "i", ")", 30},
    {"ints.exists(i, ", "i > 1", ")", 30},
    {"cel.bind(v, [v, v], ", "v", ")", 40},
    {"cel.bind(v, [x], cel.bind(w, [v, v], cel.bind(v, [w, w], ", "v == w", ")))", 12},
    {"'", "a", "'.replace('', 'bb')", 1},
    {"", "currency", ".replace('', 'bbbbbbbb')", 8},
};

enum { NESTS = sizeof nests / sizeof *nests };

static void write_nest(const struct nest *n, struct text *out)
{
    for (int i = 0; i < n->times; i++)
        text_str(out, n->open);
    text_str(out, n->middle);
    for (int i = 0; i < n->times; i++)
        text_str(out, n->close);
}

size_t cel_world_seed(size_t i, uint8_t *buf, size_t cap)
{
    struct text out;
    const struct cel_func *f = i < NESTS ? NULL : signature(i - NESTS);
    if (i >= NESTS && f == NULL)
        return SIZE_MAX;
    text_init(&out, buf, cap);
    if (f == NULL)
        write_nest(&nests[i], &out);
    else
        write_call(f, &out);
    return out.len;
}

/* What the language's tables do not have: the ways to write a literal. */
static const char *const literals[] = {"true", "false", "null", "r'",  "b\"", "'''", "\"\"\"",
                                       "\\u",  "\\x",   "\\U",  "0x",  "1e9", "1u",  ".5",
                                       "//",   "`",     "[?",   "{?x", ".?",  "\n"};

static size_t add_types(const char **words, size_t n)
{
    static char names[CEL_ERROR][64];
    for (int kind = CEL_NULL; kind < CEL_ERROR; kind++) {
        struct span name = cel_kind_name((enum cel_kind)kind);
        struct text out;
        text_init(&out, names[kind], sizeof names[kind] - 1);
        text_put(&out, name);
        if (name.len > 0)
            words[n++] = names[kind];
    }
    return n;
}

static size_t gather_words(const char **words)
{
    static const char *const fixed[] = {
#define X(name, text) text,
        CEL_PUNCTUATION_TABLE(X)
#undef X
#define X(name, text, group, type) text,
            CEL_WORLD_TABLE(X)
#undef X
    };
    size_t n = 0;
    memcpy(words, fixed, sizeof fixed);
    n += sizeof fixed / sizeof *fixed;
    memcpy(words + n, literals, sizeof literals);
    n += sizeof literals / sizeof *literals;
    for (size_t i = 0; cel_lex_reserved(i) != NULL; i++)
        words[n++] = cel_lex_reserved(i);
    n = add_types(words, n);
    n += cel_macro_names(words + n, NAMES_MAX);
    n += cel_func_names(false, words + n, NAMES_MAX);
    n += cel_func_names(true, words + n, NAMES_MAX);
    return n;
}

const char *cel_world_word(size_t i)
{
    static const char *words[WORDS_MAX];
    static size_t n;
    if (n == 0)
        n = gather_words(words);
    return i < n ? words[i] : NULL;
}

/* ---- diagnostics ----------------------------------------------------------------------------- */

/* The length of line `line` of the source, counted from 1; false: it has none. */
static bool line_length(struct span source, int line, size_t *ret_len)
{
    const char *at = source.base, *end = at + source.len;
    for (;; line--) {
        const char *stop = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
        if (line == 1)
            *ret_len = (size_t)((stop ? stop : end) - at);
        if (line <= 1 || stop == NULL)
            return line == 1;
        at = stop + 1;
    }
}

void cel_world_check_diags(const struct diag_list *diags, struct span source)
{
    CHECK(diags->count + diags->dropped >= diags->errors);
    for (int i = 0; i < diags->count; i++) {
        const struct diag *d = &diags->items[i];
        size_t len;
        CHECK(d->message[0] != '\0' && memchr(d->message, '\0', sizeof d->message) != NULL);
        CHECK(memchr(d->hint, '\0', sizeof d->hint) != NULL);
        CHECK(line_length(source, d->line, &len));
        CHECK(d->col >= 1 && (size_t)d->col <= len + 1);
    }
}

/* ---- as one number --------------------------------------------------------------------------- */

static void mix(uint64_t *h, const void *bytes, size_t len)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < len; i++)
        *h = (*h ^ b[i]) * UINT64_C(0x100000001b3); /* FNV-1a (Fowler, Noll, Vo 1991) */
}

static void mix_u64(uint64_t *h, uint64_t v)
{
    mix(h, &v, sizeof v);
}

static void mix_span(uint64_t *h, struct span s)
{
    mix_u64(h, s.len);
    mix(h, s.base, s.len);
}

static void mix_double(uint64_t *h, double v)
{
    double same = isnan(v) ? NAN : v;
    mix(h, &same, sizeof same);
}

static void mix_value(uint64_t *h, struct cel_value v, int depth, int *left)
{
    CHECK(depth < NESTING_MAX);
    if ((*left)-- <= 0)
        return;
    mix_u64(h, v.kind);
    switch ((enum cel_kind)v.kind) {
    case CEL_BOOL:
        mix_u64(h, v.flag);
        break;
    case CEL_INT:
    case CEL_UINT:
    case CEL_DURATION:
        mix_u64(h, v.u64);
        break;
    case CEL_TIMESTAMP:
        mix_u64(h, v.u64);
        mix_u64(h, (uint64_t)v.nanos);
        break;
    case CEL_DOUBLE:
        mix_double(h, v.f64);
        break;
    case CEL_STRING:
    case CEL_BYTES:
    case CEL_TYPE:
        mix_span(h, v.text);
        break;
    case CEL_ERROR: /* about what it is may be worded otherwise */
        mix_u64(h, v.code);
        break;
    case CEL_IP:
    case CEL_CIDR:
        mix_u64(h, v.code);
        mix_u64(h, v.kind == CEL_CIDR ? (uint64_t)v.nanos : 0);
        mix(h, v.ip, sizeof v.ip);
        break;
    case CEL_RANGE:
        mix_u64(h, v.is_int);
        mix_u64(h, (uint64_t)v.lo_i64);
        mix_u64(h, (uint64_t)v.hi_i64);
        break;
    case CEL_LIST:
        mix_u64(h, v.list->count);
        for (size_t i = 0; i < v.list->count; i++)
            mix_value(h, v.list->items[i], depth + 1, left);
        break;
    case CEL_MAP:
        mix_u64(h, v.map->count);
        for (size_t i = 0; i < v.map->count; i++) {
            mix_value(h, v.map->entries[i].key, depth + 1, left);
            mix_value(h, v.map->entries[i].value, depth + 1, left);
        }
        break;
    case CEL_OPTIONAL:
        mix_u64(h, v.some != NULL);
        if (v.some != NULL)
            mix_value(h, *v.some, depth + 1, left);
        break;
    case CEL_MISSING:
    case CEL_NULL:
    case CEL_HANDLE:
        break;
    }
}

uint64_t cel_world_value_hash(struct cel_value v)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    int left = VALUES_MAX;
    mix_value(&h, v, 0, &left);
    return h;
}

static void mix_type(uint64_t *h, const struct cel_type *t)
{
    if (t == NULL)
        return;
    mix_u64(h, t->kind);
    mix_span(h, t->name);
    for (int i = 0; i < t->n_params; i++)
        mix_type(h, t->params[i]);
}

struct hashing {
    uint64_t h;
    unsigned with;
};

static void mix_node(const struct cel_node *n, void *data)
{
    struct hashing *s = data;
    const bool flags[] = {n->is_test, n->is_rooted, n->is_optional, n->is_optional_entry};
    mix_u64(&s->h, n->kind);
    mix(&s->h, flags, sizeof flags);
    mix_u64(&s->h, (uint64_t)n->n_args << 32 | (uint32_t)n->height);
    mix_span(&s->h, n->name);
    if (n->kind == CEL_NODE_CONST)
        mix_u64(&s->h, cel_world_value_hash(n->value));
    if (n->loop != NULL) {
        mix_span(&s->h, n->loop->var);
        mix_span(&s->h, n->loop->var2);
    }
    if (s->with & CEL_WORLD_PLACES)
        mix_u64(&s->h, n->offset << 32 | n->start);
    if (s->with & CEL_WORLD_TYPES)
        mix_type(&s->h, n->type);
}

uint64_t cel_world_tree_hash(const struct cel_node *root, unsigned with)
{
    struct hashing s = {UINT64_C(0xcbf29ce484222325), with};
    cel_world_walk(root, mix_node, &s);
    return s.h;
}

struct walk {
    void (*visit)(const struct cel_node *node, void *data);
    void *data;
    int left;
};

static void walk(struct walk *w, const struct cel_node *n)
{
    if (n == NULL || w->left-- <= 0)
        return;
    w->visit(n, w->data);
    if (n->kind == CEL_NODE_SELECT || n->kind == CEL_NODE_CALL) /* a.b that is one slot has none */
        walk(w, n->left);
    for (int i = 0; i < n->n_args; i++)
        walk(w, n->args[i]);
    if (n->loop == NULL)
        return;
    walk(w, n->loop->range);
    walk(w, n->loop->init);
    walk(w, n->loop->condition);
    walk(w, n->loop->step);
    walk(w, n->loop->result);
}

void cel_world_walk(const struct cel_node *root,
                    void (*visit)(const struct cel_node *node, void *data), void *data)
{
    struct walk w = {visit, data, VISITS_MAX};
    walk(&w, root);
}
