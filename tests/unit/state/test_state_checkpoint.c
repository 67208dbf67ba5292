/*
 * Checkpoints: what is loaded is what was there, and a table that is killed comes back exactly from
 * its newest checkpoint and the journal's tail. The reference is a naive model that takes the
 * whole journal from its first frame.
 */
#include "service/base/check.h"
#include "service/state/claim.h"
#include "service/state/state_mem.h"
#include "tests/unit/state/scratch.h"
#include "tests/unit/state/sync_witness.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    TXNS = 1500, /* ids that come again, so that claims are found */
    KEYS = 60,   /* logs */
    KEYS_PER_EVENT = 3,
    WORKERS = 2,
    WAIT_MS = 5000,
    ROWS = 5, /* that verdicts add to, and one for all of them */
};

#define LABELLED STATE_TALLY /* an event's verb: a label is judged */

static const int64_t now_ms = INT64_C(1767614400000);
static char dir[SCRATCH_PATH_BYTES];
static struct hash_key key;

/* ---- an event: all that a frame holds, and all that an operation needs ---- */

struct event {
    uint32_t verb;
    uint32_t nonce;
    uint64_t txn; /* 1 to TXNS */
    uint32_t keys[KEYS_PER_EVENT];
};

static uint64_t hash_of(uint64_t txn)
{
    return txn * UINT64_C(0x9e3779b97f4a7c15); /* spreads over all shards */
}

static struct event random_event(uint64_t *seed, uint32_t nonce)
{
    static const enum state_verb verbs[] = {
        STATE_OBSERVE,          STATE_OBSERVE,     STATE_OBSERVE, STATE_OBSERVE,
        STATE_SETTLE,           STATE_SETTLE,      STATE_PARK,    STATE_VOID,
        STATE_SETTLE_UNDECIDED, STATE_TAKE_PARKED, LABELLED,      LABELLED};
    uint64_t dice = scratch_random(seed);
    struct event e = {.verb = verbs[dice % (sizeof verbs / sizeof verbs[0])],
                      .nonce = nonce,
                      .txn = scratch_random(seed) % TXNS + 1};
    if (dice >> 32 < 1 << 24) /* one in 256 */
        e.verb = STATE_ERASE;
    for (int i = 0; i < KEYS_PER_EVENT; i++)
        e.keys[i] = (uint32_t)(scratch_random(seed) % (KEYS / KEYS_PER_EVENT) * KEYS_PER_EVENT) +
                    (uint32_t)i;
    if (e.verb == STATE_VOID)
        e.nonce = nonce - 1; /* what this worker did just before, if it was an observation */
    return e;
}

/* An operation with room for what it points to. */
struct ask {
    struct state_op op;
    struct state_entity entities[KEYS_PER_EVENT];
    char keys[KEYS_PER_EVENT][16];
    char record[RECORD_BYTES_MAX], claim[128];
    struct state_verdict verdict;
    struct span rows[2];
    char row[16];
    struct span found;
    enum status st;
};

static void answered(struct state_op *op, enum status st)
{
    ((struct ask *)op->user)->st = st;
}

static struct span event_record(const struct event *e, char *out)
{
    struct record r = {
        .kind = RECORD_TRANSACTION, .ts_ms = now_ms, .txn = e->txn, .nonce = e->nonce};
    return span_of(out, record_encode(&r, NULL, 0, out));
}

static struct span event_claim(const struct event *e, char out[128])
{
    struct text t;
    bool is_undecided = e->verb == STATE_OBSERVE || e->verb == STATE_TAKE_PARKED;
    struct claim c = {.state = is_undecided ? 'u' : 'd',
                      .nonce = e->nonce,
                      .rest = is_undecided ? (struct span){0} : span_str("the answer")};
    text_init(&t, out, 128);
    if (e->verb == STATE_PARK)
        text_printf(&t, "label %u", (unsigned)e->nonce);
    else
        claim_encode(&c, &t);
    return text_span(&t);
}

/* Labels of one transaction come in any order, some twice. */
static struct verdict event_verdict(const struct event *e)
{
    int64_t lag_ms = e->nonce % 7;
    return (struct verdict){e->nonce % 2 == 0, now_ms + lag_ms, lag_ms};
}

