/* SPDX-License-Identifier: MIT */
/* A screen's server and its viewer are followed, and the viewer goes on with another one. */
#include "unit.h"

#include <string.h>

#include "relay/rfb_server.h"
#include "relay/rfb_viewer.h"

enum { MOST = 1 << 20 };

#define BYTES(text) text, sizeof(text) - 1

/* 32, 16 and 8 bits a pixel; and colours out of a table. */
#define FORMAT_32 "\x20\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0\0\0\0"
#define FORMAT_16 "\x10\x10\0\1\0\x1f\0\x3f\0\x1f\x0b\x05\0\0\0\0"
#define FORMAT_8 "\x08\x08\0\1\0\7\0\7\0\3\0\3\6\0\0\0"
#define FORMAT_TABLE "\x20\x18\0\0\0\xff\0\xff\0\xff\x10\x08\0\0\0\0"
#define INIT(format) "\1\x40\0\xc8" format "\0\0\0\4QEMU"
#define UPDATE(n) "\0\0\0" n
#define RECT(w, h, encoding) "\0\1\0\0\0" w "\0" h encoding
#define NEGATIVE(low) "\xff\xff\xff" low
#define BELL "\2"

/* A message of the server's with 4, 2 and 1 bytes a pixel. */
struct message {
	const char *bytes;
	size_t len;
};

#define MESSAGE(text) {BYTES(text)}

static const struct message any_format[] = {
	MESSAGE(BELL),
	MESSAGE("\1\0\0\1\0\2rrggbbRRGGBB"),
	MESSAGE("\3\0\0\0\0\0\0\5hello"),
	MESSAGE("\3\0\0\0\xff\xff\xff\xf8\x10\0\0\1more"),
	MESSAGE("\xfa\0\1\1"),
	MESSAGE("\xff\1\0\0"),
	MESSAGE("\xff\1\0\1"),
	MESSAGE("\xff\1\0\2\0\0\0\3ooh"),
	MESSAGE(UPDATE("\0")),
	/* Nothing behind it: size, kind of pointer, keys, sound. */
	MESSAGE(UPDATE("\4") RECT("\x40", "\x30", NEGATIVE("\x21")) RECT(
		"\1", "\1", "\xff\xff\xfe\xff") RECT("\1", "\1", "\xff\xff\xfe\xfe")
			RECT("\1", "\1", "\xff\xff\xfe\xfd")),
	/* Lights, a name, screens, a pointer with a mask of its own. */
	MESSAGE(UPDATE("\4") RECT("\0", "\0", "\xff\xff\xfe\xfb") "\7" RECT(
		"\0", "\0",
		"\xff\xff\xfe\xcd") "\0\0\0\2hi" RECT("\x50", "\x20",
						      "\xff\xff\xfe\xcc") "\2pad"
									  "screen 123456789"
									  "screen 987654321" RECT(
										  "\2",
										  "\1",
										  "\xff\xff\xfe\xc6") "\0\0\0\0RGBARGBA"),
	/* A copy; zlib, ZRLE, ZYWRLE. */
	MESSAGE(UPDATE("\4") RECT("\5", "\5", "\0\0\0\1") "\0\1\0\1" RECT(
		"\5", "\5",
		"\0\0\0\6") "\0\0\0\5\x78\x9c"
			    "abc" RECT("\5", "\5",
				       "\0\0\0\x10") "\0\0\0\4\x78\x9c"
						     "de" RECT("\5", "\5",
							       "\0\0\0\x11") "\0\0\0\1f"),
	/* Tight: lossy, and of PNG. */
	MESSAGE(UPDATE("\2") RECT("\x40", "\x40", "\0\0\0\7") "\x90\3jpg" RECT(
		"\x40", "\x40", "\xff\xff\xfe\xfc") "\xa0\3png"),
	/* Of no area. */
	MESSAGE(UPDATE("\2") RECT("\0", "\5", "\0\0\0\0") RECT("\0", "\5", "\0\0\0\5")),
};

