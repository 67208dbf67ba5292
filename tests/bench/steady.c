/*
 * steady.c -- transactions at a steady rate over HTTP, every answer of which is read.
 *
 *     steady PORT RATE SECONDS CONNECTIONS BODIES RUN
 *
 * An open loop: request i is due at start + i / RATE, whatever became of those before it, and its
 * latency counts from then. So one that has to wait for a connection is late, as its client would
 * say. Each line of BODIES is "prefix<TAB>middle<TAB>suffix" of a transaction that lacks its id and
 * its time (load.lua); RUN makes ids unique. What is printed:
 *
 *     start MONOTONIC_US
 *     second NUMBER ANSWERS P50_US P99_US MAX_US      of the requests due in it; for each second
 *     total SENT ANSWERED FAILED ENDED DURATION_US    ENDED: connections that rested
 *     seen COUNT {"decision":...}                     for each distinct decision, but for its id
 *
 * Failed is what is not answered by 200: another status, a connection that ended, silence for
 * SILENCE_US after the last request was due.
 */
#include "service/base/check.h"
#include "service/base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

enum {
    CONNECTIONS_MAX = 1024,
    BODIES_MAX = 100000,
    REQUEST_BYTES = 4 << 10,
    ANSWER_BYTES = 64 << 10, /* a decision has 48 KB at most */
    SEEN_PLACES = 1 << 16,   /* of a table that may be half full */
    EVENTS = 256,
    SILENCE_US = 10000000,
    FAILURES_SHOWN = 3,
    STAMP_BYTES = 21, /* 2026-01-05T12:00:10Z and a NUL */
};

struct body {
    char *parts[3];
};

struct connection {
    int fd;
    int64_t request; /* that is under way; -1: none */
    size_t n_read;
    char answer[ANSWER_BYTES];
};

struct seen {
    char *text; /* NULL: free */
    uint64_t hash, count;
};

struct load {
    struct sockaddr_in to;
    int64_t rate, total, start_us, wall_s;
    int64_t sent, answered, failed;
    int64_t ended; /* connections, while nothing was asked over them */
    const char *run;
    struct body bodies[BODIES_MAX];
    int n_bodies, epoll;
    struct connection *connections;
    int n_connections;
    int idle[CONNECTIONS_MAX]; /* a ring: the one that has rested longest is next */
    int first_idle, n_idle;
    uint32_t *latency_us; /* of each request; 0: none was answered */
    struct seen seen[SEEN_PLACES];
    int n_seen;
};

static struct load load;

/* ---- connections ---- */

static void rest(struct load *l, int number)
{
    l->idle[(l->first_idle + l->n_idle++) % CONNECTIONS_MAX] = number;
}

static void connect_to(struct load *l, int number)
{
    struct connection *c = &l->connections[number];
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(c->fd >= 0 && connect(c->fd, (struct sockaddr *)&l->to, sizeof l->to) == 0);
    CHECK(setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    CHECK(fcntl(c->fd, F_SETFL, O_NONBLOCK) == 0);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)number};
    CHECK(epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &event) == 0);
    c->request = -1;
}

static void fail(struct load *l, int number)
{
    struct connection *c = &l->connections[number];
    bool was_asked = c->request >= 0;
    close(c->fd);
    connect_to(l, number);
    l->failed += was_asked;
    l->ended += !was_asked;
    if (was_asked)
        rest(l, number);
}

/* ---- requests ---- */

static int64_t due_us(const struct load *l, int64_t request)
{
    return l->start_us + request * 1000000 / l->rate;
}

static const char *stamp(const struct load *l, int64_t request)
{
    static char text[STAMP_BYTES];
    static time_t of;
    time_t at = l->wall_s + request / l->rate;
    if (at != of) {
        struct tm tm;
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &tm));
        of = at;
    }
    return text;
}