static void prepare_label(struct ask *a, const struct event *e)
{
    (void)snprintf(a->row, sizeof a->row, "r%d", (int)(e->txn % ROWS));
    a->rows[0] = span_str("all");
    a->rows[1] = span_str(a->row);
    a->verdict = (struct state_verdict){
        .verdict = event_verdict(e), .amount_e4 = (int64_t)e->txn, .rows = a->rows, .n_rows = 2};
    a->op = (struct state_op){.verb = STATE_OBSERVE,
                              .now_ms = now_ms,
                              .txn_hash = hash_of(e->txn),
                              .verdict = &a->verdict,
                              .done = answered,
                              .user = a};
}

static void prepare(struct ask *a, const struct event *e)
{
    if (e->verb == LABELLED) {
        prepare_label(a, e);
        return;
    }
    bool has_logs = e->verb == STATE_OBSERVE || e->verb == STATE_VOID || e->verb == STATE_ERASE;
    struct span record = event_record(e, a->record);
    for (int i = 0; i < KEYS_PER_EVENT; i++) {
        (void)snprintf(a->keys[i], sizeof a->keys[i], "e:k:%02u", (unsigned)e->keys[i]);
        a->entities[i] = (struct state_entity){.key = span_str(a->keys[i]), .record = record};
    }
    a->op = (struct state_op){.verb = (enum state_verb)e->verb,
                              .now_ms = now_ms,
                              .txn_hash = hash_of(e->txn),
                              .claim = event_claim(e, a->claim),
                              .entities = a->entities,
                              .n_entities = has_logs ? KEYS_PER_EVENT : 0,
                              .found = &a->found,
                              .done = answered,
                              .user = a};
}

/* ---- the model ---- */

struct value {
    char *base;
    size_t len;
};

struct model {
    struct value logs[KEYS];
    struct value claims[TXNS + 1];
    struct verdict verdicts[TXNS + 1];
    bool is_judged[TXNS + 1];
};

static void value_set(struct value *v, struct span s)
{
    free(v->base);
    v->base = malloc(s.len + 1);
    CHECK(v->base != NULL);
    if (s.len > 0)
        memcpy(v->base, s.base, s.len);
    v->len = s.len;
}

static void value_add(struct value *v, struct span s)
{
    v->base = realloc(v->base, v->len + s.len);
    CHECK(v->base != NULL);
    memcpy(v->base + v->len, s.base, s.len);
    v->len += s.len;
}

static struct span value_span(const struct value *v)
{
    return span_of(v->base, v->len);
}

static void model_take_out(struct value *v, struct span record)
{
    for (size_t at = 0; at < v->len; at += record.len) { /* all are as long */
        if (memcmp(v->base + at, record.base, record.len) != 0)
            continue;
        memmove(v->base + at, v->base + at + record.len, v->len - at - record.len);
        v->len -= record.len;
        return;
    }
}

static void model_park(struct value *v, struct span label)
{
    static char bytes[64 << 10];
    struct text t;
    text_init(&t, bytes, sizeof bytes);
    if (v->len == 0)
        claim_encode(&(struct claim){.state = 'p'}, &t);
    else
        text_put(&t, value_span(v));
    claim_put_label(&t, label);
    value_set(v, text_span(&t));
}

static void model_apply_claim(struct model *m, const struct event *e, struct span claim)
{
    struct value *v = &m->claims[e->txn];
    bool is_parked = claim_is_parked(value_span(v)), is_decided = claim_is_decided(value_span(v));
    switch (e->verb) {
    case STATE_OBSERVE:
        if (v->len == 0)
            value_set(v, claim);
        break;
    case STATE_SETTLE:
        value_set(v, claim);
        break;
    case STATE_SETTLE_UNDECIDED:
        if (!is_parked && !is_decided)
            value_set(v, claim);
        break;
    case STATE_TAKE_PARKED:
        if (v->len == 0 || is_parked)
            value_set(v, claim);
        break;
    case STATE_PARK:
        if (v->len == 0 || is_parked)
            model_park(v, claim);
        break;
    default:
        break;
    }
}

static void model_judge(struct model *m, const struct event *e)
{
    struct verdict v = event_verdict(e);
    if (m->is_judged[e->txn] && !verdict_supersedes(&v, &m->verdicts[e->txn]))
        return;
    m->is_judged[e->txn] = true;
    m->verdicts[e->txn] = v;
}

/* The sums of the verdicts that stand: a row of its own for each fifth transaction, and all. */
static void model_sums(const struct model *m, struct tally *t)
{
    for (int txn = 1; txn <= TXNS; txn++) {
        char row[16];
        if (!m->is_judged[txn])
            continue;
        (void)snprintf(row, sizeof row, "r%d", txn % ROWS);
        tally_count(tally_row(t, span_str(row)), &m->verdicts[txn], txn, false);
        tally_count(tally_row(t, span_str("all")), &m->verdicts[txn], txn, false);
    }
}

