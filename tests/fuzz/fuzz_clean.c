/* SPDX-License-Identifier: MIT */
/* Fuzz: the output of the filter for foreign text is harmless, however the text was
 * cut. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clean.h"
#include "fuzz.h"

/* UTF-8 by jansson's word, and none of the characters that lib/clean.h names. */
static void check(const char *text, size_t len)
{
	json_t *string = json_stringn(text, len);

	if (!string)
		abort();
	json_decref(string);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		unsigned char next = i + 1 < len ? (unsigned char)text[i + 1] : 0;

		if (c < 0x20 || c == 0x7f || (c == 0xc2 && next < 0xa0))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *in = (const char *)data;
	char *whole = malloc(size + 1);
	char *pieces = malloc(size + CLEAN_HELD_MAX + 1);
	struct clean clean = {0};
	size_t n_pieces = 0;
	size_t n;

	memcpy(whole, in, size);
	n = clean_text(whole, size, CLEAN_NONE);
	check(whole, n);
	/* Pieces of a length that the text itself says. */
	for (size_t at = 0; at < size;) {
		size_t piece = 1 + data[at] % 7;

		if (piece > size - at)
			piece = size - at;
		n_pieces +=
			clean_next(&clean, CLEAN_NONE, in + at, piece, pieces + n_pieces);
		at += piece;
	}
	n_pieces += clean_end(&clean, pieces + n_pieces);
	if (n_pieces != n || memcmp(whole, pieces, n) != 0)
		abort();
	free(whole);
	free(pieces);
	return 0;
}
