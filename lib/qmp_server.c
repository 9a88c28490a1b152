/* SPDX-License-Identifier: MIT */
/* One QMP connection, served in QEMU's place. */
#include "qmp_server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "xalloc.h"

void qmp_server_init(struct qmp_server *server, int fd, int send_ms,
		     qmp_server_answer *answer, void *arg)
{
	server->fd = fd;
	server->send_ms = send_ms;
	server->answer = answer;
	server->arg = arg;
	server->negotiated = false;
	server->len = 0;
}

static int wait_writable(const struct qmp_server *server, struct err *err)
{
	struct pollfd p = {.fd = server->fd, .events = POLLOUT};
	int n;

	do
		n = poll(&p, 1, server->send_ms);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(err, ERR_HOST, errno, "poll");
	if (n == 0)
		return err_set(err, ERR_HOST,
			       "QMP: the toolstack did not read for %d seconds",
			       server->send_ms / 1000);
	return 0;
}

int qmp_server_send(struct qmp_server *server, const json_t *message, struct err *err)
{
	cleanup_free char *text = xalloc_check(json_dumps(message, JSON_COMPACT));
	cleanup_free char *line = xasprintf("%s\r\n", text);
	size_t len = strlen(line);

	for (size_t at = 0; at < len;) {
		ssize_t n = send(server->fd, line + at, len - at,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			at += (size_t)n;
		else if (errno == EAGAIN) {
			if (wait_writable(server, err) < 0)
				return -1;
		} else if (errno != EINTR) {
			return err_errno(err, ERR_HOST, errno, "QMP: send");
		}
	}
	return 0;
}

json_t *qmp_server_error(const char *class, const char *desc)
{
	return json_pack("{s:{s:s, s:s}}", "error", "class", class, "desc", desc);
}

json_t *qmp_server_not_found(const char *command)
{
	cleanup_free char *desc =
		xasprintf("The command %.200s has not been found", command);

	return qmp_server_error("CommandNotFound", desc);
}

static json_t *answer(struct qmp_server *server, const char *command)
{
	bool negotiation = strcmp(command, "qmp_capabilities") == 0;

	if (!server->negotiated && !negotiation)
		return qmp_server_error("CommandNotFound",
					"Expecting capabilities negotiation with "
					"'qmp_capabilities'");
	if (!server->negotiated) {
		server->negotiated = true;
		return json_pack("{s:{}}", "return");
	}
	return server->answer(server->arg, command);
}

static int handle(struct qmp_server *server, const char *text, size_t len,
		  struct err *err)
{
	json_error_t why;
	cleanup_json json_t *request = json_loadb(text, len, 0, &why);
	cleanup_json json_t *reply = NULL;
	const char *name = json_string_value(json_object_get(request, "execute"));

	if (!request) {
		cleanup_free char *desc = xasprintf("JSON parse error, %s", why.text);

		reply = qmp_server_error("GenericError", desc);
	} else if (!name) {
		reply = qmp_server_error("GenericError",
					 "QMP input lacks member 'execute'");
	} else {
		reply = answer(server, name);
	}
	xalloc_check(reply);
	if (json_object_get(request, "id"))
		json_object_set(reply, "id", json_object_get(request, "id"));
	return qmp_server_send(server, reply, err);
}

/*
 * Length of the first whole JSON object in buf, blanks before it included; 0: it is not
 * whole yet.  Any other text ends at the line.
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

static int handle_buffered(struct qmp_server *server, struct err *err)
{
	size_t n;

	while ((n = frame(server->buf, server->len)) > 0) {
		if (!is_blank(server->buf, n) && handle(server, server->buf, n, err) < 0)
			return -1;
		server->len -= n;
		memmove(server->buf, server->buf + n, server->len);
	}
	return 0;
}

int qmp_server_read(struct qmp_server *server, struct err *err)
{
	const size_t len = server->len;
	ssize_t n;

	if (len >= sizeof(server->buf))
		return err_set(err, ERR_HOST, "QMP: a message longer than %d bytes",
			       QMP_SERVER_MESSAGE_MAX);
	n = read(server->fd, server->buf + len, sizeof(server->buf) - len);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return 1;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n < 0)
		return err_errno(err, ERR_HOST, errno, "QMP: read");
	server->len += (size_t)n;
	return handle_buffered(server, err);
}
