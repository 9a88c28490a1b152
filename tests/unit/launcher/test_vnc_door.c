/* SPDX-License-Identifier: MIT */
/* A screen with a password: viewers of each version, browsers, and faults. */
#include "unit.h"

#include <string.h>

#include "relay/vnc_door.h"

/* Of "secret" and the bytes 0 to 15, by `openssl enc -des-ecb` with the key's bits turned. */
static const unsigned char answer[VNC_CHALLENGE] = {0xee, 0x22, 0x53, 0x9f, 0x33, 0xa5,
						    0x98, 0x3e, 0xc1, 0x2f, 0x9c, 0x2e,
						    0xdb, 0xc9, 0x95, 0xdd};
static const char greeting[] = "RFB 003.008\n";

struct world {
	struct vnc_password password;
	struct vnc_door door;
	struct buffer viewer, qemu;
	struct err err;
};

static void make_world(struct world *w, bool is_web)
{
	json_t *arguments = json_pack("{s:s}", "password", "secret");
	json_t *done;

	memset(w, 0, sizeof(*w));
	w->password = vnc_password_new();
	done = vnc_password_command(&w->password, "change-vnc-password", arguments, 1000,
				    &w->err);
	assert_non_null(done);
	json_decref(done);
	json_decref(arguments);
	vnc_door_open(&w->door, &w->password, is_web, 0, &w->viewer);
}

static void free_world(struct world *w)
{
	vnc_door_close(&w->door);
	buffer_free(&w->viewer);
	buffer_free(&w->qemu);
}

static void assert_said(struct buffer *b, const void *want, size_t len)
{
	assert_true(b->len >= len);
	assert_memory_equal(buffer_bytes(b), want, len);
	buffer_consume(b, len);
}

static int viewer_says(struct world *w, const void *data, size_t len)
{
	return vnc_door_viewer(&w->door, data, len, &w->viewer, &w->qemu, &w->err);
}

static int qemu_says(struct world *w, const void *data, size_t len)
{
	return vnc_door_qemu(&w->door, data, len, &w->viewer, &w->qemu, &w->err);
}

/* Up to the challenge, which becomes the one that `answer` is right for. */
static void come_to_challenge(struct world *w, const char *version)
{
	assert_said(&w->viewer, greeting, 12);
	assert_int_equal(viewer_says(w, version, 12), 0);
	if (version[10] == '3') {
		assert_said(&w->viewer, "\0\0\0\2", 4);
	} else {
		assert_said(&w->viewer, "\1\2", 2);
		assert_int_equal(viewer_says(w, "\2", 1), 0);
	}
	assert_int_equal(w->viewer.len, VNC_CHALLENGE);
	buffer_consume(&w->viewer, VNC_CHALLENGE);
	for (int i = 0; i < VNC_CHALLENGE; i++)
		w->door.challenge[i] = (unsigned char)i;
	assert_false(vnc_door_wants_qemu(&w->door));
}

static void come_past(struct world *w)
{
	assert_said(&w->viewer, "\0\0\0\0", 4);
	assert_true(vnc_door_wants_qemu(&w->door));
	assert_false(vnc_door_reads(&w->door));
	assert_int_equal(qemu_says(w, greeting, 12), 0);
	assert_said(&w->qemu, greeting, 12);
	assert_int_equal(qemu_says(w, "\2\x10\1", 3), 0);
	assert_said(&w->qemu, "\1", 1);
	assert_int_equal(qemu_says(w, "\0\0\0\0screen", 10), 0);
	assert_true(vnc_door_reads(&w->door));
}

