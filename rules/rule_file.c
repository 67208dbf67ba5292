#include "rules/rule_file.h"

#include <math.h>

/* What loading one file needs at every step. */
struct loader {
    const struct cel_env *env;
    const struct yaml_file *file;
    struct arena *arena;
    struct diag_list *diags;
    bool is_full; /* the arena: what comes behind would only fail too */
};

static const char *const severity_texts[] = {
#define X(name, text) text,
    RULE_SEVERITY_TABLE(X)
#undef X
};

static const char *const mode_texts[] = {
#define X(name, text) text,
    RULE_MODE_TABLE(X)
#undef X
};

static const char *const decision_texts[] = {"allow", "flag"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- what may stand in the file ------------------------------------------------------------- */

static const struct shape id_shape = {
    .kind = SHAPE_TEXT, .pattern = "^[a-z0-9][a-z0-9._-]*$", .max = RULE_ID_MAX};
static const struct shape title_shape = {.kind = SHAPE_TEXT, .max = RULE_TITLE_MAX};
static const struct shape text_shape = {.kind = SHAPE_TEXT};
static const struct shape expression_shape = {.kind = SHAPE_EXPRESSION, .max = CEL_SOURCE_MAX};
static const struct shape flag_shape = {.kind = SHAPE_BOOL};
static const struct shape tag_shape = {.kind = SHAPE_TEXT, .max = RULE_TAG_MAX};
static const struct shape tags_shape = {.kind = SHAPE_LIST, .of = &tag_shape, .max = RULE_TAGS_MAX};
static const struct shape severity_shape = {.kind = SHAPE_CHOICE,
                                            SHAPE_ROW(choices, severity_texts)};
static const struct shape mode_shape = {.kind = SHAPE_CHOICE, SHAPE_ROW(choices, mode_texts)};
static const struct shape rollout_shape = {
    .kind = SHAPE_TEXT, .pattern = "^(100(\\.00?)?|[0-9]{1,2}(\\.[0-9]{1,2})?)%$"};
static const struct shape decision_shape = {.kind = SHAPE_CHOICE,
                                            SHAPE_ROW(choices, decision_texts)};
static const struct shape version_shape = {.kind = SHAPE_TEXT,
                                           .pattern = "^[0-9]+([.0-9]*[0-9])?$"};

static const struct shape_key rule_keys[] = {
    {"id", &id_shape, true, "The rule's name in answers and metrics; once in the whole ruleset."},
    {"title", &title_shape, false, "A few words for people. Without one it is the id."},
    {"description", &text_shape, false, "For whoever reads the file."},
    {"when", &expression_shape, true, "CEL, true or false: does the rule fire?"},
    {"score", &expression_shape, false,
     "What it adds to the transaction's score: a number, or CEL that gives one. May be negative."},
    {"reason", &text_shape, false,
     "What analysts read when it fired, with expressions in braces: "
     "`{account_count_5m} payments`. Without one it is the title."},
    {"tags", &tags_shape, false, "Words to search by, such as `[velocity, card-testing]`."},
    {"severity", &severity_shape, false, "How bad it is; `medium` when left out."},
    {"decision", &decision_shape, false, "Decides whatever the scores: a flag beats an allow."},
    {"mode", &mode_shape, false,
     "`live`; `shadow`: runs and is reported, and counts nowhere; `off`: is checked, never runs."},
    {"rollout", &rollout_shape, false,
     "`10%`, of a live rule: it counts for this share of the accounts, always the same ones, and "
     "is "
     "a shadow rule for the others."},
    {"override", &flag_shape, false,
     "`true`, with `decision: allow`: beats a `decision: flag` too."},
};

static const char *const effects[] = {"score", "decision"};
static const struct shape_case rule_cases[] = {
    {"mode", "shadow", NULL, "rollout"},
    {"mode", "off", NULL, "rollout"},
};
static const struct shape rule_shape = {.kind = SHAPE_MAPPING,
                                        SHAPE_ROW(keys, rule_keys),
                                        SHAPE_ROW(cases, rule_cases),
                                        SHAPE_ROW(one_of, effects)};

static const struct shape rules_shape = {.kind = SHAPE_LIST, .of = &rule_shape, .max = RULES_MAX};

static const struct shape_key file_keys[] = {
    {"engine", &version_shape, false, "The oldest Sluice that these rules are for: `0.1`."},
    {"rules", &rules_shape, true, "In the order in which their reasons are shown."},
};

const struct shape rule_file_shape = {
    .kind = SHAPE_MAPPING, .title = "Rules of Sluice", SHAPE_ROW(keys, file_keys)};

const char *rule_severity_text(enum rule_severity severity)
{
    return severity_texts[severity];
}

const char *rule_mode_text(enum rule_mode mode)
{
    return mode_texts[mode];
}

enum rule_mode rule_mode_for(const struct rule *rule, const struct cel_value *row)
{
    if (rule->mode == RULE_LIVE && !rollout_has(&rule->rollout, row))
        return RULE_SHADOW;
    return rule->mode;
}

static struct diag_at at(const struct loader *l, const struct yaml_node *node)
{
    return yaml_at(l->file, node);
}

static bool out_of_space(struct loader *l, const struct yaml_node *node)
{
    diag_error(l->diags, at(l, node), NULL, "the ruleset is too large: out of space");
    l->is_full = true;
    return false;
}

/* ---- keys of a rule: an absent one leaves its output; false: a diagnostic was added ---------- */

static bool load_text(struct loader *l, const struct yaml_node *node, size_t max,
                      struct span *ret_text)
{
    struct span text;
    if (node == NULL)
        return true;
    if (!yaml_string(l->file, node, l->diags, &text))
        return false;
    if (text.len > max) {
        diag_error(l->diags, at(l, node), NULL, "longer than %zu bytes", max);
        return false;
    }
    while (text.len > 0 && text.base[text.len - 1] == '\n') /* of a block */
        text.len--;
    *ret_text = text;
    return true;
}

static bool is_id(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.base[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!alnum && (i == 0 || (c != '.' && c != '_' && c != '-')))
            return false;
    }
    return s.len > 0 && s.len <= RULE_ID_MAX;
}