static const struct message of_32[] = {
	MESSAGE(UPDATE("\2") RECT("\2", "\1", "\0\0\0\0") "RGB.RGB." RECT(
		"\3", "\2", "\xff\xff\xff\x11") "ABC.ABC.ABC.ABC.ABC.ABC."
						"mm"),
	/* Hextile: 17 by 1, a raw tile of one pixel; colours; parts with and without theirs. */
	MESSAGE(UPDATE("\3") RECT(
		"\x11", "\1",
		"\0\0\0\5") "\6BACKFORE"
			    "\1RGB." RECT("\1", "\x11",
					  "\0\0\0\5") "\x1a"
						      "BACK\2RGB.xyRGB.xy"
						      "\xc"
						      "FORE\2xyxy" RECT("\1", "\1",
									"\0\0\0\5") "\0"),
	/* Tight: one colour; few bytes; more; two colours; three; a slope; a long length. */
	MESSAGE(UPDATE("\7") RECT("\x40", "\x40", "\0\0\0\7") "\x80RGB" RECT("\1", "\3", "\0\0\0\7") "\0RGBRGBRGB" RECT("\2", "\2", "\0\0\0\7") "\0\4zzzz" RECT(
		"\x11", "\1",
		"\0\0\0\7") "\x50\1\1RGBRGBxyz" RECT("\4", "\3",
						     "\0\0\0\7") "\x60\1\2RGBRGBRGB\2zz" RECT("\2",
											      "\2",
											      "\0\0\0\7") "\x70\2\1z" RECT("\x40",
															   "\x40",
															   "\0\0\0\7") "\x90\x80\x80\0"),
};

static const struct message of_16[] = {
	MESSAGE(UPDATE("\2") RECT("\3", "\1", "\0\0\0\0") "RGRGRG" RECT(
		"\1", "\1", "\0\0\0\5") "\6BAFO"),
	MESSAGE(UPDATE("\2") RECT("\x40", "\x40", "\0\0\0\7") "\x80RG" RECT(
		"\3", "\2", "\0\0\0\7") "\0\1z"),
};

static const struct message of_8[] = {
	MESSAGE(UPDATE("\2") RECT("\3", "\1", "\0\0\0\0") "RRR" RECT("\1", "\1",
								     "\0\0\0\5") "\6BF"),
	MESSAGE(UPDATE("\2") RECT("\x40", "\x40", "\0\0\0\7") "\x80R" RECT(
		"\3", "\3", "\0\0\0\7") "\0RRRRRRRRR"),
};

struct world {
	struct rfb_server server;
	unsigned char format[RFB_FORMAT];
	struct buffer out;
};

static void free_world(struct world *w)
{
	buffer_free(&w->out);
}

static int take(struct world *w, const void *data, size_t len)
{
	return rfb_server_take(&w->server, w->format, data, len, &w->out, MOST);
}

static void assert_out(struct buffer *out, const void *want, size_t len)
{
	assert_int_equal(out->len, len);
	assert_memory_equal(buffer_bytes(out), want, len);
	buffer_consume(out, len);
}

static void begin(struct world *w, const char *init, size_t len)
{
	memset(w, 0, sizeof(*w));
	assert_false(rfb_server_is_between(&w->server));
	assert_int_equal(take(w, init, len), 0);
	assert_true(rfb_server_is_between(&w->server));
	assert_out(&w->out, init, len);
	assert_int_equal(w->server.width, 320);
	assert_int_equal(w->server.height, 200);
}

/* In two pieces, cut anywhere.  It is over with its last byte, and not before. */
static void check_message(const char *init, size_t init_len, const struct message *m)
{
	for (size_t cut = 1; cut <= m->len; cut++) {
		struct world w;

		begin(&w, init, init_len);
		assert_int_equal(take(&w, m->bytes, cut), 0);
		assert_int_equal(rfb_server_is_between(&w.server), cut == m->len);
		assert_int_equal(take(&w, m->bytes + cut, m->len - cut), 0);
		assert_true(rfb_server_is_between(&w.server));
		assert_out(&w.out, m->bytes, m->len);
		free_world(&w);
	}
}

