/* SPDX-License-Identifier: MIT */
/* JSON with QEMU's unsigned 64-bit numbers, which jansson's integers cannot hold. */
#include "relay/qmp/number.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "relay/qmp/split.h"

/* U+F8F1 in UTF-8; with the quotes around it, as it stands in the text. */
#define MARK "\"\xef\xa3\xb1"
#define MARK_LEN (sizeof(MARK) - 1)

enum { TEXT_MAX = 2 * QMP_MESSAGE_MAX, DIGITS_MIN = 19, DIGITS_MAX = 20 };

static const char least[] = "9223372036854775808";
static const char most[] = "18446744073709551615";

static size_t count_digits(const char *text, const char *end)
{
	size_t n = 0;

	while (text + n < end && text[n] >= '0' && text[n] <= '9')
		n++;
	return n;
}

/* Digits that make a number beyond jansson's, and none beyond QEMU's. */
static bool is_large(const char *digits, size_t n)
{
	if (n == DIGITS_MIN)
		return memcmp(digits, least, n) >= 0;
	return n == DIGITS_MAX && memcmp(digits, most, n) <= 0 && digits[0] != '0';
}

/* Length of the string that begins at its opening quote. */
static size_t skip_string(const char *text, const char *end)
{
	const char *at = text + 1;

	while (at < end && *at != '"')
		at += *at == '\\' && at + 1 < end ? 2 : 1;
	return (size_t)((at < end ? at + 1 : end) - text);
}

/* The piece of text at `text`; *large: an integer that is to be marked. */
static size_t piece(const char *text, const char *end, bool *large)
{
	size_t n = 1;

	*large = false;
	if (*text == '"')
		return skip_string(text, end);
	if ((*text < '0' || *text > '9') && *text != '-')
		return 1;
	n = count_digits(text, end);
	*large = is_large(text, n);
	/* A sign, a fraction or an exponent makes it another number. */
	while (text + n < end && strchr("+-.eE0123456789", text[n]) && text[n]) {
		*large = false;
		n++;
	}
	return n > 0 ? n : 1;
}

const char *qmp_number_digits(const json_t *value)
{
	static const char mark[] = MARK;
	const char *text = json_string_value(value);
	size_t len = MARK_LEN - 1; /* without the quote */

	if (!text || strncmp(text, mark + 1, len) != 0)
		return NULL;
	text += len;
	return text[strspn(text, "0123456789")] == '\0' && is_large(text, strlen(text))
		       ? text
		       : NULL;
}

bool qmp_number_is_large(const json_t *value)
{
	return qmp_number_digits(value) != NULL;
}

json_t *qmp_number_load(const char *text, size_t len)
{
	json_t *value = json_loadb(text, len, 0, NULL);
	const char *end = text + len;
	struct buffer marked = {0};
	int rc = 0;

	if (value)
		return value;
	while (text < end && rc == 0) {
		bool large;
		size_t n = piece(text, end, &large);

		if (large)
			rc = buffer_append(&marked, MARK, MARK_LEN, TEXT_MAX);
		if (rc == 0)
			rc = buffer_append(&marked, text, n, TEXT_MAX);
		if (rc == 0 && large)
			rc = buffer_append(&marked, "\"", 1, TEXT_MAX);
		text += n;
	}
	if (rc == 0)
		value = json_loadb(buffer_bytes(&marked), marked.len, 0, NULL);
	/* Numbers beyond those are reals, as far as a real holds them. */
	if (rc == 0 && !value)
		value = json_loadb(buffer_bytes(&marked), marked.len,
				   JSON_DECODE_INT_AS_REAL, NULL);
	buffer_free(&marked);
	return value;
}

char *qmp_number_dump(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);
	const char *end = text ? text + strlen(text) : NULL;
	char *from = text;
	char *to = text;

	/* Strings are skipped, so that no part of one is taken for a mark. */
	while (from < end) {
		size_t n = *from == '"' ? skip_string(from, end) : 1;
		size_t digits;

		if (strncmp(from, MARK, MARK_LEN) == 0) {
			digits = count_digits(from + MARK_LEN, from + n);
			if (MARK_LEN + digits + 1 == n &&
			    is_large(from + MARK_LEN, digits)) {
				memmove(to, from + MARK_LEN, digits);
				to += digits;
				from += n;
				continue;
			}
		}
		memmove(to, from, n);
		to += n;
		from += n;
	}
	if (to)
		*to = '\0';
	return text;
}
