/* SPDX-License-Identifier: MIT */
/* The toolstack's probe: a QMP server that knows only what the manifest says. */
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "decimal.h"
#include "qemu_opt.h"
#include "qmp_server.h"
#include "xalloc.h"

enum {
	IDLE_MS = 60000, /* libxl itself gives up after that time */
	CONNECTIONS_MAX = 100,
	CLOSE_MS = 5000,  /* for the caller to close after quit */
	SIGNAL_MS = 1000, /* and to send its signal */
	FD_MAX = (1 << 20) - 1,
};

/* The descriptor of the monitor's chardev. */
static int find_fd(const struct args *args, int *fd, struct err *err)
{
	for (size_t i = 0; i < args->n; i++) {
		const struct arg *arg = &args->list[i];
		struct qemu_opts opts;
		const char *text;
		unsigned n;
		int rc;

		if (arg->option->class != OPTION_CHARDEV)
			continue;
		if (qemu_opts_parse(arg->value, "backend", false, &opts, err) < 0)
			return arg_error(arg, err);
		text = qemu_opts_get(&opts, "fd");
		rc = decimal_parse_unsigned(text, 0, FD_MAX, &n);
		qemu_opts_free(&opts);
		if (rc == 0) {
			*fd = (int)n;
			return 0;
		}
	}
	return err_set(
		err, ERR_USAGE,
		"a probe (machine none) without -chardev socket,...,fd=N: nobody to answer");
}

static int wait_readable(int fd, int idle_ms, struct err *err)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n;

	do
		n = poll(&p, 1, idle_ms);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(err, ERR_HOST, errno, "poll");
	if (n == 0)
		return err_set(err, ERR_HOST,
			       "probe: the toolstack was silent for %d seconds",
			       idle_ms / 1000);
	return 0;
}

struct probe {
	const struct manifest *manifest;
	bool quit;
};

static json_t *answer(void *arg, const char *name)
{
	struct probe *probe = arg;
	const json_t *commands = json_object_get(probe->manifest->probe, "commands");
	const json_t *known;

	if (strcmp(name, "quit") == 0) {
		probe->quit = true;
		return json_pack("{s:{}}", "return");
	}
	known = json_object_get(commands, name);
	if (!known)
		return qmp_server_not_found(name);
	return json_pack("{s:O}", "return", json_object_get(known, "return"));
}

int probe_serve(int fd, const struct manifest *manifest, int idle_ms, struct err *err)
{
	struct probe probe = {.manifest = manifest};
	cleanup_free struct qmp_server *server = xalloc_check(malloc(sizeof(*server)));
	int rc = 0;

	qmp_server_init(server, fd, idle_ms, answer, &probe);
	if (qmp_server_send(server, json_object_get(manifest->probe, "greeting"), err) <
	    0)
		return -1;
	while (rc == 0 && !probe.quit) {
		if (wait_readable(fd, idle_ms, err) < 0)
			return -1;
		rc = qmp_server_read(server, err);
	}
	return rc > 0 ? 0 : rc < 0 ? -1 : 1;
}

/*
 * libxl reads the answer to quit only if the socket is still open, and then ends us with
 * a signal.  Gone by ourselves, it complains of both.
 */
static void await_end(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	char byte;

	while (poll(&pfd, 1, CLOSE_MS) == 1 && read(fd, &byte, 1) > 0)
		;
	poll(NULL, 0, SIGNAL_MS);
}

int probe_run(const struct args *args, const struct manifest *manifest, struct err *err)
{
	int listening = 0;
	socklen_t len = sizeof(listening);
	int fd = -1;

	if (find_fd(args, &fd, err) < 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0)
		return err_errno(err, ERR_USAGE, errno,
				 "probe: descriptor %d of the -chardev", fd);
	if (!listening) {
		int rc = probe_serve(fd, manifest, IDLE_MS, err);

		if (rc > 0)
			await_end(fd);
		return rc < 0 ? -1 : 0;
	}
	for (int i = 0; i < CONNECTIONS_MAX; i++) {
		cleanup_fd int connection = -1;
		int rc;

		if (wait_readable(fd, IDLE_MS, err) < 0)
			return -1;
		connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (connection < 0)
			return err_errno(err, ERR_HOST, errno, "probe: accept");
		rc = probe_serve(connection, manifest, IDLE_MS, err);
		if (rc > 0)
			await_end(connection);
		if (rc != 0)
			return rc < 0 ? -1 : 0;
	}
	return err_set(err, ERR_HOST, "probe: %d connections without quit",
		       CONNECTIONS_MAX);
}
