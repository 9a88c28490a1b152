/* SPDX-License-Identifier: MIT */
/*
 * Decoder of LZ4 blocks: literals and matches in turn, the last literals without a
 * match.
 */
#include <nub/errno.h>
#include <nub/lz4.h>
#include <nub/string.h>

#define MATCH_MIN 4
#define NIBBLE_MAX 15

/* A length of 15 goes on in the bytes that follow, up to the first that is not 255.
 * Cannot overflow: each byte of the input adds at most 255. */
static bool length_read(const u8 **in, const u8 *end, size_t *length)
{
	u8 more;

	if (*length < NIBBLE_MAX)
		return true;
	do {
		if (*in == end)
			return false;
		more = *(*in)++;
		*length += more;
	} while (more == 255);
	return true;
}

/* Forwards, in words if `from` is a word or more before `to`, or behind it.  Mostly there
 * are a few bytes only, and a string instruction is slow to start for them. */
static void copy(u8 *to, const u8 *from, size_t n, bool words)
{
	u64 word;

	for (; words && n >= sizeof(word); n -= sizeof(word)) {
		memcpy(&word, from, sizeof(word));
		memcpy(to, &word, sizeof(word));
		to += sizeof(word);
		from += sizeof(word);
	}
	while (n--)
		*to++ = *from++;
}

ssize_t lz4_decode(const u8 *src, size_t size, u8 *dst, size_t room)
{
	const u8 *in = src, *end = src + size;
	size_t done = 0;

	while (in < end) {
		u8 token = *in++;
		size_t literals = token >> 4, match = token & NIBBLE_MAX, back;

		if (!length_read(&in, end, &literals) || literals > (size_t)(end - in) ||
		    literals > room - done)
			return -EIO;
		copy(dst + done, in, literals, true);
		in += literals;
		done += literals;
		if (in == end)
			return (ssize_t)done;
		if (end - in < 2)
			return -EIO;
		back = in[0] | (size_t)in[1] << 8;
		in += 2;
		if (!length_read(&in, end, &match))
			return -EIO;
		match += MATCH_MIN;
		if (!back || back > done || match > room - done)
			return -EIO;
		/* It may overlap its own output: then it repeats its first bytes. */
		copy(dst + done, dst + done - back, match, back >= sizeof(u64));
		done += match;
	}
	return -EIO; /* nothing at all, or no literals at the end */
}
