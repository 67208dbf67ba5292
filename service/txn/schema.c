#include "service/txn/schema.h"

#include "service/base/check.h"
#include "service/base/identifier.h"
#include "service/txn/trie.h"

#include <stdio.h>

static const char *const type_names[] = {
#define X(name, text) [name] = (text),
    FIELD_TYPE_TABLE(X)
#undef X
};

enum { TYPES = sizeof type_names / sizeof type_names[0] };

#define TYPES_HINT "the types are string decimal number integer bool timestamp ip geo"

/* What every transaction has: X(slot, name, type, doc) */
#define REQUIRED_TABLE(X)                                                                 \
    X(SCHEMA_TRANSACTION_ID, "transaction_id", FIELD_STRING,                              \
      "Once for each transaction: `{type: string, required: true}`.")                     \
    X(SCHEMA_ACCOUNT_ID, "account_id", FIELD_STRING, "`{type: string, required: true}`.") \
    X(SCHEMA_AMOUNT, "amount", FIELD_DECIMAL, "`{type: decimal, required: true}`.")       \
    X(SCHEMA_TIMESTAMP, "timestamp", FIELD_TIMESTAMP, "`{type: timestamp, required: true}`.")

static const struct {
    const char *name;
    enum field_type type;
} required_fields[SCHEMA_REQUIRED] = {
#define X(slot, name, type, doc) [slot] = {name, type},
    REQUIRED_TABLE(X)
#undef X
};

/* Keys of the top level that say what an event is. */
static const struct {
    const char *name;
    enum place_kind kind;
    bool labels_only;
} reserved_keys[] = {
    {"kind", PLACE_KIND, false},
    {"outcome", PLACE_OUTCOME, true},
    {"transaction_timestamp", PLACE_TXN_TIMESTAMP, true},
};

enum { RESERVED_KEYS = sizeof reserved_keys / sizeof reserved_keys[0] };

struct load {
    const struct yaml_file *file;
    struct arena *arena;
    struct diag_list *diags;
    struct schema *schema;
    bool no_space;
};

/* ---- what may stand there -------------------------------------------------------------------- */

static const struct shape type_shape = {.kind = SHAPE_CHOICE, SHAPE_ROW(choices, type_names)};
static const struct shape flag_shape = {.kind = SHAPE_BOOL};
static const struct shape max_shape = {.kind = SHAPE_INT, .min = 1, .max = SCHEMA_STRING_LIMIT};
static const struct shape path_shape = {.kind = SHAPE_TEXT, .pattern = "^/([^~]|~[01])+$"};

static const struct shape_key field_keys[] = {
    {"type", &type_shape, true,
     "`decimal` is a number with up to 4 digits after the point, exact; `number` any other; `geo` "
     "is `{lat, lon}` in degrees."},
    {"required", &flag_shape, false,
     "A transaction without it is refused. Else it may be missing."},
    {"max", &max_shape, false, "Bytes of a string at most; 256 when left out."},
    {"path", &path_shape, false,
     "Where it stands in the message, as a JSON Pointer: `/payment/lines/0/sku`. Without one by "
     "its name, each `.` one object deeper."},
    {"card", &flag_shape, false,
     "It may hold a card number: it is replaced by a keyed hash at once, everywhere."},
    {"private", &flag_shape, false, "It stays here: no alert carries it."},
};

/* `max` and `card` are for strings. */
static const struct shape_case field_cases[] = {
#define X(name, text)                                          \
    {"type", text, NULL, name == FIELD_STRING ? NULL : "max"}, \
        {"type", text, NULL, name == FIELD_STRING ? NULL : "card"},
    FIELD_TYPE_TABLE(X)
#undef X
};

static const struct shape field_shape = {
    .kind = SHAPE_MAPPING, SHAPE_ROW(keys, field_keys), SHAPE_ROW(cases, field_cases)};

static const struct shape_key schema_keys[] = {
#define X(slot, name, type, doc) {name, &field_shape, true, doc},
    REQUIRED_TABLE(X)
#undef X
};

