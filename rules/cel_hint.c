#include "rules/cel_hint.h"

#include "rules/cel_func.h"
#include "rules/cel_lex.h"
#include "rules/cel_macro.h"
#include "rules/cel_source.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    FUNCTION_NAMES_MAX = 512, /* of one style, macros included */
    MACRO_NAMES_MAX = 64,
    SOURCE_SHOWN_MAX = 60, /* bytes of an expression in a message; a longer one is not read */
};

const char *cel_hint_text(struct cel_unit *unit, const char *format, ...)
{
    char *text = arena_must(unit->arena, DIAG_MESSAGE_MAX);
    va_list args;
    va_start(args, format);
    vsnprintf(text, DIAG_MESSAGE_MAX, format, args);
    va_end(args);
    return text;
}

struct span cel_hint_source(const struct cel_unit *unit, const struct cel_node *n)
{
    bool is_shown = n->end > n->start && n->end - n->start <= SOURCE_SHOWN_MAX;
    struct span text = span_of(unit->source.base + n->start, is_shown ? n->end - n->start : 0);
    return memchr(text.base, '\n', text.len) == NULL ? text : span_of(NULL, 0);
}

static const char *did_you_mean(struct cel_unit *unit, struct span wrong, const char *const *names,
                                size_t n)
{
    const char *nearest = diag_nearest(wrong, names, n);
    return nearest != NULL ? cel_hint_text(unit, "did you mean '%s'?", nearest) : NULL;
}

/* ---- what other languages call it ------------------------------------------------------------ */

struct habit {
    const char *word, *means;
};

static const char *habit_of(const struct habit *habits, size_t n, struct span word)
{
    for (size_t i = 0; i < n; i++) {
        if (span_is(word, habits[i].word))
            return habits[i].means;
    }
    return NULL;
}

#define HABIT_OF(habits, word) habit_of(habits, sizeof(habits) / sizeof *(habits), word)

static const char *name_from_elsewhere(struct span word)
{
    static const char missing[] = "what is missing is asked for with has(): !has(tx.NAME)";
    static const struct habit habits[] = {
        {"True", "write true"},   {"TRUE", "write true"},
        {"False", "write false"}, {"FALSE", "write false"},
        {"None", missing},        {"NULL", missing},
        {"Null", missing},        {"nil", missing},
        {"undefined", missing},   {"NaN", "write double(\"NaN\")"},
    };
    return HABIT_OF(habits, word);
}

/* The names of ours for functions of SQL, Python, JavaScript ...; those that exist are proposed. */
static const char *function_from_elsewhere(struct span word)
{
    static const struct habit habits[] = {
        {"len", "size"},         {"length", "size"},          {"strlen", "size"},
        {"lower", "lowerAscii"}, {"toLower", "lowerAscii"},   {"toLowerCase", "lowerAscii"},
        {"upper", "upperAscii"}, {"toUpper", "upperAscii"},   {"toUpperCase", "upperAscii"},
        {"strip", "trim"},       {"substr", "substring"},     {"includes", "contains"},
        {"has", "contains"},     {"regex", "matches"},        {"match", "matches"},
        {"any", "exists"},       {"some", "exists"},          {"every", "all"},
        {"hour", "getHours"},    {"minute", "getMinutes"},    {"second", "getSeconds"},
        {"day", "getDate"},      {"weekday", "getDayOfWeek"}, {"month", "getMonth"},
        {"year", "getFullYear"}, {"str", "string"},           {"float", "double"},
        {"integer", "int"},      {"date", "timestamp"},       {"datetime", "timestamp"},
        {"abs", "math.abs"},     {"ceil", "math.ceil"},       {"floor", "math.floor"},
        {"round", "math.round"}, {"sqrt", "math.sqrt"},       {"max", "math.greatest"},
        {"min", "math.least"},
    };
    return HABIT_OF(habits, word);
}

static const char *functions_of(struct cel_unit *unit, struct span space);

/* ---- names ----------------------------------------------------------------------------------- */