static void send_next(struct load *l)
{
    char body[REQUEST_BYTES], bytes[REQUEST_BYTES];
    int number = l->idle[l->first_idle];
    struct connection *c = &l->connections[number];
    const struct body *b = &l->bodies[l->sent % l->n_bodies];
    l->first_idle = (l->first_idle + 1) % CONNECTIONS_MAX;
    l->n_idle--;
    int len = snprintf(body, sizeof body, "%s%s-%010lld%s%s%s", b->parts[0], l->run,
                       (long long)l->sent, b->parts[1], stamp(l, l->sent), b->parts[2]);
    CHECK(len < REQUEST_BYTES);
    int n = snprintf(bytes, sizeof bytes,
                     "POST /v1/score HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                     "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                     len, body);
    CHECK(n < REQUEST_BYTES);
    c->request = l->sent++;
    c->n_read = 0;
    if (send(c->fd, bytes, (size_t)n, MSG_NOSIGNAL) != n)
        fail(l, number);
}

static void send_due(struct load *l)
{
    int64_t now_us = clock_mono_us();
    while (l->n_idle > 0 && l->sent < l->total && due_us(l, l->sent) <= now_us)
        send_next(l);
}

/* ---- answers ---- */

/* The decision is kept but for its first member, the id. */
static void see(struct load *l, struct span decision)
{
    const char *text = memchr(decision.base, ',', decision.len);
    CHECK(text != NULL);
    size_t len = decision.len - (size_t)(text + 1 - decision.base);
    uint64_t hash = XXH3_64bits(++text, len);
    struct seen *s = &l->seen[hash % SEEN_PLACES];
    while (s->text != NULL && s->hash != hash)
        s = s + 1 < l->seen + SEEN_PLACES ? s + 1 : l->seen;
    if (s->text == NULL) {
        CHECK(++l->n_seen < SEEN_PLACES / 2);
        s->text = strndup(text, len);
        s->hash = hash;
    }
    CHECK(strlen(s->text) == len && memcmp(s->text, text, len) == 0);
    s->count++;
}

/* The body, once it is there as a whole. */
static bool body_of(struct connection *c, struct span *ret_body)
{
    c->answer[c->n_read] = '\0';
    char *end = strstr(c->answer, "\r\n\r\n");
    char *length = end != NULL ? strcasestr(c->answer, "\r\ncontent-length:") : NULL;
    if (length == NULL || length > end)
        return false;
    size_t len = strtoull(length + sizeof "\r\ncontent-length:" - 1, NULL, 10);
    if (c->n_read < (size_t)(end + 4 - c->answer) + len)
        return false;
    *ret_body = span_of(end + 4, len);
    return true;
}

static void on_answer(struct load *l, int number, struct span body)
{
    struct connection *c = &l->connections[number];
    int64_t late_us = clock_mono_us() - due_us(l, c->request);
    bool is_good = strncmp(c->answer, "HTTP/1.1 200 ", 13) == 0;
    if (!is_good) {
        if (l->failed < FAILURES_SHOWN)
            fprintf(stderr, "steady: %.*s\n", (int)c->n_read, c->answer);
        fail(l, number);
        return;
    }
    see(l, body);
    l->latency_us[c->request] = late_us > 1 ? (uint32_t)late_us : 1;
    l->answered++;
    c->request = -1;
    rest(l, number);
}

static void on_readable(struct load *l, int number)
{
    struct connection *c = &l->connections[number];
    struct span body;
    ssize_t n = read(c->fd, c->answer + c->n_read, sizeof c->answer - 1 - c->n_read);
    if (n < 0 && errno == EAGAIN)
        return;
    CHECK(c->request >= 0 || n <= 0); /* an answer that nobody asked for */
    if (n <= 0) {
        if (l->failed < FAILURES_SHOWN)
            fprintf(stderr, "steady: a connection ended: %s\n", n < 0 ? strerror(errno) : "closed");
        fail(l, number);
        return;
    }
    c->n_read += (size_t)n;
    if (body_of(c, &body))
        on_answer(l, number, body);
}

/* ---- the run ---- */