static void test_versions(void **state)
{
	static const char *const versions[] = {"RFB 003.003\n", "RFB 003.007\n",
					       "RFB 003.008\n", "RFB 003.889\n"};

	for (size_t i = 0; i < 4; i++) {
		struct world w;

		make_world(&w, false);
		come_to_challenge(&w, versions[i]);
		/* In two pieces; its next message may come at once. */
		assert_int_equal(viewer_says(&w, answer, 7), 0);
		assert_int_equal(w.viewer.len, 0);
		assert_int_equal(viewer_says(&w, answer + 7, 9), 0);
		assert_int_equal(viewer_says(&w, "\1", 1), 0);
		come_past(&w);
		assert_said(&w.qemu, "\1", 1);
		assert_said(&w.viewer, "screen", 6);
		assert_int_equal(viewer_says(&w, "key", 3), 0);
		assert_said(&w.qemu, "key", 3);
		assert_int_equal(qemu_says(&w, "picture", 7), 0);
		assert_said(&w.viewer, "picture", 7);
		free_world(&w);
	}
}

static void test_wrong(void **state)
{
	static const char zero[VNC_CHALLENGE];
	struct world w;

	make_world(&w, false);
	come_to_challenge(&w, "RFB 003.008\n");
	assert_int_equal(viewer_says(&w, zero, sizeof(zero)), -1);
	assert_said(&w.viewer,
		    "\0\0\0\1\0\0\0\x15"
		    "authentication failed",
		    29);
	assert_false(vnc_door_wants_qemu(&w.door));
	buffer_consume(&w.viewer, w.viewer.len);
	/* After five, nobody may try for five seconds. */
	for (int i = 0; i < 4; i++) {
		vnc_door_open(&w.door, &w.password, false, 0, &w.viewer);
		come_to_challenge(&w, "RFB 003.003\n");
		assert_int_equal(viewer_says(&w, zero, sizeof(zero)), -1);
		assert_said(&w.viewer, "\0\0\0\1", 4);
	}
	vnc_door_open(&w.door, &w.password, false, 4900, &w.viewer);
	assert_said(&w.viewer, greeting, 12);
	assert_int_equal(viewer_says(&w, greeting, 12), -1);
	assert_said(&w.viewer,
		    "\0\0\0\0\x2b"
		    "too many",
		    13);
	buffer_consume(&w.viewer, w.viewer.len);
	vnc_door_open(&w.door, &w.password, false, 5000, &w.viewer);
	come_to_challenge(&w, "RFB 003.008\n");
	assert_int_equal(viewer_says(&w, answer, sizeof(answer)), 0);
	assert_said(&w.viewer, "\0\0\0\0", 4);
	free_world(&w);
}

/* Versions before 3.8 hear nothing behind the type. */
static void test_no_password(void **state)
{
	static const struct {
		const char *version, *type, *said;
		size_t len;
	} viewers[] = {{"RFB 003.003\n", "", "\0\0\0\1", 4},
		       {"RFB 003.007\n", "\1", "\1\1", 2},
		       {"RFB 003.008\n", "\1", "\1\1\0\0\0", 6}};

	for (size_t i = 0; i < 3; i++) {
		struct world w = {0};

		vnc_door_open(&w.door, NULL, false, 0, &w.viewer);
		assert_said(&w.viewer, greeting, 12);
		assert_int_equal(viewer_says(&w, viewers[i].version, 12), 0);
		assert_int_equal(
			viewer_says(&w, viewers[i].type, strlen(viewers[i].type)), 0);
		assert_said(&w.viewer, viewers[i].said, viewers[i].len);
		assert_true(vnc_door_wants_qemu(&w.door));
		assert_int_equal(qemu_says(&w, greeting, 12), 0);
		assert_int_equal(qemu_says(&w, "\1\1\0\0\0\0screen", 12), 0);
		assert_said(&w.viewer, "screen", 6);
		free_world(&w);
	}
	/* Of a type that was not offered. */
	for (int type = 0; type < 4; type += 2) {
		struct world w = {0};
		char says = (char)type;

		vnc_door_open(&w.door, NULL, false, 0, &w.viewer);
		assert_int_equal(viewer_says(&w, greeting, 12), 0);
		assert_int_equal(viewer_says(&w, &says, 1), -1);
		free_world(&w);
	}
}