const struct shape schema_shape = {
    .kind = SHAPE_MAPPING,
    .pattern = "^[A-Za-z_][A-Za-z0-9_]*([.][A-Za-z_][A-Za-z0-9_]*)*$",
    .max = SCHEMA_FIELDS_MAX,
    .of = &field_shape,
    SHAPE_ROW(keys, schema_keys),
};

const char *field_type_text(enum field_type type)
{
    CHECK((size_t)type < TYPES);
    return type_names[type];
}

int schema_find(const struct schema *schema, struct span name)
{
    for (int i = 0; i < schema->count; i++)
        if (span_eq(schema->fields[i].name, name))
            return i;
    return -1;
}

/* ---- one field ------------------------------------------------------------------------------- */

/* name = part *( "." part ); part = ( letter / "_" ) *( letter / digit / "_" ), as rules need it */
static bool is_name(struct span s)
{
    bool first = true;
    for (size_t i = 0; i < s.len; i++) {
        if (s.base[i] == '.' && !first)
            first = true;
        else if (first ? identifier_starts(s.base[i]) : identifier_goes_on(s.base[i]))
            first = false;
        else
            return false;
    }
    return !first && s.len <= SCHEMA_NAME_MAX;
}

/* A reserved key is not a field, nor is what a dotted name would find in it. */
static bool is_reserved(struct span name)
{
    const char *dot = name.len > 0 ? memchr(name.base, '.', name.len) : NULL;
    struct span first = span_of(name.base, dot ? (size_t)(dot - name.base) : name.len);
    for (size_t i = 0; i < RESERVED_KEYS; i++)
        if (span_is(first, reserved_keys[i].name))
            return true;
    return false;
}

static bool load_name(const struct load *l, const struct yaml_node *node, struct field *field)
{
    struct diag_at at = yaml_key_at(l->file, node);
    if (!is_name(node->key)) {
        diag_error(l->diags, at, "letters, digits and _, parts joined by '.'; at most 64 bytes",
                   "'%.*s' cannot be a field's name", SPAN_ARG(node->key));
        return false;
    }
    if (is_reserved(node->key)) {
        diag_error(l->diags, at, "name the field otherwise, and say with 'path:' where it stands",
                   "the name '%.*s' is taken by labels", SPAN_ARG(node->key));
        return false;
    }
    field->name = node->key;
    field->line = node->key_line;
    field->col = node->key_col;
    return true;
}

static bool load_type(const struct load *l, const struct yaml_node *node, struct field *field)
{
    const struct yaml_node *type = yaml_get(node, "type");
    struct span name;
    if (type == NULL) {
        diag_error(l->diags, yaml_key_at(l->file, node), TYPES_HINT, "the field '%.*s' has no type",
                   SPAN_ARG(field->name));
        return false;
    }
    if (!yaml_string(l->file, type, l->diags, &name))
        return false;
    for (int i = 0; i < TYPES; i++)
        if (span_is(name, type_names[i])) {
            field->type = (enum field_type)i;
            return true;
        }
    diag_error(l->diags, yaml_at(l->file, type), TYPES_HINT, "unknown type '%.*s'", SPAN_ARG(name));
    return false;
}

static bool set_max(struct load *l, int max_bytes, struct field *field)
{
    char told[64];
    int n = snprintf(told, sizeof told, "is longer than the %d bytes that the schema allows",
                     max_bytes);
    field->max_bytes = max_bytes;
    field->too_long = arena_try_copy(l->arena, span_of(told, (size_t)n)).base;
    l->no_space |= field->too_long == NULL;
    return field->too_long != NULL;
}

/* `max` and `card`, which only strings have. */
static bool load_string_keys(struct load *l, const struct yaml_node *node, struct field *field)
{
    static const char *const keys[] = {"max", "card"};
    const struct yaml_node *max = yaml_get(node, "max"), *card = yaml_get(node, "card");
    int64_t max_bytes = SCHEMA_STRING_MAX;
    for (size_t i = 0; i < 2 && field->type != FIELD_STRING; i++) {
        const struct yaml_node *extra = yaml_get(node, keys[i]);
        if (extra) {
            diag_error(l->diags, yaml_key_at(l->file, extra), NULL,
                       "'%s' is for strings, and '%.*s' is of type %s", keys[i],
                       SPAN_ARG(field->name), type_names[field->type]);
            return false;
        }
    }
    if (max && !yaml_int(l->file, max, 1, SCHEMA_STRING_LIMIT, l->diags, &max_bytes))
        return false;
    if (!set_max(l, (int)max_bytes, field))
        return false;
    return card == NULL || yaml_bool(l->file, card, l->diags, &field->card);
}

