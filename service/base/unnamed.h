/*
 * unnamed.h -- a file without a name: room on a disk that goes with its last descriptor.
 */
#ifndef SLUICE_BASE_UNNAMED_H
#define SLUICE_BASE_UNNAMED_H

/*
 * A descriptor to read and write, in a file of folder `dir`; where the file system has no
 * O_TMPFILE, one whose name is taken away. -1: errno says why.
 */
int unnamed_open(const char *dir);

#endif
