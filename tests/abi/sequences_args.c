/* SPDX-License-Identifier: MIT */
/* Arguments for sequences of system calls: descriptors of the right kind, structures that are
 * nearly right, and now and then anything.  Nothing here uses the thread pointer. */
#define _GNU_SOURCE
#include "sequences.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

#include "sequences_ioctls.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE 4096UL
#define SA_RESTORER_FLAG 0x04000000

struct sequence_pool pool;
char *arena;

unsigned long sequence_random(unsigned long *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static unsigned long below(unsigned long *s, unsigned long n)
{
	return sequence_random(s) % n;
}

static int one_in(unsigned long *s, unsigned long n)
{
	return below(s, n) == 0;
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

static const char *const scratch[] = {"/tmp/a",	 "/tmp/b", "/tmp/d",	"/tmp/d/a",
				      "a",	 "d/../b", "/tmp/link", "/tmp/fifo",
				      "/tmp/d/", "",	   ".",		".."};
static const char *const known[] = {"/dev/null",
				    "/dev/zero",
				    "/dev/full",
				    "/dev/urandom",
				    "/dev/net/tun",
				    "/proc/uptime",
				    "/proc",
				    "/proc/self",
				    "/proc/self/maps",
				    "/proc/self/fd/3",
				    "/proc/self/fd",
				    "/proc/meminfo",
				    "/proc/stat",
				    "/proc/self/status",
				    "/init",
				    "/tmp",
				    "/",
				    "/proc/self/exe",
				    "/proc/self/task",
				    "/dev"};
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

static int any_fd(unsigned long *s, char kind)
{
	for (unsigned tries = 0; tries < 40; tries++) {
		unsigned i = (unsigned)below(s, POOL);

		if (pool.kinds[i] && (!kind || pool.kinds[i] == kind))
			return pool.fds[i];
	}
	return one_in(s, 2) ? -1 : (int)below(s, 40);
}

/* The kind that a call wants most; 0: any. */
static char kind_wanted(const char *call, const char *arg)
{
	static const struct {
		const char *call, *arg;
		char kind;
	} wanted[] = {
		{"accept", 0, 's'},
		{"accept4", 0, 's'},
		{"bind", 0, 's'},
		{"connect", 0, 's'},
		{"listen", 0, 's'},
		{"sendmsg", 0, 's'},
		{"recvmsg", 0, 's'},
		{"sendto", 0, 's'},
		{"recvfrom", 0, 's'},
		{"sendmmsg", 0, 's'},
		{"shutdown", 0, 's'},
		{"getsockopt", 0, 's'},
		{"setsockopt", 0, 's'},
		{"getsockname", 0, 's'},
		{"getpeername", 0, 's'},
		{"timerfd_settime", 0, 't'},
		{"timerfd_gettime", 0, 't'},
		{"getdents64", 0, 'D'},
		{"fchdir", 0, 'D'},
		{"ftruncate", 0, 'f'},
		{"fallocate", 0, 'f'},
		{"mmap", 0, 'f'},
		{"flock", 0, 'f'},
		{"lseek", 0, 'f'},
		{"signalfd4", 0, 'g'},
		{"signalfd", 0, 'g'},
		{"copy_file_range", 0, 'f'},
		{0, "epfd", 'e'},
		{0, "dir", 'D'},
		{0, "fromdir", 'D'},
		{0, "todir", 'D'},
	};

	for (unsigned i = 0; i < COUNT(wanted); i++)
		if ((!wanted[i].call || !strcmp(wanted[i].call, call)) &&
		    (!wanted[i].arg || !strcmp(wanted[i].arg, arg)))
			return wanted[i].kind;
	return 0;
}

static int is_one_of(const char *name, const char *list)
{
	size_t len = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += len)
		if ((at == list || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return 1;
	return 0;
}

/* --- numbers --- */

static unsigned long odd(unsigned long *s)
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

static unsigned long length(unsigned long *s)
{
	static const unsigned long lengths[] = {
		0,   1,	  2,	4,    8,    10,	  16,	64,    100,   128,   255,
		256, 512, 1000, 4095, 4096, 4097, 8192, 20000, 65536, 200000};

	return one_in(s, 40) ? odd(s) : lengths[below(s, COUNT(lengths))];
}

static unsigned long place(unsigned long *s, unsigned long room)
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

/* A place for a structure that the caller fills: always in the arena; NULL if the program
 * has taken its page away, which writing would show only too late. */
static void *room_for(unsigned long *s, unsigned long size)
{
	unsigned long at = (unsigned long)arena +
			   below(s, ((ARENA_PAGES / 2) * PAGE - size) / 16) * 16;

	return (void *)at;
}

/* --- structures --- */

static unsigned long make_path(const struct sequence_call *c, unsigned long *s)
{
	int reads =
		is_one_of(c->name, "open openat stat lstat access readlink readlinkat "
				   "newfstatat statx faccessat faccessat2 statfs chdir");
	unsigned n = (unsigned)below(s, COUNT(scratch) + (reads ? COUNT(known) : 0));

	if (!strncmp(c->name, "exec", 4))
		return (unsigned long)(one_in(s, 3) ? "/init"
						    : scratch[n % COUNT(scratch)]);
	if (one_in(s, 30))
		return place(s, 16);
	return (unsigned long)(n < COUNT(scratch) ? scratch[n]
						  : known[n - COUNT(scratch)]);
}

static unsigned long make_times(unsigned long *s)
{
	struct timespec *t = room_for(s, 2 * sizeof(*t));

	for (int i = 0; i < 2; i++) {
		t[i].tv_sec = one_in(s, 20) ? (long)odd(s) : 0;
		t[i].tv_nsec = one_in(s, 20) ? (long)odd(s) : (long)below(s, 2000000);
	}
	return (unsigned long)t;
}

static unsigned long make_iovec(unsigned long *s)
{
	struct iovec *v = room_for(s, 8 * sizeof(*v));

	for (int i = 0; i < 8; i++) {
		v[i].iov_base = (void *)place(s, 4096);
		v[i].iov_len = length(s);
	}
	return (unsigned long)v;
}

static unsigned long make_address(unsigned long *s)
{
	static const char *const names[] = {"/tmp/s0", "/tmp/s1", "\0x",
					    "\0y",     "/tmp/a",  ""};
	struct sockaddr_un *a = room_for(s, sizeof(*a));

	memset(a, 0, sizeof(*a));
	a->sun_family = one_in(s, 20) ? (unsigned short)odd(s) : AF_UNIX;
	memcpy(a->sun_path, names[below(s, COUNT(names))], 3);
	if (a->sun_path[0] == '/')
		memcpy(a->sun_path, one_in(s, 2) ? "/tmp/s0" : "/tmp/s1", 8);
	return (unsigned long)a;
}

static void make_control(struct msghdr *m, unsigned long *s)
{
	struct cmsghdr *h = room_for(s, 256);
	unsigned n = 1 + (unsigned)below(s, 4);

	m->msg_control = h;
	m->msg_controllen = CMSG_SPACE(n * sizeof(int));
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = one_in(s, 5) ? (int)below(s, 4) : SCM_RIGHTS;
	h->cmsg_len = one_in(s, 10) ? length(s) : CMSG_LEN(n * sizeof(int));
	for (unsigned i = 0; i < n; i++)
		((int *)CMSG_DATA(h))[i] = any_fd(s, one_in(s, 2) ? 's' : 0);
	if (one_in(s, 5))
		m->msg_controllen = length(s);
}

static void fill_message(struct msghdr *m, unsigned long *s)
{
	memset(m, 0, sizeof(*m));
	if (one_in(s, 4)) {
		m->msg_name = (void *)make_address(s);
		m->msg_namelen = sizeof(struct sockaddr_un);
	}
	m->msg_iov = (void *)make_iovec(s);
	m->msg_iovlen = below(s, 9);
	if (one_in(s, 2))
		make_control(m, s);
}

static unsigned long make_messages(unsigned long *s)
{
	struct mmsghdr *v = room_for(s, 4 * sizeof(*v));

	for (int i = 0; i < 4; i++)
		fill_message(&v[i].msg_hdr, s);
	return (unsigned long)v;
}

static unsigned long make_polls(unsigned long *s)
{
	struct pollfd *v = room_for(s, 16 * sizeof(*v));

	for (int i = 0; i < 16; i++) {
		v[i].fd = any_fd(s, 0);
		v[i].events = (short)sequence_random(s);
	}
	return (unsigned long)v;
}

static unsigned long make_mask(unsigned long *s)
{
	unsigned long *m = room_for(s, 128);

	m[0] = sequence_random(s) & sequence_random(s);
	/* pselect6: a pointer to the mask, and its size. */
	m[2] = (unsigned long)m;
	m[3] = 8;
	return (unsigned long)m;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	unsigned long half = ARENA_PAGES / 2 * PAGE;

	if (sig != SIGSEGV)
		return;
	/* The half for structures has gone: it comes back; anything else ends the thread. */
	if ((unsigned long)info->si_addr - (unsigned long)arena >= half)
		sequence_raw(SYS_exit, 0, 0, 0, 0, 0, 0);
	sequence_raw(SYS_mmap, (unsigned long)arena, half, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1UL, 0);
}

void sequence_restorer(void);
__asm__("sequence_restorer:\n\tmov $15, %eax\n\tsyscall\n\thlt\n");

struct action {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

void sequence_handle(int sig)
{
	const struct action a = {on_signal, SA_SIGINFO | SA_RESTORER_FLAG | SA_NODEFER,
				 sequence_restorer, 0};

	sequence_raw(SYS_rt_sigaction, (unsigned long)sig, (unsigned long)&a, 0, 8, 0, 0);
}

static unsigned long make_action(unsigned long *s)
{
	struct action *a = room_for(s, sizeof(*a));

	a->handler = on_signal;
	if (one_in(s, 4)) /* the default, or none */
		a->handler = (void (*)(int, siginfo_t *, void *))below(s, 2);
	a->flags = (sequence_random(s) & (SA_RESTART | SA_ONSTACK | SA_NODEFER)) |
		   SA_SIGINFO;
	if (!one_in(s, 20))
		a->flags |= SA_RESTORER_FLAG;
	a->restorer = sequence_restorer;
	a->mask = sequence_random(s) & sequence_random(s);
	return (unsigned long)a;
}

static unsigned long make_limit(unsigned long *s)
{
	struct rlimit *l = room_for(s, sizeof(*l));

	l->rlim_cur = one_in(s, 3) ? odd(s) : 1000 + below(s, 1000000);
	l->rlim_max = one_in(s, 3) ? ~0UL : l->rlim_cur + below(s, 1000);
	return (unsigned long)l;
}

static unsigned long make_epoll_event(unsigned long *s)
{
	struct epoll_event *e = room_for(s, 64);

	e->events = one_in(s, 8)
			    ? (uint32_t)odd(s)
			    : (uint32_t)(sequence_random(s) &
					 (EPOLLIN | EPOLLOUT | EPOLLET | EPOLLONESHOT |
					  EPOLLRDHUP | EPOLLEXCLUSIVE));
	e->data.u64 = sequence_random(s);
	return (unsigned long)e;
}

static unsigned long make_sigevent(unsigned long *s)
{
	struct sigevent *e = room_for(s, sizeof(*e));

	memset(e, 0, sizeof(*e));
	e->sigev_signo = one_in(s, 10) ? (int)below(s, 66) : 34 + (int)below(s, 30);
	e->sigev_notify = (int)below(s, one_in(s, 10) ? 8 : 2);
	return (unsigned long)e;
}

static unsigned long make_robust(unsigned long *s)
{
	unsigned long *head = room_for(s, 256);

	/* next, offset to the word, pending; then entries that may go in a circle */
	head[0] = (unsigned long)&head[4];
	head[1] = 8;
	head[2] = one_in(s, 2) ? place(s, 16) : 0;
	head[4] = one_in(s, 3) ? (unsigned long)&head[4] : (unsigned long)&head[6];
	head[5] = (unsigned long)pool.pids[0] | (one_in(s, 2) ? FUTEX_WAITERS : 0);
	head[6] = one_in(s, 3) ? place(s, 16) : (unsigned long)head;
	head[7] = sequence_random(s);
	return (unsigned long)head;
}

static unsigned long make_argv(unsigned long *s)
{
	unsigned long *v = room_for(s, 128);

	v[0] = (unsigned long)"x";
	v[1] = one_in(s, 3) ? place(s, 8) : (unsigned long)"again";
	v[2] = 0;
	return (unsigned long)v;
}

static unsigned long make_words(unsigned long *s)
{
	unsigned *w = room_for(s, 256);

	for (int i = 0; i < 64; i++)
		w[i] = one_in(s, 4) ? (unsigned)odd(s) : (unsigned)below(s, 64);
	return (unsigned long)w;
}

static unsigned long make_ifreq(unsigned long *s)
{
	static const char *const names[] = {"tap0", "tap1", "br0", "br1",
					    "",	    "t%d",  "lo"};
	struct ifreq *r = room_for(s, 256);

	memset(r, 0, sizeof(*r));
	memcpy(r->ifr_name, names[below(s, COUNT(names))], 3);
	if (r->ifr_name[0] == 't')
		memcpy(r->ifr_name, one_in(s, 2) ? "tap0" : "tap1", 5);
	r->ifr_ifindex = (int)below(s, 12);
	if (one_in(s, 2))
		/* IFF_TAP | IFF_NO_PI, perhaps IFF_VNET_HDR, and IFF_UP */
		r->ifr_flags =
			(short)(0x1002 | (one_in(s, 2) ? 0x4000 : 0) | one_in(s, 2));
	else if (one_in(s, 3))
		r->ifr_data = (char *)make_words(s);
	else if (one_in(s, 3))
		r->ifr_mtu = (int)length(s);
	return (unsigned long)r;
}

static unsigned long make_pointer(const struct sequence_call *c, const char *arg,
				  unsigned long *s)
{
	static const struct {
		const char *names;
		unsigned long (*make)(unsigned long *s);
	} by_name[] = {
		{"timeout ts req new times tv", make_times},
		{"mask set", make_mask},
		{"addr", make_address},
		{"act", make_action},
		{"lim", make_limit},
		{"head", make_robust},
		{"argv envp", make_argv},
		{"len alen hdr data param list r w x offin offout off", make_words}};

	if (one_in(s, 20))
		return place(s, 64);
	if (!strcmp(arg, "vec"))
		return strstr(c->name, "mmsg") ? make_messages(s) : make_iovec(s);
	if (!strcmp(arg, "msg")) {
		struct msghdr *m = room_for(s, sizeof(*m));

		fill_message(m, s);
		return (unsigned long)m;
	}
	if (!strcmp(arg, "event"))
		return c->name[0] == 't' ? make_sigevent(s) : make_epoll_event(s);
	if (!strcmp(arg, "fds") && strstr(c->name, "poll"))
		return make_polls(s);
	if (!strcmp(arg, "new") && strstr(c->name, "limit"))
		return make_limit(s);
	for (unsigned i = 0; i < COUNT(by_name); i++)
		if (is_one_of(arg, by_name[i].names))
			return by_name[i].make(s);
	return place(s, 256);
}

static unsigned long from_table(const struct sequence_arg *a, unsigned long *s)
{
	unsigned long v = a->n_values ? a->values[below(s, a->n_values)] : 0;

	if (one_in(s, 50))
		return odd(s);
	for (unsigned i = 0; i < a->n_bits; i++)
		if (one_in(s, a->n_bits < 3 ? 2 : 4))
			v |= a->bits[i];
	return v;
}

static int make_process(unsigned long *s)
{
	return one_in(s, 10) ? (int)below(s, 100000) + 2 : pool.pids[below(s, 8)];
}

static unsigned long make_number(const struct sequence_call *c,
				 const struct sequence_arg *a, unsigned long *s)
{
	if (a->n_values || a->n_bits)
		return from_table(a, s);
	if (!strcmp(a->name, "flags"))
		return one_in(s, 8) ? odd(s) : 0;
	if (!strcmp(a->name, "head"))
		return make_robust(s);
	if (!strcmp(c->name, "set_robust_list"))
		return one_in(s, 8) ? length(s) : 24;
	if (is_one_of(c->name, "bind connect sendto") && strstr(a->name, "len") &&
	    a->type == 'd')
		return one_in(s, 8) ? length(s) : sizeof("..\0/tmp/s0");
	if (is_one_of(a->name, "fd in out old epfd dir fromdir todir") &&
	    strcmp(c->name, "mremap")) {
		char kind = kind_wanted(c->name, a->name);

		if (strstr(a->name, "dir") && one_in(s, 2))
			return (unsigned long)AT_FDCWD;
		return (unsigned long)any_fd(s, one_in(s, 8) ? 0 : kind);
	}
	if (!strcmp(a->name, "new")) /* dup2 */
		return 10 + below(s, 60);
	if (is_one_of(a->name, "pid tid pgid who"))
		return (unsigned long)make_process(s);
	if (!strcmp(a->name, "sig"))
		return one_in(s, 4) ? below(s, 66) : 34 + below(s, 30);
	if (!strcmp(a->name, "id") && !strncmp(c->name, "timer_", 6))
		return (unsigned long)pool.timers[below(s, 4)];
	if (!strcmp(a->name, "timeout"))
		return a->type == 'd' ? below(s, 4) : make_times(s);
	if (!strcmp(a->name, "size"))
		return one_in(s, 10) ? length(s) : 8;
	if (is_one_of(a->name, "addr to") && a->type == 'X')
		return one_in(s, 8) ? place(s, 4096)
				    : (unsigned long)arena + (ARENA_PAGES / 2 +
							      below(s, ARENA_PAGES / 2)) *
								     PAGE;
	if (is_one_of(a->name, "len old new") && a->type == 'X' && c->args[0].type == 'X')
		return one_in(s, 10) ? length(s) : (1 + below(s, 8)) * PAGE;
	if (is_one_of(a->name, "n max count len alen"))
		return one_in(s, 4) ? length(s) : below(s, 9);
	if (is_one_of(a->name, "mode"))
		return one_in(s, 4) ? odd(s) : 0700;
	return one_in(s, 3) ? odd(s) : below(s, 64);
}

static void make_ioctl(unsigned long *s, unsigned long args[6])
{
	static const struct {
		const char *device;
		char kind;
	} devices[] = {{"socket", 's'},
		       {"terminal", 'y'},
		       {"/dev/net/tun", 'n'},
		       {"any", 0},
		       {"pipe", 'p'}};
	unsigned n = (unsigned)below(s, COUNT(ioctls));
	char kind = 0;

	for (unsigned i = 0; i < COUNT(devices); i++)
		if (!strcmp(devices[i].device, ioctls[n].device))
			kind = devices[i].kind;
	args[0] = (unsigned long)any_fd(s, one_in(s, 10) ? 0 : kind);
	args[1] = one_in(s, 30) ? odd(s) : ioctls[n].request;
	args[2] = kind == 's' || kind == 'n' ? make_ifreq(s) : make_words(s);
	/* TUNSETIFF takes an ifreq; its other ioctls take a number or a word. */
	if (one_in(s, 20))
		args[2] = one_in(s, 2) ? place(s, 64) : below(s, 16);
}

static void make_clone3(unsigned long *s, unsigned long args[6])
{
	struct clone_args *a = room_for(s, sizeof(*a));

	memset(a, 0, sizeof(*a));
	/* Processes only: a thread needs a stack that is right. */
	a->flags = sequence_random(s) & (CLONE_FS | CLONE_FILES | CLONE_PARENT_SETTID |
					 CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID);
	a->exit_signal = one_in(s, 2) ? SIGCHLD : below(s, 66);
	a->parent_tid = place(s, 4);
	a->child_tid = place(s, 4);
	args[0] = (unsigned long)a;
	args[1] = one_in(s, 10) ? length(s) : sizeof(*a);
}

void sequence_arguments(const struct sequence_call *c, unsigned long *s,
			unsigned long args[6])
{
	memset(args, 0, 6 * sizeof(args[0]));
	if (c->nr == SYS_ioctl) {
		make_ioctl(s, args);
		return;
	}
	if (c->nr == SYS_clone3) {
		make_clone3(s, args);
		return;
	}
	for (unsigned i = 0; i < c->n_args; i++) {
		const struct sequence_arg *a = &c->args[i];

		if (a->type == 's')
			args[i] = make_path(c, s);
		else if (a->type == 'p' || a->type == 'c')
			args[i] = make_pointer(c, a->name, s);
		else if (a->type == 'f')
			args[i] = one_in(s, 20) ? place(s, 4)
						: (unsigned long)arena +
							  (ARENA_PAGES / 2) * PAGE +
							  4 * below(s, 4);
		else
			args[i] = make_number(c, a, s);
	}
	if (c->nr == SYS_clone)
		args[0] &= ~(unsigned long)(CLONE_VM | CLONE_THREAD | CLONE_SETTLS |
					    CLONE_SIGHAND | CLONE_VFORK);
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
