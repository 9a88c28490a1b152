/* SPDX-License-Identifier: MIT */
/* One QMP connection, served in QEMU's place. */
#ifndef STUBDOM_QMP_SERVER_H
#define STUBDOM_QMP_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"

enum { QMP_SERVER_MESSAGE_MAX = 64 << 10 }; /* a toolstack's longest has some 100 bytes */

/* The whole reply to a command, without its id; never NULL.  The caller owns it. */
typedef json_t *qmp_server_answer(void *arg, const char *command);

struct qmp_server {
	int fd;
	int send_ms; /* for a peer that does not read */
	qmp_server_answer *answer;
	void *arg;
	bool negotiated;
	size_t len;
	char buf[QMP_SERVER_MESSAGE_MAX];
};

/* The greeting is the caller's to send.  fd stays the caller's. */
void qmp_server_init(struct qmp_server *server, int fd, int send_ms,
		     qmp_server_answer *answer, void *arg);

int qmp_server_send(struct qmp_server *server, const json_t *message, struct err *err);

/* Reads once and answers the whole messages.  0: go on; 1: the peer has closed. */
int qmp_server_read(struct qmp_server *server, struct err *err);

/* Replies that are errors. */
json_t *qmp_server_error(const char *class, const char *desc);
json_t *qmp_server_not_found(const char *command);

#endif
