#include "rules/cel_regex.h"

#include "rules/cel_utf8.h"
#include "service/base/decode.h"

/* ---- the compiled pattern ------------------------------------------------------------------- */

enum op {
    OP_CHAR,   /* `c` */
    OP_CLASS,  /* one of `set` */
    OP_SPLIT,  /* on at `x` and at `y` */
    OP_JUMP,   /* on at `x` */
    OP_ASSERT, /* `c` says what must hold here */
    OP_MATCH,
};

struct range {
    int32_t lo, hi;
};

enum { SET_RANGES_MAX = 128 };

struct set {
    bool negated, fold;
    int count;
    struct range *ranges;
};

struct instr {
    uint8_t op;
    bool fold; /* OP_CHAR: whatever the case */
    uint16_t x, y;
    union {
        int32_t c;
        const struct set *set;
    };
};

struct regex {
    const struct instr *code;
    int count;
};

enum { AT_TEXT_START, AT_TEXT_END, AT_LINE_START, AT_LINE_END, AT_WORD_EDGE, NOT_AT_WORD_EDGE };

/* ---- parsing -------------------------------------------------------------------------------- */

enum node_kind { NODE_EMPTY, NODE_CHAR, NODE_CLASS, NODE_CAT, NODE_ALT, NODE_REPEAT, NODE_ASSERT };

struct node {
    enum node_kind kind;
    bool fold;
    int32_t c;
    int min, max; /* NODE_REPEAT; max -1: no end */
    const struct set *set;
    struct node *a, *b;
};

struct flags {
    bool fold, multi_line, dot_all;
};

struct parser {
    struct span p;
    size_t pos;
    struct arena *arena;
    const char *error;
    int depth;
    struct flags flags;
};

static void *room(struct parser *ps, size_t size)
{
    void *mem = NULL;
    if (arena_alloc(ps->arena, size, &mem) != ST_OK)
        ps->error = "the pattern is too large";
    return mem;
}

static struct node *fail(struct parser *ps, const char *what)
{
    if (ps->error == NULL)
        ps->error = what;
    return NULL;
}

static int peek(const struct parser *ps)
{
    return ps->pos < ps->p.len ? (unsigned char)ps->p.base[ps->pos] : -1;
}

static bool accept(struct parser *ps, const char *what)
{
    struct span rest = span_of(ps->p.base + ps->pos, ps->p.len - ps->pos);
    if (!span_starts(rest, span_str(what)))
        return false;
    ps->pos += strlen(what);
    return true;
}

static struct node *node_of(struct parser *ps, struct node n)
{
    struct node *mem = room(ps, sizeof *mem);
    if (mem != NULL)
        *mem = n;
    return mem;
}

static struct node *parse_alt(struct parser *ps);

/* How many instructions a tree takes; REGEX_CODE_MAX or more: too many, however many. */
static int64_t code_size(const struct node *n)
{
    int64_t a = n->a ? code_size(n->a) : 0, b = n->b ? code_size(n->b) : 0, size = a + b;
    if (n->kind == NODE_CHAR || n->kind == NODE_CLASS || n->kind == NODE_ASSERT)
        size = 1;
    if (n->kind == NODE_ALT)
        size += 2;
    if (n->kind == NODE_REPEAT)
        size = n->min * a + (n->max < 0 ? a + 2 : (n->max - n->min) * (a + 1));
    return size < REGEX_CODE_MAX ? size : REGEX_CODE_MAX;
}

/* ---- character classes */

static void set_add(struct parser *ps, struct set *set, int32_t lo, int32_t hi)
{
    if (set->count == SET_RANGES_MAX)
        fail(ps, "the pattern's character class is too large");
    else
        set->ranges[set->count++] = (struct range){lo, hi};
}