/* A feature's name that goes on with a window where `wrong` ends: big_sum, big_sum_1d. */
static const char *window_missing(struct cel_unit *unit, struct span wrong)
{
    const struct cel_env *env = unit->env;
    if (span_starts(wrong, span_str("tx.")))
        wrong = span_of(wrong.base + 3, wrong.len - 3);
    for (int i = 0; i < env->n_names; i++) {
        struct span name = env->names[i].name;
        if (name.len < wrong.len + 2 || !span_starts(name, wrong) || name.base[wrong.len] != '_')
            continue;
        char digit = name.base[wrong.len + 1];
        if (digit >= '0' && digit <= '9')
            return cel_hint_text(unit, "a feature is named with its window: %.*s", SPAN_ARG(name));
    }
    return NULL;
}

/* "lists.codes": the group, the name, or the two with the dot between them. */
static struct span full_name(const struct cel_name *name, char *buf, size_t cap)
{
    struct text t;
    text_init(&t, buf, cap);
    text_str(&t, name->group != NULL ? name->group : "");
    text_str(&t, name->group != NULL ? "." : "");
    text_put(&t, name->name);
    return text_span(&t);
}

/* Does `name` go on behind `front` with a dot? */
static bool leads_to(struct span front, struct span name)
{
    return span_starts(name, front) && name.len > front.len && name.base[front.len] == '.';
}

/* Of "lists", "lists.watched" and "merchant.kind": which names there are behind that dot. */
static const char *names_below(struct cel_unit *unit, struct span front)
{
    const struct cel_env *env = unit->env;
    char *hint = arena_must(unit->arena, DIAG_MESSAGE_MAX); /* zeroed */
    char buf[DIAG_MESSAGE_MAX];
    struct text t;
    text_init(&t, hint, DIAG_MESSAGE_MAX - 1);
    for (int i = 0; i < env->n_names; i++) {
        struct span name = full_name(&env->names[i], buf, sizeof buf);
        if (!leads_to(front, name) && leads_to(front, env->names[i].name))
            name = env->names[i].name;
        if (leads_to(front, name) && t.len + name.len + 12 < t.cap)
            text_printf(&t, "%s %.*s", t.len > 0 ? "," : "there are", SPAN_ARG(name));
    }
    if (t.len == 0 && span_is(front, "lists"))
        return "there are no lists; they are declared under `lists:`";
    if (t.len == 0 && span_is(front, "models"))
        return "there are no models";
    return t.len > 0 ? hint : NULL;
}

static const char *names_beside(struct cel_unit *unit, struct span wrong)
{
    size_t known = cel_hint_known_prefix(unit->env, wrong);
    struct span front = known > 0 ? span_of(wrong.base, known) : wrong;
    return span_is(front, "tx") ? NULL : names_below(unit, front);
}

static const char *nearest_name(struct cel_unit *unit, struct span wrong)
{
    const struct cel_env *env = unit->env;
    const char **names = arena_must(unit->arena, (size_t)(2 * env->n_names + 1) * sizeof *names);
    size_t n = 0;
    for (int i = 0; i < env->n_names; i++) {
        const struct cel_name *name = &env->names[i];
        char buf[DIAG_MESSAGE_MAX];
        names[n++] = arena_copy(unit->arena, name->name).base; /* with a NUL behind it */
        if (name->group != NULL)
            names[n++] = arena_copy(unit->arena, full_name(name, buf, sizeof buf)).base;
    }
    return did_you_mean(unit, wrong, names, n);
}

/* A word alone may have been meant as a text: country == BE. */
static const char *quotes_missing(struct cel_unit *unit, struct span wrong)
{
    if (memchr(wrong.base, '.', wrong.len) != NULL)
        return NULL;
    return cel_hint_text(unit, "a text is written in quotes: \"%.*s\"", SPAN_ARG(wrong));
}

const char *cel_hint_name(struct cel_unit *unit, struct span wrong)
{
    const char *hint = name_from_elsewhere(wrong);
    if (hint == NULL)
        hint = window_missing(unit, wrong);
    if (hint == NULL)
        hint = nearest_name(unit, wrong);
    if (hint == NULL)
        hint = names_beside(unit, wrong);
    if (hint == NULL)
        hint = functions_of(unit, wrong);
    if (hint == NULL)
        hint = unit->env->unknown_hint;
    return hint != NULL ? hint : quotes_missing(unit, wrong);
}

