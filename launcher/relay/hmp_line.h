/* SPDX-License-Identifier: MIT */
/* The line that a client writes at a human monitor of QEMU's with a socket of its own. */
#ifndef STUBDOM_RELAY_HMP_LINE_H
#define STUBDOM_RELAY_HMP_LINE_H

#include <stdbool.h>
#include <stddef.h>

enum {
	HMP_LINE_KEPT = 64,  /* bytes; the first two words are what matters */
	HMP_LINE_MAX = 4095, /* QEMU's own, READLINE_CMD_BUF_SIZE */
	HMP_LINE_STAYS = HMP_LINE_MAX + 1,
	HMP_LINE_PROBE = '~'
};

struct hmp_text {
	char bytes[HMP_LINE_KEPT + 1];
	size_t len; /* may be more than are kept */
	char last;
};

/*
 * All zero: a client has come.  A line that was only typed is known from its bytes.  A line
 * that was edited, completed or taken from QEMU's history is known from QEMU's echo.  QEMU
 * shows it anew after each key, "LINE ESC [ K" (util/readline.c).
 */
struct hmp_line {
	struct hmp_text typed;
	bool edited;
	bool awaited; /* keys have gone to QEMU since it showed its line, edited */
	bool probed;  /* once it has seen them all it shows HMP_LINE_PROBE at the end */
	struct hmp_text run; /* of what QEMU says: since a line's begin or an escape */
	struct hmp_text shown;
	unsigned char escape; /* how much of ESC [ ... was seen */
};

/*
 * A byte of the client's.  Returns the answer in QEMU's place if the byte ends a line that
 * must not reach QEMU: it is not passed on.  QEMU still has the line, *length bytes of it.
 * HMP_LINE_STAYS: the line is not known yet, and QEMU keeps it.  The caller then types
 * HMP_LINE_PROBE at its end, and a backspace: QEMU shows the line.
 */
const char *hmp_line_type(struct hmp_line *line, char c, size_t *length);

/* Bytes that QEMU says. */
void hmp_line_echo(struct hmp_line *line, const char *data, size_t len);

#endif
