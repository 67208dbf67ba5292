/*
 * A checkpoint of the table, and the key of its hashes, in the journal's folder.
 *
 *     checkpoint-<first frame that is not wholly in it, 16 hex>
 *     +--------+-----------+-----------+
 *     | "SLK1" | hash key  | u32 crc32 |                                       24 bytes
 *     +--------+--+--------+--------+--+--------------+-----------+------------------------
 *     | u32 crc32 | u32 index | u64 position | u64 bytes | bytes ...             258 sections
 *
 * Sections 0 to 255 are the shards, then come the layouts (after all logs that need them), and an
 * empty one says that the file is whole. crc32 covers the rest of its section. In a shard:
 *
 *     i64 expires_ms, u64 hash, u32 length, u16 key length, key, value            for each slot
 *     u32 id, u32 length, text                     for each layout, and for the coverage, id 0
 *
 * A shard is copied under its lock and written without. Its position is the journal's last
 * sequence at that moment: a frame that touches a shard is appended under its lock.
 */
#include "service/base/check.h"
#include "service/state/claim.h"
#include "service/state/state_table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libdeflate.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEAD_BYTES = 24,
    SECTION_HEAD_BYTES = 24,
    SLOT_HEAD_BYTES = 22,
    LAYOUT_HEAD_BYTES = 8,
    SECTION_LAYOUTS = TABLE_SHARDS,
    SECTION_END,
    NAME_BYTES = 32,
    CHECKPOINTS_KEPT = 2, /* the newest may turn out damaged */
    CHECKPOINTS_MAX = 64, /* in a folder; further ones are not seen */
};

static const char checkpoint_magic[4] = {'S', 'L', 'K', '1'};
static const char part_name[] = "checkpoint.part"; /* until it is whole */

static uint32_t crc_of(const char *bytes, size_t n)
{
    return libdeflate_crc32(0, bytes, n);
}

/* ---- bytes that grow, and bytes that are taken ---- */

struct bytes {
    char *base;
    size_t len, cap;
    bool failed; /* no memory */
};

static bool bytes_reserve(struct bytes *b, size_t more)
{
    if (b->failed || more <= b->cap - b->len)
        return !b->failed;
    size_t cap = b->cap * 2 > b->len + more ? b->cap * 2 : b->len + more;
    char *grown = realloc(b->base, cap);
    if (grown == NULL) {
        b->failed = true;
        return false;
    }
    b->base = grown;
    b->cap = cap;
    return true;
}

static void put(struct bytes *b, const void *from, size_t n)
{
    if (n == 0 || !bytes_reserve(b, n))
        return;
    memcpy(b->base + b->len, from, n);
    b->len += n;
}

static bool take(struct span *from, void *out, size_t n)
{
    if (from->len < n)
        return false;
    if (n > 0)
        memcpy(out, from->base, n);
    *from = span_of(from->base + n, from->len - n);
    return true;
}

static bool take_span(struct span *from, size_t n, struct span *ret_span)
{
    if (from->len < n)
        return false;
    *ret_span = span_of(from->base, n);
    *from = span_of(from->base + n, from->len - n);
    return true;
}

/* ---- write ---- */

struct section {
    uint32_t index;
    uint64_t position_seq;
    struct span bytes;
};

/* Room for the head of a section, in front of its bytes. */
static void begin_section(struct bytes *b)
{
    static const char zeros[SECTION_HEAD_BYTES];
    b->len = 0;
    put(b, zeros, sizeof zeros);
}

static enum status write_section(struct bytes *b, uint32_t index, uint64_t position_seq, FILE *file)
{
    if (b->failed)
        return ST_IO;
    uint64_t n = b->len - SECTION_HEAD_BYTES;
    memcpy(b->base + 4, &index, sizeof index);
    memcpy(b->base + 8, &position_seq, sizeof position_seq);
    memcpy(b->base + 16, &n, sizeof n);
    uint32_t crc = crc_of(b->base + 4, b->len - 4);
    memcpy(b->base, &crc, sizeof crc);
    return fwrite(b->base, 1, b->len, file) == b->len ? ST_OK : ST_IO;
}