static bool is_known_front(const struct cel_env *env, struct span front)
{
    char buf[DIAG_MESSAGE_MAX];
    if (span_is(front, "tx") || span_is(front, "lists") || span_is(front, "models"))
        return true;
    for (int i = 0; i < env->n_names; i++) {
        if (leads_to(front, env->names[i].name) ||
            leads_to(front, full_name(&env->names[i], buf, sizeof buf)))
            return true;
    }
    return false;
}

size_t cel_hint_known_prefix(const struct cel_env *env, struct span wrong)
{
    for (size_t len = wrong.len; len > 0; len--) {
        if (wrong.base[len - 1] == '.' && is_known_front(env, span_of(wrong.base, len - 1)))
            return len - 1;
    }
    return 0;
}

/* ---- functions ------------------------------------------------------------------------------- */

static bool is_among(const char *const *names, size_t n, struct span name)
{
    for (size_t i = 0; i < n; i++) {
        if (span_is(name, names[i]))
            return true;
    }
    return false;
}

static size_t all_functions(bool is_method, const char **names)
{
    size_t n = cel_func_names(is_method, names, FUNCTION_NAMES_MAX);
    const char *macros[MACRO_NAMES_MAX];
    size_t n_macros = cel_macro_names_of(is_method, macros, MACRO_NAMES_MAX);
    for (size_t i = 0; i < n_macros && n < FUNCTION_NAMES_MAX; i++) {
        if (!is_among(names, n, span_str(macros[i]))) /* math.greatest is both */
            names[n++] = macros[i];
    }
    return n;
}

static bool is_function(struct span name, bool is_method)
{
    const char *names[FUNCTION_NAMES_MAX];
    return is_among(names, all_functions(is_method, names), name);
}

bool cel_hint_is_namespace(struct span space)
{
    const char *names[FUNCTION_NAMES_MAX];
    size_t n = all_functions(false, names);
    for (size_t i = 0; i < n; i++) {
        if (leads_to(space, span_str(names[i])))
            return true;
    }
    return false;
}

/* "math has ceil, floor ..." */
static const char *functions_of(struct cel_unit *unit, struct span space)
{
    const char *names[FUNCTION_NAMES_MAX];
    size_t n = all_functions(false, names);
    char *hint = arena_must(unit->arena, DIAG_MESSAGE_MAX); /* zeroed */
    struct text t;
    text_init(&t, hint, DIAG_MESSAGE_MAX - 1);
    for (size_t i = 0; i < n; i++) {
        if (!leads_to(space, span_str(names[i])) || t.len + strlen(names[i]) + 8 > t.cap)
            continue;
        if (t.len == 0)
            text_printf(&t, "%.*s has ", SPAN_ARG(space));
        else
            text_str(&t, ", ");
        text_str(&t, names[i] + space.len + 1);
    }
    return t.len > 0 ? hint : NULL;
}

/* It exists, written the other way: contains(x, y) for x.contains(y). */
static const char *other_style(struct cel_unit *unit, struct span name, bool is_method)
{
    if (!is_function(name, !is_method))
        return NULL;
    return cel_hint_text(unit, is_method ? "it is written %.*s(x)" : "it is written x.%.*s(...)",
                         SPAN_ARG(name));
}

static const char *from_elsewhere(struct cel_unit *unit, struct span name, bool is_method)
{
    const char *ours = function_from_elsewhere(name);
    if (ours != NULL && is_function(span_str(ours), is_method))
        return cel_hint_text(unit, "here it is called '%s'", ours);
    if (ours != NULL && is_function(span_str(ours), !is_method))
        return cel_hint_text(
            unit, is_method ? "here it is written %s(x)" : "here it is written x.%s()", ours);
    if (span_is(name, "now") || span_is(name, "today"))
        return "a rule has no clock: the transaction's own time is `timestamp`";
    return NULL;
}