static void model_apply(struct model *m, const struct event *e)
{
    if (e->verb == LABELLED) {
        model_judge(m, e);
        return;
    }
    char claim[128], record[RECORD_BYTES_MAX];
    struct span r = event_record(e, record);
    model_apply_claim(m, e, event_claim(e, claim));
    for (int i = 0; i < KEYS_PER_EVENT; i++) {
        struct value *log = &m->logs[e->keys[i]];
        if (e->verb == STATE_OBSERVE)
            value_add(log, r);
        else if (e->verb == STATE_VOID)
            model_take_out(log, r);
        else if (e->verb == STATE_ERASE)
            value_set(log, (struct span){0});
    }
}

static bool model_frame(void *user, uint64_t seq, uint8_t kind, struct span bytes)
{
    struct event e;
    (void)seq;
    (void)kind;
    CHECK(bytes.len == sizeof e);
    memcpy(&e, bytes.base, sizeof e);
    model_apply(user, &e);
    return true;
}

static void model_free(struct model *m)
{
    for (int i = 0; i < KEYS; i++)
        free(m->logs[i].base);
    for (int i = 0; i <= TXNS; i++)
        free(m->claims[i].base);
    free(m);
}

/* ---- the table against the model ---- */

static void assert_log_is(struct state_op *op, enum status st)
{
    struct value *expected = op->user;
    assert_int_equal(st, ST_OK);
    assert_true(span_eq(op->entities[0].log, value_span(expected)));
}

static void assert_claim_is(struct state_op *op, enum status st)
{
    struct value *expected = op->user;
    assert_int_equal(st, ST_OK);
    assert_true(span_eq(op->found[0], value_span(expected)));
}

static void assert_tally_is(struct state_op *op, enum status st)
{
    const struct tally *expected = op->user;
    assert_int_equal(st, ST_OK);
    assert_int_equal(op->tally->n, expected->n);
    for (int i = 0; i < expected->n; i++)
        for (int column = 0; column < TALLY_USED_MS; column++)
            assert_int_equal(op->tally->rows[i].columns[column], expected->rows[i].columns[column]);
}

static void assert_tally_equal(struct state *s, const struct model *m)
{
    struct tally expected, tally;
    tally_init(&expected);
    tally_init(&tally);
    model_sums(m, &expected);
    struct state_op op = {
        .verb = STATE_TALLY, .tally = &tally, .done = assert_tally_is, .user = &expected};
    state_submit(s, &op);
    tally_fini(&tally);
    tally_fini(&expected);
}

static void assert_equal(struct state_table *t, struct model *m)
{
    struct state *s = state_mem_open(t, false);
    struct span found;
    assert_tally_equal(s, m);
    for (uint32_t i = 0; i < KEYS; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "e:k:%02u", (unsigned)i);
        struct state_entity e = {.key = span_str(text)};
        struct state_op op = {.verb = STATE_READ,
                              .now_ms = now_ms,
                              .entities = &e,
                              .n_entities = 1,
                              .done = assert_log_is,
                              .user = &m->logs[i]};
        state_submit(s, &op);
    }
    for (uint64_t i = 1; i <= TXNS; i++) {
        uint64_t txn = hash_of(i);
        struct state_op op = {.verb = STATE_PEEK,
                              .now_ms = now_ms,
                              .hashes = &txn,
                              .n_hashes = 1,
                              .found = &found,
                              .done = assert_claim_is,
                              .user = &m->claims[i]};
        state_submit(s, &op);
    }
    state_close(s);
}

/* ---- a table, its journal, and recovery ---- */

struct service {
    struct journal *journal;
    struct state_table *table;
    uint64_t from_seq;
};

static bool submit_again(void *user, uint64_t seq, uint8_t kind, struct span bytes)
{
    struct event e;
    static struct ask a;
    (void)kind;
    CHECK(bytes.len == sizeof e);
    memcpy(&e, bytes.base, sizeof e);
    prepare(&a, &e);
    a.op.recover_seq = seq;
    state_submit(user, &a.op);
    return a.st == ST_OK;
}

