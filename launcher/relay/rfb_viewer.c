/* SPDX-License-Identifier: MIT */
/* Follows what a viewer says to its screen's server, and says the same to another one. */
#include "relay/rfb_viewer.h"

#include <string.h>

/* Messages (RFC 6143, 7.5; ui/vnc.c of QEMU). */
enum {
	MESSAGE_FORMAT = 0,
	MESSAGE_ENCODINGS = 2,
	MESSAGE_REQUEST = 3,
	MESSAGE_KEY = 4,
	MESSAGE_POINTER = 5,
	MESSAGE_TEXT = 6,
	MESSAGE_XVP = 250,
	MESSAGE_SIZE = 251,
	MESSAGE_QEMU = 255,
	QEMU_KEY = 0,
	QEMU_SOUND = 1,
	SOUND_FORMAT = 2,
};

/* Lengths, or those of the part that tells it. */
enum {
	LEN_INIT = 1,
	LEN_FORMAT = 4 + RFB_FORMAT,
	LEN_ENCODINGS = 4,
	LEN_REQUEST = 10,
	LEN_TEXT = 8,
	LEN_XVP = 4,
	LEN_SIZE = 8,
	LEN_SCREEN = 16,
	LEN_SOUND = 4,
	LEN_SOUND_FORMAT = 10,
};

/* Of QEMU's own messages; 0: it is none. */
static size_t find_qemu_len(const struct rfb_viewer *v)
{
	if (v->have < 2)
		return 2;
	if (v->head[1] == QEMU_KEY)
		return RFB_QEMU_KEY;
	if (v->head[1] != QEMU_SOUND)
		return 0;
	if (v->have < LEN_SOUND || rfb_get16(v->head + 2) < SOUND_FORMAT)
		return LEN_SOUND;
	return rfb_get16(v->head + 2) == SOUND_FORMAT ? LEN_SOUND_FORMAT : 0;
}

/* How long the message at hand is, by what has come of it; 0: it is none that is known. */
static size_t find_len(const struct rfb_viewer *v)
{
	if (!v->begun)
		return LEN_INIT;
	if (v->have == 0)
		return 1;
	switch (v->head[0]) {
	case MESSAGE_FORMAT:
		return LEN_FORMAT;
	case MESSAGE_ENCODINGS:
		if (v->have < LEN_ENCODINGS)
			return LEN_ENCODINGS;
		return rfb_get16(v->head + 2) > RFB_ENCODINGS_MAX
			       ? 0
			       : LEN_ENCODINGS + 4 * (size_t)rfb_get16(v->head + 2);
	case MESSAGE_REQUEST:
		return LEN_REQUEST;
	case MESSAGE_KEY:
		return RFB_KEY;
	case MESSAGE_POINTER:
		return RFB_POINTER;
	case MESSAGE_TEXT:
		return LEN_TEXT;
	case MESSAGE_XVP:
		return LEN_XVP;
	case MESSAGE_SIZE:
		return LEN_SIZE;
	case MESSAGE_QEMU:
		return find_qemu_len(v);
	default:
		return 0;
	}
}

/* In the order in which they went down. */
static void take_key(struct rfb_viewer *v, bool down)
{
	const size_t which = 4; /* of both messages: from here on the key's names */
	size_t n = 0;

	for (size_t i = 0; i < v->n_keys; i++) {
		const struct rfb_key *key = &v->keys[i];

		if (key->len != v->have ||
		    memcmp(key->bytes + which, v->head + which, v->have - which) != 0)
			v->keys[n++] = *key;
	}
	v->n_keys = n;
	if (!down || n == RFB_KEYS_MAX)
		return;
	memcpy(v->keys[n].bytes, v->head, v->have);
	v->keys[n].len = v->have;
	v->n_keys++;
}