static int64_t parked_until(const struct shard *s, uint64_t txn_hash)
{
    for (int i = 0; i < s->n_parked; i++)
        if (s->parked[i].txn_hash == txn_hash)
            return s->parked[i].expires_ms;
    return INT64_MIN;
}

static void put_slot(struct bytes *b, const struct shard *s, const struct slot *slot)
{
    struct span value = slot_value(slot);
    bool is_parked = slot->key_len == 0 && claim_is_parked(value);
    int64_t expires_ms = is_parked ? parked_until(s, slot->hash) : slot->expires_ms;
    put(b, &expires_ms, sizeof expires_ms);
    put(b, &slot->hash, sizeof slot->hash);
    put(b, &slot->len, sizeof slot->len);
    put(b, &slot->key_len, sizeof slot->key_len);
    put(b, slot->block, slot->key_len + value.len);
}

static uint64_t position_of(struct state_table *t, const struct shard *s)
{
    if (t->is_live)
        return journal_last_seq(t->journal);
    return t->recovered_seq > s->position_seq ? t->recovered_seq : s->position_seq;
}

/* Copies the shard under its lock; answers its position. */
static uint64_t copy_shard(struct state_table *t, struct shard *s, struct bytes *b)
{
    pthread_mutex_lock(&s->lock);
    uint64_t position_seq = position_of(t, s);
    for (uint32_t i = 0; i < s->n_slots; i++)
        if (s->slots[i].block != NULL && s->slots[i].len > 0)
            put_slot(b, s, &s->slots[i]);
    pthread_mutex_unlock(&s->lock);
    return position_seq;
}

enum { COVERAGE_ID = 0 }; /* among the layouts: theirs are hashes */

static void put_text(struct bytes *b, uint32_t id, struct span text)
{
    uint32_t length = (uint32_t)text.len;
    put(b, &id, sizeof id);
    put(b, &length, sizeof length);
    put(b, text.base, text.len);
}

/* Before the shards: what is written while they are copied may speak of records that are in none
 * of the copies. */
static void copy_coverage(struct state_table *t, struct bytes *b)
{
    pthread_mutex_lock(&t->layouts_lock);
    put_text(b, COVERAGE_ID, t->coverage);
    pthread_mutex_unlock(&t->layouts_lock);
}

static void copy_layouts(struct state_table *t, struct bytes *b)
{
    pthread_mutex_lock(&t->layouts_lock);
    for (int i = 0; i < t->n_layouts; i++)
        put_text(b, t->layouts[i].id, t->layouts[i].text);
    pthread_mutex_unlock(&t->layouts_lock);
}

static enum status write_head(const struct state_table *t, FILE *file)
{
    char head[HEAD_BYTES];
    memcpy(head, checkpoint_magic, sizeof checkpoint_magic);
    memcpy(head + 4, t->hash_key.bytes, HASH_KEY_BYTES);
    uint32_t crc = crc_of(head, HEAD_BYTES - 4);
    memcpy(head + HEAD_BYTES - 4, &crc, sizeof crc);
    return fwrite(head, 1, sizeof head, file) == sizeof head ? ST_OK : ST_IO;
}

static enum status write_shards(struct state_table *t, FILE *file, struct bytes *b,
                                uint64_t *ret_from_seq)
{
    uint64_t oldest_seq = UINT64_MAX;
    for (uint32_t i = 0; i < TABLE_SHARDS; i++) {
        begin_section(b);
        uint64_t position_seq = copy_shard(t, &t->shards[i], b);
        enum status st = write_section(b, i, position_seq, file);
        if (st != ST_OK)
            return st;
        oldest_seq = position_seq < oldest_seq ? position_seq : oldest_seq;
    }
    *ret_from_seq = oldest_seq + 1;
    return ST_OK;
}

