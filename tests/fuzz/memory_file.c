#include "tests/fuzz/memory_file.h"

#include "service/base/check.h"
#include "service/base/files.h"

#include <sys/mman.h>
#include <unistd.h>

int memory_file(const void *bytes, size_t n)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(files_write_all(fd, span_of(bytes, n)) == ST_OK);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}