static bool load_id(struct loader *l, const struct yaml_node *rule, struct rule *r)
{
    const struct yaml_node *node = yaml_get(rule, "id");
    if (node == NULL) {
        diag_error(l->diags, at(l, rule), "write `id: large-amount`", "a rule needs an `id`");
        return false;
    }
    r->at = at(l, node);
    if (!yaml_string(l->file, node, l->diags, &r->id))
        return false;
    if (!is_id(r->id)) {
        diag_error(l->diags, r->at, "write a-z, 0-9, then also . _ - ; at most 64 characters",
                   "'%.*s' cannot be a rule's id", SPAN_ARG(r->id));
        return false;
    }
    return true;
}

static void wrong_type(struct loader *l, const struct yaml_node *node, const char *what,
                       const char *wanted, const char *hint, const struct cel_program *program)
{
    char buf[DIAG_MESSAGE_MAX] = {0};
    struct text t;
    text_init(&t, buf, sizeof buf - 1);
    cel_type_write(program->result, &t);
    diag_error(l->diags, yaml_body_at(l->file, node), hint, "%s is %s, not %s", what, buf, wanted);
}

static bool compile(struct loader *l, const struct yaml_node *node,
                    const struct cel_program **ret_program)
{
    struct span source;
    if (!yaml_string(l->file, node, l->diags, &source))
        return false;
    enum status st =
        cel_compile(l->env, source, yaml_body_at(l->file, node), l->arena, l->diags, ret_program);
    l->is_full |= st == ST_NO_SPACE;
    return st == ST_OK;
}

