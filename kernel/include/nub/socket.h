/* SPDX-License-Identifier: MIT */
/* Sockets: the operations that the socket calls ask of a protocol family. */
#ifndef NUB_SOCKET_H
#define NUB_SOCKET_H

#include <nub/types.h>
#include <nub/uio.h>

struct file;
struct socket;
struct waitq;

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_SEQPACKET 5
#define SOCK_TYPE_MASK 15
#define AF_UNIX 1
#define AF_INET 2
#define AF_NETLINK 16

#define MSG_PEEK 2
#define MSG_CTRUNC 8
#define MSG_TRUNC 0x20
#define MSG_DONTWAIT 0x40
#define MSG_EOR 0x80
#define MSG_WAITALL 0x100
#define MSG_NOSIGNAL 0x4000
#define MSG_CMSG_CLOEXEC 0x40000000

#define SCM_MAX_FDS 64
#define SOCKADDR_MAX 128

/* One message on its way in or out, already copied from user space but for the bytes. */
struct sockmsg {
	struct uio uio;
	u8 addr[SOCKADDR_MAX]; /* send: destination; receive: source */
	u32 addr_len;
	struct file *fds[SCM_MAX_FDS]; /* counted; receive: passed to the caller */
	unsigned nfds;
	bool has_creds; /* receive: creds are filled */
	struct {
		s32 pid;
		u32 uid, gid;
	} creds;
	int flags; /* in: MSG_*; out: MSG_* of msg_flags */
};

struct socket_ops {
	int (*bind)(struct socket *s, const u8 *addr, u32 len);
	int (*connect)(struct socket *s, const u8 *addr, u32 len, bool nonblock);
	int (*listen)(struct socket *s, int backlog);
	/* A new connected socket's file. */
	struct file *(*accept)(struct socket *s, bool nonblock);
	int (*getname)(struct socket *s, u8 addr[SOCKADDR_MAX], u32 *len, bool peer);
	ssize_t (*send)(struct socket *s, struct sockmsg *m, bool nonblock);
	ssize_t (*recv)(struct socket *s, struct sockmsg *m, bool nonblock);
	int (*shutdown)(struct socket *s, int how);
	/* Options beyond the common ones; -ENOPROTOOPT when unknown. Values in kernel
	 * memory. */
	int (*setsockopt)(struct socket *s, int level, int name, const void *v, u32 len);
	int (*getsockopt)(struct socket *s, int level, int name, void *v, u32 *len);
	unsigned (*poll)(struct socket *s, struct waitq **wq);
	long (*ioctl)(struct socket *s, unsigned cmd, u64 arg);
	void (*release)(struct socket *s);
	/* Bytes of messages that nobody has read yet. [0] */
	u64 (*held)(const struct socket *s);
};

/* First member of a family's own structure. */
struct socket {
	const struct socket_ops *ops;
	int family, type, protocol;
	bool passcred;
	/* Kept and told: without effect on sockets that stay in the machine. */
	bool reuseaddr, keepalive, broadcast;
	s32 priority;
};

/* Wraps a socket in an open file; on failure the socket is released. */
struct file *socket_file(struct socket *s, unsigned flags);
/* Families: `create` returns a socket or ERR_PTR. */
void socket_family_register(int family, struct socket *(*create)(int type, int protocol));
/* socketpair for a family that has it (AF_UNIX). */
int unix_pair(int type, struct socket *out[2]);
void unix_init(void);

#endif
