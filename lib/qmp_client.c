/* SPDX-License-Identifier: MIT */
/* A QMP client over a unix socket, with bounds on what the other side may send. */
#include "qmp_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "sock.h"

static int make_room(struct qmp_client *qmp, struct err *err)
{
	size_t size = qmp->size ? qmp->size * 2 : 4096;
	char *buf;

	if (qmp->used < qmp->size)
		return 0;
	if (qmp->size >= QMP_CLIENT_LINE_MAX)
		return err_set(err, ERR_STUB, "a QMP message of more than %u MiB",
			       QMP_CLIENT_LINE_MAX >> 20);
	buf = realloc(qmp->buf, size);
	if (!buf)
		return err_set(err, ERR_HOST, "out of memory");
	qmp->buf = buf;
	qmp->size = size;
	return 0;
}

/* The next message, one line; the caller owns it. */
static int read_message(struct qmp_client *qmp, long long deadline, json_t **out,
			struct err *err)
{
	char *end;

	while (!(end = qmp->used ? memchr(qmp->buf, '\n', qmp->used) : NULL)) {
		long n;

		if (make_room(qmp, err) < 0)
			return -1;
		n = sock_read(qmp->fd, qmp->buf + qmp->used, qmp->size - qmp->used,
			      deadline, err);
		if (n < 0)
			return -1;
		if (n == 0)
			return err_set(err, ERR_STUB, "QEMU closed the connection");
		qmp->used += (size_t)n;
	}
	*out = json_loadb(qmp->buf, (size_t)(end - qmp->buf), 0, NULL);
	/* QEMU has unsigned 64-bit numbers, which jansson's integers cannot hold. */
	if (!*out)
		*out = json_loadb(qmp->buf, (size_t)(end - qmp->buf),
				  JSON_DECODE_INT_AS_REAL, NULL);
	qmp->used -= (size_t)(end + 1 - qmp->buf);
	memmove(qmp->buf, end + 1, qmp->used);
	if (!*out || !json_is_object(*out)) {
		json_decref(*out);
		*out = NULL;
		return err_set(err, ERR_STUB, "the answer is not QMP");
	}
	return 0;
}

static int error_reply(const json_t *error, int code, struct err *err)
{
	const char *class = json_string_value(json_object_get(error, "class"));
	const char *text = json_string_value(json_object_get(error, "desc"));

	return err_set(err, code, "%s: %s", class ? class : "GenericError",
		       text ? text : "no description");
}

int qmp_client_run(struct qmp_client *qmp, const json_t *command, int timeout_ms,
		   int error_code, json_t **result, struct err *err)
{
	long long deadline = clock_ms() + timeout_ms;
	cleanup_json json_t *sent = json_copy((json_t *)command);
	cleanup_free char *line = NULL;
	char id[32];

	*result = NULL;
	/*
	 * An id of our own: a late reply to an earlier command is not taken for
	 * this one.
	 */
	snprintf(id, sizeof(id), "stubdom-%u", qmp->next_id++);
	json_object_set_new(sent, "id", json_string(id));
	line = json_dumps(sent, JSON_COMPACT);
	if (!line)
		return err_set(err, ERR_HOST, "out of memory");
	if (sock_write_all(qmp->fd, line, strlen(line), deadline, err) < 0 ||
	    sock_write_all(qmp->fd, "\n", 1, deadline, err) < 0)
		return -1;
	for (;;) {
		cleanup_json json_t *reply = NULL;
		const char *reply_id;
		json_t *value;

		if (read_message(qmp, deadline, &reply, err) < 0)
			return -1;
		if (json_object_get(reply, "event"))
			continue;
		value = json_object_get(reply, "error");
		reply_id = json_string_value(json_object_get(reply, "id"));
		if (!reply_id || strcmp(reply_id, id) != 0) {
			/* Without an id: QEMU could not make out the command. */
			if (value && !reply_id)
				return error_reply(value, error_code, err);
			continue;
		}
		if (value)
			return error_reply(value, error_code, err);
		value = json_object_get(reply, "return");
		if (!value)
			return err_set(err, ERR_STUB, "the answer is not QMP");
		*result = json_incref(value);
		return 0;
	}
}

/* A descriptor needs a byte to travel with; a newline is nothing to QMP. */
static int pass_fd(struct qmp_client *qmp, int fd, struct err *err)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {.iov_base = (char *)"\n", .iov_len = 1};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	if (sendmsg(qmp->fd, &msg, MSG_NOSIGNAL) < 0)
		return err_errno(err, ERR_STUB, errno, "passing a descriptor");
	return 0;
}

int qmp_client_add_fd(struct qmp_client *qmp, int fd, int timeout_ms, json_int_t *set,
		      struct err *err)
{
	cleanup_json json_t *command = json_pack("{s:s}", "execute", "add-fd");
	cleanup_json json_t *result = NULL;

	if (pass_fd(qmp, fd, err) < 0 ||
	    qmp_client_run(qmp, command, timeout_ms, ERR_STUB, &result, err) < 0)
		return -1;
	if (json_unpack(result, "{s:I}", "fdset-id", set) < 0)
		return err_set(err, ERR_STUB, "the answer is not QMP");
	return 0;
}

int qmp_client_start(struct qmp_client *qmp, int fd, int timeout_ms, struct err *err)
{
	long long deadline = clock_ms() + timeout_ms;
	cleanup_json json_t *command = json_pack("{s:s}", "execute", "qmp_capabilities");
	cleanup_json json_t *result = NULL;

	*qmp = (struct qmp_client){.fd = fd};
	if (read_message(qmp, deadline, &qmp->greeting, err) < 0)
		goto fail;
	if (!json_is_object(json_object_get(qmp->greeting, "QMP"))) {
		err_set(err, ERR_STUB, "the answer is not QMP");
		goto fail;
	}
	if (qmp_client_run(qmp, command, sock_left_ms(deadline), ERR_STUB, &result, err) <
	    0)
		goto fail;
	return 0;
fail:
	qmp_client_close(qmp);
	return err_prefix(err, "QMP");
}

int qmp_client_open(struct qmp_client *qmp, const char *path, int timeout_ms,
		    struct err *err)
{
	int fd;

	*qmp = (struct qmp_client){.fd = -1};
	fd = sock_connect(path, err);
	if (fd < 0)
		return err_prefix(err, "QMP");
	return qmp_client_start(qmp, fd, timeout_ms, err);
}

void qmp_client_close(struct qmp_client *qmp)
{
	if (qmp->fd >= 0)
		close(qmp->fd);
	free(qmp->buf);
	json_decref(qmp->greeting);
	*qmp = (struct qmp_client){.fd = -1};
}
