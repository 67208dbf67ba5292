/*
 * The two threads and what they share. The writer swaps the buffers, writes the full one, and
 * counts it as written; the syncer brings what is written to the disk when the mode asks for it.
 * While the syncer waits for the disk, the writer writes on.
 */
#include "service/state/journal.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/state/journal_folder.h"
#include "service/state/journal_gather.h"
#include "service/state/journal_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    SYNC_EVERY_US = 1000000,  /* everysec */
    RETRY_EVERY_US = 1000000, /* after the disk was full */
    GATHER_US = 5000,         /* what has gathered outlives us (journal_gather.h) */
    GATHER_BYTES = 1 << 20,   /* enough for one write */
};

struct buffer {
    char *base; /* JOURNAL_BUFFER_BYTES, of one of the gathers */
    size_t len;
};

struct listener {
    void (*woken)(void *user);
    void *user;
};

struct journal {
    enum journal_fsync fsync;
    uint64_t segment_bytes, max_bytes;
    int (*sync)(int fd);

    pthread_mutex_t lock;    /* of all down to the listeners but what is said to be the writer's */
    pthread_cond_t appended; /* the writer waits for it */
    pthread_cond_t sync_due; /* the syncer does */
    pthread_cond_t moved;    /* and whoever waits for written_seq, synced_seq or an error */
    struct folder folder;
    struct gather gathers[GATHER_BUFFERS];
    struct buffer filling;
    uint64_t next_seq;
    uint64_t released_seq;
    uint64_t kept_seq;        /* from here on, all the same */
    uint64_t sync_wanted_seq; /* somebody waits for it, whatever the mode */
    bool is_closing, writer_is_done;
    bool is_dead; /* an error that is not forgiven */
    char damage[JOURNAL_WHY_BYTES];
    pthread_t writer, syncer;

    struct buffer writing; /* the writer's, until it was written */
    int fd;                /* of the last segment; changes only when nothing is left to sync */
    uint64_t offset;       /* the writer's: where the next batch goes */

    /* Written under the lock, read without. */
    _Atomic uint64_t written_seq, synced_seq;
    _Atomic int health; /* enum status */

    pthread_mutex_t listeners_lock; /* taken with none held */
    struct listener listeners[JOURNAL_LISTENERS_MAX];
    int n_listeners;
};

/* ---- who listens ---- */

static void tell_listeners(struct journal *j)
{
    pthread_mutex_lock(&j->listeners_lock);
    for (int i = 0; i < j->n_listeners; i++)
        j->listeners[i].woken(j->listeners[i].user);
    pthread_mutex_unlock(&j->listeners_lock);
}

static void remove_listeners(struct journal *j, const void *user)
{
    int kept = 0;
    for (int i = 0; i < j->n_listeners; i++)
        if (j->listeners[i].user != user)
            j->listeners[kept++] = j->listeners[i];
    j->n_listeners = kept;
}

void journal_on_safe(struct journal *j, void (*woken)(void *user), void *user)
{
    pthread_mutex_lock(&j->listeners_lock);
    if (woken == NULL) {
        remove_listeners(j, user);
    } else {
        CHECK(j->n_listeners < JOURNAL_LISTENERS_MAX);
        j->listeners[j->n_listeners++] = (struct listener){.woken = woken, .user = user};
    }
    pthread_mutex_unlock(&j->listeners_lock);
}

/* ---- waiting ---- */

static void wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t mono_us)
{
    struct timespec until = {.tv_sec = mono_us / 1000000, .tv_nsec = mono_us % 1000000 * 1000};
    pthread_cond_timedwait(cond, lock, &until);
}

static void cond_init_monotonic(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    CHECK(pthread_condattr_init(&attr) == 0);
    CHECK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(cond, &attr) == 0);
    pthread_condattr_destroy(&attr);
}

/* With the lock held. */
static void die(struct journal *j)
{
    j->is_dead = true;
    j->health = ST_IO;
    pthread_cond_signal(&j->appended);
    pthread_cond_signal(&j->sync_due);
    pthread_cond_broadcast(&j->moved);
}

