/* SPDX-License-Identifier: MIT */
/* The messages between the launcher and its relay, over a SOCK_SEQPACKET pair. */
#include "relay/msg.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fds.h"

union control {
	char bytes[CMSG_SPACE(sizeof(int) * RELAY_FDS_MAX)];
	struct cmsghdr align;
};

int relay_msg_send(int socket, const struct relay_msg *msg, const int *fds, int n_fds)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)msg, .iov_len = sizeof(*msg)};
	union control control;
	struct msghdr hdr = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (n_fds > 0) {
		struct cmsghdr *cmsg;

		memset(&control, 0, sizeof(control));
		hdr.msg_control = control.bytes;
		hdr.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)n_fds);
		cmsg = CMSG_FIRSTHDR(&hdr);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n_fds);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * (size_t)n_fds);
	}
	do {
		n = sendmsg(socket, &hdr, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*msg) ? 0 : -1;
}

int relay_msg_receive(int socket, struct relay_msg *msg, int fds[RELAY_FDS_MAX])
{
	size_t n_fds;
	ssize_t n = fds_receive(socket, msg, sizeof(*msg), fds, RELAY_FDS_MAX, &n_fds);

	for (size_t i = n_fds; i < RELAY_FDS_MAX; i++)
		fds[i] = -1;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n == (ssize_t)sizeof(*msg)) {
		msg->text[sizeof(msg->text) - 1] = '\0';
		return 1;
	}
	for (size_t i = 0; i < n_fds; i++) {
		close(fds[i]);
		fds[i] = -1;
	}
	return -1;
}