static void service_start(struct service *s, enum journal_fsync fsync)
{
    struct journal_opened opened;
    char why[JOURNAL_WHY_BYTES] = "";
    struct journal_options o = {
        .dir = dir, .fsync = fsync, .segment_bytes = 64 << 10, .sync = sync_witness_sync};
    enum status st = journal_open(&o, &s->journal, &opened, why);
    if (st != ST_OK)
        fail_msg("%s", why);
    s->table = state_table_new(&key, s->journal);
    assert_int_equal(state_table_load(s->table, dir, &s->from_seq), ST_OK);
    struct state *view = state_mem_open(s->table, true);
    assert_int_equal(journal_read(s->journal, s->from_seq, submit_again, view), ST_OK);
    state_close(view);
}

static void service_stop(struct service *s)
{
    state_table_free(s->table);
    journal_close(s->journal);
}

static void assert_recovers(uint64_t *ret_from_seq, uint64_t *ret_last_seq)
{
    struct service s;
    struct model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    service_start(&s, JOURNAL_NO);
    assert_int_equal(journal_read(s.journal, 1, model_frame, m), ST_OK);
    assert_equal(s.table, m);
    *ret_from_seq = s.from_seq;
    *ret_last_seq = journal_last_seq(s.journal);
    model_free(m);
    service_stop(&s);
}

/* ---- the child that is killed ---- */

struct worker {
    struct state_table *table;
    uint64_t seed;
    uint32_t nonce;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    struct state *s = state_mem_open(w->table, false);
    struct event e;
    struct ask a;
    for (;; w->nonce += WORKERS) {
        e = random_event(&w->seed, w->nonce);
        prepare(&a, &e);
        a.op.journal_frame = span_of(&e, sizeof e);
        a.op.journal_kind = 1;
        state_submit(s, &a.op);
        /* A label over the limit is refused without a frame; all else must be taken. */
        CHECK(a.st == ST_OK || (e.verb == STATE_PARK && a.st == ST_TOO_LARGE));
        if (w->nonce % 16 < WORKERS)
            usleep(100);
    }
    return NULL;
}

/* Shared with the child: how many checkpoints it has written. */
static _Atomic int *checkpoints;

static void run_for_ever(uint64_t seed)
{
    struct service s;
    struct worker workers[WORKERS];
    pthread_t thread;
    service_start(&s, JOURNAL_EVERYSEC);
    for (uint32_t i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){s.table, seed + i, (uint32_t)(seed % 1000000) * 1000 + i};
        CHECK(pthread_create(&thread, NULL, work, &workers[i]) == 0);
    }
    for (;;) {
        usleep(1000);
        CHECK(state_table_checkpoint(s.table, dir) == ST_OK);
        ++*checkpoints;
    }
}

static void run_and_kill(uint64_t seed, unsigned run_us)
{
    int status;
    *checkpoints = 0;
    pid_t child = fork();
    if (child == 0)
        run_for_ever(seed);
    for (int waited_ms = 0; *checkpoints < 2 && waited_ms < WAIT_MS; waited_ms++)
        usleep(1000);
    usleep(run_us);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static int share_counter(void **state)
{
    (void)state;
    checkpoints =
        mmap(NULL, sizeof *checkpoints, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return checkpoints == MAP_FAILED;
}

static int unshare_counter(void **state)
{
    (void)state;
    return munmap((void *)checkpoints, sizeof *checkpoints);
}

static int make_dir(void **state)
{
    (void)state;
    scratch_make(dir);
    sync_witness_reset();
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    scratch_remove(dir);
    return 0;
}

/* One life after another in the same folder, each killed at random. */
static void a_killed_table_comes_back_exactly(void **state)
{
    (void)state;
    uint64_t seed = 424242, from_seq = 0, last_seq = 0;
    for (int life = 0; life < 6; life++) {
        run_and_kill(scratch_random(&seed), (unsigned)(scratch_random(&seed) % 100000));
        assert_recovers(&from_seq, &last_seq);
    }
    assert_true(from_seq > 1); /* a checkpoint was used */
    assert_true(last_seq >= from_seq - 1);
}

static void a_table_on_a_machine_that_stopped_comes_back_as_far_as_the_disk_has_it(void **state)
{
    (void)state;
    uint64_t seed = 171717, from_seq = 0, last_seq = 0;
    for (int life = 0; life < 6; life++) {
        run_and_kill(scratch_random(&seed), (unsigned)(scratch_random(&seed) % 100000));
        sync_witness_cut(dir);
        assert_recovers(&from_seq, &last_seq);
    }
    assert_true(from_seq > 1);
    assert_true(last_seq >= from_seq - 1); /* no checkpoint knows more than the journal */
}

/* ---- without crashes ---- */

static void run_events(struct service *s, uint64_t *seed, int n)
{
    struct state *view = state_mem_open(s->table, true);
    struct event e;
    struct ask a;
    for (int i = 0; i < n; i++) {
        e = random_event(seed, (uint32_t)journal_last_seq(s->journal) + 1);
        prepare(&a, &e);
        a.op.journal_frame = span_of(&e, sizeof e);
        state_submit(view, &a.op);
    }
    state_close(view);
}

static int count_files(const char *prefix)
{
    int n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
    closedir(d);
    return n;
}

/* The checkpoint with the highest or the lowest number. */
static void checkpoint_path(bool newest, char out[SCRATCH_PATH_BYTES + 256])
{
    char name[256] = "";
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strncmp(e->d_name, "checkpoint-", 11) != 0)
            continue;
        if (name[0] == '\0' || (strcmp(e->d_name, name) > 0) == newest)
            memcpy(name, e->d_name, strlen(e->d_name) + 1);
    }
    closedir(d);
    (void)snprintf(out, SCRATCH_PATH_BYTES + 256, "%s/%s", dir, name);
}