static void check_messages(const char *init, size_t len, const struct message *of,
			   size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_message(init, len, &of[i]);
	for (size_t i = 0; i < sizeof(any_format) / sizeof(any_format[0]); i++)
		check_message(init, len, &any_format[i]);
}

static void test_messages(void **state)
{
	check_messages(BYTES(INIT(FORMAT_32)), of_32, 3);
	check_messages(BYTES(INIT(FORMAT_16)), of_16, 2);
	check_messages(BYTES(INIT(FORMAT_8)), of_8, 2);
	check_messages(BYTES(INIT(FORMAT_TABLE)), of_8, 2);
}

static void test_sizes(void **state)
{
	struct world w;

	begin(&w, BYTES(INIT(FORMAT_32)));
	assert_int_equal(
		take(&w, BYTES(UPDATE("\1") RECT("\x40", "\x30", NEGATIVE("\x21")))), 0);
	assert_int_equal(w.server.width, 0x40);
	assert_int_equal(w.server.height, 0x30);
	/* A wish was refused; then one that was not. */
	assert_int_equal(
		take(&w, BYTES(UPDATE("\2") "\0\1\0\3\0\x50\0\x20\xff\xff\xfe\xcc\1pad"
					    "screen 123456789" RECT(
						    "\x60", "\x10",
						    "\xff\xff\xfe\xcc") "\0pad")),
		0);
	assert_true(rfb_server_is_between(&w.server));
	assert_int_equal(w.server.width, 0x60);
	assert_int_equal(w.server.height, 0x10);
	free_world(&w);
}

/* The viewer's change holds from the next update on; the server's at once. */
static void test_formats(void **state)
{
	static const char first[] = UPDATE("\1") RECT("\2", "\1", "\0\0\0\0") "RGB.";
	struct world w;

	begin(&w, BYTES(INIT(FORMAT_32)));
	assert_int_equal(take(&w, BYTES(first)), 0);
	memcpy(w.format, FORMAT_16, RFB_FORMAT);
	assert_int_equal(take(&w, "RGB.", 4), 0);
	assert_true(rfb_server_is_between(&w.server));
	assert_int_equal(take(&w, of_16[0].bytes, of_16[0].len), 0);
	assert_true(rfb_server_is_between(&w.server));
	assert_int_equal(take(&w, BYTES(UPDATE("\1") RECT("\2", "\1", "WMVi") FORMAT_8)),
			 0);
	assert_memory_equal(w.format, FORMAT_8, RFB_FORMAT);
	assert_int_equal(take(&w, of_8[0].bytes, of_8[0].len), 0);
	assert_true(rfb_server_is_between(&w.server));
	free_world(&w);
}

/* Bytes go through; but there is no other server for this viewer. */
static void test_unknown(void **state)
{
	static const struct message unknown[] = {
		MESSAGE("\4what"),
		MESSAGE("\xff\2\0\0"),
		MESSAGE("\xff\1\0\3"),
		MESSAGE(UPDATE("\1") RECT("\1", "\1", "\0\0\0\2") "RRE"),
		MESSAGE(UPDATE("\1") RECT("\1", "\1", "\0\0\0\7") "\xb0"),
		MESSAGE(UPDATE("\1") RECT("\1", "\1", "\0\0\0\7") "\x40\3"),
	};
	struct world w;

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		begin(&w, BYTES(INIT(FORMAT_32)));
		assert_int_equal(take(&w, unknown[i].bytes, unknown[i].len), 0);
		assert_int_equal(take(&w, BYTES(BELL)), 0);
		assert_true(w.server.lost);
		assert_false(rfb_server_is_between(&w.server));
		assert_int_equal(w.out.len, unknown[i].len + 1);
		free_world(&w);
	}
	/* Of 24 bits. */
	begin(&w, BYTES(INIT("\x18\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0\0\0\0")));
	assert_int_equal(take(&w, BYTES(UPDATE("\1"))), 0);
	assert_true(w.server.lost);
	free_world(&w);
}

