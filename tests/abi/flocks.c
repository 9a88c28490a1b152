/* SPDX-License-Identifier: MIT */
/* Advisory locks: of processes, of open files, of whole files. */
#include "abi.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define F "/tmp/abi-flocks"
#define ROUNDS 300

static int fresh(void)
{
	int fd;

	unlink(F);
	fd = open(F, O_CREAT | O_RDWR, 0600);
	ftruncate(fd, 100);
	return fd;
}

static int set(int fd, int cmd, int type, long start, long len)
{
	struct flock l = {.l_type = (short)type,
			  .l_whence = SEEK_SET,
			  .l_start = start,
			  .l_len = len};

	return fcntl(fd, cmd, &l);
}

static void get(int fd, int cmd, int type, long start, long len, int pid)
{
	struct flock l = {.l_type = (short)type,
			  .l_whence = SEEK_SET,
			  .l_start = start,
			  .l_len = len};
	int r = fcntl(fd, cmd, &l);

	say("%d: type %d, %ld + %ld, pid %s", r, l.l_type, (long)l.l_start, (long)l.l_len,
	    l.l_pid == pid  ? "the holder's"
	    : l.l_pid == -1 ? "-1"
			    : "0");
}

static void in_child(void (*run)(int fd, int parent), int fd)
{
	int parent = getpid();

	fflush(stdout);
	if (!fork()) {
		run(fd, parent);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

static void against(int fd, int parent)
{
	try(set(fd, F_SETLK, F_WRLCK, 0, 0));
	try(set(fd, F_SETLK, F_RDLCK, 0, 10));
	try(set(fd, F_SETLK, F_RDLCK, 10, 20));
	try(set(fd, F_SETLK, F_WRLCK, 10, 20));
	try(set(fd, F_SETLK, F_WRLCK, 60, 0));
	get(fd, F_GETLK, F_WRLCK, 0, 0, parent);
	get(fd, F_GETLK, F_RDLCK, 0, 0, parent);
	get(fd, F_GETLK, F_WRLCK, 200, 5, parent);
	/* Nobody is kept from another process's descriptor being closed. */
	close(open(F, O_RDONLY));
}

static void of_process(void)
{
	int fd = fresh(), ro = open(F, O_RDONLY), wo = open(F, O_WRONLY), other;

	try(set(fd, F_SETLK, F_WRLCK, 0, 50));
	try(set(fd, F_SETLK, F_RDLCK, 10, 20));
	try(set(fd, F_SETLK, F_UNLCK, 45, 100));
	in_child(against, fd);
	try(set(ro, F_SETLK, F_WRLCK, 0, 1));
	try(set(wo, F_SETLK, F_RDLCK, 0, 1));
	try(set(fd, F_SETLK, 7, 0, 1));
	try(set(fd, F_SETLK, F_WRLCK, -1, 1));
	try(set(fd, F_SETLK, F_WRLCK, 10, -5));
	try(set(fd, F_SETLK, F_WRLCK, 10, -50));
	get(fd, F_GETLK, F_WRLCK, 0, 0, 0);
	/* Any descriptor of the file that is closed takes all locks with it. */
	other = open(F, O_RDWR);
	close(other);
	in_child(against, fd);
	close(fd), close(ro), close(wo);
}

static void ofd_child(int fd, int parent)
{
	int own = open(F, O_RDWR);

	try(set(fd, F_OFD_SETLK, F_WRLCK, 0, 10)); /* the same open file */
	try(set(own, F_OFD_SETLK, F_WRLCK, 0, 10));
	try(set(own, F_SETLK, F_WRLCK, 0, 10));
	get(own, F_OFD_GETLK, F_WRLCK, 0, 0, -1);
	close(own);
}

static void of_open_file(void)
{
	int fd = fresh(), other = open(F, O_RDWR), copy;
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_pid = 5};

	try(set(fd, F_OFD_SETLK, F_WRLCK, 0, 10));
	try(set(other, F_OFD_SETLK, F_WRLCK, 5, 10));
	try(set(other, F_OFD_SETLK, F_WRLCK, 10, 10));
	try(fcntl(fd, F_OFD_SETLK, &l));
	in_child(ofd_child, fd);
	copy = dup(fd);
	close(fd);
	try(set(other, F_OFD_SETLK, F_WRLCK, 0, 5));
	close(copy);
	try(set(other, F_OFD_SETLK, F_WRLCK, 0, 5));
	close(other);
}

static void flock_child(int fd, int parent)
{
	int own = open(F, O_RDWR);

	try(flock(own, LOCK_EX | LOCK_NB));
	try(flock(own, LOCK_SH | LOCK_NB));
	try(set(own, F_SETLK, F_WRLCK, 0, 0)); /* another kind of lock */
	try(flock(fd, LOCK_UN));
	try(flock(own, LOCK_EX | LOCK_NB));
	close(own);
}

static void whole(void)
{
	int fd = fresh();

	try(flock(fd, LOCK_SH));
	try(flock(fd, LOCK_EX));
	in_child(flock_child, fd);
	try(flock(fd, LOCK_SH | LOCK_NB));
	in_child(flock_child, fd);
	close(fd);
}

static void interrupted(int sig)
{
}

static int *counter;

/* Not atomic: the lock makes it so. */
static void count(int fd, int kind)
{
	for (int i = 0; i < ROUNDS; i++) {
		int v;

		if (kind == 0)
			set(fd, F_SETLKW, F_WRLCK, 3, 1);
		else if (kind == 1)
			set(fd, F_OFD_SETLKW, F_WRLCK, 3, 1);
		else
			flock(fd, LOCK_EX);
		v = *(volatile int *)counter;
		for (volatile int k = 0; k < 200; k++)
			;
		*(volatile int *)counter = v + 1;
		if (kind == 0)
			set(fd, F_SETLK, F_UNLCK, 3, 1);
		else if (kind == 1)
			set(fd, F_OFD_SETLK, F_UNLCK, 3, 1);
		else
			flock(fd, LOCK_UN);
	}
}

static void waiting(void)
{
	struct sigaction sa = {.sa_handler = interrupted};
	int fd = fresh(), p[2], pid;
	char b;

	counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		       0);
	for (int kind = 0; kind < 3; kind++) {
		*counter = 0;
		fflush(stdout);
		for (int i = 0; i < 3; i++) {
			if (fork())
				continue;
			count(open(F, O_RDWR), kind);
			_exit(0);
		}
		while (wait(NULL) > 0)
			;
		say("%d of %d", *counter, 3 * ROUNDS);
	}
	/* A signal ends the wait; so does the holder's end. */
	pipe(p);
	pid = fork();
	if (!pid) {
		set(fd, F_SETLK, F_WRLCK, 0, 0);
		write(p[1], "x", 1);
		pause();
		_exit(0);
	}
	read(p[0], &b, 1);
	sigaction(SIGALRM, &sa, NULL);
	ualarm(50000, 50000); /* again, if the wait has not begun */
	try(set(fd, F_SETLKW, F_WRLCK, 0, 0));
	ualarm(0, 0);
	kill(pid, SIGKILL);
	try(set(fd, F_SETLKW, F_WRLCK, 0, 0));
	wait(NULL);
	close(fd);
	unlink(F);
}

ABI_CASES({"of a process", of_process}, {"of an open file", of_open_file},
	  {"of the whole file", whole}, {"waiting", waiting})
