/* SPDX-License-Identifier: MIT */
/* Follows what a screen's server says to its viewer, message by message. */
#ifndef STUBDOM_RFB_SERVER_H
#define STUBDOM_RFB_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "relay/rfb.h"

/*
 * RFC 6143 and QEMU's additions (ui/vnc.h), from ServerInit on.  Bytes are counted, and
 * pictures are not looked at.  All zero is a server that has said nothing.
 *
 * Its compressed rectangles are parts of streams that go on for the whole connection.
 * Another server begins streams of its own.  For the viewer they go on in place of the
 * earlier ones.  So the headers are left out that it has (zlib, ZRLE).  Of tight it is
 * told to begin anew.
 */
struct rfb_server {
	bool lost;  /* it says something unknown: bytes go through, and nobody counts */
	bool stops; /* set by the caller: its next message and all behind it are dropped */
	int state;
	unsigned char head[24]; /* what has come of the part at hand */
	size_t have;
	uint64_t left;		       /* bytes before that part */
	unsigned rects;		       /* of the update at hand, not begun */
	unsigned y, w, h;	       /* of the rectangle */
	unsigned tile_x, tile_y, tile; /* hextile: where, and its kind */
	bool is_zlib;
	unsigned count;		 /* tight: bytes of a length that have come, */
	uint64_t size;		 /* and the length */
	unsigned pixel, compact; /* bytes of a pixel in this update, and of tight's */
	unsigned width, height;	 /* of the screen, as the viewer knows it */
	bool used_zlib, used_zrle, used_tight;	  /* the viewer has streams */
	bool joins_zlib, joins_zrle, joins_tight; /* that go on with another server's */
};

/*
 * Bytes of the server go to `out`, which may hold `most`.  `format` is the pixel format
 * that holds now; the server may change it.  -1: they cannot go to this viewer.
 */
int rfb_server_take(struct rfb_server *server, unsigned char format[RFB_FORMAT],
		    const void *data, size_t len, struct buffer *out, size_t most);

/* Whether another server can go on from here: ServerInit has passed, and no message is cut. */
bool rfb_server_is_between(const struct rfb_server *server);

/* The next bytes are another server's, whose ServerInit said this size. */
void rfb_server_resume(struct rfb_server *server);

#endif
