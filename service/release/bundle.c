#include "service/release/bundle.h"

#include "service/base/check.h"
#include "service/base/files.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BLOCK_BYTES = 64 << 10,
    ENTRY_BYTES = 3 * 512, /* tar: a header, the file's last block filled up; pax: a header more */
    TAR_END_BYTES = 32 << 10,
};

/* ---- unpack ---- */

struct unpacker {
    const struct bundle_source *from;
    const char *folder;
    struct diag_list *diags;
    struct archive *archive;
    uint64_t offset;
    uint64_t bytes;
    int files, entries;
    char block[BLOCK_BYTES];
};

__attribute__((format(printf, 4, 5))) static enum status
refuse(struct unpacker *u, enum status st, const char *hint, const char *format, ...)
{
    char message[DIAG_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    diag_error(u->diags, (struct diag_at){.file = "bundle"}, hint, "%s", message);
    return st;
}

static la_ssize_t read_block(struct archive *archive, void *user, const void **ret_block)
{
    struct unpacker *u = user;
    ssize_t n = u->from->read(u->from->user, u->offset, u->block, sizeof u->block);
    if (n < 0) {
        archive_set_error(archive, EIO, "its bytes cannot be read");
        return ARCHIVE_FATAL;
    }
    u->offset += (uint64_t)n;
    *ret_block = u->block;
    return n;
}

/* The folders above a file's clean name. */
static bool make_folders(const char *folder, char *name)
{
    char path[BUNDLE_PATH_BYTES];
    for (char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int n = snprintf(path, sizeof path, "%s/%s", folder, name);
        *slash = '/';
        if (n < 0 || (size_t)n >= sizeof path || (mkdir(path, 0700) != 0 && errno != EEXIST))
            return false;
    }
    return true;
}

static enum status copy_data(struct unpacker *u, int fd, const char *name)
{
    const void *block;
    size_t n;
    la_int64_t at, end = 0;
    int got;
    while ((got = archive_read_data_block(u->archive, &block, &n, &at)) == ARCHIVE_OK) {
        u->bytes += n;
        if (at != end)
            return refuse(u, ST_INVALID, "tar czf, without --sparse", "%s: it has holes", name);
        if (u->bytes > BUNDLE_BYTES_MAX)
            return refuse(u, ST_TOO_LARGE, NULL, "unpacked it is over %d MiB",
                          BUNDLE_BYTES_MAX >> 20);
        end = at + (la_int64_t)n;
        if (files_write_all(fd, span_of(block, n)) != ST_OK)
            return refuse(u, ST_IO, NULL, "%s: cannot be written: %s", name, strerror(errno));
    }
    return got == ARCHIVE_EOF ? ST_OK
                              : refuse(u, ST_INVALID, NULL, "it is damaged at %s: %s", name,
                                       archive_error_string(u->archive));
}

static enum status unpack_file(struct unpacker *u, char *name)
{
    char path[BUNDLE_PATH_BYTES];
    int n = snprintf(path, sizeof path, "%s/%s", u->folder, name);
    if (++u->files > BUNDLE_FILES_MAX)
        return refuse(u, ST_TOO_LARGE, NULL, "it has more than %d files", BUNDLE_FILES_MAX);
    if (n < 0 || (size_t)n >= sizeof path || !make_folders(u->folder, name))
        return refuse(u, ST_INVALID, NULL, "%s: a folder of it cannot be made", name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EEXIST || errno == ENOTDIR))
        return refuse(u, ST_INVALID, NULL, "%s: it stands there twice", name);
    if (fd < 0)
        return refuse(u, ST_IO, NULL, "%s: cannot be written: %s", name, strerror(errno));
    enum status st = copy_data(u, fd, name);
    if (close(fd) != 0 && st == ST_OK)
        st = refuse(u, ST_IO, NULL, "%s: cannot be written: %s", name, strerror(errno));
    return st;
}

/* "./" and "rules/", as tar names folders. */
static struct span without_slash(struct span name)
{
    while (name.len > 1 && name.base[name.len - 1] == '/')
        name.len--;
    return name;
}

