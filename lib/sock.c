/* SPDX-License-Identifier: MIT */
/* Unix sockets with a deadline on everything. */
#include "sock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "unix_address.h"

int sock_left_ms(long long deadline)
{
	long long left = deadline - clock_ms();

	return left > 0 ? (int)left : 0;
}

int sock_connect(const char *path, struct err *err)
{
	struct sockaddr_un addr;
	int fd;

	if (unix_address_set(&addr, path) < 0)
		return err_set(err, ERR_HOST, "%s: path too long", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(err, ERR_HOST, errno, "socket");
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	err_errno(err, errno == ENOENT || errno == ECONNREFUSED ? ERR_GUEST : ERR_HOST,
		  errno, "%s", path);
	close(fd);
	return -1;
}

static int wait_for(int fd, short events, long long deadline, struct err *err)
{
	struct pollfd p = {.fd = fd, .events = events};
	int left;
	int n;

	do {
		left = sock_left_ms(deadline);
		n = poll(&p, 1, left);
	} while (n < 0 && errno == EINTR);
	/* A peer that never stops sending is always ready: it too has until then. */
	if (left == 0)
		n = 0;
	if (n < 0)
		return err_errno(err, ERR_HOST, errno, "poll");
	return n > 0 ? 0 : err_set(err, ERR_STUB, "no answer in time");
}

/* recvmsg and sendmsg: the filter of launcher/sandbox/filter.c has no other two. */
long sock_read(int fd, void *buf, size_t size, long long deadline, struct err *err)
{
	struct iovec iov = {.iov_base = buf, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	do {
		if (wait_for(fd, POLLIN, deadline, err) < 0)
			return -1;
		n = recvmsg(fd, &msg, MSG_DONTWAIT);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0)
		return err_errno(err, ERR_STUB, errno, "reading from the stub domain");
	return n;
}

int sock_write_all(int fd, const void *buf, size_t size, long long deadline,
		   struct err *err)
{
	const char *at = buf;

	while (size > 0) {
		struct iovec iov = {.iov_base = (char *)at, .iov_len = size};
		const struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n;

		if (wait_for(fd, POLLOUT, deadline, err) < 0)
			return -1;
		n = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return err_errno(err, ERR_STUB, errno,
					 "writing to the stub domain");
		at += n;
		size -= (size_t)n;
	}
	return 0;
}
