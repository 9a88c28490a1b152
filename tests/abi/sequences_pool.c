/* SPDX-License-Identifier: MIT */
/* Descriptors that a child's threads share, and numbers at random.  Nothing here uses the thread
 * pointer. */
#define _GNU_SOURCE
#include "sequences_make.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

struct sequence_pool pool;
char *arena;

unsigned long sequence_random(unsigned long *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}
/* --- descriptors --- */

void sequence_keep(int fd, char kind)
{
	for (unsigned i = 0; i < POOL; i++)
		if (!pool.kinds[i] || pool.fds[i] == fd) {
			pool.fds[i] = fd;
			pool.kinds[i] = kind;
			return;
		}
}

static void open_path(const char *path, long flags, char kind)
{
	long fd = sequence_raw(SYS_open, (unsigned long)path, (unsigned long)flags, 0600,
			       0, 0, 0);

	if (fd >= 0)
		sequence_keep((int)fd, kind);
}

static void keep_result(long fd, char kind)
{
	if (fd >= 0)
		sequence_keep((int)fd, kind);
}

static void keep_pair(long result, const int fds[2], char kind)
{
	if (result == 0) {
		sequence_keep(fds[0], kind);
		sequence_keep(fds[1], kind);
	}
}
static const struct {
	const char *path;
	char kind;
} of_path[] = {{"/dev/net/tun", 'n'}, {"/dev/tty", 'y'},       {"/tmp/fifo", 'p'},
	       {"/tmp", 'D'},	      {"/proc/self", 'D'},     {"/dev/zero", 'z'},
	       {"/tmp/a", 'f'},	      {"/proc/self/maps", 'P'}};

void sequence_open(void)
{
	static const unsigned long types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
	unsigned long mask = ~0UL;
	int fds[2];

	sequence_raw(SYS_mkdir, (unsigned long)"/tmp/d", 0700, 0, 0, 0, 0);
	sequence_raw(SYS_mknod, (unsigned long)"/tmp/fifo", 0010600, 0, 0, 0, 0);
	for (unsigned i = 0; i < COUNT(of_path); i++)
		open_path(of_path[i].path,
			  strchr("DPy", of_path[i].kind) ? O_RDONLY | O_NONBLOCK
							 : O_RDWR | O_NONBLOCK | O_CREAT,
			  of_path[i].kind);
	keep_pair(sequence_raw(SYS_pipe2, (unsigned long)fds, O_NONBLOCK, 0, 0, 0, 0),
		  fds, 'p');
	for (unsigned i = 0; i < COUNT(types); i++) {
		unsigned long type = types[i] | SOCK_NONBLOCK;

		keep_pair(sequence_raw(SYS_socketpair, AF_UNIX, type, 0,
				       (unsigned long)fds, 0, 0),
			  fds, 's');
		keep_result(sequence_raw(SYS_socket, AF_UNIX, type, 0, 0, 0, 0), 's');
	}
	/* One that blocks. */
	keep_pair(sequence_raw(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0,
			       (unsigned long)fds, 0, 0),
		  fds, 's');
	keep_result(sequence_raw(SYS_eventfd2, 1, 0, 0, 0, 0, 0), 'v');
	keep_result(sequence_raw(SYS_epoll_create1, 0, 0, 0, 0, 0, 0), 'e');
	keep_result(sequence_raw(SYS_epoll_create1, 0, 0, 0, 0, 0, 0), 'e');
	keep_result(sequence_raw(SYS_timerfd_create, CLOCK_MONOTONIC, 0, 0, 0, 0, 0),
		    't');
	keep_result(sequence_raw(SYS_signalfd4, -1UL, (unsigned long)&mask, 8, 0, 0, 0),
		    'g');
	keep_result(sequence_raw(SYS_memfd_create, (unsigned long)"m", 2, 0, 0, 0, 0),
		    'f');
}

int any_fd(unsigned long *s, char kind)
{
	for (unsigned tries = 0; tries < 40; tries++) {
		unsigned i = (unsigned)below(s, POOL);

		if (pool.kinds[i] && (!kind || pool.kinds[i] == kind))
			return pool.fds[i];
	}
	return one_in(s, 2) ? -1 : (int)below(s, 40);
}
int is_one_of(const char *name, const char *list)
{
	size_t len = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += len)
		if ((at == list || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return 1;
	return 0;
}
/* --- numbers --- */

unsigned long odd(unsigned long *s)
{
	static const unsigned long odds[] = {0,
					     1,
					     7,
					     8,
					     63,
					     4095,
					     4096,
					     4097,
					     65536,
					     1UL << 20,
					     0x7fffffff,
					     0x80000000,
					     0xffffffff,
					     1UL << 32,
					     0x7ffffffff000,
					     0x800000000000,
					     0xffff888000100000,
					     0xffffffff80200000,
					     0x7fffffffffffffff,
					     1UL << 63,
					     -1UL,
					     -2UL,
					     -4096UL};

	return odds[below(s, COUNT(odds))];
}

unsigned long length(unsigned long *s)
{
	static const unsigned long lengths[] = {
		0,   1,	  2,	4,    8,    10,	  16,	64,    100,   128,   255,
		256, 512, 1000, 4095, 4096, 4097, 8192, 20000, 65536, 200000};

	return one_in(s, 40) ? odd(s) : lengths[below(s, COUNT(lengths))];
}

unsigned long place(unsigned long *s, unsigned long room)
{
	unsigned long last = (ARENA_PAGES - 1) * PAGE;

	switch (below(s, 24)) {
	case 0:
		return 0;
	case 1:
		return (unsigned long)arena + last - below(s, room + 8);
	case 2:
		return odd(s);
	case 3:
		return (unsigned long)arena + below(s, last);
	default:
		return (unsigned long)arena + below(s, (last - room) / 16) * 16;
	}
}

void sequence_result(const struct sequence_call *c, const unsigned long args[6],
		     long result)
{
	static const struct {
		const char *calls;
		char kind;
	} made[] = {{"open openat creat", 'f'},	 {"socket accept accept4", 's'},
		    {"eventfd eventfd2", 'v'},	 {"epoll_create epoll_create1", 'e'},
		    {"timerfd_create", 't'},	 {"memfd_create", 'f'},
		    {"dup dup2 dup3 fcntl", 'u'}};

	if (result < 0)
		return;
	if (c->nr == SYS_close) {
		for (unsigned i = 0; i < POOL; i++)
			if (pool.kinds[i] && pool.fds[i] == (int)args[0])
				pool.kinds[i] = 0;
		return;
	}
	for (unsigned i = 0; i < COUNT(made); i++)
		if (is_one_of(c->name, made[i].calls) && result < 4096)
			sequence_keep((int)result, made[i].kind);
}
