/* SPDX-License-Identifier: MIT */
/*
 * The toolstack's probe, as libxl makes it: over a listening socket that is handed
 * over.
 */
#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "probe.h"
#include "sample_manifest.h"

enum { IDLE_MS = 20000 };

static struct manifest manifest;

static int load_manifest(void **state)
{
	struct err err;

	return manifest_parse("/img", SAMPLE_MANIFEST, strlen(SAMPLE_MANIFEST), &manifest,
			      &err);
}

static int free_manifest(void **state)
{
	manifest_free(&manifest);
	return 0;
}

struct server {
	int fd;
	int idle_ms;
	const struct args *args;
	int rc;
	struct err err;
};

static void *serve(void *arg)
{
	struct server *s = arg;

	if (s->args)
		s->rc = probe_run(s->args, &manifest, &s->err);
	else
		s->rc = probe_serve(s->fd, &manifest, s->idle_ms, &s->err);
	if (s->fd >= 0)
		close(s->fd);
	return NULL;
}

/* Sends all of it, hangs up for writing, reads until the other end hangs up. */
static void talk(int fd, const char *sent, size_t len, char *got, size_t size)
{
	size_t at = 0;
	ssize_t n;

	while (len > 0) {
		n = send(fd, sent, len, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		sent += n;
		len -= (size_t)n;
	}
	shutdown(fd, SHUT_WR);
	while (at + 1 < size && (n = read(fd, got + at, size - 1 - at)) > 0)
		at += (size_t)n;
	got[at] = '\0';
	close(fd);
}

/* One connection served on a socket pair; returns probe_serve's result. */
static int exchange(const char *sent, size_t len, char *got, size_t size, struct err *err)
{
	struct server server = {.idle_ms = IDLE_MS};
	pthread_t thread;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	server.fd = pair[0];
	assert_int_equal(pthread_create(&thread, NULL, serve, &server), 0);
	talk(pair[1], sent, len, got, size);
	assert_int_equal(pthread_join(thread, NULL), 0);
	*err = server.err;
	return server.rc;
}

#define GREETING "{\"QMP\":{\"version\":{},\"capabilities\":[]}}\r\n"
#define OPTIONS                                                                          \
	"{\"return\":[{\"option\":\"run-with\",\"parameters\":[{\"name\":\"chroot\"},"   \
	"{\"name\":\"user\"}]}]"

static void check(const char *sent, const char *expected, int rc)
{
	static char got[8192];
	struct err err;

	assert_int_equal(exchange(sent, strlen(sent), got, sizeof(got), &err), rc);
	assert_string_equal(got, expected);
}

static void test_as_libxl(void **state)
{
	check("{\"execute\":\"qmp_capabilities\",\"id\":5456}\r\n"
	      "{\"execute\":\"query-command-line-options\",\"id\":5457}\r\n"
	      "{\"execute\":\"quit\",\"id\":5458}\r\n",
	      GREETING "{\"return\":{},\"id\":5456}\r\n" OPTIONS ",\"id\":5457}\r\n"
		       "{\"return\":{},\"id\":5458}\r\n",
	      1);
}

static void test_words(void **state)
{
	check("{\"execute\":\"query-version\",\"id\":\"a\"}",
	      GREETING "{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"Expecting "
		       "capabilities negotiation with 'qmp_capabilities'\"},"
		       "\"id\":\"a\"}\r\n",
	      0);
	check("{\"execute\":\"qmp_capabilities\"}{\"execute\":\"query-version\"}  "
	      "{\"execute\":\"cont\",\"id\":{\"x\":[1]}}",
	      GREETING "{\"return\":{}}\r\n{\"return\":{\"package\":\"p\"}}\r\n"
		       "{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"The command "
		       "cont has not been found\"},\"id\":{\"x\":[1]}}\r\n",
	      0);
	check("{\"arguments\":{},\"id\":1}\n",
	      GREETING
	      "{\"error\":{\"class\":\"GenericError\",\"desc\":\"QMP input lacks "
	      "member 'execute'\"},\"id\":1}\r\n",
	      0);
	check("", GREETING, 0);
}

static void test_garbage(void **state)
{
	static char got[65536];
	struct err err;
	const char *sent =
		"what?\n\n]{\"execute\":\"qmp_capabilities\",\"x\":\"}\\\"{\"}\n"
		"{\"a\":}\n";
	int rc = exchange(sent, strlen(sent), got, sizeof(got), &err);

	assert_int_equal(rc, 0);
	assert_ptr_equal(strstr(got, GREETING "{\"error\":{\"class\":\"GenericError\","
					      "\"desc\":\"JSON parse error"),
			 got);
	assert_non_null(strstr(got, "\r\n{\"error\":"));
}

static void test_too_long(void **state)
{
	static char sent[100000];
	static char got[8192];
	struct err err;

	memset(sent, '{', sizeof(sent));
	assert_int_equal(exchange(sent, sizeof(sent), got, sizeof(got), &err), -1);
	assert_int_equal(err.code, ERR_HOST);
	assert_string_equal(err.msg, "QMP: a message longer than 65536 bytes");
}

static void test_silence(void **state)
{
	struct server server = {.idle_ms = 20};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	server.fd = pair[0];
	serve(&server);
	assert_int_equal(server.rc, -1);
	assert_non_null(strstr(server.err.msg, "the toolstack was silent"));
	close(pair[1]);
}

/* libxl's whole line; the first client only looks, the second asks. */
static void test_listening(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char chardev[64];
	char *argv[] = {(char *)"dm",
			(char *)"-S",
			(char *)"-no-user-config",
			(char *)"-nodefaults",
			(char *)"-nographic",
			(char *)"-machine",
			(char *)"none,accel=xen",
			(char *)"-chardev",
			chardev,
			(char *)"-mon",
			(char *)"chardev=libxl-cmd,mode=control"};
	struct server server = {.fd = -1};
	pthread_t thread;
	struct args args;
	char got[512];
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "/tmp/test_probe.%d", (int)getpid());
	assert_int_equal(bind(listening, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(listening, 1), 0);
	snprintf(chardev, sizeof(chardev), "socket,id=libxl-cmd,fd=%d,server=on,wait=off",
		 listening);
	assert_int_equal(args_split(11, argv, &args, &server.err), 0);
	assert_true(args_is_probe(&args));
	server.args = &args;
	assert_int_equal(pthread_create(&thread, NULL, serve, &server), 0);
	for (int i = 0; i < 2; i++) {
		const char *sent =
			"{\"execute\":\"qmp_capabilities\"}{\"execute\":\"quit\"}";
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
		talk(fd, sent, i == 0 ? 0 : strlen(sent), got, sizeof(got));
		assert_string_equal(got, i == 0 ? GREETING
						: GREETING "{\"return\":{}}\r\n"
							   "{\"return\":{}}\r\n");
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(server.rc, 0);
	args_free(&args);
	close(listening);
	unlink(un.sun_path);
}

static void test_no_descriptor(void **state)
{
	char *none[] = {(char *)"dm", (char *)"-machine", (char *)"none"};
	char *bad[] = {(char *)"dm", (char *)"-M", (char *)"type=none",
		       (char *)"-chardev", (char *)"socket,id=x,fd=1000"};
	char *other[] = {(char *)"dm", (char *)"-machine", (char *)"xenfv"};
	struct args args;
	struct err err;

	assert_int_equal(args_split(3, none, &args, &err), 0);
	assert_true(args_is_probe(&args));
	assert_int_equal(probe_run(&args, &manifest, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.msg, "nobody to answer"));
	args_free(&args);
	assert_int_equal(args_split(5, bad, &args, &err), 0);
	assert_true(args_is_probe(&args));
	assert_int_equal(probe_run(&args, &manifest, &err), -1);
	assert_non_null(strstr(err.msg, "descriptor 1000"));
	args_free(&args);
	assert_int_equal(args_split(3, other, &args, &err), 0);
	assert_false(args_is_probe(&args));
	args_free(&args);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_libxl),      cmocka_unit_test(test_words),
		cmocka_unit_test(test_garbage),	      cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_silence),	      cmocka_unit_test(test_listening),
		cmocka_unit_test(test_no_descriptor),
	};

	return cmocka_run_group_tests(tests, load_manifest, free_manifest);
}