static bool is_pointer(struct span s)
{
    if (s.len < 2 || s.base[0] != '/')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.base[i] == '~' && (i + 1 == s.len || (s.base[i + 1] != '0' && s.base[i + 1] != '1')))
            return false;
    return true;
}

static int segments_of(struct span pointer)
{
    int n = 0;
    for (size_t i = 0; i < pointer.len; i++)
        n += pointer.base[i] == '/';
    return n;
}

/* "merchant.country" -> "/merchant/country"; NULL base: the arena is full. */
static struct span path_of_name(struct span name, struct arena *arena)
{
    char *path = arena_try(arena, name.len + 1);
    if (path == NULL)
        return span_of(NULL, 0);
    path[0] = '/';
    for (size_t i = 0; i < name.len; i++)
        path[i + 1] = name.base[i] == '.' ? '/' : name.base[i];
    return span_of(path, name.len + 1);
}

static bool load_path(struct load *l, const struct yaml_node *node, struct field *field)
{
    const struct yaml_node *path = yaml_get(node, "path");
    if (path == NULL) {
        field->path = path_of_name(field->name, l->arena);
        l->no_space |= field->path.base == NULL;
        return field->path.base != NULL;
    }
    if (!yaml_string(l->file, path, l->diags, &field->path))
        return false;
    /* A geo field's object is one level more. */
    int depth = segments_of(field->path) + (field->type == FIELD_GEO);
    if (!is_pointer(field->path) || depth > SCHEMA_DEPTH_MAX) {
        diag_error(
            l->diags, yaml_at(l->file, path),
            "like /Document/CdtTrfTxInf/0/Amt; at most 32 keys; ~ is written ~0, / in a key ~1",
            "not a JSON Pointer to a place in a message");
        return false;
    }
    return true;
}

static int required_slot(struct span name)
{
    for (int i = 0; i < SCHEMA_REQUIRED; i++)
        if (span_is(name, required_fields[i].name))
            return i;
    return -1;
}

/* What to write for `amount: decimal`. */
static bool refuse_scalar(const struct load *l, const struct yaml_node *node)
{
    char hint[DIAG_MESSAGE_MAX];
    const char *more = required_slot(node->key) < 0 ? "" : ", required: true";
    snprintf(hint, sizeof hint, "write '%.*s: {type: %.*s%s}'", SPAN_ARG(node->key),
             SPAN_ARG(node->text), more);
    diag_error(l->diags, yaml_at(l->file, node), hint, "a field is a mapping with its type");
    return false;
}

static bool load_field(struct load *l, const struct yaml_node *node, struct field *ret_field)
{
    const struct yaml_node *required = yaml_get(node, "required");
    const struct yaml_node *private = yaml_get(node, "private");
    struct field field = {0};
    if (node->kind == YAML_SCALAR && node->text.len > 0)
        return refuse_scalar(l, node);
    if (!load_name(l, node, &field) || !shape_only(l->file, node, &field_shape, l->diags) ||
        !load_type(l, node, &field) || !load_string_keys(l, node, &field) ||
        !load_path(l, node, &field))
        return false;
    if (required && !yaml_bool(l->file, required, l->diags, &field.required))
        return false;
    if (private && !yaml_bool(l->file, private, l->diags, &field.private))
        return false;
    *ret_field = field;
    return true;
}

/* ---- all fields ------------------------------------------------------------------------------ */

static void check_required(const struct load *l, const struct yaml_node *map, int slot)
{
    const char *name = required_fields[slot].name;
    const char *type = type_names[required_fields[slot].type];
    const struct field *field = &l->schema->fields[slot];
    const struct yaml_node *node = yaml_get(map, name);
    char hint[DIAG_MESSAGE_MAX];
    struct text t;
    text_init(&t, hint, sizeof hint - 1);
    text_printf(&t, "write '%s: {type: %s, required: true}'", name, type);
    hint[t.len] = '\0';
    if (node == NULL)
        diag_error(l->diags, yaml_at(l->file, map), hint, "the schema has no field '%s'", name);
    else if (field->name.len > 0 && (field->type != required_fields[slot].type || !field->required))
        diag_error(l->diags, yaml_key_at(l->file, node), hint,
                   "every transaction has '%s', of type %s", name, type);
}

