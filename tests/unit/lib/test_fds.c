/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that come beside bytes: the caller's, and none that is too many stays
 * open.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fds.h"

static void send_fds(int socket, const char *text, const int *fds, size_t n)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * FDS_RECEIVE_MAX)];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = (char *)(uintptr_t)text, .iov_len = strlen(text)};
	struct msghdr hdr = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(sizeof(int) * n),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&hdr);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n);
	memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * n);
	assert_int_equal(sendmsg(socket, &hdr, 0), strlen(text));
}

static int next_fd(void)
{
	int fd = dup(STDIN_FILENO);

	close(fd);
	return fd;
}

static void test_receive(void **state)
{
	int source[3];
	int pair[2];
	int fds[2];
	char text[16];
	size_t n;
	int before;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (int i = 0; i < 3; i++)
		source[i] = open("/dev/null", O_RDONLY);
	before = next_fd();
	assert_int_equal(fds_receive(pair[1], text, sizeof(text), fds, 2, &n), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(n, 0);
	send_fds(pair[0], "three", source, 3);
	assert_int_equal(fds_receive(pair[1], text, sizeof(text), fds, 2, &n), 5);
	assert_memory_equal(text, "three", 5);
	assert_int_equal(n, 2);
	assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(next_fd(), before); /* the third is closed */
	close(pair[0]);
	assert_int_equal(fds_receive(pair[1], text, sizeof(text), fds, 2, &n), 0);
	assert_int_equal(fds_receive(source[0], text, sizeof(text), fds, 2, &n), -1);
	assert_int_equal(errno, ENOTSOCK);
	close(pair[1]);
	for (int i = 0; i < 3; i++)
		close(source[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_receive)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