/* The ranges of \d, \s, \w and [:alpha:] ...; each list ends with lo > hi. */
static const struct {
    const char *name;
    struct range ranges[5];
} named_sets[] = {
    {"d", {{'0', '9'}, {1, 0}}},
    {"s", {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}, {1, 0}}},
    {"w", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}, {1, 0}}},
    {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}, {1, 0}}},
    {"alpha", {{'A', 'Z'}, {'a', 'z'}, {1, 0}}},
    {"ascii", {{0, 127}, {1, 0}}},
    {"blank", {{'\t', '\t'}, {' ', ' '}, {1, 0}}},
    {"cntrl", {{0, 31}, {127, 127}, {1, 0}}},
    {"digit", {{'0', '9'}, {1, 0}}},
    {"graph", {{'!', '~'}, {1, 0}}},
    {"lower", {{'a', 'z'}, {1, 0}}},
    {"print", {{' ', '~'}, {1, 0}}},
    {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}, {1, 0}}},
    {"space", {{'\t', '\r'}, {' ', ' '}, {1, 0}}},
    {"upper", {{'A', 'Z'}, {1, 0}}},
    {"word", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}, {1, 0}}},
    {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}, {1, 0}}},
};

static bool set_add_named(struct parser *ps, struct set *set, struct span name, bool negated)
{
    for (size_t i = 0; i < sizeof named_sets / sizeof *named_sets; i++) {
        if (!span_is(name, named_sets[i].name))
            continue;
        int32_t from = 0;
        for (const struct range *r = named_sets[i].ranges; r->lo <= r->hi; r++) {
            if (!negated)
                set_add(ps, set, r->lo, r->hi);
            else if (from < r->lo)
                set_add(ps, set, from, r->lo - 1);
            from = r->hi + 1;
        }
        if (negated)
            set_add(ps, set, from, 0x10ffff);
        return true;
    }
    return false;
}

/* \d \D \s \S \w \W behind the backslash */
static bool accept_perl_class(struct parser *ps, struct set *set)
{
    int c = peek(ps);
    if (c < 0 || strchr("dDsSwW", c) == NULL)
        return false;
    char name = (char)(c | 32);
    ps->pos++;
    return set_add_named(ps, set, span_of(&name, 1), c < 'a');
}

static int hex_digits(struct parser *ps, int max)
{
    int v = 0, n = 0;
    for (; n < max; n++, ps->pos++) {
        int d = decode_hex_digit(peek(ps));
        if (d < 0)
            break;
        v = v * 16 + d;
    }
    return n > 0 ? v : -1;
}

/* One character behind a backslash; -1 with an error for what is none. */
static int32_t parse_escape(struct parser *ps)
{
    static const char from[] = "afnrtv", to[] = "\a\f\n\r\t\v";
    int c = peek(ps);
    const char *simple = c > 0 ? strchr(from, c) : NULL;
    bool letter = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
    if (c < 0 || c >= 0x80) {
        fail(ps, "the pattern ends with a backslash");
        return -1;
    }
    ps->pos++;
    if (simple != NULL)
        return to[simple - from];
    if (c == 'x') {
        bool braces = accept(ps, "{");
        int v = hex_digits(ps, braces ? 6 : 2);
        if (v >= 0 && cel_utf8_is_char(v) && (!braces || accept(ps, "}")))
            return v;
    } else if (c == '0') {
        return 0;
    } else if (!letter) {
        return c;
    }
    fail(ps, "the pattern has an escape that means nothing (RE2 syntax)");
    return -1;
}

static int32_t parse_char(struct parser *ps)
{
    return accept(ps, "\\") ? parse_escape(ps) : cel_utf8_next(ps->p, &ps->pos);
}

static bool parse_posix_class(struct parser *ps, struct set *set)
{
    if (!accept(ps, "[:"))
        return false;
    bool negated = accept(ps, "^");
    size_t start = ps->pos;
    while (peek(ps) >= 'a' && peek(ps) <= 'z')
        ps->pos++;
    struct span name = span_of(ps->p.base + start, ps->pos - start);
    if (!accept(ps, ":]") || name.len < 2 || !set_add_named(ps, set, name, negated))
        fail(ps, "the pattern has a class [:name:] that there is not");
    return true;
}

static void parse_set_item(struct parser *ps, struct set *set)
{
    if (parse_posix_class(ps, set))
        return;
    size_t back = ps->pos;
    if (accept(ps, "\\") && accept_perl_class(ps, set))
        return;
    ps->pos = back;
    int32_t lo = parse_char(ps), hi = lo;
    back = ps->pos;
    if (accept(ps, "-") && peek(ps) >= 0 && peek(ps) != ']')
        hi = parse_char(ps);
    else
        ps->pos = back;
    if (ps->error == NULL && (lo < 0 || hi < lo))
        fail(ps, "the pattern has a range of characters that is backwards");
    set_add(ps, set, lo, hi);
}

