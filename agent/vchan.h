/* SPDX-License-Identifier: MIT */
/* The server end of one libxenvchan, never blocking. */
#ifndef AGENT_VCHAN_H
#define AGENT_VCHAN_H

#include <stddef.h>
#include <sys/types.h>

#include "err.h"

struct libxenvchan;

enum vchan_peer {
	VCHAN_PEER_NONE, /* dom0 has not connected yet */
	VCHAN_PEER_OPEN,
	VCHAN_PEER_GONE, /* it has closed; its bytes can still be read */
};

/*
 * Offers a server at the xenstore path for dom0, with rings of at least these
 * sizes (bytes; a megabyte at most).
 */
struct libxenvchan *vchan_offer(const char *path, size_t from_dom0, size_t to_dom0,
				struct err *err);

/* Also removes its nodes from xenstore.  dom0 can still read the bytes in the rings. */
void vchan_close(struct libxenvchan *vchan);

enum vchan_peer vchan_peer(struct libxenvchan *vchan);

int vchan_fd(struct libxenvchan *vchan);

/* Takes the event that made vchan_fd readable. */
void vchan_ack(struct libxenvchan *vchan);

/*
 * Like read and write, but 0 means "nothing now": vchan_fd becomes readable when
 * that changes.  -1: closed by dom0 and nothing left, or broken.
 */
ssize_t vchan_read(struct libxenvchan *vchan, void *buf, size_t size);
ssize_t vchan_write(struct libxenvchan *vchan, const void *buf, size_t size);

#endif
