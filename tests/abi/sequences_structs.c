/* SPDX-License-Identifier: MIT */
/* Structures that are nearly right, and now and then anything.  Nothing here uses the thread
 * pointer. */
#define _GNU_SOURCE
#include "sequences_make.h"

#include <linux/futex.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

#define SA_RESTORER_FLAG 0x04000000

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
void *room_for(unsigned long *s, unsigned long size)
{
	unsigned long at = (unsigned long)arena +
			   below(s, ((ARENA_PAGES / 2) * PAGE - size) / 16) * 16;

	return (void *)at;
}

unsigned long make_path(const struct sequence_call *c, unsigned long *s)
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

unsigned long make_times(unsigned long *s)
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

unsigned long make_robust(unsigned long *s)
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

unsigned long make_words(unsigned long *s)
{
	unsigned *w = room_for(s, 256);

	for (int i = 0; i < 64; i++)
		w[i] = one_in(s, 4) ? (unsigned)odd(s) : (unsigned)below(s, 64);
	return (unsigned long)w;
}

unsigned long make_ifreq(unsigned long *s)
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

unsigned long make_pointer(const struct sequence_call *c, const char *arg,
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
