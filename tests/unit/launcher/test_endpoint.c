/* SPDX-License-Identifier: MIT */
/* Channels' ends in dom0, with real sockets, ptys and files. */
#include "unit.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "endpoint/endpoint.h"

struct place {
	char dir[40];
	char path[64];
};

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	strcpy(place->dir, "/tmp/test-endpoint-XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	snprintf(place->path, sizeof(place->path), "%s/end", place->dir);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	unlink(place->path);
	rmdir(place->dir);
	free(place);
	return 0;
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static bool readable(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	return poll(&pfd, 1, 0) == 1;
}

static void test_socket_in_the_way(void **state)
{
	struct place *place = *state;
	struct plan_endpoint plan = {.type = PLAN_ENDPOINT_UNIX_LISTEN,
				     .path = place->path};
	struct endpoint first;
	struct endpoint second;
	struct stat st;
	struct err err;
	int client;

	assert_int_equal(endpoint_open(&first, &plan, &err), 0);
	endpoint_close(&first); /* the socket stays, as when a process was killed */
	assert_int_equal(stat(place->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(endpoint_open(&second, &plan, &err), 0);
	client = connect_to(place->path);
	assert_false(endpoint_connected(&second));
	endpoint_accept(&second);
	assert_true(endpoint_connected(&second));
	close(client);
	endpoint_tidy(&plan); /* somebody listens: not ours to remove */
	assert_int_equal(stat(place->path, &st), 0);
	endpoint_close(&second);
	endpoint_tidy(&plan);
	assert_int_equal(stat(place->path, &st), -1);
}

static void test_file_in_the_way(void **state)
{
	struct place *place = *state;
	struct plan_endpoint plan = {.type = PLAN_ENDPOINT_UNIX_LISTEN,
				     .path = place->path};
	int fd = open(place->path, O_WRONLY | O_CREAT, 0644);
	struct endpoint end;
	struct stat st;
	struct err err;

	assert_int_equal(write(fd, "precious", 8), 8);
	assert_int_equal(endpoint_open(&end, &plan, &err), -1);
	assert_int_equal(err.code, ERR_HOST);
	assert_non_null(strstr(err.msg, place->path));
	endpoint_tidy(&plan);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 8);
	assert_int_equal(st.st_nlink, 1);
	close(fd);
}

/* In a folder of another user's, its links and second names lead root nowhere. */
static void test_foreign_folder(void **state)
{
	struct place *place = *state;
	struct plan_endpoint file = {.type = PLAN_ENDPOINT_FILE, .path = place->path};
	struct plan_endpoint sock = {.type = PLAN_ENDPOINT_UNIX_LISTEN,
				     .path = place->path};
	char precious[64];
	struct endpoint end;
	struct stat st;
	struct err err;
	int fd;

	if (geteuid() != 0)
		skip(); /* files of another user cannot be made */
	snprintf(precious, sizeof(precious), "%s.precious", place->dir);
	fd = open(precious, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "precious", 8), 8);
	assert_int_equal(chown(place->dir, 12345, 12345), 0);

	assert_int_equal(symlink(precious, place->path), 0);
	assert_int_equal(lchown(place->path, 12345, 12345), 0);
	assert_int_equal(endpoint_open(&end, &file, &err), -1);
	assert_non_null(strstr(err.msg, "a link that another user has made"));
	unlink(place->path);
	assert_int_equal(link(precious, place->path), 0);
	assert_int_equal(endpoint_open(&end, &file, &err), -1);
	assert_non_null(strstr(err.msg, "the file has another name"));
	unlink(place->path);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 8);

	/* A socket can be there, and is nobody's but root's. */
	assert_int_equal(endpoint_open(&end, &sock, &err), 0);
	assert_int_equal(lstat(place->path, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0600);
	close(connect_to(place->path));
	endpoint_close(&end);
	endpoint_tidy(&sock);
	assert_int_equal(access(place->path, F_OK), -1);
	unlink(precious);
	close(fd);
}

static mode_t mode_when_named;

/* In the place of libc's: looks at a unix socket in its first moment. */
int bind(int fd, __CONST_SOCKADDR_ARG addr, socklen_t len)
{
	const struct sockaddr *any = addr.__sockaddr__;
	int rc = (int)syscall(SYS_bind, fd, any, len);
	struct stat st;

	if (rc == 0 && any->sa_family == AF_UNIX &&
	    lstat(((const struct sockaddr_un *)any)->sun_path, &st) == 0)
		mode_when_named = st.st_mode;
	return rc;
}

/* The socket's mode is right when its name appears: nobody can be quicker. */
static void test_socket_mode(void **state)
{
	struct place *place = *state;
	struct plan_endpoint plan = {.type = PLAN_ENDPOINT_UNIX_LISTEN,
				     .path = place->path};
	mode_t before = umask(0);
	struct endpoint end;
	struct err err;

	assert_int_equal(endpoint_open(&end, &plan, &err), 0);
	umask(before);
	assert_int_equal(mode_when_named, S_IFSOCK | 0600);
	endpoint_close(&end);
}

/* Nothing has to be looked at again and again to know that somebody opened it. */
/* A file's content stays with append=on, and goes without. */
static void test_file_appends(void **state)
{
	struct place *place = *state;
	struct plan_endpoint plan = {.type = PLAN_ENDPOINT_FILE, .path = place->path};
	static const bool append[] = {false, true, false};
	static const off_t want[] = {5, 10, 5};
	struct endpoint end;
	struct stat st;
	struct err err;

	for (int i = 0; i < 3; i++) {
		plan.append = append[i];
		assert_int_equal(endpoint_open(&end, &plan, &err), 0);
		assert_int_equal(write(end.out_fd, "12345", 5), 5);
		endpoint_close(&end);
		assert_int_equal(stat(place->path, &st), 0);
		assert_int_equal(st.st_size, want[i]);
	}
}

static void test_pty_tells(void **state)
{
	struct place *place = *state;
	struct plan_endpoint plan = {.type = PLAN_ENDPOINT_PTY, .path = place->path};
	struct endpoint end;
	struct err err;

	assert_int_equal(endpoint_open(&end, &plan, &err), 0);
	assert_int_equal(strncmp(end.name, "pty:/dev/pts/", 13), 0);
	for (int i = 0; i < 2; i++) {
		struct pollfd pfd = {.fd = end.in_fd};
		int terminal;

		endpoint_update(&end);
		assert_false(endpoint_connected(&end));
		assert_false(readable(end.opened_fd));
		terminal = open(place->path, O_RDWR | O_NOCTTY);
		assert_true(terminal >= 0);
		assert_true(readable(end.opened_fd));
		endpoint_update(&end);
		assert_true(endpoint_connected(&end));
		assert_int_equal(write(end.out_fd, "x", 1), 1);
		close(terminal);
		assert_int_equal(poll(&pfd, 1, 0),
				 1); /* and this tells that it is closed */
		endpoint_disconnect(&end);
	}
	endpoint_close(&end);
	endpoint_tidy(&plan);
	assert_int_equal(access(place->path, F_OK), -1);
}

static void test_connects_again(void **state)
{
	struct place *place = *state;
	struct plan_endpoint there = {.type = PLAN_ENDPOINT_UNIX_LISTEN,
				      .path = place->path};
	struct plan_endpoint plan = {.type = PLAN_ENDPOINT_UNIX_CONNECT,
				     .path = place->path};
	struct endpoint listener;
	struct endpoint end;
	struct err err;
	int fd;

	/* Nobody is there: an error, but not if it is to be tried again. */
	assert_int_equal(endpoint_open(&end, &plan, &err), -1);
	plan.reconnect_s = 1;
	assert_int_equal(endpoint_open(&end, &plan, &err), 0);
	assert_false(endpoint_connected(&end));
	assert_int_equal(endpoint_dial(&plan, &err), -1);

	assert_int_equal(endpoint_open(&listener, &there, &err), 0);
	for (int i = 0; i < 2; i++) {
		fd = endpoint_dial(&plan, &err);
		assert_true(fd >= 0);
		endpoint_take(&end, fd);
		assert_true(endpoint_connected(&end));
		endpoint_accept(&listener);
		assert_true(endpoint_connected(&listener));
		assert_int_equal(write(end.out_fd, "x", 1), 1);
		assert_true(readable(listener.in_fd));
		endpoint_disconnect(&listener);
		endpoint_disconnect(&end);
		assert_false(endpoint_connected(&end));
	}
	endpoint_close(&end);
	endpoint_close(&listener);
}

static unsigned port_of(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	unsigned char *port = (unsigned char *)&addr + 2; /* of v4 and of v6 */

	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	return (unsigned)port[0] << 8 | port[1];
}

/* A picture in parts does not wait for the viewer's word that it has the part before. */
static bool sends_at_once(int fd)
{
	socklen_t len = sizeof(int);
	int nodelay = 0;

	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &len), 0);
	return nodelay;
}

