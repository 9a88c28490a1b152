/* SPDX-License-Identifier: MIT */
/* The arguments of a call: descriptors of the right kind, numbers from the tables, and now and then
 * anything.  Nothing here uses the thread pointer. */
#define _GNU_SOURCE
#include "sequences_make.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "sequences_ioctls.h"

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
