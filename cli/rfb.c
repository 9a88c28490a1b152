/* SPDX-License-Identifier: MIT */
/* One picture from a VNC server: RFB 3.8, no security, raw encoding (RFC 6143). */
#include "rfb.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "sock.h"

/* RFC 6143, sections 7.5 to 7.7; DesktopSize is 7.8.2. */
enum { SECURITY_NONE = 1 };
enum { CLIENT_SET_PIXEL_FORMAT = 0, CLIENT_SET_ENCODINGS = 2, CLIENT_UPDATE_REQUEST = 3 };
enum { SERVER_UPDATE = 0, SERVER_COLOUR_MAP = 1, SERVER_BELL = 2, SERVER_CUT_TEXT = 3 };
enum { ENCODING_RAW = 0, ENCODING_DESKTOP_SIZE = -223 };

enum { SKIP_MAX = 1 << 20 /* names, reasons, cut text: nothing we want */ };

struct rfb {
	int fd;
	long long deadline;
	struct err *err;
	struct rfb_image image;
	unsigned char *seen; /* one byte a pixel: has it come? */
	size_t missing;	     /* pixels that have not */
};

static int get(struct rfb *rfb, void *buf, size_t size)
{
	return sock_read_all(rfb->fd, buf, size, rfb->deadline, rfb->err);
}

static int put(struct rfb *rfb, const void *buf, size_t size)
{
	return sock_write_all(rfb->fd, buf, size, rfb->deadline, rfb->err);
}

static int bad(struct rfb *rfb, const char *what)
{
	return err_set(rfb->err, ERR_STUB, "%s", what);
}

static unsigned be16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static int skip(struct rfb *rfb, uint32_t n)
{
	char buf[512];

	if (n > SKIP_MAX)
		return bad(rfb, "a message that is too long");
	while (n > 0) {
		uint32_t part = n < sizeof(buf) ? n : sizeof(buf);

		if (get(rfb, buf, part) < 0)
			return -1;
		n -= part;
	}
	return 0;
}

/* A new size: nothing of the old picture counts. */
static int resize(struct rfb *rfb, unsigned width, unsigned height)
{
	size_t pixels = (size_t)width * height;

	if (width == 0 || height == 0 || width > RFB_SIDE_MAX || height > RFB_SIDE_MAX ||
	    pixels > RFB_PIXELS_MAX)
		return bad(rfb, "a screen size that cannot be");
	free(rfb->seen);
	free(rfb->image.rgb);
	rfb->seen = calloc(pixels, 1);
	rfb->image.rgb = calloc(pixels, 3);
	if (!rfb->seen || !rfb->image.rgb)
		return err_set(rfb->err, ERR_HOST, "out of memory");
	rfb->image.width = width;
	rfb->image.height = height;
	rfb->missing = pixels;
	return 0;
}

static int request_update(struct rfb *rfb)
{
	unsigned w = rfb->image.width;
	unsigned h = rfb->image.height;
	const unsigned char message[10] = {CLIENT_UPDATE_REQUEST,
					   0, /* not incremental: all of it */
					   0,
					   0,
					   0,
					   0,
					   (unsigned char)(w >> 8),
					   (unsigned char)w,
					   (unsigned char)(h >> 8),
					   (unsigned char)h};

	return put(rfb, message, sizeof(message));
}

static int negotiate(struct rfb *rfb)
{
	static const unsigned char select[] = {SECURITY_NONE};
	unsigned char buf[256];
	unsigned n;

	if (get(rfb, buf, 12) < 0)
		return -1;
	if (memcmp(buf, "RFB 003.008\n", 12) != 0)
		return bad(rfb, "the answer is not RFB 3.8");
	if (put(rfb, "RFB 003.008\n", 12) < 0 || get(rfb, buf, 1) < 0)
		return -1;
	n = buf[0];
	if (n == 0)
		return bad(rfb, "the server refuses the connection");
	if (get(rfb, buf, n) < 0)
		return -1;
	if (!memchr(buf, SECURITY_NONE, n))
		return bad(rfb, "the server wants a password");
	if (put(rfb, select, 1) < 0 || get(rfb, buf, 4) < 0)
		return -1;
	return be32(buf) == 0 ? 0 : bad(rfb, "the server refuses the connection");
}

