#include "service/config.h"

#include "service/base/arena.h"
#include "service/base/check.h"
#include "service/base/pairs.h"
#include "service/base/yaml.h"
#include "service/state/state_redis.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SECRET_FILE_MAX = CONFIG_MAP_MAX + 2, /* with "\r\n"; a longer one is seen to be too long */
    CONFIG_ARENA_BYTES = 16 << 20,
    FOLDER_BYTES_MAX = 480, /* leaves each default path its room below it */
    ENV_NAME_MAX = 128,
    ADMIN_NAME_MAX = 64,
    ADMIN_TOKEN_MIN = 16, /* 64 bits of hex: nobody guesses that over a network */
};

enum config_kind {
    CONFIG_TEXT,
    CONFIG_PATH,
    CONFIG_INT,
    CONFIG_BOOL,
    CONFIG_DURATION,
    CONFIG_CHOICE,
    CONFIG_MAP,
};

struct config_key {
    enum config_kind kind;
    size_t offset; /* of the member in struct config */
    const char *path;
    const char *default_text;
    int64_t min;
    int64_t max;
    bool secret;
    const char *doc;
};

static const struct config_key keys[] = {
#define X(kind, member, path, default_text, min, max, secret, doc) \
    {kind, offsetof(struct config, member), path, default_text, min, max, secret, doc},
    CONFIG_TABLE(X)
#undef X
};

enum { KEYS = sizeof keys / sizeof keys[0] };

/* Where the value in force of a key stands: a file, a variable or the command line. */
struct place {
    char name[DIAG_FILE_MAX];
    int line, col;
};

/* Where a value came from, for relative paths and for diagnostics. */
struct origin {
    const char *folder; /* NULL: paths are taken as they are */
    struct diag_at at;
    struct diag_list *diags;
    struct place *places; /* [KEYS] */
};

/* ---- the table ---- */

static bool path_eq(const char *flag, const char *path)
{
    for (; *flag != '\0' && *path != '\0'; flag++, path++)
        if (*flag != *path && !(*flag == '-' && *path == '_'))
            return false;
    return *flag == *path;
}

static const struct config_key *key_find(const char *path)
{
    for (int i = 0; i < KEYS; i++)
        if (path_eq(path, keys[i].path))
            return &keys[i];
    return NULL;
}

bool config_is_key(const char *path)
{
    return key_find(path) != NULL;
}

/* Whoever gives a ruleset's file for the configuration begins with one of these. */
static bool is_of_a_ruleset(const char *path)
{
    static const char *const keys_there[] = {"schema", "derived", "features", "rules"};
    for (size_t i = 0; i < sizeof keys_there / sizeof *keys_there; i++)
        if (strcmp(path, keys_there[i]) == 0)
            return true;
    return false;
}

static void unknown_key(const char *path, const struct origin *from)
{
    const char *names[KEYS];
    for (int i = 0; i < KEYS; i++)
        names[i] = keys[i].path;
    const char *nearest = diag_nearest(span_str(path), names, KEYS);
    char hint[DIAG_MESSAGE_MAX] = "";
    if (is_of_a_ruleset(path))
        snprintf(hint, sizeof hint,
                 "this is no configuration but a ruleset: name it with --ruleset");
    else if (nearest != NULL)
        snprintf(hint, sizeof hint, "did you mean '%s'?", nearest);
    diag_error(from->diags, from->at, hint[0] != '\0' ? hint : NULL, "unknown key '%s'", path);
}

/* ---- one value ---- */

static bool choice_index(const char *choices, const char *value, int *ret_index)
{
    size_t len = strlen(value);
    int index = 0;
    for (const char *p = choices;; index++) {
        size_t n = strcspn(p, "|");
        if (n == len && memcmp(p, value, n) == 0) {
            *ret_index = index;
            return true;
        }
        if (p[n] == '\0')
            return false;
        p += n + 1;
    }
}

static struct span choice_name(const char *choices, int index)
{
    while (index-- > 0)
        choices += strcspn(choices, "|") + 1;
    return span_of(choices, strcspn(choices, "|"));
}

static bool parse_int(const char *value, const char **ret_rest, int64_t *ret_v)
{
    if (!isdigit((unsigned char)value[0]) && value[0] != '-')
        return false;
    char *end;
    errno = 0;
    long long v = strtoll(value, &end, 10);
    if (errno != 0 || end == value)
        return false;
    *ret_rest = end;
    *ret_v = v;
    return true;
}

