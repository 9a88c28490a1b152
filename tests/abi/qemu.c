/* SPDX-License-Identifier: MIT */
/* PID 1 that starts the stock QEMU without a machine, and talks QMP to it over a UNIX
 * socket.  It lets QEMU read and write a file through its block layer and thread pool,
 * and ends it. */
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define QEMU "/usr/libexec/xen-qemu-system-i386"
#define SOCKET "/tmp/qmp"
#define HMP(c)                                                                           \
	"{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"" c    \
	"\"}}"

extern char **environ;

static void off(void)
{
	fflush(stdout);
	reboot(RB_POWER_OFF);
	_exit(1);
}

/* One line of QMP, events left out; the whole answer, however long. */
static void answer(int s)
{
	static char buf[1 << 20];
	size_t n = 0;

	for (;;) {
		struct pollfd pf = {s, POLLIN, 0};

		if (poll(&pf, 1, 60000) != 1 || read(s, buf + n, 1) != 1) {
			printf("no answer\n");
			off();
		}
		if (buf[n++] != '\n')
			continue;
		buf[n] = 0;
		if (!strstr(buf, "\"event\""))
			break;
		n = 0;
	}
	printf("%zu bytes: %.150s%s", n, buf, n > 150 ? "...\n" : "");
}

static void command(int s, const char *text)
{
	printf("> %s\n", text);
	if (write(s, text, strlen(text)) != (ssize_t)strlen(text))
		off();
	answer(s);
}

/* The kernel's own memory while QEMU runs. */
static void kernel_memory(void)
{
	char line[128];
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "Slab", 4) || !strncmp(line, "PageTables", 10) ||
		    !strncmp(line, "AnonPages", 9) || !strncmp(line, "Cached", 6))
			printf("%s", line);
	if (f)
		fclose(f);
}

int main(void)
{
	static char *const version[] = {QEMU, "--version", NULL};
	static char *const argv[] = {
		QEMU,
		"-S",
		"-no-user-config",
		"-nodefaults",
		"-display",
		"none",
		"-machine",
		"none,accel=qtest",
		"-blockdev",
		"driver=file,filename=/tmp/disk,node-name=d,aio=threads",
		"-chardev",
		"socket,id=q,path=" SOCKET ",server=on,wait=off",
		"-mon",
		"chardev=q,mode=control",
		NULL,
	};
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = SOCKET};
	int s = socket(AF_UNIX, SOCK_STREAM, 0), fd, status, tries;
	char sum[4096];
	pid_t pid;

	posix_spawn(&pid, QEMU, NULL, NULL, version, environ);
	waitpid(pid, &status, 0);
	printf("version: status %x\n", status);
	fd = open("/tmp/disk", O_RDWR | O_CREAT, 0600);
	if (ftruncate(fd, 8 << 20))
		off();
	posix_spawn(&pid, QEMU, NULL, NULL, argv, environ);
	for (tries = 0; tries < 6000 && connect(s, (void *)&a, sizeof(a)); tries++)
		poll(NULL, 0, 10);
	answer(s);
	command(s, "{\"execute\":\"qmp_capabilities\"}");
	command(s, "{\"execute\":\"query-version\"}");
	command(s, "{\"execute\":\"query-command-line-options\"}");
	command(s, HMP("qemu-io d \\\"write -P 65 0 1M\\\""));
	command(s, HMP("qemu-io d \\\"aio_write -P 66 3M 64k\\\""));
	command(s, HMP("qemu-io d \\\"aio_flush\\\""));
	command(s, HMP("qemu-io d \\\"read -P 65 4k 64k\\\""));
	command(s, HMP("qemu-io d \\\"read -P 67 4k 64k\\\""));
	command(s, HMP("qemu-io d \\\"discard 0 64k\\\""));
	kernel_memory();
	command(s, "{\"execute\":\"quit\"}");
	waitpid(pid, &status, 0);
	printf("qemu: status %x\n", status);
	pread(fd, sum, sizeof(sum), 3 << 20);
	printf("disk at 3 MiB: %c\n", sum[4095]);
	off();
}