/* A macro with too few or too many arguments. */
static const char *macro_form(struct cel_unit *unit, struct span name, bool is_method)
{
    const char *form = cel_macro_form(name, is_method);
    return form != NULL ? cel_hint_text(unit, "it is written as in %s", form) : NULL;
}

const char *cel_hint_function(struct cel_unit *unit, struct span wrong, bool is_method)
{
    const char *names[FUNCTION_NAMES_MAX];
    const char *hint = cel_lex_word_hint(wrong); /* not (x) */
    if (hint == NULL)
        hint = macro_form(unit, wrong, is_method);
    if (hint == NULL)
        hint = other_style(unit, wrong, is_method);
    if (hint == NULL)
        hint = from_elsewhere(unit, wrong, is_method);
    if (hint == NULL)
        hint = did_you_mean(unit, wrong, names, all_functions(is_method, names));
    const char *dot = memrchr(wrong.base, '.', wrong.len);
    if (hint == NULL && dot != NULL)
        hint = functions_of(unit, span_of(wrong.base, (size_t)(dot - wrong.base)));
    return hint;
}

/* ---- what stands where nothing of the kind may ----------------------------------------------- */

enum { BRACKETS_MAX = 64 }; /* open at once; whoever has more of them is told without */

/* Where the innermost bracket before `end` was opened; false: none is open. */
static bool open_bracket(struct span source, size_t end, size_t *ret_offset)
{
    char buf[CEL_SOURCE_MAX + 1];
    struct arena room; /* for the texts on the way, each no longer than the source */
    struct cel_lexer lexer = {.source = span_of(source.base, end), .arena = &room};
    size_t open[BRACKETS_MAX], n = 0;
    for (;;) {
        arena_init(&room, buf, sizeof buf);
        struct cel_token t = cel_lex_next(&lexer);
        if (t.kind == CEL_TOK_END || t.kind == CEL_TOK_ERROR || n == BRACKETS_MAX)
            break;
        if (t.kind == CEL_TOK_LPAREN || t.kind == CEL_TOK_LBRACKET || t.kind == CEL_TOK_LBRACE)
            open[n++] = t.offset;
        n -= n > 0 &&
             (t.kind == CEL_TOK_RPAREN || t.kind == CEL_TOK_RBRACKET || t.kind == CEL_TOK_RBRACE);
    }
    if (n > 0)
        *ret_offset = open[n - 1];
    return n > 0 && n < BRACKETS_MAX;
}

static bool is_digit_at(struct span source, size_t i)
{
    return i < source.len && source.base[i] >= '0' && source.base[i] <= '9';
}

static const char *hint_open(struct cel_unit *unit, size_t open)
{
    struct diag_at at = cel_source_at(unit->at, unit->source, open);
    return cel_hint_text(unit, "the '%c' of %d:%d is still open", unit->source.base[open], at.line,
                         at.col);
}

static const char *hint_comma(struct cel_unit *unit, size_t offset)
{
    if (offset > 0 && is_digit_at(unit->source, offset - 1) &&
        is_digit_at(unit->source, offset + 1))
        return "a number is written without commas";
    return "a list is written [a, b]";
}

const char *cel_hint_token(struct cel_unit *unit, struct span before, size_t offset,
                           struct span token)
{
    size_t open;
    bool is_open = open_bracket(unit->source, offset, &open);
    const char *hint = cel_lex_word_hint(token);
    if (hint != NULL)
        return hint;
    size_t behind = (size_t)(before.base - unit->source.base) + before.len;
    if (span_is(before, ".") && behind > 1 && is_digit_at(unit->source, behind - 2))
        return "a number has a digit behind its point: 5.0";
    if (span_is(before, "%") && behind > 1 && is_digit_at(unit->source, behind - 2))
        return "for a percentage write 0.5";
    if (span_is(token, ",") && (!is_open || unit->source.base[open] == '('))
        return hint_comma(unit, offset);
    if (is_open)
        return hint_open(unit, open);
    if (span_is(token, ")") || span_is(token, "]") || span_is(token, "}"))
        return "nothing is open that it could close";
    return NULL;
}
