/* SPDX-License-Identifier: MIT */
/* Devices that come, change and go while the domain runs. The other side is
 * tests/system/test_nub_xen.py: it obeys a line "ASK word" on the console and then writes
 * the word to data/go in xenstore. */
#include "check.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xenstore.h>

#define PATIENCE 600 /* times 50 ms */
#define LATE "/dev/xvdq"
#define SCRATCH "/dev/xvdb"

static struct xs_handle *xs;

static bool go_is(const char *word)
{
	char *v = xs_read(xs, XBT_NULL, "data/go", NULL);
	bool same = v && !strcmp(v, word);

	free(v);
	return same;
}

static void ask(const char *word)
{
	printf("ASK %s\n", word);
}

static bool wait_go(const char *word)
{
	for (int i = 0; i < PATIENCE; i++) {
		if (go_is(word))
			return true;
		usleep(50000);
	}
	return false;
}

static int open_within(const char *path)
{
	int fd = -1;

	for (int i = 0; i < PATIENCE && fd < 0; i++) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			usleep(50000);
	}
	return fd;
}

static bool gone_within(const char *path)
{
	for (int i = 0; i < PATIENCE; i++) {
		int fd = open(path, O_RDWR | O_CLOEXEC);

		if (fd < 0)
			return true;
		close(fd);
		usleep(50000);
	}
	return false;
}

/* A disk is attached, used, detached under an open descriptor, and attached again. */
static void test_attach(void)
{
	char buf[4096], got[4096];
	int fd, path;

	CHECK(open(LATE, O_RDWR) == -1);
	ask("attach");
	fd = open_within(LATE);
	NAMED("a disk that was attached", fd >= 0);
	memset(buf, 'q', sizeof(buf));
	CHECK(pwrite(fd, buf, sizeof(buf), 8192) == sizeof(buf));
	CHECK(pread(fd, got, sizeof(got), 8192) == sizeof(got) &&
	      !memcmp(buf, got, sizeof(buf)));
	path = open(LATE, O_PATH | O_CLOEXEC);
	CHECK(path >= 0);
	ask("detach");
	NAMED("the disk went", gone_within(LATE));
	CHECK(pread(fd, got, sizeof(got), 8192) == -1 && errno == EIO);
	CHECK(pwrite(fd, buf, sizeof(buf), 8192) == -1 && errno == EIO);
	CHECK(wait_go("detach"));
	for (int i = 0; i < 3; i++) {
		ask("attach");
		CHECK(wait_go("attach"));
		close(fd);
		fd = open_within(LATE);
		memset(got, 0, sizeof(got));
		NAMED("the disk came again",
		      pread(fd, got, sizeof(got), 8192) == sizeof(got) &&
			      !memcmp(buf, got, sizeof(buf)));
		ask("detach");
		CHECK(wait_go("detach"));
		NAMED("the disk went again", gone_within(LATE));
	}
	close(fd);
	close(path);
}

static atomic_bool stop;

struct load {
	off_t base;
	long turns, bad;
};

/* Writes and reads back, block by block, never pausing. */
static void *load(void *arg)
{
	struct load *l = arg;
	unsigned char *a = aligned_alloc(4096, 65536), *b = aligned_alloc(4096, 65536);
	int fd = open(SCRATCH, O_RDWR | O_CLOEXEC);

	for (; !stop; l->turns++) {
		off_t at = l->base + l->turns % 16 * 65536;

		memset(a, (int)(l->turns + l->base), 65536);
		if (pwrite(fd, a, 65536, at) != 65536 ||
		    pread(fd, b, 65536, at) != 65536 || memcmp(a, b, 65536))
			l->bad++;
	}
	close(fd);
	free(a);
	free(b);
	return NULL;
}

/* The back end goes away and comes back, twice, while four threads keep it busy. */
static void test_reconnect(void)
{
	struct load l[4] = {{0}};
	pthread_t t[4];
	long bad = 0, turns = 0;

	for (int i = 0; i < 4; i++) {
		l[i].base = i << 20;
		pthread_create(&t[i], NULL, load, &l[i]);
	}
	for (int i = 0; i < 2; i++) {
		ask("reconnect");
		CHECK(wait_go("reconnect"));
		xs_write(xs, XBT_NULL, "data/go", "", 0);
	}
	stop = true;
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		bad += l[i].bad;
		turns += l[i].turns;
	}
	NAMED("nothing was lost when the back end went and came back",
	      bad == 0 && turns > 0);
}

static void test_resize(void)
{
	uint64_t size = 0;
	char buf[512];
	int fd = open(SCRATCH, O_RDWR | O_CLOEXEC);

	memset(buf, 'r', sizeof(buf));
	ask("resize");
	/* blkback looks at its disk's size when there is a request */
	for (int i = 0; i < PATIENCE && size != 24 << 20; i++, usleep(50000)) {
		if (pread(fd, buf, sizeof(buf), 0) != sizeof(buf) ||
		    ioctl(fd, BLKGETSIZE64, &size))
			break;
	}
	NAMED("the disk grew", size == 24 << 20);
	CHECK(pwrite(fd, buf, sizeof(buf), 23 << 20) == sizeof(buf));
	close(fd);
}

static bool interface_there(int sock, const char *name)
{
	struct ifreq r = {0};

	snprintf(r.ifr_name, IFNAMSIZ, "%s", name);
	return ioctl(sock, SIOCGIFINDEX, &r) == 0;
}

static bool interface_within(int sock, const char *name, bool there)
{
	for (int i = 0; i < PATIENCE; i++, usleep(50000))
		if (interface_there(sock, name) == there)
			return true;
	return false;
}

/* Interfaces: a second one comes and goes; the first one's back end comes back. */
static void test_interfaces(void)
{
	int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (int i = 0; i < 2; i++) {
		ask("vif-attach");
		NAMED("an interface came", interface_within(sock, "eth1", true));
		CHECK(wait_go("vif-attach"));
		ask("vif-detach");
		NAMED("the interface went", interface_within(sock, "eth1", false));
		CHECK(wait_go("vif-detach"));
	}
	ask("vif-reconnect");
	CHECK(wait_go("vif-reconnect"));
	close(sock);
	test_net_again();
}

void test_changes(void)
{
	xs = xs_open(0);
	test_attach();
	test_reconnect();
	test_resize();
	test_interfaces();
	xs_close(xs);
}
