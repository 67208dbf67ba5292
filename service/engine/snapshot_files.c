#include "service/engine/snapshot_files.h"

#include <stdio.h>

/* One part of a name; false: nobody should have a file of that name. */
static bool is_clean_part(struct span part)
{
    for (size_t i = 0; i < part.len; i++)
        if ((unsigned char)part.base[i] < 0x20 || part.base[i] == 0x7F || part.base[i] == '\\')
            return false;
    return !span_is(part, "..");
}

/* The next part of `rest`, which then begins behind its slash. */
static struct span next_part(struct span *rest)
{
    const char *slash = memchr(rest->base, '/', rest->len);
    size_t len = slash != NULL ? (size_t)(slash - rest->base) : rest->len;
    struct span part = span_of(rest->base, len);
    *rest = slash != NULL ? span_of(slash + 1, rest->len - len - 1) : span_of(NULL, 0);
    return part;
}

enum status snapshot_file_clean(struct span name, char ret_clean[SNAPSHOT_NAME_MAX + 1])
{
    char clean[SNAPSHOT_NAME_MAX + 1];
    struct text out;
    int parts = 0;
    text_init(&out, clean, SNAPSHOT_NAME_MAX);
    if (name.len == 0 || name.base[0] == '/' || name.base[name.len - 1] == '/')
        return ST_INVALID;
    while (name.len > 0) {
        struct span part = next_part(&name);
        if (!is_clean_part(part) || parts == SNAPSHOT_NAME_PARTS)
            return ST_INVALID;
        if (part.len == 0 || span_is(part, "."))
            continue;
        if (parts++ > 0)
            text_char(&out, '/');
        text_put(&out, part);
    }
    if (parts == 0 || out.overflow)
        return ST_INVALID;
    memcpy(ret_clean, clean, out.len);
    ret_clean[out.len] = '\0';
    return ST_OK;
}

struct finder {
    const struct yaml_file *ruleset;
    const char *path;
    bool is_confined;
    struct arena *arena;
    struct diag_list *diags;
    struct snapshot_files files;
};

static enum status out_of_space(struct finder *f)
{
    diag_error(f->diags, (struct diag_at){.file = f->path}, NULL,
               "the ruleset is too large: out of space");
    return ST_NO_SPACE;
}

/* `name` as it is opened: relative to the ruleset's folder. */
static const char *path_of(struct finder *f, struct span name)
{
    const char *slash = strrchr(f->path, '/');
    size_t folder = slash != NULL && name.base[0] != '/' ? (size_t)(slash + 1 - f->path) : 0;
    char *path = arena_try(f->arena, folder + name.len + 1);
    if (path == NULL)
        return NULL;
    memcpy(path, f->path, folder);
    memcpy(path + folder, name.base, name.len);
    path[folder + name.len] = '\0';
    return path;
}

static enum status add(struct finder *f, const struct yaml_node *node, struct span name)
{
    struct snapshot_file *file = &f->files.items[f->files.count];
    char clean[SNAPSHOT_NAME_MAX + 1];
    bool is_inside = snapshot_file_clean(name, clean) == ST_OK;
    if (!is_inside && f->is_confined) {
        diag_error(f->diags, yaml_at(f->ruleset, node),
                   "names in a bundle are relative to its ruleset file, without `..`",
                   "this file is outside of the bundle");
        return ST_INVALID;
    }
    file->path = path_of(f, name);
    file->name = is_inside ? arena_try_copy(f->arena, span_str(clean)).base : NULL;
    if (file->path == NULL || (is_inside && file->name == NULL))
        return out_of_space(f);
    f->files.count++;
    return ST_OK;
}

/* What is no name is the loader's to refuse, with its own words. */
static bool is_name(const struct yaml_node *node)
{
    return node != NULL && node->kind == YAML_SCALAR && node->text.len > 0;
}

/* What `keys` of a member of a section name. */
static enum status find_member(struct finder *f, const struct yaml_node *member,
                               const char *const *keys)
{
    enum status st = ST_OK;
    for (; *keys != NULL && st == ST_OK; keys++) {
        const struct yaml_node *file = yaml_get(member, *keys);
        if (is_name(file))
            st = add(f, file, file->text);
    }
    return st;
}

static enum status find_members(struct finder *f, const char *section, const char *const *keys)
{
    const struct yaml_node *members = yaml_get(f->ruleset->root, section);
    enum status st = ST_OK;
    for (const struct yaml_node *m = members ? members->child : NULL; m != NULL && st == ST_OK;
         m = m->next)
        st = find_member(f, m, keys);
    return st;
}

static enum status find_rules(struct finder *f)
{
    const struct yaml_node *rules = yaml_get(f->ruleset->root, "rules");
    enum status st = ST_OK;
    for (const struct yaml_node *r = rules ? rules->child : NULL; r != NULL && st == ST_OK;
         r = r->next)
        if (is_name(r))
            st = add(f, r, r->text);
    return st;
}

static int count_of(const struct yaml_node *root, const char *key)
{
    const struct yaml_node *node = yaml_get(root, key);
    return node != NULL ? node->count : 0;
}

enum status snapshot_files_find(const struct yaml_file *ruleset, const char *path, bool is_confined,
                                struct arena *arena, struct diag_list *diags,
                                struct snapshot_files *ret_files)
{
    struct finder f = {ruleset, path, is_confined, arena, diags, {NULL, 0}};
    static const char *const of_list[] = {"file", NULL};
    static const char *const of_model[] = {"file", "baseline", NULL};
    int max = 1 + count_of(ruleset->root, "lists") + 2 * count_of(ruleset->root, "models") +
              count_of(ruleset->root, "rules");
    void *mem = NULL;
    if (arena_alloc(arena, (size_t)max * sizeof *f.files.items, &mem) != ST_OK)
        return out_of_space(&f);
    f.files.items = mem;
    f.files.items[f.files.count++] = (struct snapshot_file){
        .path = path, .name = SNAPSHOT_RULESET_NAME, .content = ruleset->content};
    enum status st = find_members(&f, "lists", of_list);
    if (st == ST_OK)
        st = find_members(&f, "models", of_model);
    if (st == ST_OK)
        st = find_rules(&f);
    if (st == ST_OK)
        *ret_files = f.files;
    return st;
}
