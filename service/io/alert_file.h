#ifndef SLUICE_IO_ALERT_FILE_H
#define SLUICE_IO_ALERT_FILE_H
#include "service/base/span.h"
#include "service/base/status.h"
#include <stdint.h>
struct alert_file;
enum status alert_file_open(const char *path, int64_t bytes, int files, struct alert_file **ret);
enum status alert_file_put(struct alert_file *f, struct span json);
void alert_file_close(struct alert_file *f);
#endif
