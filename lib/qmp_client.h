/* SPDX-License-Identifier: MIT */
/* A QMP client over a unix socket, with bounds on what the other side may send. */
#ifndef STUBDOM_QMP_CLIENT_H
#define STUBDOM_QMP_CLIENT_H

#include <jansson.h>
#include <stddef.h>

#include "err.h"

/* The longest line taken: well above what query-qmp-schema answers (200 KB). */
#define QMP_CLIENT_LINE_MAX (16u << 20)

/* qmp_client_close releases it; all-zero with fd -1 is a closed one. */
struct qmp_client {
	int fd;
	char *buf;
	size_t used;
	size_t size;
	json_t *greeting;
	unsigned next_id;
};

/*
 * Connects, reads the greeting and leaves negotiation mode.  timeout_ms bounds
 * all of it.  ERR_GUEST: no such socket.  ERR_STUB: no answer, or not QMP.
 */
int qmp_client_open(struct qmp_client *qmp, const char *path, int timeout_ms,
		    struct err *err);

/* The same on a connected socket, which the client owns from now on. */
int qmp_client_start(struct qmp_client *qmp, int fd, int timeout_ms, struct err *err);

/*
 * Runs a command and waits for its reply; events are passed over.  0: *result is its
 * answer, the caller's to release.  An error reply sets err->code to error_code, the
 * message is "CLASS: DESCRIPTION".
 */
int qmp_client_run(struct qmp_client *qmp, const json_t *command, int timeout_ms,
		   int error_code, json_t **result, struct err *err);

/*
 * Hands QEMU a descriptor of a file, which stays the caller's: *set is its fd set, for
 * "/dev/fdset/SET" in a later command.
 */
int qmp_client_add_fd(struct qmp_client *qmp, int fd, int timeout_ms, json_int_t *set,
		      struct err *err);

void qmp_client_close(struct qmp_client *qmp);

#endif
