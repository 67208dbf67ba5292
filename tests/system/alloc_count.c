/*
 * alloc_count.c -- LD_PRELOAD: who of the program itself asks for memory, and how often.
 *
 *     malloc(n) ──> is the return address in the program's own text? ──> count it there
 *
 * Calls that libraries make (libmicrohttpd, hiredis, libuv, libc) are not counted. On SIGUSR2 the
 * counts so far are written to $ALLOC_COUNT_FILE, one line a caller: its offset in the program in
 * hex, as addr2line takes it, and how often; "overflow" when there are more than CALLERS_MAX.
 *
 * Threads: any.
 */
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CALLERS_MAX = 4096, LINE_MAX_BYTES = 64 };

struct caller {
    _Atomic uintptr_t address; /* 0: free */
    _Atomic uint64_t calls;
};

static struct caller callers[CALLERS_MAX];
static _Atomic uint64_t overflow;
static uintptr_t base, text_from, text_to;

/* glibc's own, behind the names that stand below. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

static void count(const void *from)
{
    uintptr_t address = (uintptr_t)from;
    if (address < text_from || address >= text_to)
        return;
    for (uintptr_t i = 0; i < CALLERS_MAX; i++) {
        struct caller *c = &callers[(address + i) % CALLERS_MAX];
        uintptr_t stands = 0;
        if (atomic_compare_exchange_strong(&c->address, &stands, address) || stands == address) {
            atomic_fetch_add(&c->calls, 1);
            return;
        }
    }
    atomic_fetch_add(&overflow, 1);
}

void *malloc(size_t bytes)
{
    count(__builtin_return_address(0));
    return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
    count(__builtin_return_address(0));
    return __libc_calloc(n, bytes);
}

void *realloc(void *old, size_t bytes)
{
    count(__builtin_return_address(0));
    return __libc_realloc(old, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    count(__builtin_return_address(0));
    return __libc_memalign(alignment, bytes);
}

/* The program is the first that is told of. */
static int find_text(struct dl_phdr_info *info, size_t size, void *user)
{
    (void)size;
    (void)user;
    base = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
            continue;
        text_from = base + p->p_vaddr;
        text_to = text_from + p->p_memsz;
    }
    return 1;
}

static void put_line(int fd, const char *name, uint64_t n)
{
    char line[LINE_MAX_BYTES];
    int len = snprintf(line, sizeof line, "%s %llu\n", name, (unsigned long long)n);
    if (write(fd, line, (size_t)len) != len)
        _exit(1);
}

static void put_callers(int fd)
{
    char name[LINE_MAX_BYTES / 2];
    for (int i = 0; i < CALLERS_MAX; i++) {
        if (callers[i].address == 0)
            continue;
        /* The call, not where it returns to. */
        snprintf(name, sizeof name, "%llx", (unsigned long long)(callers[i].address - base - 1));
        put_line(fd, name, callers[i].calls);
    }
    if (overflow > 0)
        put_line(fd, "overflow", overflow);
}

/* Under its own name only when it is whole. */
static void on_signal(int number)
{
    const char *path = getenv("ALLOC_COUNT_FILE");
    char part[4096];
    (void)number;
    if (path == NULL || snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part)
        return;
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return;
    put_callers(fd);
    close(fd);
    if (rename(part, path) != 0)
        _exit(1);
}

__attribute__((constructor)) static void begin(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    dl_iterate_phdr(find_text, NULL);
    sigaction(SIGUSR2, &action, NULL);
}