static bool compile_condition(struct loader *l, const struct yaml_node *node, struct rule *r)
{
    struct span source;
    if (!yaml_string(l->file, node, l->diags, &source))
        return false;
    enum status st = cel_compile_condition(l->env, source, yaml_body_at(l->file, node), l->arena,
                                           l->diags, &r->when, &r->guarded);
    l->is_full |= st == ST_NO_SPACE;
    return st == ST_OK;
}

static bool load_when(struct loader *l, const struct yaml_node *rule, struct rule *r)
{
    const struct yaml_node *node = yaml_get(rule, "when");
    if (node == NULL) {
        diag_error(l->diags, at(l, rule), "write `when: amount > 1000`",
                   "a rule needs a condition, `when`");
        return false;
    }
    if (!compile_condition(l, node, r))
        return false;
    enum cel_type_kind kind = r->when->result->kind;
    if (kind == CEL_T_BOOL || kind == CEL_T_DYN)
        return true;
    wrong_type(l, node, "the condition", "bool", "write a comparison, as amount > 1000", r->when);
    return false;
}

/* A number that stands there, or CEL. */
static bool load_score(struct loader *l, const struct yaml_node *node, struct rule *r)
{
    const struct cel_program *program;
    if (!compile(l, node, &program))
        return false;
    enum cel_type_kind kind = program->result->kind;
    if (!cel_type_is_number(program->result) && kind != CEL_T_DYN) {
        wrong_type(l, node, "the score", "a number",
                   kind == CEL_T_BOOL ? "write condition ? 50 : 0"
                                      : "write a number, or what gives one",
                   program);
        return false;
    }
    r->score_program = program;
    double number;
    struct diag_list quiet = {0};
    if (node->plain && yaml_double(l->file, node, &quiet, &number)) {
        r->score_program = NULL;
        r->score = number;
    }
    if (fabs(r->score) <= RULE_SCORE_MAX)
        return true;
    diag_error(l->diags, yaml_body_at(l->file, node), "write a smaller one, and a lower flag_at",
               "a score is at most %g from zero", (double)RULE_SCORE_MAX);
    return false;
}

/* The title, braces and all. */
static bool title_as_reason(struct loader *l, const struct yaml_node *rule, struct rule *r)
{
    void *mem = NULL;
    if (arena_alloc(l->arena, sizeof *r->reason.pieces, &mem) != ST_OK)
        return out_of_space(l, rule);
    r->reason = (struct template){.pieces = mem, .count = 1};
    r->reason.pieces[0].text = r->title;
    return true;
}

static bool load_reason(struct loader *l, const struct yaml_node *rule, struct rule *r)
{
    const struct yaml_node *node = yaml_get(rule, "reason");
    struct span source;
    if (node == NULL)
        return title_as_reason(l, rule, r);
    if (!yaml_string(l->file, node, l->diags, &source))
        return false;
    enum status st = template_compile(l->env, source, yaml_body_at(l->file, node), l->arena,
                                      l->diags, &r->reason);
    l->is_full |= st == ST_NO_SPACE;
    return st == ST_OK;
}

/* One of `texts`: its number. */
static bool load_choice(struct loader *l, const struct yaml_node *node, const char *const *texts,
                        size_t n, int *ret_choice)
{
    struct span text;
    if (node == NULL)
        return true;
    if (!yaml_string(l->file, node, l->diags, &text))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (span_is(text, texts[i])) {
            *ret_choice = (int)i;
            return true;
        }
    }
    char hint[DIAG_MESSAGE_MAX] = {0};
    struct text h;
    text_init(&h, hint, sizeof hint - 1);
    text_str(&h, "it is one of ");
    for (size_t i = 0; i < n; i++)
        text_printf(&h, "%s%s", i ? ", " : "", texts[i]);
    diag_error(l->diags, at(l, node), hint, "'%.*s' is no %.*s", SPAN_ARG(text),
               SPAN_ARG(node->key));
    return false;
}