#define INIT(size) size "\x20\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0\0\0\0\0\0\0\4QEMU"
enum { INIT_LEN = 28, FORMAT_LEN = 20, REQUEST_LEN = 10 };

static void switch_door(struct world *w, int how)
{
	assert_int_equal(vnc_door_switch(&w->door, &w->err), how);
}

/* A viewer in front of a screen of 320 x 200 that knows these encodings. */
static void make_seen(struct world *w, const char *encodings, size_t len)
{
	memset(w, 0, sizeof(*w));
	vnc_door_open(&w->door, NULL, false, 0, &w->viewer);
	assert_int_equal(viewer_says(w, "RFB 003.003\n", 12), 0);
	assert_int_equal(viewer_says(w, "\1", 1), 0);
	buffer_consume(&w->viewer, w->viewer.len);
	assert_int_equal(qemu_says(w, greeting, 12), 0);
	assert_int_equal(qemu_says(w, "\1\1\0\0\0\0", 6), 0);
	assert_int_equal(viewer_says(w, encodings, len), 0);
	buffer_consume(&w->qemu, w->qemu.len);
	assert_int_equal(qemu_says(w, INIT("\1\x40\0\xc8"), INIT_LEN), 0);
	buffer_consume(&w->viewer, w->viewer.len);
}

/* The new QEMU's handshake, which the viewer does not see. */
static int shake_hands(struct world *w, const char *init)
{
	assert_true(vnc_door_wants_qemu(&w->door));
	assert_false(vnc_door_reads(&w->door));
	assert_int_equal(qemu_says(w, greeting, 12), 0);
	assert_said(&w->qemu, greeting, 12);
	assert_int_equal(qemu_says(w, "\1\1", 2), 0);
	assert_said(&w->qemu, "\1", 1);
	assert_int_equal(qemu_says(w, "\0\0\0\0", 4), 0);
	assert_said(&w->qemu, "\1", 1); /* shared */
	for (size_t i = 0; i < INIT_LEN - 1; i++)
		assert_int_equal(qemu_says(w, init + i, 1), 0);
	assert_int_equal(w->qemu.len, 0);
	return qemu_says(w, init + INIT_LEN - 1, 1);
}

static void test_switch(void **state)
{
	static const char encodings[] = "\2\0\0\1\xff\xff\xff\x21";
	struct world w;

	make_seen(&w, encodings, sizeof(encodings) - 1);
	switch_door(&w, 0);
	assert_int_equal(shake_hands(&w, INIT("\1\x40\0\xc8")), 0);
	assert_int_equal(w.viewer.len, 0);
	assert_int_equal(w.qemu.len, FORMAT_LEN + sizeof(encodings) - 1 + REQUEST_LEN);
	buffer_consume(&w.qemu, w.qemu.len);
	assert_true(vnc_door_reads(&w.door));
	/* Amid a message, which ends; what is behind it is dropped.  Then again, twice. */
	assert_int_equal(qemu_says(&w, "\3\0\0\0\0\0\0", 7), 0);
	switch_door(&w, 1);
	assert_false(vnc_door_reads(&w.door));
	assert_int_equal(qemu_says(&w, "\5hel", 4), 0);
	assert_int_equal(qemu_says(&w, "lo\2", 3), 1);
	assert_said(&w.viewer, "\3\0\0\0\0\0\0\5hello", 13);
	assert_int_equal(w.viewer.len, 0);
	assert_int_equal(qemu_says(&w, greeting, 5), 0);
	switch_door(&w, 0);
	/* A screen of another size. */
	assert_int_equal(shake_hands(&w, INIT("\2\xd0\1\x90")), 0);
	assert_said(&w.viewer, "\0\0\0\1\0\0\0\0\2\xd0\1\x90\xff\xff\xff\x21", 16);
	assert_int_equal(w.viewer.len, 0);
	assert_int_equal(qemu_says(&w, "\2", 1), 0);
	assert_said(&w.viewer, "\2", 1);
	free_world(&w);
}