/* A connection that is under way is not one yet; one that is refused is none. */
static void test_tcp_dials(void **state)
{
	char host[] = "127.0.0.1";
	struct plan_endpoint there = {.type = PLAN_ENDPOINT_TCP_LISTEN,
				      .host = host,
				      .port = 20000,
				      .to = 65535};
	struct plan_endpoint plan = {
		.type = PLAN_ENDPOINT_TCP_CONNECT, .host = host, .reconnect_s = 1};
	struct endpoint listener;
	struct endpoint taken;
	struct endpoint end;
	struct pollfd pfd = {.events = POLLOUT};
	struct err err;

	assert_int_equal(endpoint_open(&listener, &there, &err), 0);
	assert_int_equal(listener.port, port_of(listener.listen_fd));
	/* The port is taken: the next one that is free. */
	there.port = listener.port;
	assert_int_equal(endpoint_open(&taken, &there, &err), 0);
	assert_true(taken.port > listener.port);
	endpoint_close(&taken);

	plan.port = listener.port;
	assert_int_equal(endpoint_open(&end, &plan, &err), 0);
	assert_true(endpoint_connected(&end));
	endpoint_accept(&listener);
	assert_true(endpoint_connected(&listener));
	assert_true(sends_at_once(end.out_fd));
	assert_true(sends_at_once(listener.out_fd));
	endpoint_disconnect(&end);
	endpoint_close(&listener);
	for (int tries = 0; tries < 100; tries++) {
		int fd = endpoint_dial(&plan, &err);

		if (fd < 0)
			break; /* refused at once */
		endpoint_take(&end, fd);
		pfd.fd = fd;
		poll(&pfd, 1, 5000);
		endpoint_update(&end);
		assert_false(endpoint_connected(&end));
	}
	assert_int_equal(end.in_fd, -1);
	endpoint_close(&end);
}

