/* SPDX-License-Identifier: MIT */
/* The VNC client against servers that misbehave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rfb.h"

#define HELLO "RFB 003.008\n\x01\x01\0\0\0\0"
#define PIXEL_FORMAT "\x20\x18\0\x01\0\xff\0\xff\0\xff\x10\x08\0\0\0\0"
#define INIT(w, h) HELLO "\0" w "\0" h PIXEL_FORMAT "\0\0\0\x02vm"
/* One update of one rectangle: x, y, w, h, encoding. */
#define RECT(x, y, w, h, enc) "\0\0\0\x01\0" x "\0" y "\0" w "\0" h enc
#define RAW "\0\0\0\0"
#define DESKTOP_SIZE "\xff\xff\xff\x21"
#define PIXEL(b, g, r) b g r "\0"
#define TEXT(s) s, sizeof(s) - 1

struct peer {
	int fd;
	const char *text;
	size_t size;
	bool flood;
};

static void *run_peer(void *arg)
{
	const struct peer *peer = arg;
	char sink[256];

	do {
		size_t sent = 0;

		while (sent < peer->size) {
			ssize_t n = send(peer->fd, peer->text + sent, peer->size - sent,
					 MSG_NOSIGNAL);

			if (n <= 0)
				return NULL;
			sent += (size_t)n;
		}
		while (recv(peer->fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			;
	} while (peer->flood);
	shutdown(peer->fd, SHUT_WR);
	while (recv(peer->fd, sink, sizeof(sink), 0) > 0)
		;
	return NULL;
}

/* The head once, then the flood without end if there is one. */
static int capture(const char *head, size_t head_size, const char *flood,
		   size_t flood_size, struct rfb_image *image, struct err *err)
{
	struct peer peer = {.text = head, .size = head_size};
	pthread_t thread;
	int fds[2];
	int rc;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	if (flood) {
		assert_int_equal(send(fds[0], head, head_size, 0), head_size);
		peer = (struct peer){.text = flood, .size = flood_size, .flood = true};
	}
	peer.fd = fds[0];
	assert_int_equal(pthread_create(&thread, NULL, run_peer, &peer), 0);
	rc = rfb_capture(fds[1], 500, image, err);
	close(fds[1]);
	pthread_join(thread, NULL);
	close(fds[0]);
	return rc;
}

static void test_good(void **state)
{
	static const unsigned char want[] = {3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10};
	static const char text[] = INIT("\x02", "\x02")
		/* A bell, cut text and a colour map between two halves. */
		"\x02" RECT("\0", "\0", "\x02", "\x01", RAW) PIXEL("\1", "\2", "\3")
			PIXEL("\4", "\5",
			      "\6") "\x03\0\0\0\0\0\0\x03"
				    "abc\x01\0\0\0\0\x01"
				    "\1\2\3\4\5\6" RECT("\0", "\x01", "\x02", "\x01", RAW)
					    PIXEL("\7", "\x08", "\x09")
						    PIXEL("\x0a", "\x0b", "\x0c");
	struct rfb_image image;
	struct err err = {0};

	assert_int_equal(capture(TEXT(text), NULL, 0, &image, &err), 0);
	assert_int_equal(image.width, 2);
	assert_int_equal(image.height, 2);
	assert_memory_equal(image.rgb, want, sizeof(want));
	rfb_image_free(&image);
}

/* Half a picture, then another size: only what comes after counts. */
static void test_resize(void **state)
{
	static const char text[] = INIT("\x02", "\x02") RECT("\0", "\0", "\x02", "\x01",
							     RAW) PIXEL("\1", "\2", "\3")
		PIXEL("\4", "\5", "\6") RECT("\0", "\0", "\x01", "\x01", DESKTOP_SIZE)
			RECT("\0", "\0", "\x01", "\x01", RAW) PIXEL("\7", "\x08", "\x09");
	struct rfb_image image;
	struct err err = {0};

	assert_int_equal(capture(TEXT(text), NULL, 0, &image, &err), 0);
	assert_int_equal(image.width, 1);
	assert_int_equal(image.height, 1);
	assert_memory_equal(image.rgb, "\x09\x08\7", 3);
	rfb_image_free(&image);
}

static void test_bad(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *says;
	} cases[] = {
		{TEXT(""), "closed the channel"},
		{TEXT("{\"QMP\": {}}\r\n"), "not RFB 3.8"},
		{TEXT("RFB 003.003\n\0\0\0\x01"), "not RFB 3.8"},
		{TEXT("RFB 003.008\n\0"), "refuses"},
		{TEXT("RFB 003.008\n\x01\x02"), "password"},
		{TEXT("RFB 003.008\n\x01\x01\0\0\0\x01"), "refuses"},
		{TEXT(HELLO "\0\0\0\x02" PIXEL_FORMAT "\0\0\0\0"), "screen size"},
		{TEXT(HELLO "\x40\x01\0\x02" PIXEL_FORMAT "\0\0\0\0"), "screen size"},
		{TEXT(HELLO "\x40\0\x40\0" PIXEL_FORMAT "\0\0\0\0"), "screen size"},
		{TEXT(HELLO "\0\x02\0\x02" PIXEL_FORMAT "\xff\xff\xff\xff"), "too long"},
		{TEXT(INIT("\x02", "\x02") RECT("\x01", "\0", "\x02", "\x01", RAW)),
		 "outside"},
		{TEXT(INIT("\x02", "\x02") RECT("\0", "\x02", "\x01", "\x01", RAW)),
		 "outside"},
		{TEXT(INIT("\x02",
			   "\x02") "\0\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xff" RAW),
		 "outside"},
		{TEXT(INIT("\x02", "\x02")
			      RECT("\0", "\0", "\x01", "\x01", "\0\0\0\x07")),
		 "encoding"},
		{TEXT(INIT("\x02", "\x02") RECT("\0", "\0", "\0", "\0", DESKTOP_SIZE)),
		 "screen size"},
		{TEXT(INIT("\x02", "\x02") "\x03\0\0\0\x7f\xff\xff\xff"), "too long"},
		{TEXT(INIT("\x02", "\x02") "\x63"), "unknown kind"},
		{TEXT(INIT("\x02", "\x02") RECT("\0", "\0", "\x02", "\x02", RAW) "\1\2"),
		 "closed the channel"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rfb_image image;
		struct err err = {0};

		assert_int_equal(
			capture(cases[i].text, cases[i].size, NULL, 0, &image, &err), -1);
		assert_null(image.rgb);
		assert_int_equal(err.code, ERR_STUB);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("case %zu: '%s' does not say '%s'", i, err.msg,
				 cases[i].says);
	}
}

/* It sends and sends and never sends the picture. */
static void test_floods(void **state)
{
	static const struct {
		const char *text;
		size_t size;
	} floods[] = {
		{TEXT("\x02")},
		{TEXT(RECT("\0", "\0", "\0", "\0", RAW))},
		{TEXT(RECT("\0", "\0", "\x01", "\x01", RAW) PIXEL("\1", "\2", "\3"))},
		{TEXT(RECT("\0", "\0", "\x02", "\x02", DESKTOP_SIZE))},
	};
	static const char head[] = INIT("\x02", "\x02");

	for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
		struct rfb_image image;
		struct err err = {0};

		assert_int_equal(
			capture(TEXT(head), floods[i].text, floods[i].size, &image, &err),
			-1);
		assert_int_equal(err.code, ERR_STUB);
		assert_non_null(strstr(err.msg, "no answer in time"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_floods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