/* With the lock held. */
static void refuse_for_now(struct journal *j)
{
    j->health = ST_IO;
    pthread_cond_broadcast(&j->moved);
}

/* ---- the writer ---- */

/* ST_NO_SPACE: the disk is full, and later it may not be. */
static enum status write_all(int fd, const char *bytes, size_t n, uint64_t offset)
{
    while (n > 0) {
        ssize_t done = pwrite(fd, bytes, n, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return errno == ENOSPC || errno == EDQUOT ? ST_NO_SPACE : ST_IO;
        bytes += done;
        offset += (uint64_t)done;
        n -= (size_t)done;
    }
    return ST_OK;
}

/* With the lock held, whatever the mode. Errors: ST_IO: the disk refuses. */
static enum status wait_synced(struct journal *j, uint64_t seq)
{
    if (j->sync_wanted_seq < seq)
        j->sync_wanted_seq = seq;
    pthread_cond_signal(&j->sync_due);
    while (j->synced_seq < seq) {
        bool is_stuck = j->written_seq < seq && j->health != ST_OK;
        if (j->is_dead || is_stuck)
            return ST_IO;
        pthread_cond_wait(&j->moved, &j->lock);
    }
    return ST_OK;
}

/* A segment that is on disk is hardly ever read again: its memory is better used otherwise, and
 * writing into memory that was just given back is twice as quick as into memory that never was
 * used, most of all in a virtual machine. */
static void leave_cache(int fd)
{
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

/*
 * A finished segment is synced before the next is begun, whatever the mode: so only the last
 * one can have a torn tail. Then the syncer has nothing to do, and nobody else uses the fd.
 */
static enum status rotate(struct journal *j)
{
    int fd;
    pthread_mutex_lock(&j->lock);
    uint64_t first_seq = j->written_seq + 1;
    enum status st = wait_synced(j, j->written_seq);
    pthread_mutex_unlock(&j->lock);
    if (st == ST_OK)
        st = folder_create(&j->folder, first_seq, &fd);
    if (st != ST_OK)
        return st;
    int finished = fd;
    pthread_mutex_lock(&j->lock);
    st = folder_push(&j->folder, first_seq);
    if (st == ST_OK) {
        finished = j->fd;
        j->fd = fd;
        j->offset = SEGMENT_HEAD_BYTES;
    }
    pthread_mutex_unlock(&j->lock);
    leave_cache(finished);
    close(finished);
    return st;
}

/* With the lock held. */
static bool is_segment_full(const struct journal *j)
{
    bool has_frames = j->offset > SEGMENT_HEAD_BYTES;
    return has_frames && j->offset >= j->segment_bytes && j->folder.n < JOURNAL_SEGMENTS_MAX;
}

static enum status write_batch(struct journal *j, bool rotate_first)
{
    enum status st = rotate_first ? rotate(j) : ST_OK;
    if (st == ST_OK)
        st = write_all(j->fd, j->writing.base, j->writing.len, j->offset);
    return st;
}

static void count_written(struct journal *j, size_t bytes, uint64_t last_seq)
{
    j->offset += bytes;
    folder_last(&j->folder)->bytes += bytes;
    j->folder.bytes += bytes;
    j->written_seq = last_seq;
}

/* With the lock held. */
static void trim(struct journal *j)
{
    uint64_t needed = j->released_seq < j->kept_seq ? j->released_seq : j->kept_seq;
    folder_trim(&j->folder, j->max_bytes, needed);
}

/* With the lock held. */
static void batch_written(struct journal *j, uint64_t last_seq)
{
    count_written(j, j->writing.len, last_seq);
    j->writing.len = 0;
    if (!j->is_dead)
        j->health = ST_OK;
    if (j->max_bytes > 0)
        trim(j);
    pthread_cond_signal(&j->sync_due);
    pthread_cond_broadcast(&j->moved);
}

/* With the lock held: writes j->writing; tries again each second while the disk is full. */
static void write_out(struct journal *j, uint64_t last_seq)
{
    for (;;) {
        bool rotate_first = is_segment_full(j);
        pthread_mutex_unlock(&j->lock);
        enum status st = write_batch(j, rotate_first);
        pthread_mutex_lock(&j->lock);
        if (st == ST_OK)
            batch_written(j, last_seq);
        else if (st == ST_NO_SPACE && !j->is_closing)
            refuse_for_now(j);
        else
            die(j);
        pthread_mutex_unlock(&j->lock);
        tell_listeners(j);
        pthread_mutex_lock(&j->lock);
        if (st == ST_OK || j->is_dead)
            return;
        int64_t retry_us = clock_mono_us() + RETRY_EVERY_US;
        while (!j->is_closing && clock_mono_us() < retry_us)
            wait_until(&j->appended, &j->lock, retry_us);
    }
}

/*
 * With the lock held, and a first frame there: let more come, so that under load a write and the
 * waking before it are paid once for hundreds of frames. Nobody waits for less where answers do
 * not wait for the disk.
 */
static void gather(struct journal *j)
{
    int64_t until_us = clock_mono_us() + GATHER_US;
    while (!j->is_closing && j->fsync != JOURNAL_ALWAYS && j->sync_wanted_seq <= j->synced_seq &&
           j->filling.len < GATHER_BYTES && clock_mono_us() < until_us)
        wait_until(&j->appended, &j->lock, until_us);
}

static void *writer_main(void *arg)
{
    struct journal *j = arg;
    pthread_mutex_lock(&j->lock);
    while (!j->is_dead) {
        if (j->filling.len == 0 && j->is_closing)
            break;
        if (j->filling.len == 0) {
            pthread_cond_wait(&j->appended, &j->lock);
            continue;
        }
        gather(j);
        struct buffer full = j->filling;
        j->filling = j->writing;
        j->writing = full;
        write_out(j, j->next_seq - 1);
    }
    j->writer_is_done = true;
    pthread_cond_signal(&j->sync_due);
    pthread_mutex_unlock(&j->lock);
    return NULL;
}

/* ---- the syncer ---- */

static bool is_sync_due(const struct journal *j, int64_t next_sync_us)
{
    if (j->written_seq == j->synced_seq)
        return false;
    return j->fsync == JOURNAL_ALWAYS || j->sync_wanted_seq > j->synced_seq || j->writer_is_done ||
           (j->fsync == JOURNAL_EVERYSEC && clock_mono_us() >= next_sync_us);
}

/* With the lock held, which is given up while the disk works. */
static void sync_written(struct journal *j)
{
    uint64_t upto_seq = j->written_seq;
    int fd = j->fd;
    pthread_mutex_unlock(&j->lock);
    int failed = j->sync(fd);
    pthread_mutex_lock(&j->lock);
    if (failed)
        die(j);
    else
        j->synced_seq = upto_seq;
    pthread_cond_broadcast(&j->moved);
    pthread_mutex_unlock(&j->lock);
    tell_listeners(j);
    pthread_mutex_lock(&j->lock);
}

static void *syncer_main(void *arg)
{
    struct journal *j = arg;
    int64_t next_sync_us = clock_mono_us() + SYNC_EVERY_US;
    pthread_mutex_lock(&j->lock);
    while (!j->is_dead) {
        if (is_sync_due(j, next_sync_us)) {
            next_sync_us = clock_mono_us() + SYNC_EVERY_US;
            sync_written(j);
        } else if (j->writer_is_done) {
            break;
        } else if (j->fsync == JOURNAL_EVERYSEC && j->written_seq > j->synced_seq) {
            wait_until(&j->sync_due, &j->lock, next_sync_us);
        } else {
            pthread_cond_wait(&j->sync_due, &j->lock);
        }
    }
    pthread_mutex_unlock(&j->lock);
    return NULL;
}

/* ---- open and close ---- */

static struct journal *make(const struct journal_options *o, const struct folder *folder,
                            uint64_t next_seq, int fd)
{
    struct journal *j = calloc(1, sizeof *j);
    CHECK(j != NULL);
    j->fsync = o->fsync;
    j->segment_bytes =
        o->segment_bytes > 0 ? (uint64_t)o->segment_bytes : (uint64_t)JOURNAL_SEGMENT_BYTES;
    j->max_bytes = o->max_bytes > 0 ? (uint64_t)o->max_bytes : 0;
    j->sync = o->sync != NULL ? o->sync : fdatasync;
    j->folder = *folder;
    j->fd = fd;
    j->offset = folder_last(&j->folder)->bytes;
    j->next_seq = next_seq;
    j->written_seq = j->synced_seq = next_seq - 1;
    j->kept_seq = UINT64_MAX;
    CHECK(pthread_mutex_init(&j->lock, NULL) == 0);
    CHECK(pthread_mutex_init(&j->listeners_lock, NULL) == 0);
    cond_init_monotonic(&j->appended);
    cond_init_monotonic(&j->sync_due);
    cond_init_monotonic(&j->moved);
    return j;
}

/* Everything but the threads. `all_written`: nothing is in the gathers alone. */
static void dispose(struct journal *j, bool all_written)
{
    for (int i = 0; i < GATHER_BUFFERS; i++)
        gather_close(&j->gathers[i], j->folder.dir_fd, i, all_written);
    close(j->fd);
    folder_close(&j->folder);
    pthread_cond_destroy(&j->appended);
    pthread_cond_destroy(&j->sync_due);
    pthread_cond_destroy(&j->moved);
    pthread_mutex_destroy(&j->lock);
    pthread_mutex_destroy(&j->listeners_lock);
    free(j);
}

static enum status open_gathers(struct journal *j, bool is_fresh)
{
    enum status st = ST_OK;
    for (int i = 0; i < GATHER_BUFFERS && st == ST_OK; i++)
        st = gather_open(j->folder.dir_fd, i, is_fresh, &j->gathers[i]);
    j->filling.base = j->gathers[0].base;
    j->writing.base = j->gathers[1].base;
    return st;
}

/* A run of frames that follows what is written. */
static enum status write_run(struct journal *j, struct span run, uint64_t last_seq)
{
    enum status st = write_all(j->fd, run.base, run.len, j->offset);
    if (st != ST_OK)
        return st;
    count_written(j, run.len, last_seq);
    j->next_seq = last_seq + 1;
    return ST_OK;
}

/* Frames that a killed process had gathered and not yet written. */
static enum status write_left(struct journal *j)
{
    enum status st = ST_OK;
    bool found = true;
    while (st == ST_OK && found) {
        found = false;
        for (int i = 0; i < GATHER_BUFFERS && st == ST_OK; i++) {
            uint64_t last_seq;
            struct span run = gather_left(&j->gathers[i], j->next_seq, &last_seq);
            if (run.len == 0)
                continue;
            st = write_run(j, run, last_seq);
            found = true;
        }
    }
    if (st == ST_OK && j->written_seq > j->synced_seq && j->sync(j->fd) != 0)
        st = ST_IO;
    j->synced_seq = j->written_seq;
    return st;
}

static int open_last(struct folder *f)
{
    char name[SEGMENT_NAME_BYTES];
    segment_name(folder_last(f)->first_seq, name);
    int fd = openat(f->dir_fd, name, O_WRONLY | O_CLOEXEC);
    /* What a killed process wrote may not be on disk yet, and is counted as synced from here on. */
    if (fd >= 0 && fdatasync(fd) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

enum status journal_open(const struct journal_options *o, struct journal **ret_journal,
                         struct journal_opened *ret_opened, char *ret_why)
{
    struct folder folder;
    struct journal_opened opened;
    int fd = -1;
    enum status st = folder_open(o->dir, &folder, ret_why);
    if (st != ST_OK)
        return st;
    bool is_fresh = folder.n == 0;
    st = folder_check(&folder, &opened, ret_why);
    if (st == ST_OK && (fd = open_last(&folder)) < 0) {
        (void)snprintf(ret_why, JOURNAL_WHY_BYTES, "%s: %s", o->dir, strerror(errno));
        st = ST_IO;
    }
    if (st != ST_OK) {
        folder_close(&folder);
        return st;
    }
    struct journal *j = make(o, &folder, opened.next_seq, fd);
    st = open_gathers(j, is_fresh);
    if (st == ST_OK)
        st = write_left(j);
    if (st != ST_OK) {
        (void)snprintf(ret_why, JOURNAL_WHY_BYTES,
                       "%s: what a killed process left (gather-0, gather-1) cannot be taken over",
                       o->dir);
        dispose(j, false); /* what it left stays for the next start */
        return st;
    }
    opened.next_seq = j->next_seq;
    CHECK(pthread_create(&j->writer, NULL, writer_main, j) == 0);
    CHECK(pthread_create(&j->syncer, NULL, syncer_main, j) == 0);
    *ret_journal = j;
    *ret_opened = opened;
    return ST_OK;
}

void journal_close(struct journal *j)
{
    if (j == NULL)
        return;
    pthread_mutex_lock(&j->lock);
    j->is_closing = true;
    pthread_cond_signal(&j->appended);
    pthread_mutex_unlock(&j->lock);
    pthread_join(j->writer, NULL);
    pthread_join(j->syncer, NULL);
    dispose(j, j->written_seq == j->next_seq - 1);
}

/* ---- append, and how far it is ---- */

/* With the lock held. */
static uint64_t put_frame(struct journal *j, uint8_t kind, struct span bytes)
{
    uint64_t behind = j->next_seq - 1 - j->synced_seq;
    struct frame f = {
        .seq = j->next_seq++,
        .behind = behind < UINT32_MAX ? (uint32_t)behind : UINT32_MAX,
        .kind = kind,
        .bytes = bytes,
    };
    frame_write(&f, j->filling.base + j->filling.len);
    size_t before = j->filling.len;
    j->filling.len += frame_size(bytes.len);
    /* else the writer has been told, or gathers */
    if (before == 0 || (before < GATHER_BYTES && j->filling.len >= GATHER_BYTES))
        pthread_cond_signal(&j->appended);
    return f.seq;
}

enum status journal_append(struct journal *j, uint8_t kind, struct span bytes, uint64_t *ret_seq)
{
    if (bytes.len > JOURNAL_FRAME_MAX)
        return ST_TOO_LARGE;
    pthread_mutex_lock(&j->lock);
    enum status st = (enum status)j->health;
    if (st == ST_OK && frame_size(bytes.len) > JOURNAL_BUFFER_BYTES - j->filling.len)
        st = ST_NO_SPACE;
    if (st == ST_OK)
        *ret_seq = put_frame(j, kind, bytes);
    pthread_mutex_unlock(&j->lock);
    return st;
}

uint64_t journal_last_seq(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    uint64_t seq = j->next_seq - 1;
    pthread_mutex_unlock(&j->lock);
    return seq;
}

uint64_t journal_written_seq(const struct journal *j)
{
    return j->written_seq;
}

uint64_t journal_safe_seq(const struct journal *j)
{
    return j->fsync == JOURNAL_NO ? j->written_seq : j->synced_seq;
}

enum status journal_health(const struct journal *j)
{
    return (enum status)j->health;
}

enum status journal_sync(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    enum status st = wait_synced(j, j->next_seq - 1);
    pthread_mutex_unlock(&j->lock);
    return st;
}

void journal_release(struct journal *j, uint64_t seq)
{
    pthread_mutex_lock(&j->lock);
    if (j->released_seq < seq)
        j->released_seq = seq;
    if (j->max_bytes > 0)
        trim(j);
    pthread_mutex_unlock(&j->lock);
}

void journal_keep(struct journal *j, uint64_t seq)
{
    pthread_mutex_lock(&j->lock);
    j->kept_seq = seq;
    pthread_mutex_unlock(&j->lock);
}

/* ---- read ---- */

typedef bool each_frame(void *user, uint64_t seq, uint8_t kind, struct span bytes);

struct reading {
    uint64_t from_seq, end_seq; /* from_seq <= seq <= end_seq */
    each_frame *each;
    void *user;
    bool is_done;
};

/* Where the damage is, for the first reader that meets some. */
static void note_damage(struct journal *j, uint64_t first_seq, uint64_t offset)
{
    char name[SEGMENT_NAME_BYTES];
    segment_name(first_seq, name);
    pthread_mutex_lock(&j->lock);
    if (j->damage[0] == '\0')
        (void)snprintf(j->damage, sizeof j->damage, "%s/%s: damaged at offset %" PRIu64,
                       j->folder.path, name, offset);
    pthread_mutex_unlock(&j->lock);
}

static bool find_segment(struct journal *j, uint64_t seq, uint64_t *ret_first_seq)
{
    pthread_mutex_lock(&j->lock);
    bool found = folder_find(&j->folder, seq, ret_first_seq);
    pthread_mutex_unlock(&j->lock);
    return found;
}

/* A file has ended before `next_seq`: does another begin with it, or is the rest lost? */
static bool is_cut_short(struct journal *j, uint64_t next_seq)
{
    uint64_t first_seq;
    return find_segment(j, next_seq, &first_seq) && first_seq != next_seq;
}

/* Reads on from the reader's place: ST_OK at the end of its file or when all is done. */
static enum status read_frames(struct journal *j, struct segment_reader *r, struct reading *want)
{
    struct frame f;
    while (!want->is_done && r->next_seq <= want->end_seq) {
        enum status st = segment_next(r, &f);
        if (st == ST_NOT_FOUND)
            return is_cut_short(j, r->next_seq) ? ST_CORRUPT : ST_OK;
        if (st != ST_OK)
            return st;
        if (f.seq >= want->from_seq)
            want->is_done = !want->each(want->user, f.seq, f.kind, f.bytes);
        if (want->is_done)
            segment_back(r, &f);
    }
    return ST_OK;
}

struct journal_reader {
    struct journal *j;
    bool is_open;
    uint64_t first_seq; /* of the segment */
    struct segment_reader segment;
};

static void leave(struct journal_reader *r)
{
    if (r->is_open)
        segment_reader_close(&r->segment);
    r->is_open = false;
}

/* The segment of `seq` is open, and not past it. */
static enum status go_to(struct journal_reader *r, uint64_t seq)
{
    uint64_t first_seq;
    if (!find_segment(r->j, seq, &first_seq))
        return ST_NOT_FOUND;
    if (r->is_open && r->first_seq == first_seq && r->segment.next_seq <= seq)
        return ST_OK;
    leave(r);
    enum status st = segment_reader_open(&r->segment, r->j->folder.dir_fd, first_seq);
    r->is_open = st == ST_OK;
    r->first_seq = first_seq;
    return st;
}

static enum status read_segment(struct journal_reader *r, uint64_t seq, struct reading *want)
{
    enum status st = go_to(r, seq);
    if (st == ST_OK)
        st = read_frames(r->j, &r->segment, want);
    if (st == ST_CORRUPT)
        note_damage(r->j, r->first_seq, r->segment.offset);
    if (st != ST_OK)
        leave(r);
    return st;
}

enum status journal_reader_read(struct journal_reader *r, uint64_t from_seq, each_frame *each,
                                void *user)
{
    struct reading want = {
        .from_seq = from_seq, .end_seq = r->j->written_seq, .each = each, .user = user};
    uint64_t seq = from_seq;
    while (!want.is_done && seq <= want.end_seq) {
        enum status st = read_segment(r, seq, &want);
        if (st != ST_OK)
            return st;
        seq = r->segment.next_seq;
    }
    return ST_OK;
}

struct journal_reader *journal_reader_open(struct journal *j)
{
    struct journal_reader *r = calloc(1, sizeof *r);
    CHECK(r != NULL);
    r->j = j;
    return r;
}

void journal_reader_close(struct journal_reader *r)
{
    if (r != NULL)
        leave(r);
    free(r);
}

enum status journal_read(struct journal *j, uint64_t from_seq, each_frame *each, void *user)
{
    struct journal_reader r = {.j = j};
    enum status st = journal_reader_read(&r, from_seq, each, user);
    leave(&r);
    return st;
}

uint64_t journal_first_seq(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    uint64_t seq = j->folder.segments[0].first_seq;
    pthread_mutex_unlock(&j->lock);
    return seq;
}

const char *journal_damage(struct journal *j)
{
    return j->damage;
}