static struct set *set_new(struct parser *ps)
{
    struct set *set = room(ps, sizeof *set);
    struct range *ranges = room(ps, SET_RANGES_MAX * sizeof *ranges);
    if (set == NULL || ranges == NULL)
        return NULL;
    *set = (struct set){.ranges = ranges, .fold = ps->flags.fold};
    return set;
}

static struct node *class_of(struct parser *ps, const struct set *set)
{
    return set ? node_of(ps, (struct node){.kind = NODE_CLASS, .set = set}) : NULL;
}

/* "[" ["^"] item { item } "]"; a first "]" is a character. */
static struct node *parse_class(struct parser *ps)
{
    struct set *set = set_new(ps);
    if (set == NULL)
        return NULL;
    set->negated = accept(ps, "^");
    do {
        if (peek(ps) < 0)
            return fail(ps, "the pattern ends within [...]");
        parse_set_item(ps, set);
        if (ps->error != NULL)
            return NULL;
    } while (!accept(ps, "]"));
    return class_of(ps, set);
}

/* ---- atoms */

static struct node *assertion(struct parser *ps, int what)
{
    return node_of(ps, (struct node){.kind = NODE_ASSERT, .c = what});
}

static struct node *parse_backslash(struct parser *ps)
{
    static const struct {
        const char *text;
        int what;
    } assertions[] = {
        {"A", AT_TEXT_START}, {"z", AT_TEXT_END}, {"b", AT_WORD_EDGE}, {"B", NOT_AT_WORD_EDGE}};
    for (size_t i = 0; i < sizeof assertions / sizeof *assertions; i++) {
        if (accept(ps, assertions[i].text))
            return assertion(ps, assertions[i].what);
    }
    int c = peek(ps);
    if (c > 0 && strchr("dDsSwW", c) != NULL) {
        struct set *set = set_new(ps);
        return set && accept_perl_class(ps, set) ? class_of(ps, set) : NULL;
    }
    int32_t code = parse_escape(ps);
    if (code < 0)
        return NULL;
    return node_of(ps, (struct node){.kind = NODE_CHAR, .c = code, .fold = ps->flags.fold});
}

static struct node *parse_dot(struct parser *ps)
{
    struct set *set = set_new(ps);
    if (set == NULL)
        return NULL;
    set->negated = true;
    if (!ps->flags.dot_all)
        set_add(ps, set, '\n', '\n');
    return class_of(ps, set);
}

/* "(?flags)" and "(?flags:", behind "(?": the flags of the rest of this group. */
static bool parse_flags(struct parser *ps, bool *ret_group)
{
    bool on = true;
    for (;; ps->pos++) {
        switch (peek(ps)) {
        case 'i':
            ps->flags.fold = on;
            break;
        case 'm':
            ps->flags.multi_line = on;
            break;
        case 's':
            ps->flags.dot_all = on;
            break;
        case 'U': /* greedy or not: the same for yes and no */
            break;
        case '-':
            on = false;
            break;
        case ':':
        case ')':
            *ret_group = peek(ps) == ':';
            ps->pos++;
            return true;
        default:
            return false;
        }
    }
}

static bool skip_group_name(struct parser *ps)
{
    if (!accept(ps, "P<") && !accept(ps, "<"))
        return false;
    while (peek(ps) >= 0 && peek(ps) != '>')
        ps->pos++;
    return accept(ps, ">");
}

/* "(" [ "?:" | "?flags:" | "?P<name>" ] alt ")" */
static struct node *parse_group(struct parser *ps)
{
    struct flags outer = ps->flags;
    bool group = true;
    if (ps->depth >= REGEX_DEPTH_MAX)
        return fail(ps, "the pattern is nested too deep");
    if (accept(ps, "?") && !skip_group_name(ps) && !parse_flags(ps, &group))
        return fail(ps, "the pattern has a group (?...) that there is not (RE2 syntax)");
    if (!group) /* (?i): nothing by itself; its flags stay */
        return node_of(ps, (struct node){.kind = NODE_EMPTY});
    ps->depth++;
    struct node *n = parse_alt(ps);
    ps->depth--;
    ps->flags = outer;
    if (n != NULL && !accept(ps, ")"))
        return fail(ps, "the pattern ends within (...)");
    return n;
}

