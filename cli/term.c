/* SPDX-License-Identifier: MIT */
/* What is printed for people: colour on terminals, other domains' bytes made harmless. */
#include "term.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool term_has_colour(FILE *out)
{
	const char *term = getenv("TERM");
	const char *no_colour = getenv("NO_COLOR");

	return isatty(fileno(out)) && !(no_colour && *no_colour) && term &&
	       strcmp(term, "dumb") != 0;
}

const char *term_colour(FILE *out, enum term_colour colour)
{
	static const char *const codes[] = {
		[TERM_PLAIN] = "\033[0m",   [TERM_GREEN] = "\033[32m",
		[TERM_YELLOW] = "\033[33m", [TERM_RED] = "\033[31m",
		[TERM_BOLD] = "\033[1m",
	};

	return term_has_colour(out) ? codes[colour] : "";
}

static bool is_control(unsigned char before, unsigned char c)
{
	/* C2 80 to C2 9F are the 8-bit control characters (CSI, OSC) in UTF-8. */
	return c < 0x20 || c == 0x7f || (before == 0xc2 && c >= 0x80 && c < 0xa0);
}

void term_write_foreign(FILE *out, const char *text, size_t len)
{
	bool terminal = isatty(fileno(out));

	for (size_t i = 0; i < len; i++) {
		unsigned char before = i > 0 ? (unsigned char)text[i - 1] : 0;
		unsigned char c = (unsigned char)text[i];

		if (c == '\r' && i + 1 < len && text[i + 1] == '\n')
			continue;
		if (terminal && c != '\n' && c != '\t' && is_control(before, c))
			c = '?';
		putc(c, out);
	}
}

void term_make_printable(char *text)
{
	unsigned char before = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (is_control(before, c))
			*text = '?';
		before = c;
	}
}
