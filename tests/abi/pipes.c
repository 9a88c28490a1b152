/* SPDX-License-Identifier: MIT */
/* Pipes, eventfd, poll, select. */
#include "abi.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/wait.h>

static void basics(void)
{
	int p[2];
	char buf[16] = "";

	try(pipe2(p, 0x40000000));
	try(pipe2(p, O_NONBLOCK));
	try(read(p[0], buf, 1));
	try(write(p[1], "hello", 5));
	try(read(p[0], buf, 3));
	try(read(p[0], buf + 3, 10));
	say("%s", buf);
	try(read(p[1], buf, 1));
	try(write(p[0], buf, 1));
	try(read(p[0], buf, 0));
	try(pipe((int *)8));
	close(p[1]);
	try(read(p[0], buf, 1));
	pipe(p);
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
	try(write(p[1], "x", 1));
	signal(SIGPIPE, SIG_DFL);
}

static void capacity(void)
{
	static char block[100000];
	int p[2];

	pipe2(p, O_NONBLOCK);
	try(fcntl(p[0], F_GETPIPE_SZ));
	try(write(p[1], block, 61440));
	try(write(p[1], block, 100000));
	try(write(p[1], block, 1));
	try(read(p[0], block, 4095));
	try(write(p[1], block, 4096));
	try(read(p[0], block, 1));
	try(write(p[1], block, 4096));
	try(read(p[0], block, 100000));
}

static void *writer(void *arg)
{
	static char block[300000];
	long n = write(*(int *)arg, block, sizeof(block));

	close(*(int *)arg);
	return (void *)n;
}

static void blocking(void)
{
	char buf[7777];
	long total = 0, n;
	pthread_t t;
	void *ret;
	int p[2];

	pipe(p);
	pthread_create(&t, NULL, writer, &p[1]);
	while ((n = read(p[0], buf, sizeof(buf))) > 0)
		total += n;
	pthread_join(t, &ret);
	say("read %ld, written %ld", total, (long)ret);
}

static void broken(void)
{
	int status, p[2];
	pid_t pid;

	pipe(p);
	close(p[0]);
	pid = fork();
	if (!pid) {
		write(p[1], "x", 1);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	say("signal %d", WTERMSIG(status));
}

static void event(void)
{
	int e = eventfd(3, EFD_NONBLOCK), s = eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE);
	uint64_t v = 0;

	try(read(e, &v, 8));
	say("%lu", v);
	try(read(e, &v, 8));
	v = 5;
	try(write(e, &v, 8));
	try(write(e, &v, 8));
	try(read(e, &v, 8));
	say("%lu", v);
	v = ~0ULL;
	try(write(e, &v, 8));
	v = ~0ULL - 1;
	try(write(e, &v, 8));
	v = 1;
	try(write(e, &v, 8));
	try(read(e, &v, 4));
	try(write(e, &v, 7));
	try(read(s, &v, 8));
	try(read(s, &v, 8));
	try(read(s, &v, 8));
	try(eventfd(0, 0x100));
	try(lseek(e, 0, SEEK_SET) == -1 ? errno == ESPIPE : 0);
}

static void *later(void *arg)
{
	uint64_t v = 1;

	usleep(20000);
	write(*(int *)arg, &v, 8);
	return NULL;
}

static void polling(void)
{
	int p[2], e = eventfd(0, 0), f = open("/dev/null", O_RDWR);
	struct pollfd pf[4];
	pthread_t t;

	pipe(p);
	pf[0] = (struct pollfd){p[0], POLLIN, 0};
	pf[1] = (struct pollfd){p[1], POLLOUT, 0};
	pf[2] = (struct pollfd){-1, POLLIN, 0x55};
	pf[3] = (struct pollfd){f, POLLIN | POLLOUT, 0};
	try(poll(pf, 4, 0));
	say("%x %x %x %x", pf[0].revents, pf[1].revents, pf[2].revents, pf[3].revents);
	try(poll(pf, 1, 10));
	write(p[1], "x", 1);
	try(poll(pf, 1, -1));
	say("%x", pf[0].revents);
	close(p[1]);
	try(poll(pf, 2, 0));
	say("%x %x", pf[0].revents, pf[1].revents);
	pf[0] = (struct pollfd){e, POLLIN, 0};
	pthread_create(&t, NULL, later, &e);
	try(poll(pf, 1, 5000));
	say("%x", pf[0].revents);
	pthread_join(t, NULL);
	try(poll(NULL, 0, 1));
	try(poll((struct pollfd *)8, 1, 0));
	try(ppoll(pf, 1, &(struct timespec){0, -1}, NULL));
	try(ppoll(pf, 1, &(struct timespec){0, 0}, NULL));
}

static void selecting(void)
{
	struct timeval tv = {0, 1000};
	fd_set r, w;
	int p[2];

	pipe(p);
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(p[0], &r);
	FD_SET(p[1], &w);
	try(select(p[1] + 1, &r, &w, NULL, &tv));
	say("%d %d", FD_ISSET(p[0], &r), FD_ISSET(p[1], &w));
	FD_SET(p[0], &r);
	tv = (struct timeval){0, 1000};
	try(select(p[0] + 1, &r, NULL, NULL, &tv));
	write(p[1], "x", 1);
	FD_SET(p[0], &r);
	try(select(p[0] + 1, &r, NULL, NULL, NULL));
	FD_ZERO(&r);
	FD_SET(60, &r);
	try(select(61, &r, NULL, NULL, NULL));
	try(select(-1, NULL, NULL, NULL, NULL));
	tv = (struct timeval){-1, 0};
	try(select(0, NULL, NULL, NULL, &tv));
	try(pselect(0, NULL, NULL, NULL, &(struct timespec){0, 1000000}, NULL));
}

ABI_CASES({"basics", basics}, {"capacity", capacity}, {"blocking", blocking},
	  {"broken", broken}, {"eventfd", event}, {"poll", polling},
	  {"select", selecting})