static int initialise(struct rfb *rfb)
{
	static const unsigned char shared[] = {1};
	/* 32 bits a pixel, little-endian 0x00RRGGBB. */
	static const unsigned char format[20] = {CLIENT_SET_PIXEL_FORMAT,
						 0,
						 0,
						 0,
						 32,
						 24,
						 0,
						 1,
						 0,
						 255,
						 0,
						 255,
						 0,
						 255,
						 16,
						 8,
						 0};
	static const unsigned char encodings[] = {CLIENT_SET_ENCODINGS,
						  0,
						  0,
						  2,
						  0,
						  0,
						  0,
						  ENCODING_RAW,
						  0xff,
						  0xff,
						  0xff,
						  (unsigned char)ENCODING_DESKTOP_SIZE};
	unsigned char buf[24];

	if (put(rfb, shared, 1) < 0 || get(rfb, buf, 24) < 0 ||
	    skip(rfb, be32(buf + 20)) < 0 || resize(rfb, be16(buf), be16(buf + 2)) < 0)
		return -1;
	if (put(rfb, format, sizeof(format)) < 0 ||
	    put(rfb, encodings, sizeof(encodings)) < 0)
		return -1;
	return request_update(rfb);
}

static void take_row(struct rfb *rfb, size_t at, const unsigned char *row, unsigned w)
{
	for (unsigned i = 0; i < w; i++) {
		unsigned char *rgb = rfb->image.rgb + (at + i) * 3;

		rgb[0] = row[i * 4 + 2];
		rgb[1] = row[i * 4 + 1];
		rgb[2] = row[i * 4];
		rfb->missing -= !rfb->seen[at + i];
		rfb->seen[at + i] = 1;
	}
}

static int read_raw(struct rfb *rfb, unsigned x, unsigned y, unsigned w, unsigned h)
{
	cleanup_free unsigned char *row = NULL;

	if (x + w > rfb->image.width || y + h > rfb->image.height)
		return bad(rfb, "a rectangle outside of the screen");
	row = malloc((size_t)w * 4 + 1);
	if (!row)
		return err_set(rfb->err, ERR_HOST, "out of memory");
	for (unsigned i = 0; i < h; i++) {
		if (get(rfb, row, (size_t)w * 4) < 0)
			return -1;
		take_row(rfb, (size_t)(y + i) * rfb->image.width + x, row, w);
	}
	return 0;
}

static int read_update(struct rfb *rfb)
{
	unsigned char head[3];
	unsigned n;

	if (get(rfb, head, sizeof(head)) < 0)
		return -1;
	n = be16(head + 1);
	while (n-- > 0) {
		unsigned char r[12];
		int32_t encoding;

		if (get(rfb, r, sizeof(r)) < 0)
			return -1;
		encoding = (int32_t)be32(r + 8);
		if (encoding == ENCODING_DESKTOP_SIZE) {
			if (resize(rfb, be16(r + 4), be16(r + 6)) < 0)
				return -1;
			/* Ends an update; what follows is for the new size. */
			return request_update(rfb);
		}
		if (encoding != ENCODING_RAW)
			return bad(rfb, "an encoding that was not asked for");
		if (read_raw(rfb, be16(r), be16(r + 2), be16(r + 4), be16(r + 6)) < 0)
			return -1;
	}
	return 0;
}

static int read_message(struct rfb *rfb)
{
	unsigned char buf[8];

	if (get(rfb, buf, 1) < 0)
		return -1;
	switch (buf[0]) {
	case SERVER_UPDATE:
		return read_update(rfb);
	case SERVER_COLOUR_MAP:
		if (get(rfb, buf, 5) < 0)
			return -1;
		return skip(rfb, be16(buf + 3) * 6u);
	case SERVER_BELL:
		return 0;
	case SERVER_CUT_TEXT:
		if (get(rfb, buf, 7) < 0)
			return -1;
		return skip(rfb, be32(buf + 3));
	default:
		return bad(rfb, "a message of an unknown kind");
	}
}

int rfb_capture(int fd, int timeout_ms, struct rfb_image *out, struct err *err)
{
	struct rfb rfb = {.fd = fd, .deadline = clock_ms() + timeout_ms, .err = err};
	int rc = negotiate(&rfb);

	if (rc == 0)
		rc = initialise(&rfb);
	while (rc == 0 && rfb.missing > 0)
		rc = read_message(&rfb);
	free(rfb.seen);
	if (rc == 0) {
		*out = rfb.image;
		return 0;
	}
	rfb_image_free(&rfb.image);
	*out = (struct rfb_image){0};
	return err_prefix(err, "VNC");
}

void rfb_image_free(struct rfb_image *image)
{
	free(image->rgb);
	*image = (struct rfb_image){0};
}
