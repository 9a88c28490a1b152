/* SPDX-License-Identifier: MIT */
/* Pipes. */
#ifndef NUB_PIPE_H
#define NUB_PIPE_H

#include <nub/types.h>

struct file;
struct inode_ops;

/* out[0] reads, out[1] writes; flags: O_NONBLOCK. 0 or -ENOMEM. */
int pipe_create(struct file *out[2], unsigned flags);
extern const struct inode_ops fifo_inode_ops;

#endif
