/* SPDX-License-Identifier: MIT */
/* What is printed for people: colour on terminals, other domains' bytes made harmless. */
#ifndef STUBDOM_TERM_H
#define STUBDOM_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum term_colour { TERM_PLAIN, TERM_GREEN, TERM_YELLOW, TERM_RED, TERM_BOLD };

/* Whether colour may be used: a terminal, NO_COLOR unset, TERM not "dumb". */
bool term_has_colour(FILE *out);

/* The escape sequence, or "" where out has no colour.  TERM_PLAIN ends a colour. */
const char *term_colour(FILE *out, enum term_colour colour);

/*
 * Writes text that another domain chose.  On a terminal control characters
 * other than newline and tab become '?', so that no escape sequence gets there;
 * elsewhere the bytes are as they came.  Carriage returns before a newline go.
 */
void term_write_foreign(FILE *out, const char *text, size_t len);

/* The same rule on a string in place, newline and tab included. */
void term_make_printable(char *text);

#endif