/* The earlier server's streams go on: of those that the viewer has, and once each. */
static const char before[] = UPDATE("\1")
	RECT("\5", "\5", "\0\0\0\x10") "\0\0\0\4\x78\x9c"
				       "de" UPDATE("\1")
					       RECT("\1", "\1", "\0\0\0\7") "\x80RGB";
static const char more[] = UPDATE("\1") RECT(
	"\5", "\5",
	"\0\0\0\6") "\0\0\0\5\x78\x9c"
		    "abc" UPDATE("\2") RECT(
			    "\5", "\5",
			    "\0\0\0\x11") "\0\0\0\7\x78\x01"
					  "fghij" RECT(
						  "\5", "\5",
						  "\0\0\0\x10") "\0\0\0\4\x78\x9c"
								"kl" UPDATE("\2")
									RECT("\1", "\1", "\0\0\0\7") "\x80RGB" RECT(
										"\2",
										"\2",
										"\0\0\0\7") "\0\4zzzz" BELL;
static const char said[] = UPDATE("\1") RECT(
	"\5", "\5",
	"\0\0\0\6") "\0\0\0\5\x78\x9c"
		    "abc" UPDATE("\2") RECT(
			    "\5", "\5",
			    "\0\0\0\x11") "\0\0\0\5"
					  "fghij" RECT(
						  "\5", "\5",
						  "\0\0\0\x10") "\0\0\0\4\x78\x9c"
								"kl" UPDATE("\2")
									RECT("\1", "\1", "\0\0\0\7") "\x8fRGB" RECT(
										"\2",
										"\2",
										"\0\0\0\7") "\0\4zzzz" BELL;

static void check_resume(size_t cut)
{
	struct world w;

	begin(&w, BYTES(INIT(FORMAT_32)));
	assert_int_equal(take(&w, BYTES(before)), 0);
	assert_out(&w.out, BYTES(before));
	rfb_server_resume(&w.server);
	assert_int_equal(take(&w, more, cut), 0);
	assert_int_equal(take(&w, more + cut, sizeof(more) - 1 - cut), 0);
	assert_out(&w.out, BYTES(said));
	assert_true(rfb_server_is_between(&w.server));
	free_world(&w);
}

static void test_resume(void **state)
{
	for (size_t cut = 0; cut < sizeof(more); cut++)
		check_resume(cut);
}

/* This cannot continue a stream; or nobody knows whether it does. */
static void test_no_stream(void **state)
{
	static const struct message bad[] = {
		MESSAGE(UPDATE("\1") RECT("\5", "\5", "\0\0\0\6") "\0\0\0\1\x78\x9c"),
		MESSAGE(UPDATE("\1") RECT("\5", "\5", "\0\0\0\6") "\0\0\0\5\x68\x81"),
		MESSAGE(UPDATE("\1") RECT("\5", "\5", "\0\0\0\6") "\0\0\0\5\x78\xbb"),
		MESSAGE(UPDATE("\1") RECT("\5", "\5", "\0\0\0\6") "\0\0\0\5\x78\x9d"),
		MESSAGE("\4what"),
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct world w;

		begin(&w, BYTES(INIT(FORMAT_32)));
		assert_int_equal(take(&w, any_format[11].bytes, any_format[11].len), 0);
		rfb_server_resume(&w.server);
		assert_int_equal(take(&w, bad[i].bytes, bad[i].len), -1);
		free_world(&w);
	}
}

