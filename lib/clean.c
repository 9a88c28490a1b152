/* SPDX-License-Identifier: MIT */
/* The one filter for text that another domain chose: nothing in it moves a terminal. */
#include "clean.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { BROKEN = 0, UNFINISHED = -1 };

/* Continuation bytes after a first byte; -1: it cannot be first (RFC 3629). */
static int count_more(unsigned char c)
{
	if (c < 0x80)
		return 0;
	if (c >= 0xc2 && c <= 0xdf)
		return 1;
	if (c >= 0xe0 && c <= 0xef)
		return 2;
	if (c >= 0xf0 && c <= 0xf4)
		return 3;
	return -1;
}

/* No longer form of a shorter one, no surrogate, nothing over U+10FFFF. */
static bool second_fits(unsigned char first, unsigned char c)
{
	switch (first) {
	case 0xe0:
		return c >= 0xa0;
	case 0xed:
		return c < 0xa0;
	case 0xf0:
		return c >= 0x90;
	case 0xf4:
		return c < 0x90;
	default:
		return true;
	}
}

/* Length of the character at `text`; BROKEN, or UNFINISHED if more bytes are needed. */
static int measure(const unsigned char *text, size_t len)
{
	int more = count_more(text[0]);

	if (more < 0)
		return BROKEN;
	for (int i = 1; i <= more; i++) {
		if ((size_t)i == len)
			return UNFINISHED;
		if ((text[i] & 0xc0) != 0x80 ||
		    (i == 1 && !second_fits(text[0], text[1])))
			return BROKEN;
	}
	return 1 + more;
}

static uint32_t decode(const unsigned char *text, int len)
{
	static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t code = text[0] & masks[len];

	for (int i = 1; i < len; i++)
		code = code << 6 | (text[i] & 0x3f);
	return code;
}

static bool is_harmless(uint32_t code, unsigned keep)
{
	switch (code) {
	case '\t':
		return keep & CLEAN_TAB;
	case '\n':
		return keep & CLEAN_NEWLINE;
	case '\r':
		return keep & CLEAN_RETURN;
	case 0x061c:
	case 0x200e:
	case 0x200f:
		return false;
	default:
		return code >= 0x20 && (code < 0x7f || code > 0x9f) &&
		       (code < 0x2028 || code > 0x202e) &&
		       (code < 0x2066 || code > 0x2069);
	}
}

/*
 * Takes whole characters of `in`; *left: bytes at its end that begin one.  `out` may be
 * `in`: no character becomes longer.
 */
static size_t take(const unsigned char *in, size_t len, unsigned keep, char *out,
		   size_t *left)
{
	size_t n = 0;
	size_t at = 0;

	while (at < len) {
		int size = measure(in + at, len - at);

		if (size == UNFINISHED)
			break;
		if (size == BROKEN || !is_harmless(decode(in + at, size), keep)) {
			out[n++] = '?';
			at += size == BROKEN ? 1 : (size_t)size;
			continue;
		}
		memmove(out + n, in + at, (size_t)size);
		n += (size_t)size;
		at += (size_t)size;
	}
	*left = len - at;
	return n;
}

size_t clean_next(struct clean *clean, unsigned keep, const char *in, size_t len,
		  char *out)
{
	size_t n = 0;
	size_t left = 0;

	/* The held character goes on byte by byte until it is whole or broken. */
	while (clean->n_held > 0 && len > 0) {
		unsigned char joint[CLEAN_HELD_MAX + 1];
		size_t size = clean->n_held;

		memcpy(joint, clean->held, size);
		joint[size++] = (unsigned char)*in++;
		len--;
		n += take(joint, size, keep, out + n, &left);
		memcpy(clean->held, joint + size - left, left);
		clean->n_held = (unsigned char)left;
	}
	if (len == 0)
		return n;
	n += take((const unsigned char *)in, len, keep, out + n, &left);
	memcpy(clean->held, in + len - left, left);
	clean->n_held = (unsigned char)left;
	return n;
}

size_t clean_end(struct clean *clean, char *out)
{
	size_t n = clean->n_held;

	memset(out, '?', n);
	clean->n_held = 0;
	return n;
}

size_t clean_text(char *text, size_t len, unsigned keep)
{
	size_t left;
	size_t n = take((const unsigned char *)text, len, keep, text, &left);

	memset(text + n, '?', left);
	return n + left;
}

void clean_string(char *text)
{
	text[clean_text(text, strlen(text), CLEAN_NONE)] = '\0';
}
