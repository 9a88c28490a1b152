/* SPDX-License-Identifier: MIT */
/* Cuts a stream of JSON objects into single ones, within bounds. */
#ifndef STUBDOM_QMP_SPLIT_H
#define STUBDOM_QMP_SPLIT_H

#include <stdbool.h>

#include "buffer.h"

enum {
	QMP_MESSAGE_MAX = 1024 * 1024, /* bytes in one message: as much as libxl takes */
	QMP_DEPTH_MAX = 64,	       /* of nested objects and arrays */
	/*
	 * Openings and commas in one message: each stands for a value and a name, and for
	 * some hundred bytes once it is parsed.  QEMU's largest answer, query-qmp-schema,
	 * has a third of it.
	 */
	QMP_VALUES_MAX = 64 * 1024,
};

/* All zero is a splitter at the start of a stream. */
struct qmp_split {
	struct buffer text; /* of the message so far */
	unsigned depth;
	unsigned values; /* openings and commas so far */
	bool in_string;
	bool escaped;
	bool complete; /* text holds a whole message, taken at the next call */
};

/*
 * Takes bytes from *data up to the end of one message.  1: split->text holds
 * a whole object, *data and *len stand behind it.  0: all was taken, more is
 * needed.  -1: not a stream of objects, or over a bound; *why says which.
 */
int qmp_split_next(struct qmp_split *split, const char **data, size_t *len,
		   const char **why);

void qmp_split_free(struct qmp_split *split);

#endif
