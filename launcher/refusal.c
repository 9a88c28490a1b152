/* SPDX-License-Identifier: MIT */
/* Lets a toolstack show why its guest was refused. */
#include "refusal.h"

#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "decimal.h"
#include "domain/end_signals.h"
#include "domain/stand_in.h"
#include "log.h"
#include "qemu_opt.h"
#include "xenstore_util.h"

enum {
	WAIT_MS = 15000, /* libxl itself waits 10 s for an answer */
	PID_MS = 10000,	 /* on a host that is overloaded */
	PID_STEP_MS = 50,
};

/* libxl's name of its monitor's chardev. */
#define CHARDEV "libxl-cmd"

/* The line may be one that cannot be read as a whole. */
static const char *find_value(int argc, char *const argv[], const char *option,
			      const char *with)
{
	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], option) == 0 && strstr(argv[i + 1], with))
			return argv[i + 1];
	}
	return NULL;
}

/* -1: the line has no monitor of libxl's. */
static int find_monitor(int argc, char *const argv[], struct plan_endpoint *out)
{
	const char *value = find_value(argc, argv, "-chardev", "id=" CHARDEV);
	const char *path, *fd;
	struct qemu_opts opts;
	struct err ignored;
	unsigned number;
	int rc = 0;

	*out = (struct plan_endpoint){0};
	if (!value || qemu_opts_parse(value, "backend", false, &opts, &ignored) < 0)
		return -1;
	path = qemu_opts_get(&opts, "path");
	fd = qemu_opts_get(&opts, "fd");
	if (path) {
		out->type = PLAN_ENDPOINT_UNIX_LISTEN;
		out->path = strdup(path);
	} else if (decimal_parse_unsigned(fd, STDERR_FILENO + 1, INT_MAX, &number) == 0) {
		out->type = PLAN_ENDPOINT_FD;
		out->fd = (int)number;
		out->listening = true;
	} else {
		rc = -1;
	}
	qemu_opts_free(&opts);
	return rc;
}

/* libxl's own child writes it, beside this process. */
static bool has_our_pid(struct xs_handle *xs, const char *domid)
{
	for (int ms = 0; ms < PID_MS; ms += PID_STEP_MS) {
		cleanup_free char *pid = xenstore_read(
			xs, "/local/domain/%s/image/device-model-pid", domid);

		if (pid && atoi(pid) == (int)getpid())
			return true;
		poll(NULL, 0, PID_STEP_MS);
	}
	return false;
}

/* Whether libxl has started this process and not heard of it yet. */
static bool is_awaited(struct xs_handle *xs, const char *domid)
{
	return xenstore_exists(xs, "/local/domain/0/device-model/%s", domid) &&
	       !xenstore_exists(xs, "/local/domain/0/device-model/%s/state", domid) &&
	       has_our_pid(xs, domid);
}

static void serve(struct stand_in *stand_in, int signals)
{
	int64_t end = clock_ms() + WAIT_MS;
	int64_t left;

	while ((left = end - clock_ms()) > 0) {
		struct pollfd fds[STAND_IN_ENDS_MAX + 1];
		size_t n = stand_in_poll(stand_in, fds);

		fds[n] = (struct pollfd){.fd = signals, .events = POLLIN};
		if (poll(fds, n + 1, (int)left) < 0 || fds[n].revents)
			return;
		stand_in_serve(stand_in, fds);
	}
}

void refusal_tell(int argc, char *const argv[], const struct err *why)
{
	const char *domid = find_value(argc, argv, "-xen-domid", "");
	cleanup_free struct stand_in *stand_in = calloc(1, sizeof(*stand_in));
	struct xs_handle *xs = domid && stand_in ? xs_open(0) : NULL;
	cleanup_fd int signals = -1;
	struct plan_endpoint monitor;
	struct err err;

	if (!xs)
		return;
	if (is_awaited(xs, domid) && find_monitor(argc, argv, &monitor) == 0) {
		signals = end_signals_open(&err);
		stand_in->why = why->msg;
		if (stand_in_open(stand_in, &monitor, &err) == 0 &&
		    xenstore_write(xs, &err, "running",
				   "/local/domain/0/device-model/%s/state", domid) == 0)
			serve(stand_in, signals);
		stand_in_close(stand_in);
		free(monitor.path);
	}
	xs_close(xs);
}
