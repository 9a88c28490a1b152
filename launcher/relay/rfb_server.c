/* SPDX-License-Identifier: MIT */
/* Follows what a screen's server says to its viewer, message by message. */
#include "relay/rfb_server.h"

#include <string.h>

/* A part of a message whose bytes say what comes behind it. */
enum part {
	PART_INIT,
	PART_MESSAGE,
	PART_UPDATE,
	PART_COLOURS,
	PART_TEXT,
	PART_QEMU,
	PART_SOUND,
	PART_RECT,
	PART_LENGTH,
	PART_JOIN,
	PART_TILE,
	PART_TILE_RECTS,
	PART_TIGHT,
	PART_TIGHT_FILTER,
	PART_TIGHT_PALETTE,
	PART_TIGHT_SIZE,
	PART_SCREENS,
	PART_FORMAT,
};

/* Messages (7.6; ui/vnc.h). */
enum {
	MESSAGE_UPDATE = 0,
	MESSAGE_COLOURS = 1,
	MESSAGE_BELL = 2,
	MESSAGE_TEXT = 3,
	MESSAGE_XVP = 250,
	MESSAGE_QEMU = 255,
	QEMU_SOUND = 1,
	SOUND_DATA = 2,
};

/* Encodings (7.7, 7.8; ui/vnc.h). */
enum {
	ENCODING_RAW = 0,
	ENCODING_COPY = 1,
	ENCODING_HEXTILE = 5,
	ENCODING_ZLIB = 6,
	ENCODING_TIGHT = 7,
	ENCODING_ZRLE = 16,
	ENCODING_ZYWRLE = 17,
	ENCODING_CURSOR = -239,
	ENCODING_POINTER = -257,
	ENCODING_KEYS = -258,
	ENCODING_SOUND = -259,
	ENCODING_TIGHT_PNG = -260,
	ENCODING_LEDS = -261,
	ENCODING_NAME = -307,
	ENCODING_ALPHA_CURSOR = -314,
	ENCODING_FORMAT = 0x574d5669, /* WMVi */
};

enum {
	TILE = 16, /* 7.7.4 */
	TILE_RAW = 1,
	TILE_BACKGROUND = 2,
	TILE_FOREGROUND = 4,
	TILE_RECTS = 8,
	TILE_COLOURED = 16,
	TIGHT_RESET = 0x0f, /* rfbproto, "Tight Encoding": all four streams begin anew */
	TIGHT_FILTERED = 4, /* these of the upper four bits */
	TIGHT_FILL = 8,
	TIGHT_JPEG = 9,
	TIGHT_PNG = 10,
	TIGHT_PALETTE = 1,
	TIGHT_GRADIENT = 2,
	TIGHT_LEAST = 12, /* fewer bytes are not compressed */
	TIGHT_SIZE_MAX = 3,
	ZLIB_HEADER = 2, /* RFC 1950: deflate with a window of 32 KiB, no dictionary */
	ZLIB_METHOD = 0x78,
	ZLIB_DICTIONARY = 0x20,
};

static const unsigned char sizes[] = {
	[PART_INIT] = 24,	  [PART_MESSAGE] = 1,
	[PART_UPDATE] = 3,	  [PART_COLOURS] = 5,
	[PART_TEXT] = 7,	  [PART_QEMU] = 3,
	[PART_SOUND] = 4,	  [PART_RECT] = 12,
	[PART_LENGTH] = 4,	  [PART_JOIN] = 4 + ZLIB_HEADER,
	[PART_TILE] = 1,	  [PART_TILE_RECTS] = 1,
	[PART_TIGHT] = 1,	  [PART_TIGHT_FILTER] = 1,
	[PART_TIGHT_PALETTE] = 1, [PART_TIGHT_SIZE] = 1,
	[PART_SCREENS] = 1,	  [PART_FORMAT] = RFB_FORMAT,
};

static bool joins(const struct rfb_server *s)
{
	return s->joins_zlib || s->joins_zrle || s->joins_tight;
}

/* Nothing more is known of it.  -1: the viewer would be sent a stream from its middle on. */
static int lose(struct rfb_server *s)
{
	s->lost = true;
	return joins(s) ? -1 : 0;
}

/* `left` bytes of the message follow, and it is over. */
static int end_message(struct rfb_server *s, uint64_t left)
{
	s->left = left;
	s->state = PART_MESSAGE;
	return 0;
}

