/* SPDX-License-Identifier: MIT */
/* Resource limits that are set hold; process groups. */
#include "abi.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static struct rlimit was;

static void soft(int resource, rlim_t value)
{
	struct rlimit l;

	getrlimit(resource, &was);
	l = (struct rlimit){value, was.rlim_max};
	try(setrlimit(resource, &l));
	getrlimit(resource, &l);
	yes(l.rlim_cur == value);
}

static volatile int xfsz;
static void count_xfsz(int sig)
{
	xfsz++;
}

static void file_size(void)
{
	char b[100] = "";
	int fd = open("/tmp/abi-limit", O_CREAT | O_RDWR | O_TRUNC, 0600);

	fflush(stdout); /* it may be a file */
	signal(SIGXFSZ, count_xfsz);
	soft(RLIMIT_FSIZE, 250);
	try(write(fd, b, 100));
	try(write(fd, b, 100));
	try(write(fd, b, 100));
	try(write(fd, b, 100));
	try(pwrite(fd, b, 10, 1000));
	try(ftruncate(fd, 300));
	try(ftruncate(fd, 250));
	try(fallocate(fd, 0, 0, 251));
	setrlimit(RLIMIT_FSIZE, &was);
	say("%d signals", xfsz);
	close(fd);
	unlink("/tmp/abi-limit");
	signal(SIGXFSZ, SIG_DFL);
}

static void descriptors(void)
{
	struct pollfd p[3] = {{-1, 0, 0}, {-1, 0, 0}, {-1, 0, 0}};
	struct rlimit l;
	int n = 0, fd, first = -1;

	soft(RLIMIT_NOFILE, 40);
	while ((fd = dup(1)) >= 0) {
		first = first < 0 ? fd : first;
		n = fd;
	}
	say("%s, highest %d", strerrorname_np(errno), n);
	try(dup2(1, 40));
	try(fcntl(1, F_DUPFD, 40));
	soft(RLIMIT_NOFILE, 2);
	try(poll(p, 3, 0));
	try(dup2(1, 1));
	l = (struct rlimit){3, 2};
	try(setrlimit(RLIMIT_NOFILE, &l));
	l = (struct rlimit){1 << 30, 2000000000};
	try(setrlimit(RLIMIT_NOFILE, &l));
	l = (struct rlimit){1000, was.rlim_max};
	setrlimit(RLIMIT_NOFILE, &l);
	for (fd = first; fd <= n; fd++)
		close(fd);
}

static void space(void)
{
	char *p;

	soft(RLIMIT_AS, 1UL << 30);
	p = mmap(NULL, 2UL << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	say("%s", p == MAP_FAILED ? strerrorname_np(errno) : "mapped");
	p = mmap(NULL, 64UL << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	say("%s", p == MAP_FAILED ? strerrorname_np(errno) : "mapped");
	p = mremap(p, 64UL << 20, 2UL << 30, MREMAP_MAYMOVE);
	say("%s", p == MAP_FAILED ? strerrorname_np(errno) : "mapped");
	setrlimit(RLIMIT_AS, &was);
}

static int deep(int n)
{
	volatile char page[4096];

	page[0] = (char)n;
	return n ? deep(n - 1) + page[0] : 0;
}

static void stack(void)
{
	int w;

	soft(RLIMIT_STACK, 1 << 20);
	fflush(stdout);
	if (!fork()) {
		deep(400);
		_exit(0);
	}
	wait(&w);
	say("status %x", w & 0x7f);
	setrlimit(RLIMIT_STACK, &was);
	if (!fork()) {
		deep(400);
		_exit(0);
	}
	wait(&w);
	say("status %x", w & 0x7f);
}

static void inherited(void)
{
	struct rlimit l, other = {77, 77}, old;
	int w, pid;

	soft(RLIMIT_NOFILE, 99);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		getrlimit(RLIMIT_NOFILE, &l);
		_exit(l.rlim_cur == 99);
	}
	waitpid(pid, &w, 0);
	say("%d", WEXITSTATUS(w));
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	try(prlimit(pid, RLIMIT_CORE, &other, &old));
	try(prlimit(pid, RLIMIT_CORE, NULL, &old));
	say("%ld", (long)old.rlim_cur);
	kill(pid, SIGKILL);
	waitpid(pid, &w, 0);
	try(prlimit(pid, RLIMIT_CORE, NULL, &old));
	try(getrlimit(16, &l));
	l = (struct rlimit){1000, was.rlim_max};
	setrlimit(RLIMIT_NOFILE, &l);
}

static int child_that(int execs)
{
	int p[2], pid;
	char b;

	pipe2(p, O_CLOEXEC);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(p[0]);
		if (execs)
			execl("/proc/self/exe", "limits", "wait", NULL);
		pause();
		_exit(1);
	}
	close(p[1]);
	if (execs) /* closed by exec */
		read(p[0], &b, 1);
	close(p[0]);
	return pid;
}

static void groups(void)
{
	int c = child_that(0), e = child_that(1), s, p[2];
	char b;

	pipe(p);
	fflush(stdout);

	try(setpgid(c, 32767) == -1 && errno == EPERM);
	try(setpgid(0, c) == -1 && errno == EPERM);
	try(setpgid(e, e) == -1 && errno == EACCES);
	try(setpgid(c, c));
	yes(getpgid(c) == c);
	/* One that leads a session cannot move, nor can others join its group. */
	s = fork();
	if (!s) {
		setsid();
		write(p[1], "s", 1);
		pause();
		_exit(1);
	}
	read(p[0], &b, 1);
	try(setpgid(s, s) == -1 && errno == EPERM);
	try(setpgid(0, s) == -1 && errno == EPERM);
	try(setpgid(c, s) == -1 && errno == EPERM);
	try(setpgid(s, getpgrp()) == -1 && errno == EPERM);
	yes(getsid(s) == s && getpgid(s) == s);
	kill(s, SIGKILL);
	waitpid(s, NULL, 0);
	close(p[0]), close(p[1]);
	try(setpgid(c, -1));
	try(setpgid(999999, 0));
	kill(c, SIGKILL);
	kill(e, SIGKILL);
	waitpid(c, NULL, 0);
	waitpid(e, NULL, 0);
	try(kill(INT_MIN, 0));
	try(syscall(SYS_wait4, INT_MIN, 0, 0, 0));
}

static void wait_here(void)
{
	pause();
}

int main(int argc, char **argv)
{
	static const struct abi_case cases[] = {
		{"file size", file_size}, {"descriptors", descriptors},
		{"address space", space}, {"stack", stack},
		{"inherited", inherited}, {"groups", groups},
	};

	if (argc > 1 && !strcmp(argv[1], "wait"))
		wait_here();
	return abi_main(cases, sizeof(cases) / sizeof(cases[0]), argc, argv);
}