static struct timespec until_due(const struct load *l)
{
    int64_t wait_us = 100000;
    if (l->n_idle > 0 && l->sent < l->total)
        wait_us = due_us(l, l->sent) - clock_mono_us();
    if (wait_us < 0)
        wait_us = 0;
    return (struct timespec){.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
}

static void run(struct load *l)
{
    struct epoll_event events[EVENTS];
    while (l->answered + l->failed < l->total &&
           clock_mono_us() < due_us(l, l->total) + SILENCE_US) {
        send_due(l);
        struct timespec wait = until_due(l);
        int n = epoll_pwait2(l->epoll, events, EVENTS, &wait, NULL);
        CHECK(n >= 0 || errno == EINTR);
        for (int i = 0; i < n; i++)
            on_readable(l, (int)events[i].data.u32);
    }
}

/* ---- what came of it ---- */

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void print_second(const struct load *l, int64_t second)
{
    uint32_t *these = l->latency_us + second * l->rate;
    size_t n = (size_t)l->rate, missing = 0;
    qsort(these, n, sizeof *these, ascending);
    while (missing < n && these[missing] == 0)
        missing++;
    size_t found = n - missing;
    if (found > 0)
        printf("second %lld %zu %u %u %u\n", (long long)second, found, these[missing + found / 2],
               these[missing + found * 99 / 100], these[n - 1]);
}

static void print_all(const struct load *l)
{
    int64_t took_us = clock_mono_us() - l->start_us;
    for (int64_t second = 0; second < l->total / l->rate; second++)
        print_second(l, second);
    printf("total %lld %lld %lld %lld %lld\n", (long long)l->sent, (long long)l->answered,
           (long long)(l->total - l->answered), (long long)l->ended, (long long)took_us);
    for (int i = 0; i < SEEN_PLACES; i++)
        if (l->seen[i].text != NULL)
            printf("seen %llu {%s\n", (unsigned long long)l->seen[i].count, l->seen[i].text);
}

static void read_bodies(struct load *l, const char *path)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    CHECK(f != NULL);
    for (ssize_t n; l->n_bodies < BODIES_MAX && (n = getline(&line, &cap, f)) > 0; l->n_bodies++) {
        char *rest_of_it = line;
        line[n - 1] = '\0';
        for (int part = 0; part < 3; part++) {
            const char *text = strsep(&rest_of_it, "\t");
            CHECK(text != NULL && (l->bodies[l->n_bodies].parts[part] = strdup(text)) != NULL);
        }
    }
    free(line);
    fclose(f);
    CHECK(l->n_bodies > 0);
}

static void prepare(struct load *l, char **argv)
{
    l->to = (struct sockaddr_in){.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)atoi(argv[1])),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    l->rate = atoll(argv[2]);
    l->total = l->rate * atoll(argv[3]);
    l->n_connections = atoi(argv[4]);
    l->run = argv[6];
    CHECK(l->rate > 0 && l->total > 0);
    CHECK(l->n_connections > 0 && l->n_connections <= CONNECTIONS_MAX);
    read_bodies(l, argv[5]);
    l->latency_us = calloc((size_t)l->total, sizeof *l->latency_us);
    l->connections = calloc((size_t)l->n_connections, sizeof *l->connections);
    l->epoll = epoll_create1(0);
    CHECK(l->latency_us != NULL && l->connections != NULL && l->epoll >= 0);
    memset(l->latency_us, 0, (size_t)l->total * sizeof *l->latency_us); /* no page is new later */
    for (int i = 0; i < l->n_connections; i++) {
        connect_to(l, i);
        rest(l, i);
    }
}

int main(int argc, char **argv)
{
    struct load *l = &load;
    if (argc != 7) {
        fprintf(stderr, "usage: steady PORT RATE SECONDS CONNECTIONS BODIES RUN\n");
        return 2;
    }
    CHECK(prctl(PR_SET_TIMERSLACK, 1UL) == 0); /* due is due, not 50 us later */
    prepare(l, argv);
    l->wall_s = clock_wall_ms() / 1000 - 600;
    l->start_us = clock_mono_us() + 100000;
    printf("start %lld\n", (long long)l->start_us);
    fflush(stdout);
    run(l);
    print_all(l);
    return 0;
}