/* A host's name is looked up once; after that only addresses are used. */
static void test_lookup(void **state)
{
	char host[] = "127.0.0.1";
	char nowhere[] = "no such host";
	struct plan_endpoint there = {.type = PLAN_ENDPOINT_TCP_LISTEN,
				      .host = host,
				      .port = 20000,
				      .to = 65535};
	char name[] = "c";
	struct plan_channel channel = {
		.name = name,
		.endpoint = {.type = PLAN_ENDPOINT_TCP_CONNECT, .reconnect_s = 1}};
	struct plan plan = {.channels = &channel, .n_channels = 1};
	struct endpoint listener;
	struct err err;
	int fd;

	assert_int_equal(endpoint_open(&listener, &there, &err), 0);
	channel.endpoint.port = listener.port;
	channel.endpoint.host = nowhere;
	assert_int_equal(endpoint_lookup(&plan, &err), -1);
	assert_non_null(strstr(err.msg, "channel c: host no such host: "));
	channel.endpoint.host = host;
	assert_int_equal(endpoint_lookup(&plan, &err), 0);
	channel.endpoint.host = nowhere;
	fd = endpoint_dial(&channel.endpoint, &err);
	assert_true(fd >= 0);
	close(fd);
	assert_string_equal(channel.endpoint.addresses[0], "127.0.0.1");
	free(channel.endpoint.addresses[0]);
	free(channel.endpoint.addresses);
	endpoint_close(&listener);
}

static void test_share(void **state)
{
	struct place *place = *state;
	struct plan_endpoint there = {.type = PLAN_ENDPOINT_UNIX_LISTEN,
				      .path = place->path};
	char with[] = "screen";
	struct plan_endpoint plan = {.type = PLAN_ENDPOINT_SHARED, .with = with};
	struct endpoint first;
	struct endpoint second;
	struct err err;
	int clients[3];

	assert_int_equal(endpoint_open(&first, &there, &err), 0);
	assert_int_equal(endpoint_open(&second, &plan, &err), 0);
	assert_int_equal(endpoint_share(&second, &first, &err), 0);
	for (int i = 0; i < 3; i++)
		clients[i] = connect_to(place->path);
	endpoint_accept(&second);
	endpoint_accept(&first);
	assert_true(endpoint_connected(&first) && endpoint_connected(&second));
	assert_int_equal(write(second.out_fd, "2", 1), 1);
	assert_true(readable(clients[0]));
	/* The third waits until one of them is free. */
	assert_true(readable(first.listen_fd));
	endpoint_disconnect(&first);
	endpoint_accept(&first);
	assert_false(readable(first.listen_fd));
	for (int i = 0; i < 3; i++)
		close(clients[i]);
	endpoint_close(&first);
	endpoint_close(&second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_socket_in_the_way, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_file_in_the_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_foreign_folder, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_socket_mode, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pty_tells, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_connects_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file_appends, set_up, tear_down),
		cmocka_unit_test(test_tcp_dials),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test_setup_teardown(test_share, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