/* A message is whole: another server must be told this of it. */
static void keep(struct rfb_viewer *v)
{
	uint32_t len;

	switch (v->head[0]) {
	case MESSAGE_FORMAT:
		memcpy(v->format, v->head + LEN_FORMAT - RFB_FORMAT, RFB_FORMAT);
		break;
	case MESSAGE_ENCODINGS:
		memcpy(v->encodings, v->head, v->have);
		v->encodings_len = v->have;
		break;
	case MESSAGE_KEY:
		take_key(v, v->head[1]);
		break;
	case MESSAGE_POINTER:
		memcpy(v->pointer, v->head, v->have);
		break;
	case MESSAGE_TEXT:
		/* Negative: the extended clipboard. */
		len = rfb_get32(v->head + 4);
		v->left = len > INT32_MAX ? 0 - len : len;
		break;
	case MESSAGE_SIZE:
		v->left = LEN_SCREEN * (uint64_t)v->head[6];
		break;
	case MESSAGE_QEMU:
		if (v->head[1] == QEMU_KEY)
			take_key(v, rfb_get16(v->head + 2));
		break;
	}
}

/* All that is there has come whole. */
static int pass(struct rfb_viewer *v, struct buffer *out, size_t most)
{
	size_t len = v->have;

	if (!v->begun) {
		v->begun = true;
		v->shared = v->head[0];
	} else if (!v->lost) {
		keep(v);
	}
	v->have = 0;
	return buffer_append(out, v->head, len, most);
}

/* Bytes of one that is not kept. */
static int pass_left(struct rfb_viewer *v, const unsigned char *in, size_t n,
		     struct buffer *out, size_t most)
{
	int rc = v->drops ? 0 : buffer_append(out, in, n, most);

	v->left -= n;
	v->drops &= v->left > 0;
	return rc;
}

int rfb_viewer_take(struct rfb_viewer *v, const void *data, size_t len,
		    struct buffer *out, size_t most)
{
	const unsigned char *in = data;

	while (len > 0 && !v->lost) {
		size_t whole = find_len(v);
		uint64_t wanted = v->left > 0 ? v->left : whole - v->have;
		size_t n = wanted < len ? (size_t)wanted : len;
		int rc = 0;

		if (v->left > 0) {
			rc = pass_left(v, in, n, out, most);
		} else {
			memcpy(v->head + v->have, in, n);
			v->have += n;
			whole = find_len(v);
			v->lost = whole == 0;
			if (v->lost || whole == v->have)
				rc = pass(v, out, most);
		}
		if (rc < 0)
			return -1;
		in += n;
		len -= n;
	}
	return buffer_append(out, in, len, most);
}

bool rfb_viewer_knows(const struct rfb_viewer *v, int32_t encoding)
{
	for (size_t i = LEN_ENCODINGS; i < v->encodings_len; i += 4) {
		if ((int32_t)rfb_get32(v->encodings + i) == encoding)
			return true;
	}
	return false;
}

int rfb_viewer_resume(struct rfb_viewer *v, unsigned width, unsigned height,
		      struct buffer *out, size_t most)
{
	unsigned char format[LEN_FORMAT] = {MESSAGE_FORMAT};
	unsigned char request[LEN_REQUEST] = {
		MESSAGE_REQUEST,       [6] = (unsigned char)(width >> 8),
		(unsigned char)width,  (unsigned char)(height >> 8),
		(unsigned char)height,
	};

	v->drops = v->left > 0;
	memcpy(format + LEN_FORMAT - RFB_FORMAT, v->format, RFB_FORMAT);
	if (buffer_append(out, format, sizeof(format), most) < 0 ||
	    buffer_append(out, v->encodings, v->encodings_len, most) < 0)
		return -1;
	/* A key that is let go now must have been down for this server, too. */
	for (size_t i = 0; i < v->n_keys; i++) {
		if (buffer_append(out, v->keys[i].bytes, v->keys[i].len, most) < 0)
			return -1;
	}
	if (v->pointer[0] && buffer_append(out, v->pointer, RFB_POINTER, most) < 0)
		return -1;
	return buffer_append(out, request, sizeof(request), most);
}
