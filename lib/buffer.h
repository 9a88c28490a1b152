/* SPDX-License-Identifier: MIT */
/* A queue of bytes with a limit. */
#ifndef STUBDOM_BUFFER_H
#define STUBDOM_BUFFER_H

#include <stddef.h>

/* All zero is an empty buffer. data + start is the first of len bytes. */
struct buffer {
	char *data;
	size_t start;
	size_t len;
	size_t capacity;
};

static inline char *buffer_bytes(const struct buffer *b)
{
	return b->data + b->start;
}

/* Appends; -1: it would hold more than `most` bytes, or memory ran out. */
int buffer_append(struct buffer *b, const void *data, size_t len, size_t most);

/* Drops bytes from the front, at most all. */
void buffer_consume(struct buffer *b, size_t len);

/* Appends, and drops bytes from the front until at most `most` are left. */
void buffer_append_recent(struct buffer *b, const void *data, size_t len, size_t most);

void buffer_free(struct buffer *b);

#endif
