/* SPDX-License-Identifier: MIT */
/* Cuts a stream of JSON objects into single ones, within bounds. */
#include "relay/qmp/split.h"

#include <string.h>

/*
 * Follows one byte; true: it ends the message.  The parser says whether the text is JSON.
 */
static bool follow(struct qmp_split *split, char c)
{
	if (split->in_string) {
		if (split->escaped)
			split->escaped = false;
		else if (c == '\\')
			split->escaped = true;
		else if (c == '"')
			split->in_string = false;
		return false;
	}
	switch (c) {
	case '"':
		split->in_string = true;
		return false;
	case '{':
	case '[':
		split->depth++;
		split->values++;
		return false;
	case ',':
		split->values++;
		return false;
	case '}':
	case ']':
		split->depth--;
		return split->depth == 0;
	default:
		return false;
	}
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int qmp_split_next(struct qmp_split *split, const char **data, size_t *len,
		   const char **why)
{
	const char *from = *data;
	size_t n = *len;
	size_t i = 0;
	bool ended = false;

	if (split->complete) {
		buffer_consume(&split->text, split->text.len);
		split->complete = false;
		split->values = 0;
	}
	if (split->depth == 0) {
		while (n > 0 && is_space(*from)) {
			from++;
			n--;
		}
		if (n > 0 && *from != '{') {
			*why = "not a JSON object";
			return -1;
		}
	}
	while (i < n && !ended) {
		ended = follow(split, from[i++]);
		if (split->depth > QMP_DEPTH_MAX) {
			*why = "nested too deeply";
			return -1;
		}
		if (split->values > QMP_VALUES_MAX) {
			*why = "a message of too many values";
			return -1;
		}
	}
	if (buffer_append(&split->text, from, i, QMP_MESSAGE_MAX) < 0) {
		*why = "a message over 1 MiB";
		return -1;
	}
	*data = from + i;
	*len = n - i;
	split->complete = ended;
	return ended ? 1 : 0;
}

void qmp_split_free(struct qmp_split *split)
{
	buffer_free(&split->text);
	memset(split, 0, sizeof(*split));
}
