/* SPDX-License-Identifier: MIT */
/* The QMP client against a peer that misbehaves. */
#include "unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qmp_client.h"

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"
#define CAPABLE "{\"return\": {}, \"id\": \"stubdom-0\"}\r\n"

/* Sends its text, then floods with it again and again if asked to, until closed. */
struct peer {
	int fd;
	const char *text;
	const char *flood;
	pthread_t thread;
};

static void *run_peer(void *arg)
{
	struct peer *peer = arg;
	size_t left = strlen(peer->text);
	const char *at = peer->text;
	char sink[4096];

	while (left > 0) {
		ssize_t n = send(peer->fd, at, left, MSG_NOSIGNAL);

		if (n <= 0)
			return NULL;
		at += n;
		left -= (size_t)n;
	}
	while (peer->flood &&
	       send(peer->fd, peer->flood, strlen(peer->flood), MSG_NOSIGNAL) > 0)
		;
	shutdown(peer->fd, SHUT_WR);
	while (recv(peer->fd, sink, sizeof(sink), 0) > 0)
		;
	return NULL;
}

static int start_peer(struct peer *peer, const char *text, const char *flood)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	*peer = (struct peer){.fd = fds[0], .text = text, .flood = flood};
	assert_int_equal(pthread_create(&peer->thread, NULL, run_peer, peer), 0);
	return fds[1];
}

static void end_peer(struct peer *peer)
{
	pthread_join(peer->thread, NULL);
	close(peer->fd);
}

static int run(const char *text, const char *flood, json_t **result, struct err *err)
{
	json_t *command = json_pack("{s:s}", "execute", "x");
	struct qmp_client qmp;
	struct peer peer;
	int fd = start_peer(&peer, text, flood);
	int rc;

	*result = NULL;
	rc = qmp_client_start(&qmp, fd, 2000, err);
	if (rc == 0)
		rc = qmp_client_run(&qmp, command, 2000, 1, result, err);
	qmp_client_close(&qmp);
	end_peer(&peer);
	json_decref(command);
	return rc;
}

static void test_good(void **state)
{
	struct err err;
	json_t *result;

	/* Events and a late reply of another command come before the answer. */
	assert_int_equal(run(GREETING CAPABLE
			     "{\"event\": \"STOP\", \"timestamp\": {}}\r\n"
			     "{\"return\": 1, \"id\": \"other\"}\r\n"
			     "{\"return\": {\"a\": 2}, \"id\": \"stubdom-1\"}\r\n",
			     NULL, &result, &err),
			 0);
	assert_int_equal(json_integer_value(json_object_get(result, "a")), 2);
	json_decref(result);
	/* More than a signed 64-bit integer holds. */
	assert_int_equal(
		run(GREETING CAPABLE
		    "{\"return\": 18446744073709551615, \"id\": \"stubdom-1\"}\r\n",
		    NULL, &result, &err),
		0);
	assert_true(json_number_value(result) > 1.8e19);
	json_decref(result);
}

static void test_error_reply(void **state)
{
	struct err err;
	json_t *result;

	assert_int_equal(run(GREETING CAPABLE
			     "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": "
			     "\"no \\u001b[2J x\"}, \"id\": \"stubdom-1\"}\r\n",
			     NULL, &result, &err),
			 -1);
	assert_int_equal(err.code, 1);
	/* No escape sequence gets to the terminal by way of an error. */
	assert_string_equal(err.msg, "CommandNotFound: no ?[2J x");
}

static void test_bad(void **state)
{
	static const struct {
		const char *text;
		const char *flood;
		const char *says;
	} cases[] = {
		{"", NULL, "closed the connection"},
		{"RFB 003.008\n", NULL, "not QMP"},
		{"[]\n", NULL, "not QMP"},
		{"{\"x\": 1}\n", NULL, "not QMP"},
		{"{\"QMP\":", NULL, "closed the connection"},
		{GREETING, NULL, "closed the connection"},
		{GREETING "{\"error\": {}}\n", NULL, "GenericError: no description"},
		{GREETING CAPABLE "{\"id\": \"stubdom-1\"}\n", NULL, "not QMP"},
		{GREETING CAPABLE "\xff\xfe\n", NULL, "not QMP"},
		/* No end of events, no end of a line. */
		{GREETING CAPABLE, "{\"event\": \"X\"}\n", "no answer in time"},
		{GREETING CAPABLE,
		 "{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {0};
		json_t *result;

		assert_int_equal(run(cases[i].text, cases[i].flood, &result, &err), -1);
		assert_int_equal(err.code, ERR_STUB);
		assert_null(result);
		if (cases[i].says && !strstr(err.msg, cases[i].says))
			fail_msg("'%s' does not say '%s'", err.msg, cases[i].says);
	}
}

/* It says nothing: the time-out ends it. */
static void test_silence(void **state)
{
	struct qmp_client qmp;
	struct err err;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(qmp_client_start(&qmp, fds[1], 50, &err), -1);
	assert_string_equal(err.msg, "QMP: no answer in time");
	assert_int_equal(qmp.fd, -1);
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_error_reply),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