static struct node *parse_atom(struct parser *ps)
{
    if (accept(ps, "("))
        return parse_group(ps);
    if (accept(ps, "["))
        return parse_class(ps);
    if (accept(ps, "."))
        return parse_dot(ps);
    if (accept(ps, "^"))
        return assertion(ps, ps->flags.multi_line ? AT_LINE_START : AT_TEXT_START);
    if (accept(ps, "$"))
        return assertion(ps, ps->flags.multi_line ? AT_LINE_END : AT_TEXT_END);
    if (accept(ps, "\\"))
        return parse_backslash(ps);
    if (peek(ps) == '*' || peek(ps) == '+' || peek(ps) == '?')
        return fail(ps, "the pattern repeats nothing: write \\ before * + or ?");
    int32_t c = cel_utf8_next(ps->p, &ps->pos);
    return node_of(ps, (struct node){.kind = NODE_CHAR, .c = c, .fold = ps->flags.fold});
}

static int parse_count(struct parser *ps)
{
    int v = -1;
    for (; peek(ps) >= '0' && peek(ps) <= '9'; ps->pos++)
        v = v > REGEX_REPEAT_MAX ? v : (v < 0 ? 0 : v) * 10 + peek(ps) - '0';
    return v;
}

/* "{n}" "{n,}" "{n,m}"; anything else is just a brace, as in RE2. */
static bool parse_braces(struct parser *ps, int *ret_min, int *ret_max)
{
    size_t back = ps->pos;
    if (!accept(ps, "{"))
        return false;
    int min = parse_count(ps), max = min;
    if (min >= 0 && accept(ps, ","))
        max = parse_count(ps);
    if (min < 0 || !accept(ps, "}")) {
        ps->pos = back;
        return false;
    }
    if (min > REGEX_REPEAT_MAX || max > REGEX_REPEAT_MAX || (max >= 0 && max < min))
        fail(ps, "the pattern repeats more often than 1000 times, or backwards");
    *ret_min = min;
    *ret_max = max;
    return true;
}

static bool parse_quantifier(struct parser *ps, int *ret_min, int *ret_max)
{
    *ret_min = 0;
    *ret_max = -1;
    if (accept(ps, "*"))
        return true;
    if (accept(ps, "+")) {
        *ret_min = 1;
        return true;
    }
    if (accept(ps, "?")) {
        *ret_max = 1;
        return true;
    }
    return parse_braces(ps, ret_min, ret_max);
}

/* atom [ quantifier [ "?" ] ] */
static struct node *parse_repeat(struct parser *ps)
{
    struct node *n = parse_atom(ps);
    int min, max, again;
    if (n == NULL || !parse_quantifier(ps, &min, &max))
        return n;
    accept(ps, "?");
    if (parse_quantifier(ps, &again, &again))
        return fail(ps, "the pattern repeats a repetition: put it in (...)");
    if (ps->error != NULL)
        return NULL;
    if (code_size(n) == 0) /* or code_node() would go round for nothing, 1000 times a level */
        return n;
    return node_of(ps, (struct node){.kind = NODE_REPEAT, .a = n, .min = min, .max = max});
}

static struct node *parse_cat(struct parser *ps)
{
    struct node *all = node_of(ps, (struct node){.kind = NODE_EMPTY});
    while (all != NULL && peek(ps) >= 0 && peek(ps) != '|' && peek(ps) != ')') {
        struct node *n = parse_repeat(ps);
        all = n ? node_of(ps, (struct node){.kind = NODE_CAT, .a = all, .b = n}) : NULL;
    }
    return all;
}

/* alt = cat { "|" cat } */
static struct node *parse_alt(struct parser *ps)
{
    struct node *n = parse_cat(ps);
    while (n != NULL && accept(ps, "|")) {
        struct node *other = parse_cat(ps);
        n = other ? node_of(ps, (struct node){.kind = NODE_ALT, .a = n, .b = other}) : NULL;
    }
    return n;
}

