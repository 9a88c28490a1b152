/* SPDX-License-Identifier: MIT */
/*
 * PID 1 of the direct-boot test guest: modules, disks and NICs as the command line
 * says.
 */
#include "guest.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define SCREEN "/dev/tty0"

static char serial[] = "/dev/ttyS0";
static int screen = -1;

void say(const char *fmt, ...)
{
	char line[512] = "guest: ";
	size_t length = strlen(line);
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line + length, sizeof(line) - length - 2, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	length = strlen(line);
	memcpy(line + length, "\r\n", 2);
	length += 2;
	(void)!write(STDOUT_FILENO, line, length);
	if (screen >= 0)
		(void)!write(screen, line, length);
}

static void console_open(char *path)
{
	struct termios raw;
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return;
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
	if (!tcgetattr(0, &raw)) {
		cfmakeraw(&raw);
		tcsetattr(0, TCSANOW, &raw);
	}
}

/* Several NICs in one subnet: each must answer ARP for its own address only. */
static void arp_strict(void)
{
	int fd = open("/proc/sys/net/ipv4/conf/all/arp_ignore", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!write(fd, "1", 1);
		close(fd);
	}
}

static void load_list(char *names)
{
	char *save = NULL;

	for (char *name = strtok_r(names, ",", &save); name;
	     name = strtok_r(NULL, ",", &save))
		module_load(name);
}

int main(int argc, char **argv)
{
	const char *base = strrchr(argv[0], '/');

	base = base ? base + 1 : argv[0];
	/* the kernel runs /sbin/poweroff when the toolstack asks for a shutdown */
	if (!strcmp(base, "poweroff") || !strcmp(base, "reboot"))
		power(base);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	console_open(serial);
	cmdline_each("console", console_open); /* of a guest without a serial port */
	screen = open(SCREEN, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	say("up");
	cmdline_each("load", load_list);
	arp_strict();
	cmdline_each("disk", disk_check_spec);
	cmdline_each("nic", net_up_spec);
	cmdline_each("split", netns_split);
	say("ready");
	commands_serve();
}
