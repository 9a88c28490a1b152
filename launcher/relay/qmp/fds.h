/* SPDX-License-Identifier: MIT */
/* Descriptors that QMP clients hand over, in QEMU's terms: fd sets. */
#ifndef STUBDOM_QMP_FDS_H
#define STUBDOM_QMP_FDS_H

#include <jansson.h>
#include <stdbool.h>

#include "err.h"

/*
 * A descriptor of dom0 means nothing in the stub domain, so fd sets are kept here, and
 * QEMU never hears of them.  This table answers add-fd, remove-fd and query-fdsets.  A
 * command that names /dev/fdset/N is carried out with the descriptor (job.h).  So a
 * client's QMP reaches only files of dom0 that the client can open itself.
 */
enum { QMP_FDS_MAX = 64, QMP_ARRIVED_MAX = 8 };

struct qmp_fd {
	json_int_t set;
	int fd;
	char *opaque; /* the client's own note; NULL: none */
};

/* All zero is an empty table; one for all clients of a QEMU, as QEMU has it. */
struct qmp_fds {
	struct qmp_fd list[QMP_FDS_MAX];
	size_t n;
};

/*
 * Descriptors that came beside the bytes of one connection, and no command has taken yet.
 */
struct qmp_arrived {
	int fds[QMP_ARRIVED_MAX];
	size_t n;
};

/* Takes the descriptor; it is closed if there is no room. */
void qmp_arrived_put(struct qmp_arrived *arrived, int fd);
void qmp_arrived_free(struct qmp_arrived *arrived);

/* "add-fd", "remove-fd" or "query-fdsets": its value, for the caller, or NULL and err. */
json_t *qmp_fds_command(struct qmp_fds *fds, struct qmp_arrived *arrived,
			const char *name, const json_t *arguments, struct err *err);

/* Whether QEMU would take it for an fd set. */
bool qmp_fds_is_path(const char *path);

/*
 * A duplicate, for the caller, of the set's descriptor that can be read
 * (`write`: written to); -1 and err if there is none.
 */
int qmp_fds_open(const struct qmp_fds *fds, const char *path, bool write,
		 struct err *err);

void qmp_fds_free(struct qmp_fds *fds);

#endif