/* A field with errors leaves its slot empty; then schema_load stops before paths are compiled. */
static void load_fields(struct load *l, const struct yaml_node *map)
{
    struct schema *s = l->schema;
    s->count = SCHEMA_REQUIRED;
    for (const struct yaml_node *node = map->child; node; node = node->next) {
        int slot = required_slot(node->key);
        if (slot < 0 && s->count == SCHEMA_FIELDS_MAX) {
            diag_error(l->diags, yaml_key_at(l->file, node), NULL, "more than %d fields",
                       SCHEMA_FIELDS_MAX);
            break;
        }
        struct field *field = &s->fields[slot < 0 ? s->count : slot];
        if (load_field(l, node, field) && slot < 0)
            s->count++;
    }
    for (int slot = 0; slot < SCHEMA_REQUIRED; slot++)
        check_required(l, map, slot);
}

/* ---- the tries ------------------------------------------------------------------------------- */

static bool out_of_space(struct load *l)
{
    l->no_space = true;
    return false;
}

static struct trie_place *find(struct trie_node *node, struct span key)
{
    struct trie_place *p = node->first;
    while (p && !span_eq(p->key, key))
        p = p->next;
    return p;
}

/* A new place with an id. NULL: no space. */
static struct trie_place *add(struct load *l, struct trie_node *node, struct span key,
                              enum place_kind kind, int slot)
{
    struct trie_place *place =
        l->schema->places < TRIE_PLACES_MAX ? trie_add(node, key, l->arena) : NULL;
    if (place == NULL) {
        out_of_space(l);
        return NULL;
    }
    place->kind = kind;
    place->slot = slot;
    place->id = l->schema->places++;
    return place;
}

static bool refuse_clash(struct load *l, int slot, const struct trie_place *other)
{
    const struct field *field = &l->schema->fields[slot];
    struct diag_at at = {l->file->name, l->file->content, field->line, field->col};
    if (other->slot < 0)
        diag_error(l->diags, at, NULL, "the path of '%.*s' leads to the reserved key '%.*s'",
                   SPAN_ARG(field->name), SPAN_ARG(other->key));
    else
        diag_error(l->diags, at, "a place of the message belongs to one field, with all below it",
                   "the path of '%.*s' meets that of '%.*s'", SPAN_ARG(field->name),
                   SPAN_ARG(l->schema->fields[other->slot].name));
    return false;
}

/* The child of `node` that leads on, made when it is missing. NULL: an error was added. */
static struct trie_node *descend(struct load *l, struct trie_node *node, struct span key, int slot)
{
    struct trie_place *place = find(node, key);
    if (place && place->kind != PLACE_TOWARDS) {
        refuse_clash(l, slot, place);
        return NULL;
    }
    if (place == NULL) {
        place = add(l, node, key, PLACE_TOWARDS, slot);
        if (place == NULL)
            return NULL;
        place->below = trie_node_new(l->arena);
        l->no_space |= place->below == NULL;
    }
    return place->below;
}

/* The place of a field itself. */
static bool put_field(struct load *l, struct trie_node *node, struct span key, int slot)
{
    bool geo = l->schema->fields[slot].type == FIELD_GEO;
    struct trie_place *place = find(node, key);
    if (place)
        return refuse_clash(l, slot, place);
    place = add(l, node, key, geo ? PLACE_GEO : PLACE_FIELD, slot);
    if (place == NULL || !geo)
        return place != NULL;
    place->below = trie_node_new(l->arena);
    if (place->below == NULL)
        return out_of_space(l);
    return add(l, place->below, span_str("lat"), PLACE_LAT, slot) &&
           add(l, place->below, span_str("lon"), PLACE_LON, slot);
}

