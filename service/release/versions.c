#include "service/release/versions.h"

#include "service/base/check.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    NOTE_BYTES_MAX = 64 << 10, /* of a JSON file here */
    ID_DIGITS = VERSION_ID_BYTES - 1,
};

#define INCOMING "incoming-"

struct versions {
    pthread_mutex_t lock; /* over what is written */
    int keep;
    char dir[FILES_PATH_MAX - 512]; /* with room for what stands below it */
};

/* ---- names ---- */

bool version_is_id(const char *text)
{
    return strlen(text) == ID_DIGITS && strspn(text, "0123456789abcdef") == ID_DIGITS;
}

static void path_below(const struct versions *v, const char *id, const char *name,
                       char ret_path[FILES_PATH_MAX])
{
    int n = snprintf(ret_path, FILES_PATH_MAX, "%s/%s%s%s", v->dir, id, name[0] ? "/" : "", name);
    CHECK(n > 0 && n < FILES_PATH_MAX); /* names here are ours, or of SNAPSHOT_NAME_MAX */
}

void versions_path(const struct versions *v, const char *id, char ret_path[FILES_PATH_MAX])
{
    path_below(v, id, "files/" SNAPSHOT_RULESET_NAME, ret_path);
}

/* ---- notes ---- */

static json_t *read_note(const char *path)
{
    char *bytes;
    size_t len;
    if (files_read(path, NOTE_BYTES_MAX, &bytes, &len) != ST_OK)
        return NULL;
    json_t *note = json_loadb(bytes, len, 0, NULL);
    free(bytes);
    return note;
}

static void take_text(const json_t *note, const char *key, char *out, size_t cap)
{
    const char *text = json_string_value(json_object_get(note, key));
    snprintf(out, cap, "%s", text != NULL ? text : "");
}

static void take_id(const json_t *note, const char *key, char out[VERSION_ID_BYTES])
{
    const char *text = json_string_value(json_object_get(note, key));
    snprintf(out, VERSION_ID_BYTES, "%s", text != NULL && version_is_id(text) ? text : "");
}

static enum status write_note(const char *path, json_t *note_take)
{
    char *bytes = json_dumps(note_take, JSON_COMPACT);
    CHECK(bytes != NULL);
    enum status st = files_write(path, span_str(bytes));
    free(bytes);
    json_decref(note_take);
    return st;
}

/* ---- the folder ---- */

/* What an earlier process left half done. (Of another that serves from the same folder it may take
 * what is under way, which then is not kept, and says so.) */
static void clear_incoming(const struct versions *v)
{
    char path[FILES_PATH_MAX];
    DIR *dir = opendir(v->dir);
    for (struct dirent *e = dir ? readdir(dir) : NULL; e != NULL; e = readdir(dir)) {
        if (strncmp(e->d_name, INCOMING, sizeof INCOMING - 1) != 0)
            continue;
        path_below(v, e->d_name, "", path);
        if (files_remove(path) != ST_OK)
            continue; /* it only takes room */
    }
    if (dir != NULL)
        closedir(dir);
}

enum status versions_open(const char *dir, int keep, struct versions **ret_versions, char *ret_why)
{
    struct versions *v = calloc(1, sizeof *v);
    CHECK(v != NULL && keep > 0);
    v->keep = keep;
    int n = snprintf(v->dir, sizeof v->dir, "%s", dir);
    enum status st = (size_t)n < sizeof v->dir ? files_make_folder(dir) : ST_TOO_LARGE;
    if (st == ST_OK && access(dir, W_OK) != 0)
        st = ST_IO;
    if (st != ST_OK) {
        snprintf(ret_why, 256, "%.200s: %s", dir, st == ST_IO ? strerror(errno) : status_text(st));
        free(v);
        return st;
    }
    CHECK(pthread_mutex_init(&v->lock, NULL) == 0);
    clear_incoming(v);
    *ret_versions = v;
    return ST_OK;
}

void versions_close(struct versions *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->lock);
    free(v);
}

