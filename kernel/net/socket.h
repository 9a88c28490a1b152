/* SPDX-License-Identifier: MIT */
/* Inside net/: sockets by descriptor. */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <nub/socket.h>
#include <nub/vfs.h>

struct socket *socket_create(int family, int type, int protocol);
/* Counted file, or ERR_PTR(-EBADF / -ENOTSOCK). */
struct file *socket_get(int fd, struct socket **s);
/* The socket that f is, or NULL. */
struct socket *socket_of(struct file *f);

#endif