static enum status write_table(struct state_table *t, FILE *file, uint64_t *ret_from_seq)
{
    struct bytes b = {0}, coverage = {0};
    enum status st = write_head(t, file);
    copy_coverage(t, &coverage);
    if (st == ST_OK)
        st = write_shards(t, file, &b, ret_from_seq);
    begin_section(&b);
    put(&b, coverage.base, coverage.len);
    b.failed |= coverage.failed;
    free(coverage.base);
    copy_layouts(t, &b);
    if (st == ST_OK)
        st = write_section(&b, SECTION_LAYOUTS, 0, file);
    begin_section(&b);
    if (st == ST_OK)
        st = write_section(&b, SECTION_END, 0, file);
    free(b.base);
    if (st == ST_OK && (fflush(file) != 0 || fsync(fileno(file)) != 0))
        st = ST_IO;
    return st;
}

static enum status write_part(struct state_table *t, int dir_fd, uint64_t *ret_from_seq)
{
    int fd = openat(dir_fd, part_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return ST_IO;
    FILE *file = fdopen(fd, "w");
    if (file == NULL) {
        close(fd);
        return ST_IO;
    }
    enum status st = write_table(t, file, ret_from_seq);
    if (fclose(file) != 0)
        st = ST_IO;
    /* What is in the table must be in the journal after a crash too, or numbers are used twice. */
    if (st == ST_OK && t->journal != NULL)
        st = journal_sync(t->journal);
    return st;
}

/* ---- the folder ---- */

struct listing {
    uint64_t from_seq[CHECKPOINTS_MAX]; /* newest first */
    int n;
};

static void name_of(uint64_t from_seq, char ret_name[NAME_BYTES])
{
    (void)snprintf(ret_name, NAME_BYTES, "checkpoint-%016" PRIx64, from_seq);
}

static void list_one(struct listing *l, const char *name)
{
    char again[NAME_BYTES];
    if (strncmp(name, "checkpoint-", 11) != 0)
        return;
    uint64_t from_seq = strtoull(name + 11, NULL, 16);
    name_of(from_seq, again);
    if (strcmp(name, again) != 0 || l->n == CHECKPOINTS_MAX)
        return;
    int i = l->n++;
    for (; i > 0 && l->from_seq[i - 1] < from_seq; i--)
        l->from_seq[i] = l->from_seq[i - 1];
    l->from_seq[i] = from_seq;
}

/* A folder that is not there has none. */
static enum status list_checkpoints(const char *path, struct listing *ret_listing)
{
    struct listing l = {0};
    DIR *dir = opendir(path);
    if (dir == NULL && errno != ENOENT)
        return ST_IO;
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
        list_one(&l, e->d_name);
    if (dir != NULL)
        closedir(dir);
    *ret_listing = l;
    return ST_OK;
}

static void delete_older(struct state_table *t, const char *path, int dir_fd)
{
    struct listing l;
    char name[NAME_BYTES];
    if (list_checkpoints(path, &l) != ST_OK)
        return; /* the next one tries again */
    for (int i = CHECKPOINTS_KEPT; i < l.n; i++) {
        name_of(l.from_seq[i], name);
        (void)unlinkat(dir_fd, name, 0);
    }
    if (t->journal != NULL && l.n >= CHECKPOINTS_KEPT)
        journal_release(t->journal, l.from_seq[CHECKPOINTS_KEPT - 1]);
}

enum status state_table_checkpoint(struct state_table *t, const char *dir)
{
    uint64_t from_seq = 0;
    char name[NAME_BYTES];
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return ST_IO;
    enum status st = write_part(t, dir_fd, &from_seq);
    name_of(from_seq, name);
    if (st == ST_OK && (renameat(dir_fd, part_name, dir_fd, name) != 0 || fsync(dir_fd) != 0))
        st = ST_IO;
    if (st == ST_OK)
        delete_older(t, dir, dir_fd);
    else
        (void)unlinkat(dir_fd, part_name, 0);
    close(dir_fd);
    return st;
}

/* ---- read ---- */

/* Takes a section off the file. ST_CORRUPT; ST_IO: no memory. `b` holds its bytes. */
static enum status read_section(FILE *file, struct bytes *b, struct section *ret_section)
{
    uint32_t crc, index;
    uint64_t position_seq, n;
    b->len = 0;
    if (!bytes_reserve(b, SECTION_HEAD_BYTES))
        return ST_IO;
    if (fread(b->base, 1, SECTION_HEAD_BYTES, file) != SECTION_HEAD_BYTES)
        return ST_CORRUPT;
    b->len = SECTION_HEAD_BYTES;
    memcpy(&crc, b->base, sizeof crc);
    memcpy(&index, b->base + 4, sizeof index);
    memcpy(&position_seq, b->base + 8, sizeof position_seq);
    memcpy(&n, b->base + 16, sizeof n);
    struct stat whole;
    if (fstat(fileno(file), &whole) != 0)
        return ST_IO;
    if (n > (uint64_t)whole.st_size) /* before memory is asked for */
        return ST_CORRUPT;
    if (!bytes_reserve(b, n))
        return ST_IO;
    if (fread(b->base + b->len, 1, n, file) != n)
        return ST_CORRUPT;
    b->len += n;
    if (crc != crc_of(b->base + 4, b->len - 4))
        return ST_CORRUPT;
    *ret_section = (struct section){index, position_seq, span_of(b->base + SECTION_HEAD_BYTES, n)};
    return ST_OK;
}

static enum status read_head(FILE *file, struct hash_key *ret_key)
{
    char head[HEAD_BYTES];
    uint32_t crc;
    if (fread(head, 1, sizeof head, file) != sizeof head)
        return ST_CORRUPT;
    memcpy(&crc, head + HEAD_BYTES - 4, sizeof crc);
    if (memcmp(head, checkpoint_magic, sizeof checkpoint_magic) != 0 ||
        crc != crc_of(head, HEAD_BYTES - 4))
        return ST_CORRUPT;
    memcpy(ret_key->bytes, head + 4, HASH_KEY_BYTES);
    return ST_OK;
}

static enum status load_slot(struct state_table *t, struct shard *s, struct span *from)
{
    struct slot head;
    struct span key, value;
    if (!take(from, &head.expires_ms, sizeof head.expires_ms) ||
        !take(from, &head.hash, sizeof head.hash) || !take(from, &head.len, sizeof head.len) ||
        !take(from, &head.key_len, sizeof head.key_len) || !take_span(from, head.key_len, &key) ||
        !take_span(from, head.len, &value) || table_shard(t, head.hash) != s ||
        key.len > STATE_KEY_BYTES_MAX || value.len > TABLE_VALUE_MAX)
        return ST_CORRUPT;
    bool is_parked = key.len == 0 && claim_is_parked(value);
    struct slot *slot =
        shard_make_room(s, 1) == ST_OK ? shard_put(s, head.hash, key, value.len) : NULL;
    if (slot == NULL || slot_reserve(s, slot, value.len, false) != ST_OK)
        return ST_IO;
    slot_set(slot, value);
    slot->expires_ms = is_parked ? INT64_MAX : head.expires_ms;
    return is_parked ? shard_park(s, head.hash, head.expires_ms) : ST_OK;
}

static enum status load_layout(struct state_table *t, struct span *from)
{
    uint32_t id, length;
    struct span text;
    if (!take(from, &id, sizeof id) || !take(from, &length, sizeof length) ||
        !take_span(from, length, &text))
        return ST_CORRUPT;
    return id == COVERAGE_ID ? table_set_coverage(t, text) : table_put_layout(t, id, text);
}

static enum status load_section(struct state_table *t, const struct section *section)
{
    struct span rest = section->bytes;
    enum status st = ST_OK;
    if (section->index == SECTION_LAYOUTS) {
        while (rest.len > 0 && st == ST_OK)
            st = load_layout(t, &rest);
        return st;
    }
    struct shard *s = &t->shards[section->index];
    s->position_seq = section->position_seq;
    while (rest.len > 0 && st == ST_OK)
        st = load_slot(t, s, &rest);
    return st;
}

/* Reads the sections, into `t` unless it is NULL: at first only to see that all are whole. */
static enum status read_sections(FILE *file, struct state_table *t, uint64_t *ret_last_seq)
{
    struct bytes b = {0};
    struct section section;
    enum status st = ST_OK;
    uint64_t last_seq = 0;
    for (uint32_t i = 0; i <= SECTION_END && st == ST_OK; i++) {
        st = read_section(file, &b, &section);
        if (st == ST_OK && section.index != i)
            st = ST_CORRUPT;
        if (st == ST_OK && t != NULL && i != SECTION_END)
            st = load_section(t, &section);
        if (st == ST_OK && section.position_seq > last_seq)
            last_seq = section.position_seq;
    }
    free(b.base);
    if (st == ST_OK)
        *ret_last_seq = last_seq;
    return st;
}

/* Errors: ST_CORRUPT, ST_IO. *ret_last_seq: the last frame that is in any shard. */
static enum status read_checkpoint(const char *dir, uint64_t from_seq, struct state_table *t,
                                   struct hash_key *ret_key, uint64_t *ret_last_seq)
{
    char name[NAME_BYTES], path[PATH_MAX];
    name_of(from_seq, name);
    int n = snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = n > 0 && (size_t)n < sizeof path ? fopen(path, "re") : NULL;
    if (file == NULL)
        return ST_IO;
    enum status st = read_head(file, ret_key);
    if (st == ST_OK)
        st = read_sections(file, t, ret_last_seq);
    fclose(file);
    return st;
}

struct newest {
    uint64_t from_seq, last_seq;
    struct hash_key key;
};

/* ST_NOT_FOUND: there is none; ST_CORRUPT: there are, and none is whole. */
static enum status find_newest(const char *dir, const struct listing *l, struct newest *ret_newest)
{
    struct newest newest;
    enum status st = ST_NOT_FOUND;
    for (int i = 0; i < l->n; i++) {
        newest.from_seq = l->from_seq[i];
        st = read_checkpoint(dir, l->from_seq[i], NULL, &newest.key, &newest.last_seq);
        if (st == ST_OK)
            *ret_newest = newest;
        if (st != ST_CORRUPT)
            break;
    }
    return st;
}

/* Has the journal all that ever happened? Not if it ends before the newest checkpoint's name. */
static bool journal_is_whole(const struct state_table *t, const struct listing *l)
{
    return t->journal != NULL && journal_first_seq(t->journal) == 1 &&
           l->from_seq[0] <= journal_last_seq(t->journal) + 1;
}

enum status state_table_load(struct state_table *t, const char *dir, uint64_t *ret_from_seq)
{
    struct listing l;
    struct newest newest;
    enum status st = list_checkpoints(dir, &l);
    if (st == ST_OK)
        st = find_newest(dir, &l, &newest);
    if (st == ST_NOT_FOUND || (st == ST_CORRUPT && journal_is_whole(t, &l))) {
        *ret_from_seq = 1;
        return ST_OK;
    }
    if (st != ST_OK)
        return st;
    if (memcmp(newest.key.bytes, t->hash_key.bytes, HASH_KEY_BYTES) != 0)
        return ST_CORRUPT;
    if (t->journal != NULL && newest.last_seq > journal_last_seq(t->journal))
        return ST_CORRUPT;
    st = read_checkpoint(dir, newest.from_seq, t, &newest.key, &newest.last_seq);
    if (st == ST_OK)
        *ret_from_seq = newest.from_seq;
    return st;
}
