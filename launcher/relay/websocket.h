/* SPDX-License-Identifier: MIT */
/* The server's side of a websocket (RFC 6455), for a browser that shows a screen. */
#ifndef STUBDOM_WEBSOCKET_H
#define STUBDOM_WEBSOCKET_H

#include <stdint.h>

#include "buffer.h"
#include "err.h"

/* All zero is a fresh connection. */
struct websocket {
	uint64_t left; /* of the payload of the frame at hand */
	unsigned char mask[4];
	unsigned at; /* of the mask */
};

/*
 * The browser's request, answered.  1: the bytes behind it, if any, are left in `raw`;
 * 0: it is not whole yet; -1: it is none, and the answer says so.
 */
int websocket_upgrade(struct buffer *raw, struct buffer *to_client, struct err *err);

/*
 * Moves payload from frames in `raw` to `plain`; answers pings.  -1: the browser closes, or
 * speaks no websocket.
 */
int websocket_read(struct websocket *web, struct buffer *raw, struct buffer *plain,
		   struct buffer *to_client, struct err *err);

/* One binary frame; -1: `out` would hold more than `most` bytes. */
int websocket_frame(struct buffer *out, const void *data, size_t len, size_t most);

#endif
