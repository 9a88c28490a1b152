/* SPDX-License-Identifier: MIT */
/* The agent's channel pump, between a vchan made of two buffers and real unix sockets. */
#include "unit.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "report.h"
#include "vchan.h"

enum { RING = 4096 };

/* The vchan of the test's one channel, as dom0 sees it. */
struct libxenvchan {
	int event;
	enum vchan_peer peer;
	char in[RING], out[RING]; /* from dom0, to dom0 */
	size_t in_len, out_len;
};

static struct libxenvchan *offered; /* NULL: none */
static unsigned offers, acks;
static char last_words[RING]; /* what the last vchan held for dom0 when it was closed */

struct libxenvchan *vchan_offer(const char *path, size_t from_dom0, size_t to_dom0,
				struct err *err)
{
	assert_string_equal(path, "data/channel/c");
	assert_null(offered);
	offered = calloc(1, sizeof(*offered));
	offered->event = eventfd(0, EFD_NONBLOCK);
	offers++;
	return offered;
}

void vchan_close(struct libxenvchan *vchan)
{
	assert_ptr_equal(vchan, offered);
	memcpy(last_words, vchan->out, RING);
	close(vchan->event);
	free(vchan);
	offered = NULL;
}

enum vchan_peer vchan_peer(struct libxenvchan *vchan)
{
	return vchan->peer;
}

int vchan_fd(struct libxenvchan *vchan)
{
	return vchan->event;
}

void vchan_ack(struct libxenvchan *vchan)
{
	uint64_t value;

	acks++;
	assert_int_equal(read(vchan->event, &value, sizeof(value)), sizeof(value));
}

ssize_t vchan_read(struct libxenvchan *vchan, void *buf, size_t size)
{
	size_t n = vchan->in_len < size ? vchan->in_len : size;

	if (n == 0)
		return vchan->peer == VCHAN_PEER_GONE ? -1 : 0;
	memcpy(buf, vchan->in, n);
	memmove(vchan->in, vchan->in + n, vchan->in_len - n);
	vchan->in_len -= n;
	return (ssize_t)n;
}

ssize_t vchan_write(struct libxenvchan *vchan, const void *buf, size_t size)
{
	size_t n = RING - vchan->out_len;

	if (vchan->peer == VCHAN_PEER_GONE)
		return -1;
	if (n > size)
		n = size;
	memcpy(vchan->out + vchan->out_len, buf, n);
	vchan->out_len += n;
	return (ssize_t)n;
}

void report_line(const char *fmt, ...)
{
}

void report_error(const struct err *err)
{
	fail_msg("%s", err->msg);
}

/* dom0's side */
static void kick(void)
{
	const uint64_t one = 1;

	assert_int_equal(write(offered->event, &one, sizeof(one)), sizeof(one));
}

static void dom0_connect(void)
{
	offered->peer = VCHAN_PEER_OPEN;
	kick();
}

static void dom0_send(const char *text)
{
	memcpy(offered->in + offered->in_len, text, strlen(text));
	offered->in_len += strlen(text);
	kick();
}

static void dom0_close(void)
{
	offered->peer = VCHAN_PEER_GONE;
	kick();
}

/* QEMU's side, and the loop around the pump */
static struct {
	char dir[32], path[64];
	int listener, conn;
	struct boot_channel spec;
	struct boot_contract boot;
} t;

