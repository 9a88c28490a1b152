/* SPDX-License-Identifier: MIT */
/* Output for people: colour on terminals, other domains' bytes made harmless. */
#ifndef STUBDOM_TERM_H
#define STUBDOM_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "clean.h"

enum term_colour { TERM_PLAIN, TERM_GREEN, TERM_YELLOW, TERM_RED, TERM_BOLD };

/* Whether colour may be used: a terminal, NO_COLOR unset, TERM not "dumb". */
bool term_has_colour(FILE *out);

/* The escape sequence, or "" where out has no colour.  TERM_PLAIN ends a colour. */
const char *term_colour(FILE *out, enum term_colour colour);

/*
 * Text that another domain chose, piece by piece.  On a terminal it goes through
 * lib/clean.h, newline and tab left; elsewhere the bytes are as they came.  Carriage
 * returns before a newline go.
 */
struct term_foreign {
	FILE *out;
	bool terminal;
	struct clean clean;
	bool held_return; /* the next byte decides whether it goes */
};

void term_foreign_begin(struct term_foreign *foreign, FILE *out);
void term_foreign_write(struct term_foreign *foreign, const char *text, size_t len);
void term_foreign_end(struct term_foreign *foreign);

/* The three in one, for a text that is whole. */
void term_write_foreign(FILE *out, const char *text, size_t len);

#endif
