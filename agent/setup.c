/* SPDX-License-Identifier: MIT */
/* The first things that the agent sets up: file systems, modules, settings. */
#include "setup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/boot.h"
#include "abi/channel.h"
#include "cleanup.h"
#include "clock.h"
#include "report.h"

#define ROOT_MOUNT "/root"
#define MODULES_LIST "/lib/modules.load" /* image/stubimage/contents.py */

enum { MODULES_TIMEOUT_MS = 25000 }; /* as for a disk */

static struct {
	pid_t pid;
	int fd; /* its word; the end of it, and exit status 0: all are there */
} loader = {.fd = -1};

static const struct {
	const char *type, *target;
} mounts[] = {
	{"devtmpfs", "/dev"},
	{"proc", "/proc"},
	{"sysfs", "/sys"},
};

int setup_mounts(struct err *err)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		mkdir(mounts[i].target, 0755);
		if (mount(mounts[i].type, mounts[i].target, mounts[i].type,
			  MS_NOSUID | MS_NOEXEC, NULL) == 0)
			continue;
		/* EBUSY: mounted.  The others: a kernel that has these paths built in. */
		if (errno != EBUSY && errno != ENODEV && errno != ENOSYS)
			return err_errno(err, ERR_STUB, errno, "mount %s",
					 mounts[i].target);
	}
	mkdir("/run", 0755);
	if (mkdir(STUBDOM_SOCKET_DIR, 0700) < 0 && errno != EEXIST)
		return err_errno(err, ERR_STUB, errno, "mkdir " STUBDOM_SOCKET_DIR);
	return 0;
}

static int bind_directory(const char *name, struct err *err)
{
	char from[300], to[300];

	snprintf(from, sizeof(from), ROOT_MOUNT "/%s", name);
	snprintf(to, sizeof(to), "/%s", name);
	if ((mkdir(to, 0755) < 0 && errno != EEXIST) ||
	    mount(from, to, NULL, MS_BIND, NULL) < 0)
		return err_errno(err, ERR_STUB, errno, "mount %s", to);
	return 0;
}

int setup_root(const char *qemu, struct err *err)
{
	const struct dirent *d;
	int status = 0;
	DIR *dir;

	if (access(qemu, X_OK) == 0)
		return 0;
	mkdir(ROOT_MOUNT, 0755);
	if (mount("/dev/" STUBDOM_ROOT_DISK, ROOT_MOUNT, "erofs",
		  MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
		return err_errno(err, ERR_STUB, errno, "mount /dev/" STUBDOM_ROOT_DISK);
	dir = opendir(ROOT_MOUNT);
	if (!dir)
		return err_errno(err, ERR_STUB, errno, ROOT_MOUNT);
	while (status == 0 && (d = readdir(dir)))
		if (d->d_name[0] != '.')
			status = bind_directory(d->d_name, err);
	closedir(dir);
	return status;
}

static int load_module(char *line, struct err *err)
{
	cleanup_fd int fd = -1;
	char *parameters = strchr(line, ' ');

	if (parameters)
		*parameters++ = '\0';
	fd = open(line, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, ERR_STUB, errno, "module %s", line);
	if (syscall(SYS_finit_module, fd, parameters ? parameters : "", 0) < 0 &&
	    errno != EEXIST)
		return err_errno(err, ERR_STUB, errno, "module %s", line);
	return 0;
}

static int load_modules(FILE *list, struct err *err)
{
	char line[256];

	while (fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] && load_module(line, err) < 0)
			return -1;
	}
	return 0;
}

int setup_modules_begin(struct err *err)
{
	cleanup_file FILE *list = fopen(MODULES_LIST, "re");
	int fds[2];
	pid_t pid;

	if (!list)
		return 0;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(err, ERR_STUB, errno, "loading modules");
	pid = fork();
	if (pid == 0) {
		struct err why;
		bool failed = load_modules(list, &why) < 0;

		if (failed && write(fds[1], why.msg, strlen(why.msg)) < 0)
			_exit(1);
		_exit(0);
	}
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return err_errno(err, ERR_STUB, errno, "loading modules");
	}
	loader.pid = pid;
	loader.fd = fds[0];
	return 0;
}

/* 1: all are there; 0: not after so many ms; -1: one is not to be had. */
static int hear_loader(int ms, struct err *err)
{
	struct pollfd heard = {.fd = loader.fd, .events = POLLIN};
	char text[400];
	int status;
	ssize_t n;

	if (loader.fd < 0)
		return 1;
	if (poll(&heard, 1, ms) <= 0)
		return 0;
	n = read(loader.fd, text, sizeof(text));
	close(loader.fd);
	loader.fd = -1;
	if (n > 0)
		return err_set(err, ERR_STUB, "%.*s", (int)n, text);
	/* A fault of the kernel's in a module ends it without a word. */
	if (waitpid(loader.pid, &status, 0) == loader.pid && status == 0)
		return 1;
	return err_set(err, ERR_STUB,
		       "the process that loads the kernel's modules has died");
}

int setup_modules_check(struct err *err)
{
	return hear_loader(0, err) < 0 ? -1 : 0;
}

int setup_modules_end(struct err *err)
{
	const int64_t end = clock_ms() + MODULES_TIMEOUT_MS;

	for (int64_t left; (left = end - clock_ms()) > 0;) {
		int heard = hear_loader((int)left, err);

		if (heard)
			return heard < 0 ? -1 : 0;
	}
	return err_set(err, ERR_STUB, "the kernel's modules are not loaded after %d s",
		       MODULES_TIMEOUT_MS / 1000);
}

static void set(const char *path, const char *value)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, value, strlen(value)) < 0)
		report_line("cannot set %s to %s: %s", path, value, strerror(errno));
}

void setup_settings(void)
{
	/* QEMU for Xen reserves some 400 MB of addresses for its map cache. */
	set("/proc/sys/vm/overcommit_memory", "1");
	/* Nothing of the stub domain's own may be seen on the guest's wire. */
	set("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	set("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}