/* The same of a rectangle. */
static int end_rect(struct rfb_server *s, uint64_t left)
{
	s->left = left;
	s->state = s->rects > 0 ? PART_RECT : PART_MESSAGE;
	return 0;
}

static int begin_init(struct rfb_server *s, unsigned char *format)
{
	s->width = rfb_get16(s->head);
	s->height = rfb_get16(s->head + 2);
	memcpy(format, s->head + 4, RFB_FORMAT);
	return end_message(s, rfb_get32(s->head + 4 + RFB_FORMAT));
}

static int begin_message(struct rfb_server *s)
{
	switch (s->head[0]) {
	case MESSAGE_UPDATE:
		s->state = PART_UPDATE;
		return 0;
	case MESSAGE_COLOURS:
		s->state = PART_COLOURS;
		return 0;
	case MESSAGE_BELL:
		return 0;
	case MESSAGE_TEXT:
		s->state = PART_TEXT;
		return 0;
	case MESSAGE_XVP:
		return end_message(s, 3);
	case MESSAGE_QEMU:
		s->state = PART_QEMU;
		return 0;
	default:
		return lose(s);
	}
}

static bool is_eight_bits(const unsigned char *most)
{
	/* QEMU takes none for all. */
	return rfb_get16(most) == 255 || rfb_get16(most) == 0;
}

/*
 * A viewer that changes the format does it between updates, or while one comes.  So the
 * next one has it.
 */
static int begin_update(struct rfb_server *s, const unsigned char *format)
{
	/* Colours out of a table: QEMU's are of one byte, whatever was asked for. */
	s->pixel = format[3] ? format[0] / 8 : 1;
	if (s->pixel != 1 && s->pixel != 2 && s->pixel != 4)
		return lose(s);
	s->compact = s->pixel == 4 && is_eight_bits(format + 4) &&
				     is_eight_bits(format + 6) &&
				     is_eight_bits(format + 8)
			     ? 3
			     : s->pixel;
	s->rects = rfb_get16(s->head + 1);
	return end_rect(s, 0);
}

/* Negative: the extended clipboard. */
static int begin_text(struct rfb_server *s)
{
	uint32_t len = rfb_get32(s->head + 3);

	return end_message(s, len > INT32_MAX ? 0 - len : len);
}

static int begin_qemu(struct rfb_server *s)
{
	if (s->head[0] != QEMU_SOUND || rfb_get16(s->head + 1) > SOUND_DATA)
		return lose(s);
	if (rfb_get16(s->head + 1) != SOUND_DATA)
		return end_message(s, 0);
	s->state = PART_SOUND;
	return 0;
}

static int begin_zlib(struct rfb_server *s, bool is_zlib)
{
	bool joins = is_zlib ? s->joins_zlib : s->joins_zrle;

	s->is_zlib = is_zlib;
	s->state = joins ? PART_JOIN : PART_LENGTH;
	if (is_zlib)
		s->used_zlib = true;
	else
		s->used_zrle = true;
	return 0;
}

static int begin_tile(struct rfb_server *s)
{
	s->state = PART_TILE;
	return s->tile_y < s->h && s->w > 0 ? 0 : end_rect(s, s->left);
}

static int begin_rect(struct rfb_server *s)
{
	uint64_t area;

	s->rects--;
	s->y = rfb_get16(s->head + 2);
	s->w = rfb_get16(s->head + 4);
	s->h = rfb_get16(s->head + 6);
	area = (uint64_t)s->w * s->h;
	switch ((int32_t)rfb_get32(s->head + 8)) {
	case ENCODING_RAW:
		return end_rect(s, area * s->pixel);
	case ENCODING_COPY:
		return end_rect(s, 4);
	case ENCODING_HEXTILE:
		s->tile_x = s->tile_y = 0;
		return begin_tile(s);
	case ENCODING_ZLIB:
		return begin_zlib(s, true);
	case ENCODING_ZRLE:
	case ENCODING_ZYWRLE:
		return begin_zlib(s, false);
	case ENCODING_TIGHT:
	case ENCODING_TIGHT_PNG:
		s->state = PART_TIGHT;
		return 0;
	case RFB_ENCODING_SIZE:
		s->width = s->w;
		s->height = s->h;
		return end_rect(s, 0);
	case RFB_ENCODING_SCREENS:
		s->state = PART_SCREENS;
		return 0;
	case ENCODING_CURSOR:
		return end_rect(s, area * s->pixel + (uint64_t)(s->w + 7) / 8 * s->h);
	case ENCODING_ALPHA_CURSOR:
		return end_rect(s, 4 + area * 4);
	case ENCODING_POINTER:
	case ENCODING_KEYS:
	case ENCODING_SOUND:
		return end_rect(s, 0);
	case ENCODING_LEDS:
		return end_rect(s, 1);
	case ENCODING_NAME:
		s->state = PART_LENGTH;
		return 0;
	case ENCODING_FORMAT:
		s->state = PART_FORMAT;
		return 0;
	default:
		return lose(s);
	}
}

