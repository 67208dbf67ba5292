#include "service/io/alert_file.h"
#include <stdio.h>
#include <stdlib.h>
struct alert_file {
    FILE *f;
};
enum status alert_file_open(const char *path, int64_t bytes, int files, struct alert_file **ret)
{
    (void)bytes;
    (void)files;
    struct alert_file *f = calloc(1, sizeof *f);
    f->f = fopen(path, "ae");
    if (!f->f) {
        free(f);
        return ST_IO;
    }
    *ret = f;
    return ST_OK;
}
enum status alert_file_put(struct alert_file *f, struct span json)
{
    fwrite(json.base, 1, json.len, f->f);
    fputc('\n', f->f);
    return fflush(f->f) == 0 ? ST_OK : ST_IO;
}
void alert_file_close(struct alert_file *f)
{
    if (f) {
        fclose(f->f);
        free(f);
    }
}
