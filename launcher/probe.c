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
#include "xalloc.h"

enum {
	MESSAGE_MAX = 64 << 10, /* a probe's longest message has 60 bytes */
	IDLE_MS = 60000,	/* libxl itself gives up after that time */
	CONNECTIONS_MAX = 100,
	CLOSE_MS = 5000,  /* for the caller to close after quit */
	SIGNAL_MS = 1000, /* and to send its signal */
	FD_MAX = (1 << 20) - 1,
};

struct session {
	int fd;
	int idle_ms;
	const struct manifest *manifest;
	bool negotiated;
	bool quit;
	size_t len;
	char buf[MESSAGE_MAX];
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

bool probe_is(const struct args *args)
{
	for (size_t i = 0; i < args->n; i++) {
		const struct arg *arg = &args->list[i];
		struct qemu_opts opts;
		struct err ignored;
		const char *type;
		bool is;

		if (arg->option->class != OPTION_MACHINE ||
		    qemu_opts_parse(arg->value, "type", true, &opts, &ignored) < 0)
			continue;
		type = qemu_opts_get(&opts, "type");
		is = type && strcmp(type, "none") == 0;
		qemu_opts_free(&opts);
		if (is)
			return true;
	}
	return false;
}

static int wait_for(int fd, short events, int idle_ms, struct err *err)
{
	struct pollfd p = {.fd = fd, .events = events};
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

static int send_json(struct session *s, const json_t *message, struct err *err)
{
	cleanup_free char *text = xalloc_check(json_dumps(message, JSON_COMPACT));
	cleanup_free char *line = xasprintf("%s\r\n", text);
	size_t len = strlen(line);

	for (size_t at = 0; at < len;) {
		ssize_t n = send(s->fd, line + at, len - at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			at += (size_t)n;
		else if (errno == EAGAIN) {
			if (wait_for(s->fd, POLLOUT, s->idle_ms, err) < 0)
				return -1;
		} else if (errno != EINTR) {
			return err_errno(err, ERR_HOST, errno, "probe: send");
		}
	}
	return 0;
}

static json_t *error_reply(const char *class, const char *desc)
{
	return json_pack("{s:{s:s, s:s}}", "error", "class", class, "desc", desc);
}

static json_t *not_found(const char *name)
{
	cleanup_free char *desc =
		xasprintf("The command %.200s has not been found", name);

	return error_reply("CommandNotFound", desc);
}

static json_t *answer(struct session *s, const char *name)
{
	const json_t *commands = json_object_get(s->manifest->probe, "commands");
	const json_t *known;

	if (!s->negotiated && strcmp(name, "qmp_capabilities") != 0)
		return error_reply("CommandNotFound",
				   "Expecting capabilities negotiation with "
				   "'qmp_capabilities'");
	if (!s->negotiated) {
		s->negotiated = true;
		return json_pack("{s:{}}", "return");
	}
	if (strcmp(name, "quit") == 0) {
		s->quit = true;
		return json_pack("{s:{}}", "return");
	}
	known = json_object_get(commands, name);
	if (!known)
		return not_found(name);
	return json_pack("{s:O}", "return", json_object_get(known, "return"));
}

static int handle(struct session *s, const char *text, size_t len, struct err *err)
{
	json_error_t why;
	cleanup_json json_t *request = json_loadb(text, len, 0, &why);
	cleanup_json json_t *reply = NULL;
	const char *name = json_string_value(json_object_get(request, "execute"));

	if (!request) {
		cleanup_free char *desc = xasprintf("JSON parse error, %s", why.text);

		reply = error_reply("GenericError", desc);
	} else if (!name) {
		reply = error_reply("GenericError", "QMP input lacks member 'execute'");
	} else {
		reply = answer(s, name);
	}
	xalloc_check(reply);
	if (json_object_get(request, "id"))
		json_object_set(reply, "id", json_object_get(request, "id"));
	return send_json(s, reply, err);
}

/*
 * Length of the first whole JSON object in buf, blanks before it included; 0: it
 * is not whole yet.  What is no object ends at the line.
 */
static size_t frame(const char *buf, size_t len)
{
	bool in_string = false;
	size_t depth = 0;

	for (size_t i = 0; i < len; i++) {
		char c = buf[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if ((c == '}' || c == ']') && depth > 0 && --depth == 0) {
			return i + 1;
		} else if (c == '\n' && depth == 0) {
			return i + 1;
		}
	}
	return 0;
}

static bool is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!strchr(" \t\r\n", text[i]) || text[i] == '\0')
			return false;
	}
	return true;
}

static int handle_buffered(struct session *s, struct err *err)
{
	size_t n;

	while (!s->quit && (n = frame(s->buf, s->len)) > 0) {
		if (!is_blank(s->buf, n) && handle(s, s->buf, n, err) < 0)
			return -1;
		s->len -= n;
		memmove(s->buf, s->buf + n, s->len);
	}
	return 0;
}

/* What has come, behind what is kept: bytes, 0 at the end, -1 and err. */
static ssize_t receive(struct session *s, struct err *err)
{
	const size_t len = s->len;
	ssize_t n;

	if (len >= sizeof(s->buf))
		return err_set(err, ERR_HOST, "probe: a message longer than %d bytes",
			       MESSAGE_MAX);
	do {
		if (wait_for(s->fd, POLLIN, s->idle_ms, err) < 0)
			return -1;
		n = read(s->fd, s->buf + len, sizeof(s->buf) - len);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0 && errno != ECONNRESET)
		return err_errno(err, ERR_HOST, errno, "probe: read");
	return n < 0 ? 0 : n;
}

int probe_serve(int fd, const struct manifest *manifest, int idle_ms, struct err *err)
{
	cleanup_free struct session *s = xalloc_check(calloc(1, sizeof(*s)));

	s->fd = fd;
	s->idle_ms = idle_ms;
	s->manifest = manifest;
	if (send_json(s, json_object_get(manifest->probe, "greeting"), err) < 0)
		return -1;
	while (!s->quit) {
		ssize_t n = receive(s, err);

		if (n <= 0)
			return (int)n;
		s->len += (size_t)n;
		if (handle_buffered(s, err) < 0)
			return -1;
	}
	return 1;
}

/*
 * libxl reads the answer to quit only if the socket is still open, and then ends
 * us with a signal; gone by ourselves, it complains of both.
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

		if (wait_for(fd, POLLIN, IDLE_MS, err) < 0)
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
