/* SPDX-License-Identifier: MIT */
/* The locks of fcntl(2): of the process (its descriptor table), or of an open file (ofd). */
#ifndef LINUX_SYS_LOCK_H
#define LINUX_SYS_LOCK_H

#include <nub/types.h>

struct file;

/* arg: a struct flock of the program's. 0 or negative errno. */
long lock_get(struct file *f, void *arg, bool ofd);
long lock_set(struct file *f, int fd, void *arg, bool ofd, bool wait);

#endif
