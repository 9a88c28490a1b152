/* SPDX-License-Identifier: MIT */
/* Keyboards, mice and tablets of the direct-boot test guest: the events of each. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/input.h>

#define DEVICES 32
#define WAIT_MS 60000
#define WAIT_STEP_MS 50

/* The first device whose name holds this; -1: none. */
static int input_find(const char *part)
{
	for (int i = 0; i < DEVICES; i++) {
		char path[32], name[128] = "";
		int fd;

		snprintf(path, sizeof(path), "/dev/input/event%d", i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (ioctl(fd, EVIOCGNAME(sizeof(name) - 1), name) > 0 &&
		    strstr(name, part))
			return fd;
		close(fd);
	}
	return -1;
}

/* Drivers probe in the background. */
static int input_wait(const char *part)
{
	for (int waited = 0;; waited += WAIT_STEP_MS) {
		int fd = input_find(part);

		if (fd >= 0 || waited >= WAIT_MS)
			return fd;
		poll(NULL, 0, WAIT_STEP_MS);
	}
}

void input_report(const char *part, int count)
{
	struct input_event event;
	int fd = input_wait(part);

	if (fd < 0) {
		say("input %s error none", part);
		return;
	}
	say("input %s listens", part);
	while (count > 0 && read(fd, &event, sizeof(event)) == (ssize_t)sizeof(event)) {
		if (event.type != EV_ABS && event.type != EV_REL && event.type != EV_KEY)
			continue;
		say("event %s %d %d",
		    event.type == EV_KEY   ? "key"
		    : event.type == EV_ABS ? "abs"
					   : "rel",
		    event.code, event.value);
		count--;
	}
	close(fd);
	say("input %s done", part);
}