static bool parse_duration(const char *value, int64_t *ret_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    const char *unit;
    int64_t n;
    if (!parse_int(value, &unit, &n))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].unit) == 0 && n >= 0 && n <= INT64_MAX / units[i].ms) {
            *ret_ms = n * units[i].ms;
            return true;
        }
    return false;
}

static bool put_number(const struct config_key *key, int64_t v, struct config *c,
                       const struct origin *from)
{
    if (v < key->min || v > key->max) {
        diag_error(from->diags, from->at, NULL, "%s must be between %lld and %lld%s", key->path,
                   (long long)key->min, (long long)key->max,
                   key->kind == CONFIG_DURATION ? " milliseconds" : "");
        return false;
    }
    memcpy((char *)c + key->offset, &v, sizeof v);
    return true;
}

static bool put_bytes(const struct config_key *key, const char *folder, const char *value,
                      struct config *c, const struct origin *from)
{
    char text[CONFIG_TEXT_MAX];
    bool relative = folder != NULL && value[0] != '/' && value[0] != '\0';
    int n =
        snprintf(text, sizeof text, "%s%s%s", relative ? folder : "", relative ? "/" : "", value);
    if (n < key->min || n > key->max || n >= CONFIG_TEXT_MAX) {
        diag_error(from->diags, from->at, NULL, "%s must have %lld to %lld bytes", key->path,
                   (long long)key->min, (long long)key->max);
        return false;
    }
    memcpy((char *)c + key->offset, text, (size_t)n + 1);
    return true;
}

static bool wrong_value(const struct config_key *key, const char *expected,
                        const struct origin *from)
{
    diag_error(from->diags, from->at, NULL, "%s must be %s", key->path, expected);
    return false;
}

static bool put_choice(const struct config_key *key, const char *value, struct config *c,
                       const struct origin *from)
{
    int index;
    if (!choice_index(key->default_text, value, &index)) {
        char expected[DIAG_MESSAGE_MAX];
        snprintf(expected, sizeof expected, "one of %s", key->default_text);
        return wrong_value(key, expected, from);
    }
    memcpy((char *)c + key->offset, &index, sizeof index);
    return true;
}

static bool put_bool(const struct config_key *key, const char *value, struct config *c,
                     const struct origin *from)
{
    bool on = strcmp(value, "true") == 0;
    if (!on && strcmp(value, "false") != 0)
        return wrong_value(key, "true or false", from);
    memcpy((char *)c + key->offset, &on, sizeof on);
    return true;
}

/* ---- a map ---- */

static bool map_set(const struct config_key *key, struct span name, struct span value,
                    struct config *c, const struct origin *from)
{
    switch (pairs_set((char *)c + key->offset, CONFIG_MAP_MAX, name, value)) {
    case ST_OK:
        return true;
    case ST_NO_SPACE:
        diag_error(from->diags, from->at, NULL, "%s may have %d bytes in all", key->path,
                   CONFIG_MAP_MAX - 1);
        return false;
    default:
        return wrong_value(key, "names, each with a value of one line", from);
    }
}

/* "name=value;name=value"; or a line for each, where a ';' is the value's, and '#' begins a
 * comment. */
static bool put_map(const struct config_key *key, const char *value, struct config *c,
                    const struct origin *from)
{
    const char *ends = strchr(value, '\n') != NULL ? "\n" : ";";
    while (*value != '\0') {
        size_t len = *value == '#' ? 0 : strcspn(value, ends);
        const char *equals = memchr(value, '=', len);
        if (len > 0 && equals == NULL)
            return wrong_value(key, "name=value;name=value", from);
        size_t n = (size_t)(equals - value);
        if (len > 0 && !map_set(key, span_of(value, n), span_of(equals + 1, len - n - 1), c, from))
            return false;
        value += *value == '#' ? strcspn(value, ends) : len;
        value += *value != '\0';
    }
    return true;
}

