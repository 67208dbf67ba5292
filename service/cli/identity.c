#include "service/cli/identity.h"

#include "service/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

enum { FILE_BYTES = 32 + 1 + 32 + 1 };

static void put_hex(struct text *out, const void *bytes, size_t n)
{
    text_hex_bytes(out, bytes, n);
    text_char(out, '\n');
}

void identity_random(struct identity *ret_identity)
{
    unsigned char name[16];
    randombytes_buf(name, sizeof name);
    sodium_bin2hex(ret_identity->instance, sizeof ret_identity->instance, name, sizeof name);
    hash_key_random(&ret_identity->key);
}

static bool path_of(const char *dir, const char *suffix, char *ret_path)
{
    int n = snprintf(ret_path, PATH_MAX, "%s/identity%s", dir, suffix);
    return n > 0 && n < PATH_MAX;
}

static bool sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* Whole, or not at all: written beside, synced, renamed. */
static enum status write_file(const char *path, const char *beside, struct span bytes)
{
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return ST_IO;
    bool ok = write(fd, bytes.base, bytes.len) == (ssize_t)bytes.len && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    return ok && rename(beside, path) == 0 ? ST_OK : ST_IO;
}

enum status identity_save(const char *dir, const struct identity *identity)
{
    char path[PATH_MAX], beside[PATH_MAX], bytes[FILE_BYTES];
    struct text out;
    if (!path_of(dir, "", path) || !path_of(dir, ".new", beside))
        return ST_IO;
    text_init(&out, bytes, sizeof bytes);
    text_str(&out, identity->instance);
    text_char(&out, '\n');
    put_hex(&out, identity->key.bytes, sizeof identity->key.bytes);
    enum status st = write_file(path, beside, text_span(&out));
    return st == ST_OK && !sync_folder(dir) ? ST_IO : st;
}

static enum status parse(const char *bytes, struct identity *ret_identity)
{
    struct identity id = {0};
    unsigned char name[16];
    if (bytes[32] != '\n' || bytes[65] != '\n' ||
        sodium_hex2bin(name, sizeof name, bytes, 32, NULL, NULL, NULL) != 0 ||
        sodium_hex2bin(id.key.bytes, sizeof id.key.bytes, bytes + 33, 32, NULL, NULL, NULL) != 0)
        return ST_CORRUPT;
    memcpy(id.instance, bytes, 32);
    *ret_identity = id;
    return ST_OK;
}

enum status identity_load(const char *dir, struct identity *ret_identity)
{
    char path[PATH_MAX], bytes[FILE_BYTES];
    if (!path_of(dir, "", path))
        return ST_IO;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ST_NOT_FOUND : ST_IO;
    bool whole = read(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes;
    close(fd);
    return whole ? parse(bytes, ret_identity) : ST_CORRUPT;
}

enum status identity_create(const char *dir, struct identity *ret_identity)
{
    struct identity fresh = {0};
    identity_random(&fresh);
    enum status st = identity_save(dir, &fresh);
    if (st == ST_OK)
        *ret_identity = fresh;
    return st;
}