enum status versions_scratch(struct versions *v, char ret_folder[FILES_PATH_MAX])
{
    char folder[FILES_PATH_MAX];
    path_below(v, INCOMING "XXXXXX", "", folder);
    if (mkdtemp(folder) == NULL)
        return ST_IO;
    memcpy(ret_folder, folder, sizeof folder);
    return ST_OK;
}

/* ---- what is kept ---- */

enum status versions_find(struct versions *v, const char *id, struct version *ret_version)
{
    char path[FILES_PATH_MAX];
    if (!version_is_id(id))
        return ST_NOT_FOUND;
    path_below(v, id, "version.json", path);
    json_t *note = read_note(path);
    if (note == NULL)
        return ST_NOT_FOUND;
    snprintf(ret_version->id, sizeof ret_version->id, "%s", id);
    take_id(note, "previous", ret_version->previous);
    take_text(note, "who", ret_version->who, sizeof ret_version->who);
    take_text(note, "from", ret_version->from, sizeof ret_version->from);
    ret_version->at_ms = json_integer_value(json_object_get(note, "at_ms"));
    json_decref(note);
    return ST_OK;
}

static int newest_first(const void *a, const void *b)
{
    const struct version *x = a, *y = b;
    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? 1 : -1;
    return strcmp(x->id, y->id);
}

/* All, a new array; NULL: none. */
static struct version *load_all(struct versions *v, int *ret_n)
{
    struct version *all = NULL, one;
    int n = 0, cap = 0;
    DIR *dir = opendir(v->dir);
    for (struct dirent *e = dir ? readdir(dir) : NULL; e != NULL; e = readdir(dir)) {
        if (versions_find(v, e->d_name, &one) != ST_OK)
            continue;
        if (n == cap) {
            cap = cap > 0 ? 2 * cap : 64;
            all = realloc(all, (size_t)cap * sizeof *all);
            CHECK(all != NULL);
        }
        all[n++] = one;
    }
    if (dir != NULL)
        closedir(dir);
    if (n > 0)
        qsort(all, (size_t)n, sizeof *all, newest_first);
    *ret_n = n;
    return all;
}

int versions_list(struct versions *v, struct version *ret_list, int max)
{
    int n;
    struct version *all = load_all(v, &n);
    n = n < max ? n : max;
    if (n > 0)
        memcpy(ret_list, all, (size_t)n * sizeof *all);
    free(all);
    return n;
}

struct version_active versions_active(struct versions *v)
{
    struct version_active active = {"", "", ""};
    char path[FILES_PATH_MAX];
    path_below(v, "active.json", "", path);
    json_t *note = read_note(path);
    if (note != NULL) {
        take_id(note, "ruleset", active.id);
        take_id(note, "previous", active.previous);
        take_id(note, "file", active.file);
    }
    json_decref(note);
    return active;
}

static void forget(struct versions *v, const char *id)
{
    char path[FILES_PATH_MAX], away[FILES_PATH_MAX], name[64];
    snprintf(name, sizeof name, INCOMING "gone-%s", id);
    path_below(v, id, "", path);
    path_below(v, name, "", away);
    if (rename(path, away) != 0 || files_remove(away) != ST_OK)
        return; /* the next start, or the next version, tries again */
}

/* Not the two that may be asked for next. */
static void forget_oldest(struct versions *v, const struct version_active *active)
{
    int n, left;
    struct version *all = load_all(v, &n);
    left = n;
    for (int i = n; i-- > 0 && left > v->keep;) {
        if (strcmp(all[i].id, active->id) == 0 || strcmp(all[i].id, active->previous) == 0)
            continue;
        forget(v, all[i].id);
        left--;
    }
    free(all);
}

/* ---- keep ---- */

static enum status all_have_names(const struct snapshot *snap, struct diag_list *diags)
{
    for (int i = 0; i < snap->files.count; i++)
        if (snap->files.items[i].name == NULL) {
            diag_warning(diags, (struct diag_at){.file = snap->files.items[i].path},
                         "put it into the ruleset's folder",
                         "this file is outside of the ruleset's folder: the ruleset is not kept as "
                         "a version, and cannot be rolled back to or published");
            return ST_INVALID;
        }
    return ST_OK;
}