static bool put_by_kind(const struct config_key *key, const char *value, struct config *c,
                        const struct origin *from)
{
    const char *rest = "";
    int64_t v;
    switch (key->kind) {
    case CONFIG_TEXT:
        return put_bytes(key, NULL, value, c, from);
    case CONFIG_PATH:
        return put_bytes(key, from->folder, value, c, from);
    case CONFIG_BOOL:
        return put_bool(key, value, c, from);
    case CONFIG_CHOICE:
        return put_choice(key, value, c, from);
    case CONFIG_INT:
        if (!parse_int(value, &rest, &v) || *rest != '\0')
            return wrong_value(key, "a whole number", from);
        return put_number(key, v, c, from);
    case CONFIG_DURATION:
        if (!parse_duration(value, &v))
            return wrong_value(key, "a duration such as 250ms, 90s, 5m, 1h or 7d", from);
        return put_number(key, v, c, from);
    case CONFIG_MAP:
        return put_map(key, value, c, from);
    }
    return false;
}

static void note_place(const struct config_key *key, const struct origin *from)
{
    struct place *place = &from->places[key - keys];
    snprintf(place->name, sizeof place->name, "%s", from->at.file);
    place->line = from->at.line;
    place->col = from->at.col;
}

/* Every way a value comes, but for the entries of a map in a file, ends here. */
static bool put(const struct config_key *key, const char *value, struct config *c,
                const struct origin *from)
{
    if (!put_by_kind(key, value, c, from))
        return false;
    note_place(key, from);
    return true;
}

/* ---- defaults, file, environment, flags ---- */

static void put_defaults(const struct origin *from, struct config *c)
{
    for (int i = 0; i < KEYS; i++) {
        const struct config_key *key = &keys[i];
        char value[CONFIG_TEXT_MAX];
        struct span first = key->kind == CONFIG_CHOICE ? choice_name(key->default_text, 0)
                                                       : span_str(key->default_text);
        snprintf(value, sizeof value, "%.*s", SPAN_ARG(first));
        CHECK(put(key, value, c, from));
    }
}

/* Each entry of a map in the file. */
static void put_entries(const struct yaml_file *file, const struct yaml_node *map,
                        const struct config_key *key, const struct origin *from, struct config *c)
{
    for (const struct yaml_node *n = map->child; n != NULL; n = n->next) {
        struct origin here = *from;
        here.at = yaml_at(file, n);
        if (n->kind == YAML_SCALAR)
            map_set(key, n->key, n->text, c, &here);
        else
            diag_error(here.diags, here.at, "write a name with its dots: security.protocol: SSL",
                       "%s holds single values", key->path);
    }
    note_place(key, from);
}

static void put_node(const struct yaml_file *file, const struct yaml_node *node, const char *path,
                     const struct origin *from, struct config *c)
{
    struct origin here = *from;
    here.at = yaml_key_at(file, node);
    const struct config_key *key = key_find(path);
    if (key == NULL) {
        unknown_key(path, &here);
        return;
    }
    here.at = yaml_at(file, node);
    if (key->kind == CONFIG_MAP && node->kind == YAML_MAPPING)
        put_entries(file, node, key, &here, c);
    else if (node->kind != YAML_SCALAR)
        wrong_value(key, "a single value", &here);
    else if (memchr(node->text.base, '\0', node->text.len) != NULL)
        wrong_value(key, "text without NUL", &here);
    else
        put(key, node->text.base, c, &here);
}

/* `path` is a section when some key goes on below it: "state" of "state.redis". */
static bool is_section(const char *path)
{
    size_t n = strlen(path);
    for (int i = 0; i < KEYS; i++)
        if (strncmp(keys[i].path, path, n) == 0 && keys[i].path[n] == '.')
            return true;
    return false;
}

/* "journal:" with each of its keys commented out. */
static bool is_empty(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && node->plain && node->text.len == 0;
}

static void put_section(const struct yaml_file *file, const struct yaml_node *map,
                        const char *section, const struct origin *from, struct config *c)
{
    for (const struct yaml_node *n = map->child; n != NULL; n = n->next) {
        char path[CONFIG_TEXT_MAX];
        snprintf(path, sizeof path, "%s%s%.*s", section, section[0] ? "." : "", SPAN_ARG(n->key));
        bool opens = section[0] == '\0' && is_section(path);
        if (opens && n->kind == YAML_MAPPING)
            put_section(file, n, path, from, c);
        else if (!opens || !is_empty(n))
            put_node(file, n, path, from, c);
    }
}