static enum status unpack_entry(struct unpacker *u, struct archive_entry *entry)
{
    const char *raw = archive_entry_pathname(entry);
    char name[SNAPSHOT_NAME_MAX + 1];
    bool is_folder = archive_entry_filetype(entry) == AE_IFDIR;
    if (++u->entries > 2 * BUNDLE_FILES_MAX)
        return refuse(u, ST_TOO_LARGE, NULL, "it has more than %d entries", 2 * BUNDLE_FILES_MAX);
    if (raw == NULL)
        return refuse(u, ST_INVALID, NULL, "a name in it is no text");
    if (is_folder && archive_entry_size(entry) > 0) /* would be skipped, and not be counted */
        return refuse(u, ST_INVALID, "make it by tar czf", "a folder in it has content of its own");
    if (is_folder && strspn(raw, "./") == strlen(raw) && strstr(raw, "..") == NULL)
        return ST_OK; /* the top */
    if (snapshot_file_clean(is_folder ? without_slash(span_str(raw)) : span_str(raw), name) !=
        ST_OK)
        return refuse(u, ST_INVALID, "names are relative, without `..`",
                      "a file in it has a name that is not allowed");
    if (is_folder)
        return ST_OK; /* made with its first file */
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != NULL)
        return refuse(u, ST_INVALID, "pack the files themselves: tar -h",
                      "%s: only plain files may be in it, no links or devices", name);
    return unpack_file(u, name);
}

static enum status unpack_entries(struct unpacker *u)
{
    struct archive_entry *entry;
    int got;
    while ((got = archive_read_next_header(u->archive, &entry)) == ARCHIVE_OK) {
        enum status st = unpack_entry(u, entry);
        if (st != ST_OK)
            return st;
    }
    return got == ARCHIVE_EOF
               ? ST_OK
               : refuse(u, ST_INVALID, "make it by tar czf", "it is no tar that can be read: %s",
                        archive_error_string(u->archive));
}