static enum status write_files(const char *folder, const struct snapshot_files *files)
{
    char path[FILES_PATH_MAX];
    enum status st = ST_OK;
    for (int i = 0; i < files->count && st == ST_OK; i++) {
        int n = snprintf(path, sizeof path, "%s/files/%s", folder, files->items[i].name);
        if (n < 0 || (size_t)n >= sizeof path)
            return ST_TOO_LARGE;
        st = files_make_folder_of(path);
        if (st == ST_OK)
            st = files_write(path, files->items[i].content);
    }
    return st;
}

static enum status write_info(const char *folder, const struct version *info)
{
    char path[FILES_PATH_MAX], at[32];
    struct text text;
    text_init(&text, at, sizeof at - 1);
    text_time_ms(&text, info->at_ms);
    at[text.len] = '\0';
    int n = snprintf(path, sizeof path, "%s/version.json", folder);
    if (n < 0 || (size_t)n >= sizeof path)
        return ST_TOO_LARGE;
    return write_note(path, json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "ruleset", info->id,
                                      "previous", info->previous, "who", info->who, "from",
                                      info->from, "at", at, "at_ms", (json_int_t)info->at_ms));
}

static enum status write_version(struct versions *v, const struct snapshot *snap,
                                 const struct version *info)
{
    char folder[FILES_PATH_MAX], path[FILES_PATH_MAX];
    enum status st = versions_scratch(v, folder);
    if (st != ST_OK)
        return st;
    path_below(v, info->id, "", path);
    st = write_files(folder, &snap->files);
    if (st == ST_OK)
        st = write_info(folder, info);
    if (st == ST_OK && rename(folder, path) == 0)
        return files_sync_folder(v->dir);
    bool is_there =
        st == ST_OK && (errno == EEXIST || errno == ENOTEMPTY); /* another's, the same */
    if (files_remove(folder) != ST_OK)
        return is_there ? ST_OK : ST_IO; /* the next start tries again */
    return is_there ? ST_OK : st != ST_OK ? st : ST_IO;
}

static enum status keep_locked(struct versions *v, const struct snapshot *snap,
                               const struct version *info)
{
    struct version there;
    char folder[FILES_PATH_MAX];
    path_below(v, info->id, "", folder);
    if (versions_find(v, info->id, &there) == ST_OK)
        return write_info(folder, info);
    return write_version(v, snap, info);
}

enum status versions_keep(struct versions *v, const struct snapshot *snap,
                          const struct version *info, struct diag_list *diags)
{
    enum status st = all_have_names(snap, diags);
    if (st != ST_OK)
        return st;
    pthread_mutex_lock(&v->lock);
    st = keep_locked(v, snap, info);
    pthread_mutex_unlock(&v->lock);
    return st;
}

enum status versions_note_active(struct versions *v, const struct version_active *active)
{
    char path[FILES_PATH_MAX];
    path_below(v, "active.json", "", path);
    pthread_mutex_lock(&v->lock);
    enum status st =
        write_note(path, json_pack("{s:s, s:s, s:s}", "ruleset", active->id, "previous",
                                   active->previous, "file", active->file));
    if (st == ST_OK)
        forget_oldest(v, active);
    pthread_mutex_unlock(&v->lock);
    return st;
}

bool versions_choose(struct versions *v, const char *file_id, char ret_id[VERSION_ID_BYTES])
{
    struct version_active active = versions_active(v);
    struct version there;
    bool file_is_newer = file_id[0] != '\0' && strcmp(file_id, active.file) != 0;
    if (active.id[0] == '\0' || strcmp(active.id, file_id) == 0 || file_is_newer ||
        versions_find(v, active.id, &there) != ST_OK)
        return false;
    memcpy(ret_id, active.id, VERSION_ID_BYTES);
    return true;
}