/* One that QEMU tells each size; one that nobody can tell. */
static void test_switch_size(void **state)
{
	static const char screens[] = "\2\0\0\1\xff\xff\xfe\xcc";
	struct world w;

	make_seen(&w, screens, sizeof(screens) - 1);
	switch_door(&w, 0);
	assert_int_equal(shake_hands(&w, INIT("\2\xd0\1\x90")), 0);
	assert_int_equal(w.viewer.len, 0);
	free_world(&w);
	make_seen(&w, "\2\0\0\0", 4);
	switch_door(&w, 0);
	assert_int_equal(shake_hands(&w, INIT("\2\xd0\1\x90")), -1);
	free_world(&w);
}

static void test_switch_early(void **state)
{
	struct world w = {0};

	/* Not past the door; amid the first QEMU's handshake. */
	vnc_door_open(&w.door, NULL, false, 0, &w.viewer);
	switch_door(&w, 0);
	assert_int_equal(viewer_says(&w, "RFB 003.003\n", 12), 0);
	assert_int_equal(qemu_says(&w, greeting, 12), 0);
	switch_door(&w, 0);
	buffer_consume(&w.qemu, w.qemu.len);
	buffer_consume(&w.viewer, w.viewer.len);
	assert_int_equal(qemu_says(&w, greeting, 12), 0);
	assert_int_equal(qemu_says(&w, "\1\1\0\0\0\0", 6), 0);
	/* The screen has not begun. */
	switch_door(&w, 1);
	free_world(&w);
	/* Of these nobody knows where a message ends. */
	make_seen(&w, "\2\0\0\0", 4);
	assert_int_equal(qemu_says(&w, "what", 4), 0);
	switch_door(&w, -1);
	free_world(&w);
	make_seen(&w, "what", 4);
	switch_door(&w, -1);
	free_world(&w);
}

static void test_not_rfb(void **state)
{
	static const char *const first[] = {"GET / HTTP/1", "RFB 004.000\n",
					    "RFB 003.008 "};
	struct world w;

	for (size_t i = 0; i < 3; i++) {
		make_world(&w, false);
		assert_int_equal(viewer_says(&w, first[i], 12), -1);
		free_world(&w);
	}
	/* A type that was not offered: none. */
	make_world(&w, false);
	assert_int_equal(viewer_says(&w, greeting, 12), 0);
	assert_int_equal(viewer_says(&w, "\1", 1), -1);
	free_world(&w);
}

/* QEMU's side is hostile, too. */
static void test_qemu(void **state)
{
	static const struct {
		const char *says;
		size_t len;
	} wrong[] = {{"RFB 003.003\n", 12},
		     {"RFB 003.008\n\1\2", 14},
		     {"RFB 003.008\n\0", 13},
		     {"RFB 003.008\n\1\1\0\0\0\1", 18}};

	for (size_t i = 0; i < 4; i++) {
		struct world w;

		make_world(&w, false);
		assert_int_equal(qemu_says(&w, greeting, 12), -1); /* not its turn */
		come_to_challenge(&w, "RFB 003.008\n");
		assert_int_equal(viewer_says(&w, answer, sizeof(answer)), 0);
		assert_int_equal(qemu_says(&w, wrong[i].says, wrong[i].len), -1);
		free_world(&w);
	}
}

static bool may(struct vnc_password *password, int64_t now_s)
{
	static const unsigned char challenge[VNC_CHALLENGE] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

	password->tries = rate_full(1, 1000);
	return vnc_password_check(password, challenge, answer, now_s);
}

static json_t *command(struct vnc_password *password, const char *name, const char *key,
		       const char *value, struct err *err)
{
	json_t *arguments = json_pack("{s:s, s:s}", "protocol", "vnc", key, value);
	json_t *done = vnc_password_command(password, name, arguments, 1000, err);

	json_decref(arguments);
	return done;
}

