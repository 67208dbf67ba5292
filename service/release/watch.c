#include "service/release/watch.h"

#include "service/base/check.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct folder {
    uv_fs_event_t event;
    struct watch *watch;
    char *path;
    bool is_wanted; /* still, while files are exchanged */
};

struct watch {
    uv_loop_t *loop;
    uv_timer_t quiet; /* runs out behind a burst */
    uv_timer_t look;
    int64_t debounce_ms;
    void (*changed)(void *user);
    void *user;
    struct watch_list files;
    struct folder *folders[WATCH_FOLDERS_MAX];
    int n_folders;
    int open_handles;
    bool is_closing;
};

/* ---- what the files look like ---- */

static void see_file(struct watch_file *file)
{
    struct stat st;
    if (stat(file->path, &st) != 0) {
        memset(file->facts, 0xFF, sizeof file->facts);
        return;
    }
    file->facts[0] = (int64_t)st.st_dev;
    file->facts[1] = (int64_t)st.st_ino;
    file->facts[2] = st.st_size;
    file->facts[3] = st.st_mtim.tv_sec;
    file->facts[4] = st.st_mtim.tv_nsec;
}

static void see_files(struct watch_list *list)
{
    for (int i = 0; i < list->count; i++)
        see_file(&list->items[i]);
}

static bool have_changed(const struct watch_list *list)
{
    for (int i = 0; i < list->count; i++) {
        struct watch_file now = list->items[i];
        see_file(&now);
        if (memcmp(now.facts, list->items[i].facts, sizeof now.facts) != 0)
            return true;
    }
    return false;
}

static void add_one(struct watch_list *list, const char *path)
{
    if (list->count == WATCH_FILES_MAX)
        return;
    struct watch_file *file = &list->items[list->count++];
    file->path = strdup(path);
    CHECK(file->path != NULL);
    see_file(file);
}

void watch_list_add(struct watch_list *list, const char *path)
{
    char real[PATH_MAX];
    add_one(list, path);
    if (realpath(path, real) != NULL && strcmp(real, path) != 0)
        add_one(list, real); /* what a link leads to may be written in place */
}

void watch_list_clear(struct watch_list *list)
{
    for (int i = 0; i < list->count; i++)
        free(list->items[i].path);
    list->count = 0;
}

/* ---- events ---- */

static void on_quiet(uv_timer_t *timer)
{
    struct watch *w = timer->data;
    see_files(&w->files);
    w->changed(w->user);
}

static void stir(struct watch *w)
{
    CHECK(uv_timer_start(&w->quiet, on_quiet, (uint64_t)w->debounce_ms, 0) == 0);
}

static void on_look(uv_timer_t *timer)
{
    struct watch *w = timer->data;
    if (!uv_is_active((uv_handle_t *)&w->quiet) && have_changed(&w->files))
        stir(w);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* A name with two dots in front is how Kubernetes calls the link that it swaps. */
static bool concerns(const struct watch *w, const char *name)
{
    if (name == NULL || strncmp(name, "..", 2) == 0)
        return true;
    for (int i = 0; i < w->files.count; i++)
        if (strcmp(base_name(w->files.items[i].path), name) == 0)
            return true;
    return false;
}

static void on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
    struct folder *folder = event->data;
    (void)events;
    if (status < 0 || concerns(folder->watch, name))
        stir(folder->watch);
}

/* ---- folders ---- */

static void let_go(struct watch *w)
{
    if (--w->open_handles == 0 && w->is_closing)
        free(w);
}

static void on_folder_closed(uv_handle_t *handle)
{
    struct folder *folder = handle->data;
    struct watch *w = folder->watch;
    free(folder->path);
    free(folder);
    let_go(w);
}

/* A folder that cannot be watched, or not be found yet, is looked at each 2 s. */
static void add_folder(struct watch *w, const char *path)
{
    for (int i = 0; i < w->n_folders; i++)
        if (strcmp(w->folders[i]->path, path) == 0) {
            w->folders[i]->is_wanted = true;
            return;
        }
    if (w->n_folders == WATCH_FOLDERS_MAX)
        return;
    struct folder *folder = calloc(1, sizeof *folder);
    CHECK(folder != NULL && (folder->path = strdup(path)) != NULL);
    CHECK(uv_fs_event_init(w->loop, &folder->event) == 0);
    folder->event.data = folder;
    folder->watch = w;
    folder->is_wanted = true;
    w->open_handles++;
    if (uv_fs_event_start(&folder->event, on_event, path, 0) != 0)
        uv_close((uv_handle_t *)&folder->event, on_folder_closed);
    else
        w->folders[w->n_folders++] = folder;
}

static void add_folder_of(struct watch *w, const char *file)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(file, '/');
    size_t len = slash == NULL ? 1 : slash == file ? 1 : (size_t)(slash - file);
    if (len >= sizeof folder)
        return;
    memcpy(folder, slash == NULL ? "." : file, len);
    folder[len] = '\0';
    add_folder(w, folder);
}

static void drop_unwanted(struct watch *w)
{
    int kept = 0;
    for (int i = 0; i < w->n_folders; i++) {
        if (w->folders[i]->is_wanted)
            w->folders[kept++] = w->folders[i];
        else
            uv_close((uv_handle_t *)&w->folders[i]->event, on_folder_closed);
    }
    w->n_folders = kept;
}

void watch_files(struct watch *w, const struct watch_list *files)
{
    watch_list_clear(&w->files);
    for (int i = 0; i < w->n_folders; i++)
        w->folders[i]->is_wanted = false;
    for (int i = 0; i < files->count; i++) {
        w->files.items[i] = files->items[i];
        w->files.items[i].path = strdup(files->items[i].path);
        CHECK(w->files.items[i].path != NULL);
        add_folder_of(w, files->items[i].path);
    }
    w->files.count = files->count;
    drop_unwanted(w);
    if (have_changed(&w->files)) /* by now an event tells of whatever comes */
        stir(w);
}

/* ---- start and end ---- */

struct watch *watch_new(uv_loop_t *loop, int64_t debounce_ms, void (*changed)(void *user),
                        void *user)
{
    struct watch *w = calloc(1, sizeof *w);
    CHECK(w != NULL);
    w->loop = loop;
    w->debounce_ms = debounce_ms;
    w->changed = changed;
    w->user = user;
    w->quiet.data = w->look.data = w;
    CHECK(uv_timer_init(loop, &w->quiet) == 0 && uv_timer_init(loop, &w->look) == 0);
    CHECK(uv_timer_start(&w->look, on_look, WATCH_LOOK_MS, WATCH_LOOK_MS) == 0);
    w->open_handles = 2;
    return w;
}

static void on_timer_closed(uv_handle_t *handle)
{
    let_go(handle->data);
}

void watch_close(struct watch *w)
{
    if (w == NULL)
        return;
    w->is_closing = true;
    watch_list_clear(&w->files);
    for (int i = 0; i < w->n_folders; i++)
        w->folders[i]->is_wanted = false;
    uv_close((uv_handle_t *)&w->quiet, on_timer_closed);
    uv_close((uv_handle_t *)&w->look, on_timer_closed);
    drop_unwanted(w);
}
