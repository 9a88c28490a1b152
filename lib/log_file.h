/* SPDX-License-Identifier: MIT */
/* Bounds the file that standard error is written to. */
#ifndef STUBDOM_LOG_FILE_H
#define STUBDOM_LOG_FILE_H

#include <stddef.h>

enum { LOG_FILE_MAX = 4 * 1024 * 1024 };

/*
 * Acts if standard error is a regular file, opened to append to, of more than
 * LOG_FILE_MAX bytes.  Its content replaces FILE.old, and the file goes on empty, for
 * every process that writes to it.  So a log takes twice LOG_FILE_MAX at most.  If no
 * copy can be made, the file is emptied all the same.  Needs the right to write beside
 * the file.
 */
void log_file_bound(void);

/* The same, for another descriptor and bound. */
void log_file_bound_fd(int fd, size_t most);

/*
 * Opens FILE.old of a log for reading, if its lines are of the same life of the guest.
 * Then it is younger than the log, which libxl makes anew.  -1: there is none, or this
 * file system does not tell when a file was made.  The caller closes it.
 */
int log_file_open_old(int fd);

#endif
