/* SPDX-License-Identifier: MIT */
/* Follows what a viewer says to its screen's server, and says the same to another one. */
#ifndef STUBDOM_RFB_VIEWER_H
#define STUBDOM_RFB_VIEWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "relay/rfb.h"

enum {
	RFB_ENCODINGS_MAX = 64,
	RFB_KEYS_MAX = 16, /* held down at once */
	RFB_POINTER = 6,   /* bytes of these messages */
	RFB_KEY = 8,
	RFB_QEMU_KEY = 12,
};

struct rfb_key {
	unsigned char bytes[RFB_QEMU_KEY];
	size_t len;
};

/* RFC 6143 and QEMU's additions, from ClientInit on.  All zero is a fresh connection. */
struct rfb_viewer {
	bool lost;  /* it says something unknown: bytes go through, and nobody counts */
	bool begun; /* ClientInit has come */
	unsigned char shared;		  /* its flag */
	unsigned char format[RFB_FORMAT]; /* that holds now; the server writes it, too */
	unsigned char encodings[4 + 4 * RFB_ENCODINGS_MAX]; /* the message */
	size_t encodings_len;				    /* 0: none came */
	unsigned char pointer[RFB_POINTER];		    /* 0: none came */
	struct rfb_key keys[RFB_KEYS_MAX];		    /* that are down */
	size_t n_keys;
	unsigned char head[4 + 4 * RFB_ENCODINGS_MAX]; /* of the message at hand */
	size_t have;
	uint64_t left; /* bytes of one that is not kept: a text, a wish for a size */
	bool drops;    /* they are for an earlier server */
};

/*
 * Bytes of the viewer.  Whole messages go to `out`, which may hold `most`; -1: it would be
 * more.
 */
int rfb_viewer_take(struct rfb_viewer *viewer, const void *data, size_t len,
		    struct buffer *out, size_t most);

/* Whether its list of encodings has this one. */
bool rfb_viewer_knows(const struct rfb_viewer *viewer, int32_t encoding);

/*
 * Another server has sent its ServerInit: what the viewer has said, as far as it still
 * holds, and a request for the whole screen.  -1: as above.
 */
int rfb_viewer_resume(struct rfb_viewer *viewer, unsigned width, unsigned height,
		      struct buffer *out, size_t most);

#endif