static void qemu_listen(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	t.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	memcpy(addr.sun_path, t.path, sizeof(t.path));
	assert_int_equal(bind(t.listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(t.listener, 1), 0);
}

static bool qemu_accept(void)
{
	t.conn = accept4(t.listener, NULL, NULL, SOCK_NONBLOCK);
	return t.conn >= 0;
}

/*
 * Runs the loop until it would wait for more than `ms`; returns its rounds.  A pump that
 * spins fails here.
 */
static unsigned settle(int ms)
{
	const int64_t end = clock_ms() + 5000;
	unsigned rounds = 0;

	for (;;) {
		struct pollfd pfds[CHANNEL_POLL_MAX];
		int timeout_ms = -1;
		size_t n = channels_poll(pfds, &timeout_ms);
		bool patient = timeout_ms < 0 || timeout_ms > ms;

		assert_true(rounds++ < 1000 && clock_ms() < end);
		if (poll(pfds, n, patient ? ms : timeout_ms) == 0 && patient)
			return rounds;
		channels_run(pfds, n);
	}
}

static void start(enum stubdom_channel_kind kind, bool listening)
{
	struct err err;

	memset(&t, 0, sizeof(t));
	t.listener = t.conn = -1;
	snprintf(t.dir, sizeof(t.dir), "/tmp/agent-channel-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	snprintf(t.path, sizeof(t.path), "%s/sock", t.dir);
	t.spec = (struct boot_channel){.name = (char *)"c", .kind = kind, .path = t.path};
	t.boot.channels = &t.spec;
	t.boot.n_channels = 1;
	offers = acks = 0;
	if (listening)
		qemu_listen();
	assert_int_equal(channels_open(&t.boot, &err), 0);
}

static void finish(void)
{
	channels_close(0);
	assert_null(offered);
	if (t.conn >= 0)
		close(t.conn);
	if (t.listener >= 0)
		close(t.listener);
	unlink(t.path);
	rmdir(t.dir);
}

static void qemu_expect(const char *want)
{
	char got[256] = "";

	assert_int_equal(read(t.conn, got, sizeof(got) - 1), strlen(want));
	assert_string_equal(got, want);
}

static void test_both_ways_and_the_next_client(void **state)
{
	start(STUBDOM_CHANNEL_QMP, true);
	settle(0);
	assert_false(qemu_accept()); /* nobody in dom0: QEMU sees no connection */
	for (int i = 0; i < 3; i++) {
		dom0_connect();
		settle(0);
		assert_true(qemu_accept());
		dom0_send("ask");
		settle(0);
		qemu_expect("ask");
		assert_int_equal(write(t.conn, "answer", 6), 6);
		settle(0);
		assert_memory_equal(offered->out, "answer", 6);
		dom0_close();
		settle(0);
		assert_int_equal(offers, i + 2);
		assert_int_equal(read(t.conn, &(char){0}, 1), 0);
		close(t.conn);
	}
	t.conn = -1;
	finish();
}

/* Nothing is due, and nothing would wake the agent. */
static void assert_asleep(void)
{
	struct pollfd pfds[CHANNEL_POLL_MAX];
	int timeout_ms = -1;
	size_t n = channels_poll(pfds, &timeout_ms);

	assert_int_equal(timeout_ms, -1);
	assert_int_equal(poll(pfds, n, 0), 0);
}

static void test_idle_wakes_nobody(void **state)
{
	start(STUBDOM_CHANNEL_SERIAL, true);
	settle(0);
	assert_true(qemu_accept());
	assert_asleep();
	dom0_connect();
	settle(0);
	assert_asleep();
	dom0_send("ask");
	settle(0);
	qemu_expect("ask");
	assert_asleep();
	finish();
}

static void test_last_words_of_a_client_arrive(void **state)
{
	start(STUBDOM_CHANNEL_RESTORE, true);
	dom0_connect();
	dom0_send("all of it");
	dom0_close();
	settle(0);
	assert_true(qemu_accept());
	qemu_expect("all of it");
	assert_int_equal(read(t.conn, &(char){0}, 1), 0);
	finish();
}

/* dom0 pauses a guest only when the QEMU that is to go on with it listens. */
static void test_restore_is_connected_early_and_once(void **state)
{
	start(STUBDOM_CHANNEL_RESTORE, false);
	settle(0);
	assert_false(channels_incoming());
	qemu_listen();
	settle(600);
	assert_true(qemu_accept());
	assert_true(channels_incoming());
	assert_true(channels_ready());
	assert_asleep();
	dom0_connect();
	dom0_send("state");
	settle(0);
	qemu_expect("state");
	/* It has read all. */
	close(t.conn);
	settle(0);
	assert_false(channels_incoming());
	assert_int_equal(offers, 2);
	settle(600);
	assert_false(qemu_accept());
	finish();
}

static void test_last_words_of_qemu_arrive(void **state)
{
	char big[3 * RING];
	size_t got = 0;

	memset(big, 'q', sizeof(big));
	start(STUBDOM_CHANNEL_QMP, true);
	dom0_connect();
	settle(0);
	assert_true(qemu_accept());
	assert_int_equal(write(t.conn, big, sizeof(big)), sizeof(big));
	close(t.conn);
	t.conn = -1;
	settle(0);
	assert_int_equal(offered->out_len, RING);
	while (offers == 1 && offered->out_len) {
		got += offered->out_len;
		offered->out_len = 0;
		kick();
		settle(0);
	}
	/* The last part went into the ring, and then the channel was closed. */
	assert_int_equal(offers, 2);
	assert_true(got >= sizeof(big) - RING);
	finish();
}

static void test_slow_dom0_holds_qemu_back_without_spinning(void **state)
{
	char chunk[4096];
	size_t sent = 0;
	ssize_t n;

	memset(chunk, 's', sizeof(chunk));
	start(STUBDOM_CHANNEL_SERIAL, true);
	settle(0);
	assert_true(qemu_accept()); /* before anybody connects */
	do {
		while ((n = write(t.conn, chunk, sizeof(chunk))) > 0)
			sent += (size_t)n;
		assert_int_equal(errno, EAGAIN);
		settle(0);
		n = write(t.conn, chunk, 1);
		if (n > 0)
			sent++;
	} while (n > 0);
	/* Ring, buffer and socket are full: nothing more to do, and nothing done. */
	assert_int_equal(settle(20), 1);
	close(t.conn); /* a hang-up does not make it spin either */
	t.conn = -1;
	assert_int_equal(settle(20), 1);
	dom0_connect();
	for (size_t got = 0; got < sent;) {
		settle(0);
		/* The end of the stream closes the channel for good. */
		if (!offered)
			break;
		got += offered->out_len;
		offered->out_len = 0;
		kick();
	}
	settle(0);
	finish();
}

static void test_slow_qemu_holds_dom0_back(void **state)
{
	size_t sent = 0, got = 0;
	char chunk[RING];
	ssize_t n;

	start(STUBDOM_CHANNEL_QMP, true);
	dom0_connect();
	settle(0);
	assert_true(qemu_accept());
	for (int i = 0; i < 1000 && offered->in_len == 0; i++) {
		memset(offered->in, 'd', RING);
		offered->in_len = RING;
		sent += RING;
		kick();
		settle(0);
	}
	assert_true(offered->in_len > 0); /* left in the ring, not in memory */
	assert_int_equal(settle(20), 1);
	while (got < sent) {
		n = read(t.conn, chunk, sizeof(chunk));
		if (n > 0)
			got += (size_t)n;
		settle(0);
	}
	assert_int_equal(got, sent);
	finish();
}

static void test_serial_outlives_its_clients(void **state)
{
	start(STUBDOM_CHANNEL_SERIAL, true);
	settle(0);
	assert_true(qemu_accept());
	assert_true(channels_ready());
	assert_int_equal(write(t.conn, "boot", 4), 4);
	settle(0);
	assert_memory_equal(offered->out, "boot", 4);
	dom0_connect();
	dom0_close();
	settle(0);
	assert_int_equal(offers, 2);
	assert_int_equal(write(t.conn, "more", 4), 4); /* the same connection */
	settle(0);
	assert_memory_equal(offered->out, "more", 4);
	finish();
}

static void test_waits_for_a_qemu_that_does_not_listen_yet(void **state)
{
	start(STUBDOM_CHANNEL_SERIAL, false);
	settle(0);
	assert_false(channels_ready());
	qemu_listen();
	settle(600);
	assert_true(qemu_accept());
	assert_true(channels_ready());
	finish();
}

static void test_is_ready_as_soon_as_qemu_listens(void **state)
{
	start(STUBDOM_CHANNEL_SERIAL, false);
	settle(100); /* the next try by itself is far */
	assert_false(channels_ready());
	qemu_listen();
	assert_true(channels_ready());
	assert_true(qemu_accept());
	finish();
}

static void test_save_hands_over_the_file_and_removes_it(void **state)
{
	/* With its length in front it fills the ring three times. */
	char state_bytes[3 * RING - 8], got[4 * RING];
	static const char length[8] = {(char)0xf8, 0x2f};
	size_t n = 0;
	int fd;

	assert_int_equal(sizeof(state_bytes), 0x2ff8);
	for (size_t i = 0; i < sizeof(state_bytes); i++)
		state_bytes[i] = (char)(i * 7 + 1);
	start(STUBDOM_CHANNEL_SAVE, false);
	fd = open(t.path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, state_bytes, sizeof(state_bytes)),
			 sizeof(state_bytes));
	close(fd);
	dom0_connect();
	settle(0);
	while (n < 2 * RING) {
		memcpy(got + n, offered->out, offered->out_len);
		n += offered->out_len;
		offered->out_len = 0;
		assert_int_equal(offers, 1);
		kick();
		settle(0);
	}
	memcpy(got + n, last_words, RING);
	assert_int_equal(n, 2 * RING);
	assert_memory_equal(got, length, sizeof(length));
	assert_memory_equal(got + 8, state_bytes, sizeof(state_bytes));
	assert_int_equal(offers, 2); /* for the next save */
	assert_int_equal(access(t.path, F_OK), -1);
	finish();
}

static void test_idle_does_nothing(void **state)
{
	start(STUBDOM_CHANNEL_QMP, true);
	dom0_connect();
	settle(0);
	assert_true(qemu_accept());
	acks = 0;
	assert_int_equal(settle(50), 1);
	assert_int_equal(acks, 0);
	finish();
}

static void test_end_passes_on_what_is_left(void **state)
{
	start(STUBDOM_CHANNEL_QMP, true);
	dom0_connect();
	settle(0);
	assert_true(qemu_accept());
	assert_int_equal(write(t.conn, "bye", 3), 3);
	close(t.conn);
	t.conn = -1;
	channels_close(5000);
	assert_string_equal(last_words, "bye");
	assert_int_equal(offers, 1); /* and nothing is offered any more */
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways_and_the_next_client),
		cmocka_unit_test(test_idle_wakes_nobody),
		cmocka_unit_test(test_last_words_of_a_client_arrive),
		cmocka_unit_test(test_restore_is_connected_early_and_once),
		cmocka_unit_test(test_last_words_of_qemu_arrive),
		cmocka_unit_test(test_slow_dom0_holds_qemu_back_without_spinning),
		cmocka_unit_test(test_slow_qemu_holds_dom0_back),
		cmocka_unit_test(test_serial_outlives_its_clients),
		cmocka_unit_test(test_waits_for_a_qemu_that_does_not_listen_yet),
		cmocka_unit_test(test_is_ready_as_soon_as_qemu_listens),
		cmocka_unit_test(test_save_hands_over_the_file_and_removes_it),
		cmocka_unit_test(test_idle_does_nothing),
		cmocka_unit_test(test_end_passes_on_what_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
