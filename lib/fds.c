/* SPDX-License-Identifier: MIT */
/* Descriptors: closes what a forked process must not hold, receives them. */
#include "fds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int compare(const void *a, const void *b)
{
	int x = *(const int *)a;
	int y = *(const int *)b;

	return (x > y) - (x < y);
}

void fds_close_except(int *keep, size_t n)
{
	unsigned from = 3;

	qsort(keep, n, sizeof(*keep), compare);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < (int)from)
			continue;
		if (keep[i] > (int)from)
			close_range(from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	close_range(from, ~0u, 0);
}

ssize_t fds_receive(int socket, void *data, size_t size, int *fds, size_t max,
		    size_t *n_fds)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * FDS_RECEIVE_MAX)];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = data, .iov_len = size};
	struct msghdr hdr = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n;

	*n_fds = 0;
	do {
		n = recvmsg(socket, &hdr, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	for (struct cmsghdr *cmsg = n >= 0 ? CMSG_FIRSTHDR(&hdr) : NULL; cmsg;
	     cmsg = CMSG_NXTHDR(&hdr, cmsg)) {
		size_t len = cmsg->cmsg_len - CMSG_LEN(0);

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i + sizeof(int) <= len; i += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i, sizeof(fd));
			if (*n_fds < max)
				fds[(*n_fds)++] = fd;
			else
				close(fd);
		}
	}
	return n;
}
