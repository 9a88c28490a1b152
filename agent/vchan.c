/* SPDX-License-Identifier: MIT */
/* The server end of one libxenvchan, never blocking. */
#include "vchan.h"

#include <errno.h>
#include <fcntl.h>

#include <libxenvchan.h>

enum { DOM0 = 0 };

struct libxenvchan *vchan_offer(const char *path, size_t from_dom0, size_t to_dom0,
				struct err *err)
{
	struct libxenvchan *vchan =
		libxenvchan_server_init(NULL, DOM0, path, from_dom0, to_dom0);

	if (!vchan) {
		err_errno(err, ERR_STUB, errno, "cannot offer %s", path);
		return NULL;
	}
	vchan->blocking = 0; /* server_init leaves it unset */
	vchan->server_persist = 0;
	fcntl(vchan_fd(vchan), F_SETFL, O_NONBLOCK);
	return vchan;
}

void vchan_close(struct libxenvchan *vchan)
{
	libxenvchan_close(vchan);
}

enum vchan_peer vchan_peer(struct libxenvchan *vchan)
{
	/* vchan/libxenvchan.h: 0 closed, 1 open, 2 waiting for the client. */
	switch (libxenvchan_is_open(vchan)) {
	case 1:
		return VCHAN_PEER_OPEN;
	case 2:
		return VCHAN_PEER_NONE;
	default:
		return VCHAN_PEER_GONE;
	}
}

int vchan_fd(struct libxenvchan *vchan)
{
	return libxenvchan_fd_for_select(vchan);
}

void vchan_ack(struct libxenvchan *vchan)
{
	libxenvchan_wait(vchan);
}

ssize_t vchan_read(struct libxenvchan *vchan, void *buf, size_t size)
{
	return libxenvchan_read(vchan, buf, size);
}

ssize_t vchan_write(struct libxenvchan *vchan, const void *buf, size_t size)
{
	return libxenvchan_write(vchan, buf, size);
}
