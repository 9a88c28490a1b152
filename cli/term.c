/* SPDX-License-Identifier: MIT */
/* Output for people: colour on terminals, other domains' bytes made harmless. */
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

static void put(struct term_foreign *foreign, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (foreign->held_return && text[i] != '\n')
			putc(foreign->terminal ? '?' : '\r', foreign->out);
		foreign->held_return = text[i] == '\r';
		if (!foreign->held_return)
			putc(text[i], foreign->out);
	}
}

void term_foreign_begin(struct term_foreign *foreign, FILE *out)
{
	*foreign = (struct term_foreign){.out = out, .terminal = isatty(fileno(out))};
}

void term_foreign_write(struct term_foreign *foreign, const char *text, size_t len)
{
	enum { PIECE = 1024 };
	char clean[PIECE + CLEAN_HELD_MAX];

	if (!foreign->terminal) {
		put(foreign, text, len);
		return;
	}
	while (len > 0) {
		size_t piece = len < PIECE ? len : PIECE;
		size_t n = clean_next(&foreign->clean,
				      CLEAN_TAB | CLEAN_NEWLINE | CLEAN_RETURN, text,
				      piece, clean);

		put(foreign, clean, n);
		text += piece;
		len -= piece;
	}
}

void term_foreign_end(struct term_foreign *foreign)
{
	char rest[CLEAN_HELD_MAX];

	put(foreign, rest, clean_end(&foreign->clean, rest));
	if (foreign->held_return)
		putc(foreign->terminal ? '?' : '\r', foreign->out);
	foreign->held_return = false;
}

void term_write_foreign(FILE *out, const char *text, size_t len)
{
	struct term_foreign foreign;

	term_foreign_begin(&foreign, out);
	term_foreign_write(&foreign, text, len);
	term_foreign_end(&foreign);
}
