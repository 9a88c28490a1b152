/* SPDX-License-Identifier: MIT */
/* Inside net/: a UNIX socket and its queued messages. */
#ifndef NET_UNIX_H
#define NET_UNIX_H

#include <nub/list.h>
#include <nub/sched.h>
#include <nub/socket.h>
#include <nub/vfs.h>

/* Linux's net.core.wmem_default and wmem_max; an option is kept doubled, as there. */
#define UNIX_BUFFER 212992u
#define SNDBUF_MIN 4608u
#define RCVBUF_MIN 2304u
/* Linux's net.unix.max_dgram_qlen: datagrams that wait for one who did not connect back. */
#define DATAGRAMS_MAX 10
#define RCV_SHUT 1u
#define SND_SHUT 2u

enum usock_state { US_NEW, US_LISTENING, US_CONNECTED, US_CLOSED };

struct usock {
	struct socket s; /* first */
	int refs;
	enum usock_state state;
	struct usock *peer; /* counted */
	bool peer_gone;
	unsigned shut;
	int error;	/* SO_ERROR, positive */
	struct list rx; /* struct umsg */
	u32 rx_count;
	/* Of its own messages that nobody has read, and how many bytes may be; rcvbuf is
	 * only told, as on Linux. */
	u32 tx_bytes, sndbuf, rcvbuf;
	struct list clients, client_link; /* datagram sockets whose peer it is */
	struct waitq wq; /* one for all: readable, writable, connections, room */
	struct list pending, pending_link; /* connections not yet accepted */
	int npending, backlog;
	struct inode *bound; /* counted */
	struct list name_link;
	u8 addr[112];
	u32 addr_len;
	int cred_pid, peer_pid;
	/* unix_flight.c: messages that hold it, and the collector's count */
	struct file *file; /* valid while in flight */
	u32 in_flight, outside;
	bool suspect;
	struct list flight;
};

struct umsg {
	struct list link;
	struct usock *from; /* counted */
	u32 charged;	    /* of from's tx_bytes */
	u32 len, off;
	unsigned nfds;
	struct file **fds;
	int pid;
	u8 addr[112];
	u32 addr_len;
	u8 data[];
};

void usock_put(struct usock *u);
/* poll() says that it can send: a quarter of its buffer at most is in use, as on Linux. */
bool usock_writable(const struct usock *u);
/* A datagram to `to` must wait until it has read some. */
bool usock_full(const struct usock *u, const struct usock *to);
/* The message counts no longer as its sender's. */
void umsg_uncharge(struct umsg *m);
/* Lets go of a message and its descriptors; uses little stack for any content of
 * these. */
void umsg_free(struct umsg *m);
/* Counts the files and puts them into m: 0, -ENOMEM or -ETOOMANYREFS. */
int flight_start(struct umsg *m, struct file *const *files, unsigned n);
/* The files of m are the caller's now. */
void flight_end(struct umsg *m);
/* Frees sockets that nobody can reach: each is held by messages of such sockets only. */
void flight_collect(void);
struct usock *unix_find(const u8 *addr, u32 len, int *err);
ssize_t unix_send(struct socket *s, struct sockmsg *m, bool nonblock);
ssize_t unix_recv(struct socket *s, struct sockmsg *m, bool nonblock);

#endif