static void put_file(const char *path, const struct origin *from, struct config *c)
{
    struct arena *arena = arena_new(CONFIG_ARENA_BYTES);
    struct yaml_file file;
    if (yaml_load(path, arena, from->diags, &file) == ST_OK && file.root != NULL) {
        if (file.root->kind == YAML_MAPPING)
            put_section(&file, file.root, "", from, c);
        else
            diag_error(from->diags, yaml_at(&file, file.root), NULL, "expected keys and values");
    }
    arena_free(arena);
}

/* "state.redis" -> "SLUICE_STATE_REDIS" + suffix */
static void env_name(const struct config_key *key, const char *suffix, char *ret_name, size_t cap)
{
    int n = snprintf(ret_name, cap, "SLUICE_%s%s", key->path, suffix);
    CHECK(n > 0 && (size_t)n < cap);
    for (char *p = ret_name; *p != '\0'; p++)
        *p = (char)(*p == '.' ? '_' : toupper((unsigned char)*p));
}

/* Of the file that SLUICE_..._FILE names the first line; of a map's file all of them. */
static bool read_secret(const struct config_key *key, const char *path, char *ret_value)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return false;
    size_t n = fread(ret_value, 1, SECRET_FILE_MAX - 1, f);
    fclose(f);
    ret_value[n] = '\0';
    if (key->kind != CONFIG_MAP)
        ret_value[strcspn(ret_value, "\r\n")] = '\0';
    return n > 0;
}

static void put_secret_file(const struct config_key *key, const struct origin *from,
                            struct config *c)
{
    struct origin here = *from;
    char name[ENV_NAME_MAX], value[SECRET_FILE_MAX];
    env_name(key, "_FILE", name, sizeof name);
    const char *path = getenv(name);
    if (path == NULL)
        return;
    here.at.file = name;
    if (read_secret(key, path, value))
        put(key, value, c, &here);
    else
        diag_error(here.diags, here.at, NULL, "cannot read the file '%s'", path);
}

static void put_environment(const struct origin *from, struct config *c)
{
    struct origin here = *from;
    for (int i = 0; i < KEYS; i++) {
        char name[ENV_NAME_MAX];
        if (keys[i].secret)
            put_secret_file(&keys[i], from, c);
        env_name(&keys[i], "", name, sizeof name);
        here.at.file = name;
        const char *value = getenv(name);
        if (value != NULL)
            put(&keys[i], value, c, &here);
    }
}

static void put_flags(const struct config_flag *flags, size_t n, const struct origin *from,
                      struct config *c)
{
    struct origin here = *from;
    here.at.file = "command line";
    for (size_t i = 0; i < n; i++) {
        const struct config_key *key = key_find(flags[i].path);
        if (key == NULL)
            unknown_key(flags[i].path, &here);
        else
            put(key, flags[i].value, c, &here);
    }
}

/* ---- the whole ---- */

bool config_split_listen(const char *listen, char *ret_host, int *ret_port)
{
    const char *colon = strrchr(listen, ':');
    const char *rest;
    int64_t port;
    if (colon == NULL || !parse_int(colon + 1, &rest, &port) || *rest != '\0' || port < 0 ||
        port > 65535)
        return false;
    struct span host = span_of(listen, (size_t)(colon - listen));
    if (host.len > 2 && host.base[0] == '[' && host.base[host.len - 1] == ']')
        host = span_of(host.base + 1, host.len - 2);
    else if (memchr(host.base, ':', host.len) != NULL)
        return false;
    if (host.len == 0 || host.len >= CONFIG_TEXT_MAX)
        return false;
    memcpy(ret_host, host.base, host.len);
    ret_host[host.len] = '\0';
    *ret_port = (int)port;
    return true;
}