static bool load_tags(struct loader *l, const struct yaml_node *node, struct rule *r)
{
    void *mem = NULL;
    if (node == NULL)
        return true;
    if (node->kind != YAML_SEQUENCE || node->count > RULE_TAGS_MAX) {
        diag_error(l->diags, at(l, node), "write [velocity, card-testing]",
                   "tags are a list of at most %d", RULE_TAGS_MAX);
        return false;
    }
    if (arena_alloc(l->arena, (size_t)(node->count + 1) * sizeof *r->tags, &mem) != ST_OK)
        return out_of_space(l, node);
    r->tags = mem;
    for (const struct yaml_node *tag = node->child; tag != NULL; tag = tag->next) {
        if (!load_text(l, tag, RULE_TAG_MAX, &r->tags[r->n_tags++]))
            return false;
    }
    return true;
}

static bool load_force(struct loader *l, const struct yaml_node *rule, struct rule *r)
{
    const struct yaml_node *node = yaml_get(rule, "override");
    int choice = -1;
    bool override = false;
    if (!load_choice(l, yaml_get(rule, "decision"), decision_texts, COUNT(decision_texts),
                     &choice) ||
        (node != NULL && !yaml_bool(l->file, node, l->diags, &override)))
        return false;
    if (override && choice != 0) {
        diag_error(l->diags, at(l, node), "a flag beats any allow that does not override",
                   "`override` goes with `decision: allow` only");
        return false;
    }
    r->force = choice < 0    ? RULE_FORCE_NONE
               : choice == 1 ? RULE_FORCE_FLAG
               : override    ? RULE_FORCE_ALLOW_OVERRIDE
                             : RULE_FORCE_ALLOW;
    return true;
}

/* `node` may be NULL: for all accounts. */
static bool load_rollout(struct loader *l, const struct yaml_node *node, struct rule *r)
{
    struct span text;
    int share_e4 = ROLLOUT_ALL_E4;
    if (node != NULL && !yaml_string(l->file, node, l->diags, &text))
        return false;
    if (node != NULL && !rollout_read(text, &share_e4)) {
        diag_error(l->diags, at(l, node), "write `rollout: 10%`, from 0% to 100%, two decimals",
                   "'%.*s' is no share of the accounts", SPAN_ARG(text));
        return false;
    }
    if (node != NULL && r->mode != RULE_LIVE) {
        diag_error(l->diags, at(l, node),
                   "take `mode` out: outside its share a live rule is shadow",
                   "`rollout` goes with `mode: live` only");
        return false;
    }
    const struct cel_name *account = cel_env_find(l->env, span_str("account_id"));
    if (share_e4 < ROLLOUT_ALL_E4 && (account == NULL || account->constant != NULL)) {
        diag_error(l->diags, at(l, node), NULL, "`rollout` goes by account_id, and there is none");
        return false;
    }
    r->rollout = rollout_of(r->id, share_e4, account != NULL ? account->slot : -1);
    return true;
}

/* ---- a rule, a file -------------------------------------------------------------------------- */

static bool load_effect(struct loader *l, const struct yaml_node *rule, struct rule *r)
{
    const struct yaml_node *score = yaml_get(rule, "score");
    bool good = load_force(l, rule, r);
    if (score != NULL)
        return load_score(l, score, r) && good;
    if (yaml_get(rule, "decision") != NULL)
        return good;
    diag_error(l->diags, at(l, rule), "write `score: 50`",
               "a rule needs a `score`, or a `decision`");
    return false;
}