/* ---- from the tree to code ------------------------------------------------------------------ */

struct coder {
    struct instr *code;
    int count;
};

static int put(struct coder *c, struct instr in)
{
    c->code[c->count] = in;
    return c->count++;
}

static void code_node(struct coder *c, const struct node *n);

/* split on, over -> on: a; jump split; over: */
static void code_star(struct coder *c, const struct node *n)
{
    int split = put(c, (struct instr){.op = OP_SPLIT});
    c->code[split].x = (uint16_t)c->count;
    code_node(c, n);
    put(c, (struct instr){.op = OP_JUMP, .x = (uint16_t)split});
    c->code[split].y = (uint16_t)c->count;
}

static void code_optional(struct coder *c, const struct node *n, int times)
{
    if (times == 0)
        return;
    int split = put(c, (struct instr){.op = OP_SPLIT});
    c->code[split].x = (uint16_t)c->count;
    code_node(c, n);
    code_optional(c, n, times - 1);
    c->code[split].y = (uint16_t)c->count;
}

static void code_alt(struct coder *c, const struct node *n)
{
    int split = put(c, (struct instr){.op = OP_SPLIT});
    c->code[split].x = (uint16_t)c->count;
    code_node(c, n->a);
    int jump = put(c, (struct instr){.op = OP_JUMP});
    c->code[split].y = (uint16_t)c->count;
    code_node(c, n->b);
    c->code[jump].x = (uint16_t)c->count;
}

static void code_node(struct coder *c, const struct node *n)
{
    switch (n->kind) {
    case NODE_EMPTY:
        break;
    case NODE_CHAR:
        put(c, (struct instr){.op = OP_CHAR, .c = n->c, .fold = n->fold});
        break;
    case NODE_CLASS:
        put(c, (struct instr){.op = OP_CLASS, .set = n->set});
        break;
    case NODE_ASSERT:
        put(c, (struct instr){.op = OP_ASSERT, .c = n->c});
        break;
    case NODE_CAT:
        code_node(c, n->a);
        code_node(c, n->b);
        break;
    case NODE_ALT:
        code_alt(c, n);
        break;
    case NODE_REPEAT:
        for (int i = 0; i < n->min; i++)
            code_node(c, n->a);
        if (n->max < 0)
            code_star(c, n->a);
        else
            code_optional(c, n->a, n->max - n->min);
        break;
    }
}

enum { PATTERN_MAX = 1024 }; /* bytes; the tree of a longer one would be too deep to walk */

const char *regex_compile(struct span pattern, struct arena *arena, const struct regex **ret_regex)
{
    struct parser ps = {.p = pattern, .arena = arena};
    if (pattern.len > PATTERN_MAX)
        return "the pattern is longer than 1024 bytes";
    struct node *n = parse_alt(&ps);
    if (n != NULL && ps.pos < pattern.len)
        return "the pattern has a ) too many";
    if (n == NULL || ps.error != NULL)
        return ps.error;
    int64_t size = code_size(n) + 1;
    if (size > REGEX_CODE_MAX)
        return "the pattern is too large: it repeats too much";
    struct regex *re = room(&ps, sizeof *re);
    struct coder c = {.code = room(&ps, (size_t)size * sizeof *c.code)};
    if (re == NULL || c.code == NULL)
        return ps.error;
    code_node(&c, n);
    put(&c, (struct instr){.op = OP_MATCH});
    *re = (struct regex){.code = c.code, .count = c.count};
    *ret_regex = re;
    return NULL;
}

/* ---- running -------------------------------------------------------------------------------- */

/* The places of the pattern that the text so far leads to; a sparse set (Briggs, Torczon 1993). */
struct places {
    uint16_t *dense, *sparse;
    int count;
};

/* Between which characters we stand; -1: the text's end or start. */
struct here {
    int32_t before, after;
};

struct matcher {
    const struct regex *re;
    struct places now, next;
    uint16_t *stack;
    int64_t *steps;
};