bool config_is_loopback(const char *listen)
{
    char host[CONFIG_TEXT_MAX];
    int port;
    struct in_addr v4;
    struct in6_addr v6;
    if (!config_split_listen(listen, host, &port))
        return false;
    if (strcmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static void check_listen(const struct config *c, struct diag_at at, struct diag_list *diags)
{
    char host[CONFIG_TEXT_MAX];
    int port;
    if (!config_split_listen(c->listen, host, &port))
        diag_error(diags, at, NULL, "listen must be ADDRESS:PORT, such as 127.0.0.1:8080");
    else if (!config_is_loopback(c->listen) && !c->insecure_listen)
        diag_error(diags, at, "set insecure_listen: true when the network itself is trusted",
                   "listen is not a loopback address, and the API has no keys");
}

/* Whoever can change rules can let any payment through. */
static void check_admin_listen(const struct config *c, struct diag_at at, struct diag_list *diags)
{
    char host[CONFIG_TEXT_MAX];
    int port;
    bool apart = c->admin_listen[0] != '\0';
    const char *address = apart ? c->admin_listen : c->listen;
    if (!config_split_listen(address, host, &port)) {
        if (apart)
            diag_error(diags, at, NULL,
                       "admin.listen must be ADDRESS:PORT, such as 127.0.0.1:8081");
    } else if (!config_is_loopback(address) && c->admin_keys[0] == '\0') {
        diag_error(diags, at, "set admin.listen: 127.0.0.1:8081, or keys in admin.keys",
                   "whoever reaches %s could change the rules: it is not a loopback address, and "
                   "there are no admin.keys",
                   apart ? "admin.listen" : "listen");
    }
}

static bool is_key_name(struct span name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum((unsigned char)name.base[i]) && strchr("._@-", name.base[i]) == NULL)
            return false;
    return name.len > 0 && name.len <= ADMIN_NAME_MAX;
}

static void check_admin_keys(const struct config *c, struct diag_at at, struct diag_list *diags)
{
    const char *pairs = c->admin_keys;
    struct span name, token;
    while (pairs_next(&pairs, &name, &token)) {
        if (!is_key_name(name))
            diag_error(diags, at, "letters, digits and . _ @ -", "a name of admin.keys is none");
        else if (token.len < ADMIN_TOKEN_MIN)
            diag_error(diags, at, "openssl rand -hex 32",
                       "the token of '%.*s' is shorter than %d "
                       "characters",
                       SPAN_ARG(name), ADMIN_TOKEN_MIN);
    }
}

/* Without the line itself: it may hold a secret that is not seen to be one. */
static struct diag_at place_of(const struct place *places, const char *path)
{
    const struct place *place = &places[key_find(path) - keys];
    return (struct diag_at){.file = place->name, .line = place->line, .col = place->col};
}

struct topic {
    const char *path, *name;
};

/* Kafka's own rule: letters, digits, dot, underscore and hyphen. */
static bool is_topic_name(const char *name)
{
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               strlen(name) &&
           strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* A topic that is read and written, or written as two things, would feed on itself. */
static void check_topics(const struct topic *topics, int n, const struct place *places,
                         struct diag_list *diags)
{
    for (int i = 0; i < n; i++)
        if (!is_topic_name(topics[i].name))
            diag_error(diags, place_of(places, topics[i].path), NULL,
                       "%s: a topic's name has letters, digits, '.', '_' and '-' alone",
                       topics[i].path);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++)
            if (topics[i].name[0] != '\0' && strcmp(topics[i].name, topics[j].name) == 0)
                diag_error(diags, place_of(places, topics[i].path), NULL, "%s and %s are one topic",
                           topics[j].path, topics[i].path);
}

static void check_kafka(const struct config *c, const struct place *places, struct diag_list *diags)
{
    const struct topic topics[] = {{"kafka.transactions", c->kafka_transactions},
                                   {"kafka.labels", c->kafka_labels},
                                   {"kafka.decisions", c->kafka_decisions},
                                   {"kafka.alerts", c->kafka_alerts},
                                   {"kafka.dead_letters", c->kafka_dead_letters}};
    const int n = sizeof topics / sizeof topics[0];
    check_topics(topics, n, places, diags);
    for (int i = 0; i < n && c->kafka_brokers[0] == '\0'; i++)
        if (topics[i].name[0] != '\0')
            diag_error(diags, place_of(places, topics[i].path), "add kafka.brokers: host:port",
                       "%s needs brokers", topics[i].path);
    if ((c->kafka_transactions[0] != '\0' || c->kafka_labels[0] != '\0') &&
        c->kafka_dead_letters[0] == '\0')
        diag_error(diags, place_of(places, "kafka.dead_letters"), NULL,
                   "kafka.dead_letters is missing: what cannot be scored must go somewhere");
}

/* What no single row can say. */
static void check_whole(const struct config *c, const struct place *places, struct diag_list *diags)
{
    struct redis_address address;
    const char *why = "";
    check_listen(c, place_of(places, "listen"), diags);
    check_admin_listen(c, place_of(places, c->admin_listen[0] != '\0' ? "admin.listen" : "listen"),
                       diags);
    check_admin_keys(c, place_of(places, "admin.keys"), diags);
    if (c->ruleset[0] == '\0')
        diag_error(diags, place_of(places, "ruleset"),
                   "name a file with -c, or add `ruleset: rules/packs/starter/ruleset.yaml`",
                   "ruleset is missing");
    if (c->state_backend == CONFIG_BACKEND_REDIS &&
        redis_address_parse(span_str(c->state_redis), &address, &why) != ST_OK)
        diag_error(diags, place_of(places, "state.redis"), NULL, "state.redis: %s", why);
    check_kafka(c, places, diags);
}

/* The folder of `file`; "." when it names none. false: its name is too long. */
static bool folder_of(const char *file, char ret_folder[CONFIG_TEXT_MAX])
{
    const char *slash = strrchr(file, '/');
    if (slash != NULL && slash - file > FOLDER_BYTES_MAX)
        return false;
    if (slash == NULL)
        snprintf(ret_folder, CONFIG_TEXT_MAX, ".");
    else if (slash == file)
        snprintf(ret_folder, CONFIG_TEXT_MAX, "/");
    else
        snprintf(ret_folder, CONFIG_TEXT_MAX, "%.*s", (int)(slash - file), file);
    return true;
}

enum status config_load(const char *file, const struct config_flag *flags, size_t n_flags,
                        struct diag_list *diags, struct config *ret_config)
{
    static const struct config zero;
    struct config c = zero;
    char folder[CONFIG_TEXT_MAX] = "";
    int errors_before = diags->errors;
    if (file != NULL && !folder_of(file, folder)) {
        diag_error(diags, (struct diag_at){.file = file}, NULL,
                   "the name of the file's folder may have %d bytes", FOLDER_BYTES_MAX);
        return ST_INVALID;
    }
    bool here = folder[0] == '\0' || strcmp(folder, ".") == 0;
    struct place places[KEYS];
    struct origin from = {.folder = here ? NULL : folder,
                          .at = {.file = file ? file : "configuration"},
                          .diags = diags,
                          .places = places};
    diags->has_secrets = true;
    put_defaults(&from, &c);
    if (file != NULL)
        put_file(file, &from, &c);
    from.folder = NULL;
    put_environment(&from, &c);
    put_flags(flags, n_flags, &from, &c);
    if (diags->errors == errors_before)
        check_whole(&c, places, diags);
    diags->has_secrets = false;
    if (diags->errors != errors_before)
        return ST_INVALID;
    *ret_config = c;
    return ST_OK;
}

/* ---- showing ---- */

/* An address with its password as ***; a secret that is no address as *** altogether. */
static void put_redacted(struct text *out, const char *value)
{
    const char *scheme = strstr(value, "://");
    const char *at = scheme ? strrchr(scheme, '@') : NULL;
    const char *colon = at ? memchr(scheme + 3, ':', (size_t)(at - scheme - 3)) : NULL;
    if (scheme == NULL)
        text_str(out, "\"***\"");
    else if (colon == NULL)
        text_json_string(out, span_str(value));
    else
        text_printf(out, "\"%.*s:***%s\"", (int)(colon - value), value, at);
}

static void put_duration(struct text *out, int64_t ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (ms % units[i].ms == 0 && (ms > 0 || units[i].ms == 1000)) {
            text_i64(out, ms / units[i].ms);
            text_str(out, units[i].unit);
            return;
        }
}

/* Which of librdkafka's settings hold a secret is told by their names. */
static bool is_secret_name(struct span name)
{
    static const char *const parts[] = {"password", "secret", "pem", "oauthbearer.config"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (memmem(name.base, name.len, parts[i], strlen(parts[i])) != NULL)
            return true;
    return false;
}

/* Of admin.keys the names are people's, and every value is a token. */
static void put_map_value(struct text *out, const struct config_key *key, const char *map)
{
    bool all_secret = key->offset == offsetof(struct config, admin_keys);
    struct span name, value;
    const char *between = "{";
    while (pairs_next(&map, &name, &value)) {
        text_str(out, between);
        text_json_string(out, name);
        text_str(out, ": ");
        text_json_string(out, all_secret || is_secret_name(name) ? span_str("***") : value);
        between = ", ";
    }
    text_str(out, *between == '{' ? "{}" : "}");
}

static void put_value(struct text *out, const struct config_key *key, const struct config *c)
{
    const char *member = (const char *)c + key->offset;
    int64_t number;
    int index;
    switch (key->kind) {
    case CONFIG_TEXT:
    case CONFIG_PATH:
        if (key->secret)
            put_redacted(out, member);
        else
            text_json_string(out, span_str(member));
        return;
    case CONFIG_BOOL:
        text_str(out, *member ? "true" : "false");
        return;
    case CONFIG_CHOICE:
        memcpy(&index, member, sizeof index);
        text_put(out, choice_name(key->default_text, index));
        return;
    case CONFIG_INT:
    case CONFIG_DURATION:
        memcpy(&number, member, sizeof number);
        if (key->kind == CONFIG_INT)
            text_i64(out, number);
        else
            put_duration(out, number);
        return;
    case CONFIG_MAP:
        put_map_value(out, key, member);
        return;
    }
}

static struct span section_of(const char *path)
{
    const char *dot = strchr(path, '.');
    return dot ? span_of(path, (size_t)(dot - path)) : span_of(NULL, 0);
}

void config_print(const struct config *config, struct text *out)
{
    struct span section = {0};
    for (int i = 0; i < KEYS; i++) {
        struct span now = section_of(keys[i].path);
        if (now.len > 0 && !span_eq(now, section))
            text_printf(out, "%.*s:\n", SPAN_ARG(now));
        section = now;
        text_printf(out, "%s%s: ", now.len ? "  " : "", keys[i].path + (now.len ? now.len + 1 : 0));
        put_value(out, &keys[i], config);
        text_char(out, '\n');
    }
}

static void put_range(struct text *out, const struct config_key *key)
{
    switch (key->kind) {
    case CONFIG_TEXT:
        text_str(out, "text");
        return;
    case CONFIG_PATH:
        text_str(out, "path");
        return;
    case CONFIG_BOOL:
        text_str(out, "true, false");
        return;
    case CONFIG_CHOICE:
        for (const char *p = key->default_text; *p != '\0'; p++)
            text_str(out, *p == '|' ? ", " : (char[]){*p, '\0'});
        return;
    case CONFIG_INT:
        text_printf(out, "%lld..%lld", (long long)key->min, (long long)key->max);
        return;
    case CONFIG_DURATION:
        put_duration(out, key->min);
        text_str(out, "..");
        put_duration(out, key->max);
        return;
    case CONFIG_MAP:
        text_str(out, "names and values");
        return;
    }
}

static void put_reference_row(struct text *out, const struct config_key *key)
{
    char name[ENV_NAME_MAX];
    env_name(key, "", name, sizeof name);
    struct span value = key->kind == CONFIG_CHOICE ? choice_name(key->default_text, 0)
                                                   : span_str(key->default_text);
    text_printf(out, "| `%s` | ", key->path);
    put_range(out, key);
    text_str(out, " | ");
    if (value.len > 0)
        text_printf(out, "`%.*s`", SPAN_ARG(value));
    text_printf(out, " | `%s`", name);
    if (key->secret)
        text_printf(out, ", `%s_FILE`", name);
    text_printf(out, " | %s |\n", key->doc);
}

void config_reference(struct text *out)
{
    text_str(
        out,
        "# Configuration\n\n"
        "Made by `sluice config --reference`; edit service/config_table.h, not this.\n\n"
        "A flag (`--deadline_ms 20`) beats the environment, that beats the file "
        "(`sluice.yaml`), that beats the\n"
        "default. A path in the file is relative to the file's folder, one of a flag or of the\n"
        "environment to where `sluice` was started. A key that is not below is an error.\n\n"
        "| key | values | default | environment | meaning |\n"
        "| --- | --- | --- | --- | --- |\n");
    for (int i = 0; i < KEYS; i++)
        put_reference_row(out, &keys[i]);
}