static void test_stops(void **state)
{
	static const char two[] = "\3\0\0\0\0\0\0\5hello" BELL;
	struct world w;

	begin(&w, BYTES(INIT(FORMAT_32)));
	assert_int_equal(take(&w, two, 3), 0);
	w.server.stops = true;
	assert_int_equal(take(&w, two + 3, sizeof(two) - 4), 0);
	assert_out(&w.out, BYTES("\3\0\0\0\0\0\0\5hello"));
	assert_true(rfb_server_is_between(&w.server));
	free_world(&w);
}

#define ENCODINGS "\2\0\0\2\0\0\0\7\xff\xff\xff\x21"
#define KEY(down, letter) "\4" down "\0\0\0\0\0" letter
#define QEMU_KEY(down, letter) "\xff\0\0" down "\0\0\0" letter "\0\0\0\x1e"

static const struct message of_viewer[] = {
	MESSAGE("\0pad" FORMAT_16),
	MESSAGE(ENCODINGS),
	MESSAGE("\2\0\0\0"),
	MESSAGE("\3\1\0\0\0\0\1\x40\0\xc8"),
	MESSAGE(KEY("\1", "a")),
	MESSAGE(QEMU_KEY("\1", "b")),
	MESSAGE("\5\1\0\x10\0\x20"),
	MESSAGE("\xfa\0\1\2"),
	MESSAGE("\xff\1\0\0"),
	MESSAGE("\xff\1\0\1"),
	MESSAGE("\xff\1\0\2\3\2\0\0\xac\x44"),
};

static int viewer_says(struct rfb_viewer *v, struct buffer *out, const void *data,
		       size_t len)
{
	return rfb_viewer_take(v, data, len, out, MOST);
}

/* Whole messages go on, and nothing of one before its end. */
static void test_viewer(void **state)
{
	for (size_t i = 0; i < sizeof(of_viewer) / sizeof(of_viewer[0]); i++) {
		const struct message *m = &of_viewer[i];

		for (size_t cut = 1; cut < m->len; cut++) {
			struct rfb_viewer v = {0};
			struct buffer out = {0};

			assert_int_equal(viewer_says(&v, &out, "\1", 1), 0);
			assert_out(&out, "\1", 1);
			assert_int_equal(viewer_says(&v, &out, m->bytes, cut), 0);
			assert_int_equal(out.len, 0);
			assert_int_equal(
				viewer_says(&v, &out, m->bytes + cut, m->len - cut), 0);
			assert_false(v.lost);
			assert_out(&out, m->bytes, m->len);
			buffer_free(&out);
		}
	}
}

static void test_viewer_unknown(void **state)
{
	static const struct message unknown[] = {
		MESSAGE("\1what"),
		MESSAGE("\xff\2what"),
		MESSAGE("\xff\1\0\3what"),
		MESSAGE("\2\0\0\x41what"),
	};

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		struct rfb_viewer v = {0};
		struct buffer out = {0};

		assert_int_equal(viewer_says(&v, &out, "\1", 1), 0);
		for (size_t at = 0; at < unknown[i].len; at++)
			assert_int_equal(viewer_says(&v, &out, unknown[i].bytes + at, 1),
					 0);
		assert_true(v.lost);
		assert_int_equal(out.len, 1 + unknown[i].len);
		assert_memory_equal(buffer_bytes(&out) + 1, unknown[i].bytes,
				    unknown[i].len);
		buffer_free(&out);
	}
}

#define REQUEST "\3\0\0\0\0\0\1\x40\0\xc8"