static void flip_byte(const char *path, off_t at)
{
    char byte;
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (char)~byte;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static off_t file_bytes(const char *path)
{
    struct stat file;
    assert_int_equal(stat(path, &file), 0);
    return file.st_size;
}

static void two_checkpoints_are_kept_and_the_older_stands_in_for_a_damaged_one(void **state)
{
    (void)state;
    uint64_t seed = 99, from_seq, older_seq, last_seq;
    char path[SCRATCH_PATH_BYTES + 256];
    struct service s;
    service_start(&s, JOURNAL_NO);
    for (int i = 0; i < 5; i++) {
        run_events(&s, &seed, 300);
        assert_int_equal(state_table_checkpoint(s.table, dir), ST_OK);
    }
    run_events(&s, &seed, 100);
    service_stop(&s);
    assert_int_equal(count_files("checkpoint-"), 2);
    assert_recovers(&from_seq, &last_seq);

    checkpoint_path(true, path);
    off_t bytes = file_bytes(path);
    for (off_t at = 0; at < bytes; at += bytes / 7) {
        flip_byte(path, at);
        assert_recovers(&older_seq, &last_seq);
        assert_true(older_seq < from_seq);
        flip_byte(path, at);
    }
    assert_int_equal(truncate(path, bytes - 1), 0);
    assert_recovers(&older_seq, &last_seq);
    assert_true(older_seq < from_seq);

    checkpoint_path(false, path);
    flip_byte(path, file_bytes(path) / 2);
    struct state_table *t = state_table_new(&key, NULL);
    assert_int_equal(state_table_load(t, dir, &from_seq), ST_CORRUPT);
    state_table_free(t);
}

static void without_a_checkpoint_the_journal_is_read_from_its_first_frame(void **state)
{
    (void)state;
    uint64_t seed = 7, from_seq, last_seq;
    struct service s;
    service_start(&s, JOURNAL_NO);
    run_events(&s, &seed, 500);
    service_stop(&s);
    assert_recovers(&from_seq, &last_seq);
    assert_int_equal(from_seq, 1);
}

static void assert_refuses_without_the_first_segment(void)
{
    char path[SCRATCH_PATH_BYTES + 32], why[JOURNAL_WHY_BYTES];
    uint64_t from_seq = 42;
    struct journal *journal;
    struct journal_opened opened;
    struct journal_options o = {.dir = dir, .fsync = JOURNAL_NO};
    (void)snprintf(path, sizeof path, "%s/0000000000000001.log", dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(journal_open(&o, &journal, &opened, why), ST_OK);
    struct state_table *t = state_table_new(&key, journal);
    assert_int_equal(state_table_load(t, dir, &from_seq), ST_CORRUPT);
    assert_int_equal(from_seq, 42);
    state_table_free(t);
    journal_close(journal);
}

static void a_whole_journal_stands_in_where_no_checkpoint_is_whole(void **state)
{
    (void)state;
    uint64_t seed = 7, from_seq, last_seq;
    char path[SCRATCH_PATH_BYTES + 256];
    struct service s;
    service_start(&s, JOURNAL_NO);
    run_events(&s, &seed, 500);
    assert_int_equal(state_table_checkpoint(s.table, dir), ST_OK);
    service_stop(&s);
    checkpoint_path(true, path);
    flip_byte(path, file_bytes(path) / 2);
    assert_recovers(&from_seq, &last_seq);
    assert_int_equal(from_seq, 1);

    assert_refuses_without_the_first_segment();
}

static void a_checkpoint_right_after_recovery_needs_none_of_what_was_recovered(void **state)
{
    (void)state;
    uint64_t seed = 7, from_seq, last_seq;
    struct service s;
    service_start(&s, JOURNAL_NO);
    run_events(&s, &seed, 500);
    service_stop(&s);
    service_start(&s, JOURNAL_NO);
    assert_int_equal(state_table_checkpoint(s.table, dir), ST_OK);
    service_stop(&s);
    assert_recovers(&from_seq, &last_seq);
    assert_int_equal(from_seq, last_seq + 1);
}

static void a_checkpoint_of_other_files_is_refused(void **state)
{
    (void)state;
    uint64_t seed = 7, from_seq = 42;
    struct hash_key other = {{1}};
    struct service s;
    service_start(&s, JOURNAL_NO);
    run_events(&s, &seed, 100);
    assert_int_equal(state_table_checkpoint(s.table, dir), ST_OK);
    service_stop(&s);
    struct state_table *t = state_table_new(&other, NULL);
    assert_int_equal(state_table_load(t, dir, &from_seq), ST_CORRUPT);
    assert_int_equal(from_seq, 42);
    state_table_free(t);

    assert_refuses_without_the_first_segment(); /* the journal begins again at 1 */
}

static int n_expired;

static void count_expired(struct state_op *op, enum status st)
{
    assert_int_equal(st, ST_OK);
    n_expired = op->n_found;
}

static void parked_labels_layouts_and_coverage_come_back_too(void **state)
{
    (void)state;
    static struct span found[STATE_PEEK_MAX];
    uint64_t from_seq;
    struct ask a;
    struct state_table *t = state_table_new(&key, NULL);
    struct state *s = state_mem_open(t, true);
    prepare(&a, &(struct event){.verb = STATE_PARK, .nonce = 1, .txn = 5});
    a.op.ttl_ms = 1000;
    state_submit(s, &a.op);
    prepare(&a, &(struct event){.verb = STATE_LAYOUT_PUT, .nonce = 1});
    a.op.claim = span_str("layout 1\n");
    a.op.layout_id = 77;
    state_submit(s, &a.op);
    prepare(&a, &(struct event){.verb = STATE_COVERAGE, .nonce = 1});
    a.op.claim = span_str("coverage 1\n");
    a.op.found = found;
    state_submit(s, &a.op);
    state_close(s);
    assert_int_equal(state_table_checkpoint(t, dir), ST_OK);
    state_table_free(t);

    t = state_table_new(&key, NULL);
    assert_int_equal(state_table_load(t, dir, &from_seq), ST_OK);
    s = state_mem_open(t, true);
    struct state_op op = {.verb = STATE_LAYOUTS, .found = found, .done = count_expired};
    state_submit(s, &op);
    assert_int_equal(n_expired, 1);
    assert_true(span_is(found[0], "layout 1\n"));
    op.verb = STATE_COVERAGE;
    state_submit(s, &op);
    assert_true(span_is(found[0], "coverage 1\n"));
    op.verb = STATE_EXPIRE_PARKED;
    op.now_ms = now_ms + 999;
    state_submit(s, &op);
    assert_int_equal(n_expired, 0);
    op.now_ms = now_ms + 1000;
    state_submit(s, &op);
    assert_int_equal(n_expired, 1);
    state_close(s);
    state_table_free(t);
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        IN_DIR(a_killed_table_comes_back_exactly),
        IN_DIR(a_table_on_a_machine_that_stopped_comes_back_as_far_as_the_disk_has_it),
        IN_DIR(two_checkpoints_are_kept_and_the_older_stands_in_for_a_damaged_one),
        IN_DIR(without_a_checkpoint_the_journal_is_read_from_its_first_frame),
        IN_DIR(a_whole_journal_stands_in_where_no_checkpoint_is_whole),
        IN_DIR(a_checkpoint_right_after_recovery_needs_none_of_what_was_recovered),
        IN_DIR(a_checkpoint_of_other_files_is_refused),
        IN_DIR(parked_labels_layouts_and_coverage_come_back_too),
    };
    return cmocka_run_group_tests_name("state/state_checkpoint", tests, share_counter,
                                       unshare_counter);
}