static bool add_place(struct places *p, uint16_t pc)
{
    if (p->sparse[pc] < p->count && p->dense[p->sparse[pc]] == pc)
        return false;
    p->sparse[pc] = (uint16_t)p->count;
    p->dense[p->count++] = pc;
    return true;
}

static bool is_word(int32_t c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool holds(int32_t what, struct here h)
{
    bool edge = is_word(h.before) != is_word(h.after);
    switch (what) {
    case AT_TEXT_START:
        return h.before < 0;
    case AT_TEXT_END:
        return h.after < 0;
    case AT_LINE_START:
        return h.before < 0 || h.before == '\n';
    case AT_LINE_END:
        return h.after < 0 || h.after == '\n';
    case AT_WORD_EDGE:
        return edge;
    default:
        return !edge;
    }
}

/* Adds pc and what it leads to without a character; true: a match is among it. */
static bool follow(struct matcher *m, struct places *p, uint16_t pc, struct here h)
{
    int top = 0;
    m->stack[top++] = pc;
    while (top > 0) {
        pc = m->stack[--top];
        if (!add_place(p, pc))
            continue;
        const struct instr *in = &m->re->code[pc];
        if (in->op == OP_MATCH)
            return true;
        if (in->op == OP_SPLIT)
            m->stack[top++] = in->y;
        if (in->op == OP_SPLIT || in->op == OP_JUMP)
            m->stack[top++] = in->x;
        else if (in->op == OP_ASSERT && holds(in->c, h))
            m->stack[top++] = (uint16_t)(pc + 1);
    }
    return false;
}

static int32_t folded(int32_t c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static bool in_ranges(const struct set *set, int32_t c)
{
    for (int i = 0; i < set->count; i++) {
        if (c >= set->ranges[i].lo && c <= set->ranges[i].hi)
            return true;
    }
    return false;
}

static bool takes(const struct instr *in, int32_t c)
{
    if (in->op == OP_CHAR)
        return in->fold ? folded(in->c) == folded(c) : in->c == c;
    if (in->op != OP_CLASS)
        return false;
    bool letter = folded(c) >= 'a' && folded(c) <= 'z';
    bool found = in_ranges(in->set, c) || (in->set->fold && letter && in_ranges(in->set, c ^ 32));
    return found != in->set->negated;
}

/* From the places before the character `c` to those behind it; true: a match is among them. */
static bool step(struct matcher *m, int32_t c, struct here behind)
{
    m->next.count = 0;
    for (int i = 0; i < m->now.count; i++) {
        uint16_t pc = m->now.dense[i];
        if (takes(&m->re->code[pc], c) && follow(m, &m->next, (uint16_t)(pc + 1), behind))
            return true;
    }
    struct places swap = m->now;
    m->now = m->next;
    m->next = swap;
    return false;
}

static int run(struct matcher *m, struct span text)
{
    size_t pos = 0; /* behind h.after */
    struct here h = {-1, text.len > 0 ? cel_utf8_next(text, &pos) : -1};
    for (;;) {
        if (follow(m, &m->now, 0, h)) /* a match may begin anywhere */
            return 1;
        if (h.after < 0)
            return 0;
        *m->steps -= m->now.count / 8 + 1;
        if (*m->steps <= 0)
            return -1;
        struct here behind = {h.after, pos < text.len ? cel_utf8_next(text, &pos) : -1};
        if (step(m, h.after, behind))
            return 1;
        h = behind;
    }
}

int regex_match(const struct regex *re, struct span text, struct arena *scratch, int64_t *steps)
{
    size_t n = (size_t)re->count;
    size_t mark = scratch->used_bytes;
    uint16_t *mem = arena_try(scratch, n * 6 * sizeof *mem); /* 4 for the sets, 2 for the stack */
    if (mem == NULL)
        return -1;
    memset(mem, 0, n * 4 * sizeof *mem);
    struct matcher m = {.re = re,
                        .now = {.dense = mem, .sparse = mem + n},
                        .next = {.dense = mem + 2 * n, .sparse = mem + 3 * n},
                        .stack = mem + 4 * n,
                        .steps = steps};
    int answer = run(&m, text);
    scratch->used_bytes = mark;
    return answer;
}