static void test_commands(void **state)
{
	static const struct {
		const char *name, *key, *value;
		int done; /* 1: answered; 0: QEMU's; -1: refused */
		bool may;
	} steps[] = {
		{"set_password", "password", "secretly", 1, false},
		{"set_password", "password", "secret", 1, true},
		{"expire_password", "time", "+5", 1, true},
		{"expire_password", "time", "now", 1, false},
		{"expire_password", "time", "never", 1, true},
		{"expire_password", "time", "1001", 1, true},
		{"expire_password", "time", "999", 1, false},
		{"expire_password", "time", "soon", -1, false},
		{"human-monitor-command", "command-line", "change vnc password secret", 1,
		 true},
		{"human-monitor-command", "command-line", "change vnc password", -1,
		 true},
		{"human-monitor-command", "command-line", "change ide1-cd0 /x", 0, true},
		{"human-monitor-command", "command-line", "set_password vnc wrong", 1,
		 false},
		{"human-monitor-command", "command-line", "set_password spice x", 0,
		 false},
		{"human-monitor-command", "command-line", "  change  vnc passwd secret\n",
		 1, true},
		{"human-monitor-command", "command-line", "info vnc", 0, true},
		{"change-vnc-password", "password", "", 1, false},
		{"query-vnc", "x", "y", 0, false},
	};
	struct vnc_password password = vnc_password_new();
	struct err err;

	assert_false(may(&password, 1000)); /* not set yet */
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		json_t *done = command(&password, steps[i].name, steps[i].key,
				       steps[i].value, &err);

		assert_int_equal(done ? 1 : err.msg[0] ? -1 : 0, steps[i].done);
		json_decref(done);
		if (may(&password, 1000) != steps[i].may)
			fail_msg("%s %s", steps[i].name, steps[i].value);
	}
}

/* RFC 6455, 1.3 has this key and its answer. */
static const char request[] =
	"GET /x HTTP/1.1\r\nHost: dom0\r\nupgrade: WebSocket\r\nConnection: Upgrade\r\n"
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	"Sec-WebSocket-Protocol: chat, binary\r\nSec-WebSocket-Version: 13\r\n\r\n";

