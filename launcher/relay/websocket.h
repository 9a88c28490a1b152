/* SPDX-License-Identifier: MIT */
/* The server's side of a websocket (RFC 6455), for a browser that shows a screen. */
#ifndef STUBDOM_WEBSOCKET_H
#define STUBDOM_WEBSOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"
#include "err.h"

/* All zero is a fresh connection. */
struct websocket {
	uint64_t left; /* of the payload of the frame at hand */
	unsigned char mask[4];
	unsigned at; /* of the mask */
	bool closed; /* the last frame was said */
};

/* Why a server ends it (section 7.4.1). */
enum websocket_status {
	WEBSOCKET_GOING_AWAY = 1001,
	WEBSOCKET_PROTOCOL = 1002,
	WEBSOCKET_POLICY = 1008,
};

/*
 * The browser's request, answered.  1: the bytes behind it, if any, are left in `raw`;
 * 0: it is not whole yet; -1: it is none, and the answer says so.
 */
int websocket_upgrade(struct buffer *raw, struct buffer *to_client, struct err *err);

/*
 * Moves payload from frames in `raw` to `plain`; answers pings.  -1: the browser closes, or
 * speaks no websocket; it was told so.
 */
int websocket_read(struct websocket *web, struct buffer *raw, struct buffer *plain,
		   struct buffer *to_client, struct err *err);

/* One binary frame; -1: `out` would hold more than `most` bytes. */
int websocket_frame(struct buffer *out, const void *data, size_t len, size_t most);

/*
 * The last frame, unless it was said before.  A browser that gets none calls the end a
 * fault of the network.
 */
void websocket_close(struct websocket *web, struct buffer *to_client,
		     enum websocket_status status);

#endif