static bool is_there(const char *folder, const char *inside, char ret_path[BUNDLE_PATH_BYTES])
{
    struct stat st;
    char path[BUNDLE_PATH_BYTES];
    int n = snprintf(path, sizeof path, "%s/%s%s" SNAPSHOT_RULESET_NAME, folder, inside,
                     inside[0] != '\0' ? "/" : "");
    if (n < 0 || (size_t)n >= sizeof path || lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    memcpy(ret_path, path, (size_t)n + 1);
    return true;
}

/* The one name at the top; false: there are several, or none. */
static bool only_name(const char *folder, char ret_name[SNAPSHOT_NAME_MAX + 1])
{
    DIR *dir = opendir(folder);
    int n = 0;
    for (struct dirent *e = dir ? readdir(dir) : NULL; e != NULL; e = readdir(dir)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        n++;
        snprintf(ret_name, SNAPSHOT_NAME_MAX + 1, "%s", e->d_name);
    }
    if (dir != NULL)
        closedir(dir);
    return n == 1;
}

static enum status find_ruleset(struct unpacker *u, char ret_ruleset[BUNDLE_PATH_BYTES])
{
    char inside[SNAPSHOT_NAME_MAX + 1];
    if (is_there(u->folder, "", ret_ruleset))
        return ST_OK;
    if (only_name(u->folder, inside) && is_there(u->folder, inside, ret_ruleset))
        return ST_OK;
    return refuse(u, ST_INVALID, "tar czf bundle.tgz -C rules/packs/starter .",
                  "there is no " SNAPSHOT_RULESET_NAME " at its top, nor in its only folder");
}

/* Only what we ask for: libarchive knows forty formats, and none of the others is worth its
 * dangers. */
static struct archive *open_archive(struct unpacker *u)
{
    struct archive *a = archive_read_new();
    CHECK(a != NULL);
    CHECK(archive_read_support_filter_gzip(a) == ARCHIVE_OK);
    CHECK(archive_read_support_format_tar(a) == ARCHIVE_OK);
    archive_read_open(a, u, NULL, read_block, NULL);
    return a; /* what failed is told by the first header */
}

enum status bundle_unpack(const struct bundle_source *from, const char *folder,
                          struct diag_list *diags, char ret_ruleset[BUNDLE_PATH_BYTES])
{
    struct unpacker *u = calloc(1, sizeof *u);
    CHECK(u != NULL);
    u->from = from;
    u->folder = folder;
    u->diags = diags;
    u->archive = open_archive(u);
    enum status st = unpack_entries(u);
    if (st == ST_OK)
        st = find_ruleset(u, ret_ruleset);
    archive_read_free(u->archive);
    free(u);
    return st;
}

static ssize_t read_span(void *user, uint64_t offset, char *out, size_t cap)
{
    const struct span *bytes = user;
    size_t left = offset < bytes->len ? bytes->len - (size_t)offset : 0;
    size_t n = left < cap ? left : cap;
    if (n > 0)
        memcpy(out, bytes->base + offset, n);
    return (ssize_t)n;
}

struct bundle_source bundle_of_span(const struct span *bytes)
{
    return (struct bundle_source){read_span, (void *)(uintptr_t)bytes};
}

/* ---- pack ---- */

/* Stands the i-th there before, under its name? ST_INVALID: another one does. */
static enum status seen_before(const struct snapshot_files *files, int i, struct diag_list *diags,
                               bool *ret_seen)
{
    const struct snapshot_file *file = &files->items[i];
    int k = 0;
    while (k < i && strcmp(files->items[k].name, file->name) != 0)
        k++;
    if (k < i && !span_eq(files->items[k].content, file->content)) {
        diag_error(diags, (struct diag_at){.file = file->path}, "give it another name",
                   "in a bundle " SNAPSHOT_RULESET_NAME " is the ruleset file");
        return ST_INVALID;
    }
    *ret_seen = k < i;
    return ST_OK;
}

static enum status all_inside(const struct snapshot_files *files, struct diag_list *diags,
                              size_t *ret_bytes)
{
    size_t bytes = TAR_END_BYTES;
    for (int i = 0; i < files->count; i++) {
        const struct snapshot_file *file = &files->items[i];
        if (file->name == NULL) {
            diag_error(diags, (struct diag_at){.file = file->path},
                       "put it into the ruleset's folder",
                       "a file outside of the ruleset's folder cannot be packed");
            return ST_INVALID;
        }
        bytes += file->content.len + ENTRY_BYTES;
    }
    *ret_bytes = bytes + bytes / 64; /* gzip of what cannot be made smaller */
    return ST_OK;
}

static bool pack_file(struct archive *a, const struct snapshot_file *file)
{
    struct archive_entry *entry = archive_entry_new();
    CHECK(entry != NULL);
    archive_entry_set_pathname(entry, file->name);
    archive_entry_set_size(entry, (la_int64_t)file->content.len);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    bool ok = archive_write_header(a, entry) == ARCHIVE_OK &&
              archive_write_data(a, file->content.base, file->content.len) ==
                  (la_ssize_t)file->content.len;
    archive_entry_free(entry);
    return ok;
}

static enum status pack_files(struct archive *a, const struct snapshot_files *files,
                              struct diag_list *diags)
{
    for (int i = 0; i < files->count; i++) {
        bool seen;
        enum status st = seen_before(files, i, diags, &seen);
        if (st != ST_OK)
            return st;
        CHECK(seen || pack_file(a, &files->items[i])); /* there is room */
    }
    return ST_OK;
}

enum status bundle_pack(const struct snapshot_files *files, struct diag_list *diags,
                        char **ret_bytes, size_t *ret_len)
{
    size_t cap = 0, len = 0;
    enum status st = all_inside(files, diags, &cap);
    if (st != ST_OK)
        return st;
    char *bytes = malloc(cap);
    struct archive *a = archive_write_new();
    CHECK(bytes != NULL && a != NULL);
    CHECK(archive_write_add_filter_gzip(a) == ARCHIVE_OK);
    CHECK(archive_write_set_options(a, "gzip:!timestamp") == ARCHIVE_OK);
    CHECK(archive_write_set_format_pax_restricted(a) == ARCHIVE_OK);
    CHECK(archive_write_open_memory(a, bytes, cap, &len) == ARCHIVE_OK);
    st = pack_files(a, files, diags);
    CHECK(archive_write_close(a) == ARCHIVE_OK);
    archive_write_free(a);
    if (st == ST_OK && len > BUNDLE_PACKED_BYTES) {
        diag_error(diags, (struct diag_at){.file = files->items[0].path}, NULL,
                   "packed the ruleset is over %d MiB", BUNDLE_PACKED_BYTES >> 20);
        st = ST_TOO_LARGE;
    }
    if (st != ST_OK) {
        free(bytes);
        return st;
    }
    *ret_bytes = bytes;
    *ret_len = len;
    return ST_OK;
}
