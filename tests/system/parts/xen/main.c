/* SPDX-License-Identifier: MIT */
/* Init of a test domain: /dev/xen, disks and interfaces, as the programs of a stub domain
 * use them. The same program runs on Linux and on nub and must print the same. */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

unsigned check_ok, check_failed;

void check_report(bool ok, const char *file, int line, const char *what)
{
	int e = errno;

	if (ok) {
		check_ok++;
		printf("ok %s\n", what);
	} else {
		check_failed++;
		printf("FAIL %s:%d %s (%s)\n", file, line, what, strerror(e));
	}
}

bool readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) == 1 && p.revents & POLLIN;
}

/* Linux has its drivers as modules; nub has no modules and no list. */
static void load_modules(void)
{
	char line[256];
	FILE *f = fopen("/lib/modules.load", "r");

	while (f && fgets(line, sizeof(line), f)) {
		char *space = strchr(line, ' ');
		int fd;

		line[strcspn(line, "\n")] = 0;
		if (space)
			*space++ = 0;
		fd = open(line, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, space ? space : "", 0) < 0)
			fprintf(stderr, "module %s: %s\n", line, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	if (f)
		fclose(f);
}

static void test_all(void)
{
	test_store();
	test_evtchn();
	if (getenv("XENTEST_GRANTS"))
		test_grants();
	test_privcmd();
	test_mappings();
	test_block();
	test_net();
	if (getenv("XENTEST_CHANGES"))
		test_changes();
}

int main(void)
{
	mkdir("/dev", 0755);
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	if (getpid() == 1) {
		int fd = open("/dev/console", O_RDWR);

		for (int i = 0; fd >= 0 && i < 3; i++)
			dup2(fd, i);
		load_modules();
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("BEGIN xen\n");
	if (getenv("XENTEST_KADDR"))
		test_hypercalls();
	else
		test_all();
	printf("END xen: %u ok, %u failed\n", check_ok, check_failed);
	fflush(NULL);
	if (getpid() == 1) {
		sync();
		reboot(RB_POWER_OFF);
	}
	return check_failed != 0;
}