/* The viewer has a stream, which the bytes behind the new one's header continue. */
static int join(struct rfb_server *s, struct buffer *out, size_t most)
{
	uint32_t len = rfb_get32(s->head);
	const unsigned char *header = s->head + 4;
	unsigned char shorter[4];

	if (len < ZLIB_HEADER || header[0] != ZLIB_METHOD ||
	    (header[1] & ZLIB_DICTIONARY) || rfb_get16(header) % 31 != 0)
		return -1;
	len -= ZLIB_HEADER;
	for (unsigned i = 0; i < 4; i++)
		shorter[i] = (unsigned char)(len >> (24 - 8 * i));
	if (s->is_zlib)
		s->joins_zlib = false;
	else
		s->joins_zrle = false;
	if (buffer_append(out, shorter, sizeof(shorter), most) < 0)
		return -1;
	return end_rect(s, len);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static int end_tile(struct rfb_server *s, uint64_t left)
{
	s->left = left;
	s->tile_x += TILE;
	if (s->tile_x >= s->w) {
		s->tile_x = 0;
		s->tile_y += TILE;
	}
	return begin_tile(s);
}

static int take_tile(struct rfb_server *s)
{
	uint64_t colours = 0;

	s->tile = s->head[0];
	if (s->tile & TILE_RAW)
		return end_tile(s, (uint64_t)least(TILE, s->w - s->tile_x) *
					   least(TILE, s->h - s->tile_y) * s->pixel);
	if (s->tile & TILE_BACKGROUND)
		colours += s->pixel;
	if (s->tile & TILE_FOREGROUND)
		colours += s->pixel;
	if (!(s->tile & TILE_RECTS))
		return end_tile(s, colours);
	s->left = colours;
	s->state = PART_TILE_RECTS;
	return 0;
}

static int take_tile_rects(struct rfb_server *s)
{
	unsigned each = 2 + (s->tile & TILE_COLOURED ? s->pixel : 0);

	return end_tile(s, (uint64_t)s->head[0] * each);
}

/* Bytes that are compressed if there are enough, behind `left` others. */
static int begin_tight_data(struct rfb_server *s, uint64_t left, uint64_t data)
{
	if (data < TIGHT_LEAST)
		return end_rect(s, left + data);
	s->left = left;
	s->count = 0;
	s->size = 0;
	s->state = PART_TIGHT_SIZE;
	return 0;
}

static uint64_t tight_pixels(const struct rfb_server *s)
{
	return (uint64_t)s->w * s->h * s->compact;
}

static int take_tight(struct rfb_server *s, struct buffer *out, size_t most)
{
	unsigned char control = s->head[0];
	unsigned kind = control >> 4;

	s->used_tight = true;
	if (s->joins_tight) {
		s->joins_tight = false;
		control |= TIGHT_RESET;
		if (buffer_append(out, &control, 1, most) < 0)
			return -1;
	}
	if (kind == TIGHT_FILL)
		return end_rect(s, s->compact);
	if (kind == TIGHT_JPEG || kind == TIGHT_PNG)
		return begin_tight_data(s, 0, TIGHT_LEAST);
	if (kind > TIGHT_PNG)
		return lose(s);
	if (!(kind & TIGHT_FILTERED))
		return begin_tight_data(s, 0, tight_pixels(s));
	s->state = PART_TIGHT_FILTER;
	return 0;
}

static int take_tight_filter(struct rfb_server *s)
{
	if (s->head[0] > TIGHT_GRADIENT)
		return lose(s);
	if (s->head[0] != TIGHT_PALETTE)
		return begin_tight_data(s, 0, tight_pixels(s));
	s->state = PART_TIGHT_PALETTE;
	return 0;
}

/* Of two colours there are eight pixels in a byte. */
static int take_tight_palette(struct rfb_server *s)
{
	unsigned colours = s->head[0] + 1u;
	uint64_t row = colours == 2 ? (s->w + 7) / 8 : s->w;

	return begin_tight_data(s, (uint64_t)colours * s->compact, row * s->h);
}

static int take_tight_size(struct rfb_server *s)
{
	bool is_last = s->count == TIGHT_SIZE_MAX - 1;

	s->size |= (uint64_t)(s->head[0] & (is_last ? 0xff : 0x7f)) << (7 * s->count);
	s->count++;
	return is_last || !(s->head[0] & 0x80) ? end_rect(s, s->size) : 0;
}

static int take_screens(struct rfb_server *s)
{
	/* Else it answers a wish that was not granted. */
	if (s->y == 0) {
		s->width = s->w;
		s->height = s->h;
	}
	return end_rect(s, 3 + 16 * (uint64_t)s->head[0]);
}

/* A part has come whole. */
static int step(struct rfb_server *s, unsigned char *format, struct buffer *out,
		size_t most)
{
	switch ((enum part)s->state) {
	case PART_INIT:
		return begin_init(s, format);
	case PART_MESSAGE:
		return begin_message(s);
	case PART_UPDATE:
		return begin_update(s, format);
	case PART_COLOURS:
		return end_message(s, 6 * (uint64_t)rfb_get16(s->head + 3));
	case PART_TEXT:
		return begin_text(s);
	case PART_QEMU:
		return begin_qemu(s);
	case PART_SOUND:
		return end_message(s, rfb_get32(s->head));
	case PART_RECT:
		return begin_rect(s);
	case PART_LENGTH:
		return end_rect(s, rfb_get32(s->head));
	case PART_JOIN:
		return join(s, out, most);
	case PART_TILE:
		return take_tile(s);
	case PART_TILE_RECTS:
		return take_tile_rects(s);
	case PART_TIGHT:
		return take_tight(s, out, most);
	case PART_TIGHT_FILTER:
		return take_tight_filter(s);
	case PART_TIGHT_PALETTE:
		return take_tight_palette(s);
	case PART_TIGHT_SIZE:
		return take_tight_size(s);
	case PART_SCREENS:
		return take_screens(s);
	case PART_FORMAT:
		memcpy(format, s->head, RFB_FORMAT);
		return end_rect(s, 0);
	}
	return -1;
}

/* The step itself says what goes to the viewer in place of this part. */
static bool is_changed(const struct rfb_server *s)
{
	return s->state == PART_JOIN || (s->state == PART_TIGHT && s->joins_tight);
}

int rfb_server_take(struct rfb_server *s, unsigned char format[RFB_FORMAT],
		    const void *data, size_t len, struct buffer *out, size_t most)
{
	const unsigned char *in = data;
	size_t at = 0, said = 0;

	while (at < len && !s->lost && !(s->stops && rfb_server_is_between(s))) {
		size_t n = len - at;
		bool changed = is_changed(s);

		if (s->left > 0) {
			n = s->left < n ? (size_t)s->left : n;
			s->left -= n;
			at += n;
			continue;
		}
		if (changed && buffer_append(out, in + said, at - said, most) < 0)
			return -1;
		if (n > sizes[s->state] - s->have)
			n = sizes[s->state] - s->have;
		memcpy(s->head + s->have, in + at, n);
		s->have += n;
		at += n;
		if (changed)
			said = at;
		if (s->have < sizes[s->state])
			continue;
		s->have = 0;
		if (step(s, format, out, most) < 0)
			return -1;
	}
	if (s->lost)
		at = len;
	return buffer_append(out, in + said, at - said, most);
}

bool rfb_server_is_between(const struct rfb_server *s)
{
	return !s->lost && s->state == PART_MESSAGE && s->left == 0;
}

void rfb_server_resume(struct rfb_server *s)
{
	s->stops = false;
	s->joins_zlib = s->used_zlib;
	s->joins_zrle = s->used_zrle;
	s->joins_tight = s->used_tight;
}
