#include "service/cli/backtest_events.h"

#include "service/cli/kafka.h"
#include "service/io/kafka_history.h"
#include "service/trial/history.h"
#include "service/txn/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WHY_BYTES = KAFKA_WHY_BYTES };
_Static_assert((int)WHY_BYTES >= (int)HISTORY_WHY_BYTES, "one text for all");

static const char kafka_scheme[] = "kafka://";

/* ---- what is copied ---- */

typedef enum status copy_events(const struct backtest_events *e, struct history *h, char *ret_why);

static enum status copy_stdin(const struct backtest_events *e, struct history *h, char *ret_why)
{
    (void)e;
    (void)ret_why;
    return history_add_file(h, STDIN_FILENO);
}

static enum status copy_journal(const struct backtest_events *e, struct history *h, char *ret_why)
{
    if (e->config->journal_dir[0] == '\0') {
        snprintf(ret_why, WHY_BYTES, "the configuration has no journal.dir");
        return ST_INVALID;
    }
    return history_add_journal(h, e->config->journal_dir, 0, ret_why);
}

struct topic_reading {
    const struct backtest_events *events;
    struct history *history;
};

/* A message may be longer than the longest event: it is refused with its line, as one of a file. */
static enum status each_value(void *user, struct span value)
{
    struct topic_reading *r = user;
    if (value.len > READER_BODY_MAX)
        value.len = READER_BODY_MAX + 1;
    return history_add(r->history, value);
}

static void each_while(void *user, uint64_t done, uint64_t all)
{
    struct topic_reading *r = user;
    if (r->events->progress != NULL)
        r->events->progress(r->events->user, done, all);
}

static enum status copy_topics(const struct backtest_events *e, struct history *h, char *ret_why)
{
    struct topic_reading reading = {e, h};
    struct kafka_options kafka = kafka_options_of(e->config);
    const struct kafka_history_options o = {.kafka = &kafka,
                                            .topics = e->where + sizeof kafka_scheme - 1,
                                            .each = each_value,
                                            .progress = each_while,
                                            .user = &reading};
    if (kafka.brokers[0] == '\0') {
        snprintf(ret_why, WHY_BYTES, "the configuration has no kafka.brokers");
        return ST_INVALID;
    }
    return kafka_history_read(&o, ret_why);
}

/* ---- from where ---- */

/* NULL: a file, which is read as it is. */
static copy_events *copier_of(const char *where)
{
    if (strcmp(where, "-") == 0)
        return copy_stdin;
    if (strcmp(where, "journal") == 0)
        return copy_journal;
    return strncmp(where, kafka_scheme, sizeof kafka_scheme - 1) == 0 ? copy_topics : NULL;
}

/* What cannot be read twice is copied into an unnamed file first. */
static enum status copy(const struct backtest_events *e, copy_events *copier, int *ret_fd)
{
    struct history *h;
    char why[WHY_BYTES] = "";
    enum status st =
        history_new(e->config->spool_dir, (uint64_t)e->config->backtest_spool_bytes, &h, why);
    if (st != ST_OK) {
        fprintf(stderr, "sluice backtest: %s\n", why);
        return st;
    }
    st = copier(e, h, why);
    if (st == ST_OK)
        st = history_take(h, ret_fd);
    if (st == ST_TOO_LARGE)
        fprintf(stderr, "sluice backtest: more events than backtest.spool_bytes allows\n");
    else if (st != ST_OK)
        fprintf(stderr, "sluice backtest: %s: %s\n", e->where, why[0] ? why : status_text(st));
    history_free(h);
    return st;
}

static enum status open_file(const char *path, int *ret_fd)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        fprintf(stderr, "sluice backtest: %s: %s\n", path,
                fd < 0 ? strerror(errno) : "no file; a pipe is read as --events -");
        if (fd >= 0)
            close(fd);
        return ST_IO;
    }
    *ret_fd = fd;
    return ST_OK;
}

enum status backtest_events_open(const struct backtest_events *e, int *ret_fd)
{
    copy_events *copier = copier_of(e->where);
    return copier != NULL ? copy(e, copier, ret_fd) : open_file(e->where, ret_fd);
}
