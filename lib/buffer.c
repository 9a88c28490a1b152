/* SPDX-License-Identifier: MIT */
/* A queue of bytes with a limit. */
#include "buffer.h"

#include <stdlib.h>
#include <string.h>

enum { KEEP = 64 * 1024 }; /* memory kept by an empty buffer, at most */

static int make_room(struct buffer *b, size_t len)
{
	size_t want = b->capacity ? b->capacity : 4096;
	char *grown;

	if (b->start + b->len + len <= b->capacity)
		return 0;
	if (b->start) {
		memmove(b->data, b->data + b->start, b->len);
		b->start = 0;
	}
	while (want < b->len + len)
		want *= 2;
	if (want == b->capacity)
		return 0;
	grown = realloc(b->data, want);
	if (!grown)
		return -1;
	b->data = grown;
	b->capacity = want;
	return 0;
}

int buffer_append(struct buffer *b, const void *data, size_t len, size_t most)
{
	if (len == 0)
		return 0;
	if (len > most || b->len > most - len || make_room(b, len) < 0)
		return -1;
	memcpy(b->data + b->start + b->len, data, len);
	b->len += len;
	return 0;
}

void buffer_consume(struct buffer *b, size_t len)
{
	if (len < b->len) {
		b->start += len;
		b->len -= len;
		return;
	}
	b->start = 0;
	b->len = 0;
	if (b->capacity > KEEP)
		buffer_free(b);
}

void buffer_append_recent(struct buffer *b, const void *data, size_t len, size_t most)
{
	const char *from = data;

	if (len > most) {
		from += len - most;
		len = most;
	}
	if (b->len + len > most)
		buffer_consume(b, b->len + len - most);
	buffer_append(b, from, len, most);
}

void buffer_free(struct buffer *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}