static void test_viewer_resume(void **state)
{
	struct rfb_viewer v = {0};
	struct buffer out = {0};

	memcpy(v.format, FORMAT_32, RFB_FORMAT); /* ServerInit's */
	assert_int_equal(viewer_says(&v, &out, "\1", 1), 0);
	buffer_consume(&out, out.len);
	assert_int_equal(rfb_viewer_resume(&v, 320, 200, &out, MOST), 0);
	assert_out(&out, BYTES("\0\0\0\0" FORMAT_32 REQUEST));
	assert_false(rfb_viewer_knows(&v, 7));

	/* Of the keys that went down one is still down; another twice, and both names of it. */
	assert_int_equal(
		viewer_says(
			&v, &out,
			BYTES("\0pad" FORMAT_16 ENCODINGS KEY("\1", "a") KEY("\1", "b")
				      KEY("\1", "b") KEY("\0", "a") QEMU_KEY("\1", "c")
					      QEMU_KEY("\1", "d") QEMU_KEY(
						      "\0", "d") "\5\1\0\x10\0\x20"
								 "\5\3\0\x11\0\x21")),
		0);
	assert_true(rfb_viewer_knows(&v, 7));
	assert_true(rfb_viewer_knows(&v, -223));
	assert_false(rfb_viewer_knows(&v, -308));
	buffer_consume(&out, out.len);
	/* Half a key is for the other server. */
	assert_int_equal(viewer_says(&v, &out, "\4\1\0", 3), 0);
	assert_int_equal(rfb_viewer_resume(&v, 320, 200, &out, MOST), 0);
	assert_int_equal(viewer_says(&v, &out, "\0\0\0\0z", 5), 0);
	assert_out(&out, BYTES("\0\0\0\0" FORMAT_16 ENCODINGS KEY("\1", "b") QEMU_KEY(
				 "\1", "c") "\5\3\0\x11\0\x21" REQUEST KEY("\1", "z")));
	buffer_free(&out);
}

/* The rest of a long message is for the server that has its beginning. */
static void test_viewer_text(void **state)
{
	static const struct message texts[] = {
		MESSAGE("\6\0\0\0\0\0\0\7letters" REQUEST),
		MESSAGE("\6\0\0\0\xff\xff\xff\xf9letters" REQUEST),
		MESSAGE("\xfb\0\1\x40\0\xc8\1\0screen 123456789" REQUEST),
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (size_t cut = 1; cut < texts[i].len; cut++) {
			struct rfb_viewer v = {0};
			struct buffer out = {0};
			size_t begun;

			assert_int_equal(viewer_says(&v, &out, "\1", 1), 0);
			buffer_consume(&out, out.len);
			assert_int_equal(viewer_says(&v, &out, texts[i].bytes, cut), 0);
			begun = out.len;
			assert_memory_equal(begun ? buffer_bytes(&out) : "",
					    texts[i].bytes, begun);
			assert_int_equal(rfb_viewer_resume(&v, 320, 200, &out, MOST), 0);
			buffer_consume(&out, out.len);
			assert_int_equal(viewer_says(&v, &out, texts[i].bytes + cut,
						     texts[i].len - cut),
					 0);
			if (begun == 0)
				assert_out(&out, texts[i].bytes, texts[i].len);
			else
				assert_out(&out, BYTES(REQUEST));
			assert_false(v.lost);
			buffer_free(&out);
		}
	}
}

static void test_viewer_many_keys(void **state)
{
	struct rfb_viewer v = {0};
	struct buffer out = {0};

	assert_int_equal(viewer_says(&v, &out, "\1", 1), 0);
	for (unsigned char key = 0; key < 3 * RFB_KEYS_MAX; key++) {
		unsigned char message[RFB_KEY] = {4, 1, [7] = key};

		assert_int_equal(viewer_says(&v, &out, message, sizeof(message)), 0);
	}
	buffer_consume(&out, out.len);
	assert_int_equal(rfb_viewer_resume(&v, 320, 200, &out, MOST), 0);
	assert_int_equal(out.len, 20 + RFB_KEYS_MAX * RFB_KEY + 10);
	assert_int_equal(rfb_viewer_resume(&v, 320, 200, &out, out.len), -1);
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_no_stream),
		cmocka_unit_test(test_stops),
		cmocka_unit_test(test_viewer),
		cmocka_unit_test(test_viewer_unknown),
		cmocka_unit_test(test_viewer_resume),
		cmocka_unit_test(test_viewer_text),
		cmocka_unit_test(test_viewer_many_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
