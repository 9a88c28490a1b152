/* SPDX-License-Identifier: MIT */
/* The one filter for text that another domain chose: nothing in it moves a terminal. */
#ifndef STUBDOM_CLEAN_H
#define STUBDOM_CLEAN_H

#include <stddef.h>

/*
 * Passes UTF-8 without control characters.  These do not pass: U+0000 to U+001F; U+007F
 * to U+009F (8-bit CSI and OSC); the line and paragraph separators (U+2028, U+2029); all
 * that turns the direction of text (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to
 * U+2069).  Each of them, and each byte that is no UTF-8, becomes one '?'.
 */
enum clean_keep {
	CLEAN_NONE = 0,
	CLEAN_TAB = 1,
	CLEAN_NEWLINE = 2,
	CLEAN_RETURN = 4,
};

enum { CLEAN_HELD_MAX = 3 };

/* All zero is the start of a text. */
struct clean {
	unsigned char held[CLEAN_HELD_MAX]; /* of a character that is not whole yet */
	unsigned char n_held;
};

/*
 * Takes the next piece of a text.  `out` has room for len + CLEAN_HELD_MAX bytes;
 * returns how many were written.  `keep` is of enum clean_keep.
 */
size_t clean_next(struct clean *clean, unsigned keep, const char *in, size_t len,
		  char *out);

/* The text has ended: the held bytes were no character.  `out`: CLEAN_HELD_MAX bytes. */
size_t clean_end(struct clean *clean, char *out);

/* A whole text in place; it becomes no longer.  Returns its new length. */
size_t clean_text(char *text, size_t len, unsigned keep);

/* A string in place, CLEAN_NONE. */
void clean_string(char *text);

#endif
