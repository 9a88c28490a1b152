/* SPDX-License-Identifier: MIT */
/* One picture from a VNC server: RFB 3.8, no security, raw encoding (RFC 6143). */
#ifndef STUBDOM_RFB_H
#define STUBDOM_RFB_H

#include <stddef.h>

#include "err.h"

/* The largest screen taken; QEMU's own limit is 5120 x 2160 and the like. */
enum { RFB_SIDE_MAX = 16384, RFB_PIXELS_MAX = 64 << 20 };

struct rfb_image {
	unsigned width;
	unsigned height;
	unsigned char *rgb; /* 3 bytes a pixel, rows from the top, no padding */
};

/*
 * Asks the server on a connected socket for its whole screen.  The server is
 * another domain's: sizes and places are checked, timeout_ms bounds the whole.
 * ERR_STUB on any error; *out is then empty.
 */
int rfb_capture(int fd, int timeout_ms, struct rfb_image *out, struct err *err);

void rfb_image_free(struct rfb_image *image);

#endif