static void test_upgrade(void **state)
{
	struct world w;
	size_t len = strlen(request);
	char *said;

	make_world(&w, true);
	assert_int_equal(viewer_says(&w, request, len - 1), 0);
	assert_int_equal(w.viewer.len, 0);
	assert_int_equal(viewer_says(&w, request + len - 1, 1), 0);
	buffer_append(&w.viewer, "", 1, 4096);
	said = buffer_bytes(&w.viewer);
	assert_non_null(strstr(said, "101 "));
	assert_non_null(
		strstr(said, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	assert_non_null(strstr(said, "Sec-WebSocket-Protocol: binary\r\n"));
	assert_non_null(strstr(said, "\r\n\r\n\x82\x0cRFB 003.008\n"));
	free_world(&w);
	make_world(&w, true);
	assert_int_equal(viewer_says(&w, "GET / HTTP/1.1\r\n\r\n", 18), -1);
	assert_said(&w.viewer, "HTTP/1.1 400 ", 13);
	free_world(&w);
}

static int frame(struct world *w, unsigned char head, const char *data, size_t len)
{
	unsigned char out[64] = {head, (unsigned char)(0x80 | len), 1, 2, 3, 4};
	int rc = 0;

	for (size_t i = 0; i < len; i++)
		out[6 + i] = (unsigned char)data[i] ^ out[2 + i % 4];
	/* Byte by byte. */
	for (size_t i = 0; i < 6 + len && rc == 0; i++)
		rc = viewer_says(w, out + i, 1);
	return rc;
}

static void test_frames(void **state)
{
	struct world w;

	make_world(&w, true);
	assert_int_equal(viewer_says(&w, request, strlen(request)), 0);
	buffer_consume(&w.viewer, w.viewer.len);
	assert_int_equal(frame(&w, 0x02, "RFB 00", 6), 0);
	assert_int_equal(frame(&w, 0x89, "ping", 4), 0); /* amid a message */
	assert_said(&w.viewer, "\x8a\x04ping", 6);
	assert_int_equal(frame(&w, 0x80, "3.008\n", 6), 0);
	assert_said(&w.viewer, "\x82\x02\1\2", 4);
	assert_int_equal(frame(&w, 0x82, "\2", 1), 0);
	assert_int_equal(w.viewer.len, 2 + VNC_CHALLENGE);
	buffer_consume(&w.viewer, w.viewer.len);
	assert_int_equal(frame(&w, 0x88, "\3\xe8", 2), -1);
	assert_said(&w.viewer, "\x88\x02\3\xe8", 4);
	/* Its close was answered: there is no second one. */
	vnc_door_end(&w.door, &w.viewer);
	assert_int_equal(w.viewer.len, 0);
	free_world(&w);
	/* Not masked; an unknown operation; a long control frame; an absurd length. */
	for (int i = 0; i < 4; i++) {
		static const char *const bad[] = {"\x82\x01zzzzz", "\x83\x81zzzzz",
						  "\x89\xfe\1\0zzzz",
						  "\x82\xff\xff\0\0\0\0\0\0\0zzzz"};

		make_world(&w, true);
		assert_int_equal(viewer_says(&w, request, strlen(request)), 0);
		buffer_consume(&w.viewer, w.viewer.len);
		assert_int_equal(viewer_says(&w, bad[i], i == 3 ? 14 : 8 - (i < 2)), -1);
		vnc_door_end(&w.door, &w.viewer);
		assert_int_equal(w.viewer.len, 4);
		assert_said(&w.viewer, "\x88\x02\3\xea", 4);
		free_world(&w);
	}
}

/* Each end of the relay's is told to a browser, in a frame of its own, once. */
static void test_last_words(void **state)
{
	static const char zero[VNC_CHALLENGE];
	struct world w;

	for (int right = 0; right < 2; right++) {
		make_world(&w, true);
		/* There is no websocket yet. */
		vnc_door_end(&w.door, &w.viewer);
		assert_int_equal(w.viewer.len, 0);
		assert_int_equal(viewer_says(&w, request, strlen(request)), 0);
		assert_int_equal(frame(&w, 0x82, greeting, 12), 0);
		assert_int_equal(frame(&w, 0x82, "\2", 1), 0);
		for (int i = 0; i < VNC_CHALLENGE; i++)
			w.door.challenge[i] = (unsigned char)i;
		buffer_consume(&w.viewer, w.viewer.len);
		assert_int_equal(frame(&w, 0x82, right ? (const char *)answer : zero,
				       VNC_CHALLENGE),
				 right ? 0 : -1);
		if (right)
			assert_said(&w.viewer, "\x82\4\0\0\0\0", 6);
		else
			assert_said(&w.viewer,
				    "\x82\4\0\0\0\1\x82\4\0\0\0\x15\x82\x15"
				    "authentication failed",
				    35);
		assert_int_equal(w.viewer.len, 0);
		vnc_door_end(&w.door, &w.viewer);
		vnc_door_end(&w.door, &w.viewer);
		assert_int_equal(w.viewer.len, 4);
		/* A wrong password is refused (1008); QEMU has gone (1001). */
		assert_said(&w.viewer, right ? "\x88\x02\3\xe9" : "\x88\x02\3\xf0", 4);
		free_world(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),    cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_no_password), cmocka_unit_test(test_switch),
		cmocka_unit_test(test_switch_size), cmocka_unit_test(test_switch_early),
		cmocka_unit_test(test_not_rfb),	    cmocka_unit_test(test_qemu),
		cmocka_unit_test(test_commands),    cmocka_unit_test(test_upgrade),
		cmocka_unit_test(test_frames),	    cmocka_unit_test(test_last_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