/* A pointer's segment with ~1 and ~0 undone (RFC 6901, section 4). NULL base: the arena is full. */
static struct span unescape_segment(struct span segment, struct arena *arena)
{
    if (segment.len == 0 || memchr(segment.base, '~', segment.len) == NULL)
        return segment.base ? segment : span_str("");
    char *out = arena_try(arena, segment.len);
    size_t n = 0;
    for (size_t i = 0; out && i < segment.len; i++) {
        char c = segment.base[i];
        if (c == '~')
            c = segment.base[++i] == '0' ? '~' : '/';
        out[n++] = c;
    }
    return span_of(out, n);
}

/* Give the place that `pointer` leads to, from `node` on, to a field. */
static bool put_path(struct load *l, struct trie_node *node, struct span pointer, int slot)
{
    const char *p = pointer.base + 1, *end = pointer.base + pointer.len;
    for (;;) {
        const char *slash = memchr(p, '/', (size_t)(end - p));
        struct span raw = span_of(p, (size_t)((slash ? slash : end) - p));
        struct span key = unescape_segment(raw, l->arena);
        if (key.base == NULL)
            return out_of_space(l);
        if (slash == NULL)
            return put_field(l, node, key, slot);
        node = descend(l, node, key, slot);
        if (node == NULL)
            return false;
        p = slash + 1;
    }
}

/* A field by its name: the literal key, and a dotted name's path. */
static bool put_name(struct load *l, struct trie_node *root, int slot)
{
    struct span name = l->schema->fields[slot].name;
    bool dotted = memchr(name.base, '.', name.len) != NULL;
    struct span path = path_of_name(name, l->arena);
    if (path.base == NULL)
        return out_of_space(l);
    return put_path(l, root, path, slot) && (!dotted || put_field(l, root, name, slot));
}

/* Is the field where its name says, not where a `path:` does? */
static bool stands_by_name(const struct load *l, const struct yaml_node *map, int slot)
{
    for (const struct yaml_node *node = map->child; node; node = node->next)
        if (span_eq(node->key, l->schema->fields[slot].name))
            return yaml_get(node, "path") == NULL;
    return true;
}

static struct trie_node *new_root(struct load *l, bool labels)
{
    struct trie_node *root = trie_node_new(l->arena);
    l->no_space |= root == NULL;
    for (size_t i = 0; root && i < RESERVED_KEYS; i++)
        if (labels || !reserved_keys[i].labels_only)
            add(l, root, span_str(reserved_keys[i].name), reserved_keys[i].kind, -1);
    return root;
}

static void compile_tries(struct load *l, const struct yaml_node *map)
{
    struct schema *s = l->schema;
    s->root = new_root(l, false);
    s->labels = new_root(l, true);
    for (int slot = 0; slot < s->count && !l->no_space; slot++) {
        bool ok = stands_by_name(l, map, slot) ? put_name(l, s->root, slot)
                                               : put_path(l, s->root, s->fields[slot].path, slot);
        if (ok) /* one diagnostic for one clash */
            put_name(l, s->labels, slot);
    }
    if (l->no_space || trie_seal(s->root, l->arena) != ST_OK ||
        trie_seal(s->labels, l->arena) != ST_OK)
        l->no_space = true;
}

enum status schema_load(const struct yaml_file *file, const struct yaml_node *node,
                        struct arena *arena, struct diag_list *diags, struct schema *ret_schema)
{
    struct schema schema = {0};
    struct load l = {file, arena, diags, &schema, false};
    int errors_before = diags->errors;
    if (node == NULL || node->kind != YAML_MAPPING) {
        struct diag_at at = node ? yaml_at(file, node) : (struct diag_at){.file = file->name};
        diag_error(
            diags, at,
            "give it a mapping 'schema:' of fields; a file of rules is named by a ruleset, and not "
            "loaded by itself",
            "the ruleset has no schema");
        return ST_INVALID;
    }
    load_fields(&l, node);
    if (diags->errors == errors_before && !l.no_space)
        compile_tries(&l, node);
    if (l.no_space) {
        diag_error(diags, yaml_at(file, node), NULL, "the schema needs too much memory");
        return ST_NO_SPACE;
    }
    if (diags->errors != errors_before)
        return ST_INVALID;
    *ret_schema = schema;
    return ST_OK;
}