static bool load_rule(struct loader *l, const struct yaml_node *node, struct rule *r)
{
    int severity = RULE_SEVERITY_MEDIUM, mode = RULE_LIVE;
    if (!shape_only(l->file, node, &rule_shape, l->diags))
        return false;
    bool good = load_id(l, node, r);
    r->title = r->id;
    good &= load_text(l, yaml_get(node, "title"), RULE_TITLE_MAX, &r->title);
    good &= load_text(l, yaml_get(node, "description"), YAML_BYTES_MAX, &r->description);
    good &= load_when(l, node, r);
    good &= load_effect(l, node, r);
    good &= load_reason(l, node, r);
    good &= load_tags(l, yaml_get(node, "tags"), r);
    good &= load_choice(l, yaml_get(node, "severity"), severity_texts, COUNT(severity_texts),
                        &severity);
    good &= load_choice(l, yaml_get(node, "mode"), mode_texts, COUNT(mode_texts), &mode);
    r->severity = (enum rule_severity)severity;
    r->mode = (enum rule_mode)mode;
    return load_rollout(l, yaml_get(node, "rollout"), r) && good;
}

static bool is_version(struct span text)
{
    if (text.len == 0 || text.base[0] == '.' || text.base[text.len - 1] == '.')
        return false;
    return strspn(text.base, "0123456789.") == text.len;
}

/* strverscmp compares numbers as numbers, and 0.1 is before 0.1.0. */
static bool check_engine(struct loader *l, const struct yaml_node *engine)
{
    struct span version;
    if (engine == NULL)
        return true;
    if (!yaml_string(l->file, engine, l->diags, &version))
        return false;
    if (!is_version(version)) {
        diag_error(l->diags, at(l, engine), NULL, "expected a version like 0.1 or 0.1.0");
        return false;
    }
    if (strverscmp(SLUICE_VERSION, version.base) >= 0)
        return true;
    diag_error(l->diags, at(l, engine), "take a newer Sluice, or rules that are for this one",
               "these rules need Sluice %.*s or newer, and this is %s", SPAN_ARG(version),
               SLUICE_VERSION);
    return false;
}

static const struct yaml_node *find_rules(struct loader *l)
{
    const struct yaml_node *root = l->file->root;
    const struct diag_at top = {l->file->name, l->file->content, 1, 1};
    if (root == NULL) {
        diag_error(l->diags, top, "write `rules:` and a list of rules", "the file is empty");
        return NULL;
    }
    if (!check_engine(l, yaml_get(root, "engine")) ||
        !shape_only(l->file, root, &rule_file_shape, l->diags))
        return NULL;
    const struct yaml_node *rules = yaml_get(root, "rules");
    if (rules == NULL || rules->kind != YAML_SEQUENCE) {
        diag_error(l->diags, rules ? at(l, rules) : top, "each begins with `- id:`",
                   "`rules` is a list of rules");
        return NULL;
    }
    if (rules->count > RULES_MAX) {
        diag_error(l->diags, at(l, rules), NULL, "there are more than %d rules", RULES_MAX);
        return NULL;
    }
    return rules;
}

enum status rule_file_load(const char *path, const struct cel_env *env, struct arena *arena,
                           struct diag_list *diags, struct rule_file *ret_file)
{
    struct rule_file out = {0};
    struct loader l = {.env = env, .file = &out.yaml, .arena = arena, .diags = diags};
    void *mem = NULL;
    bool good = true;
    enum status st = yaml_load(path, arena, diags, &out.yaml);
    if (st != ST_OK)
        return st;
    const struct yaml_node *rules = find_rules(&l);
    if (rules == NULL)
        return ST_INVALID;
    if (arena_alloc(arena, (size_t)(rules->count + 1) * sizeof *out.rules, &mem) != ST_OK)
        good = out_of_space(&l, rules);
    out.rules = mem;
    for (const struct yaml_node *node = rules->child; node != NULL && !l.is_full; node = node->next)
        good &= load_rule(&l, node, &out.rules[out.count++]);
    if (!good)
        return l.is_full ? ST_NO_SPACE : ST_INVALID;
    *ret_file = out;
    return ST_OK;
}
