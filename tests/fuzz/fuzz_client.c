/* SPDX-License-Identifier: MIT */
/* Fuzz: the bytes of a telnet client, and of a client of QEMU's human monitor.  Telnet's
 * commands go, however the bytes come in pieces; a line's length is bounded. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "relay/hmp_line.h"
#include "relay/telnet.h"

static void try_telnet(const uint8_t *data, size_t size, size_t piece)
{
	struct telnet whole = {0}, parts = {0};
	char *a = malloc(size + 1), *b = malloc(size + 1);
	size_t kept, sum = 0;

	if (!a || !b)
		abort();
	memcpy(a, data, size);
	kept = telnet_filter(&whole, a, size);
	for (size_t at = 0; at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		memcpy(b + sum, data + at, n);
		sum += telnet_filter(&parts, b + sum, n);
	}
	if (kept > size || kept != sum || memcmp(a, b, kept) != 0)
		abort();
	free(a);
	free(b);
}

static void try_line(const uint8_t *data, size_t size)
{
	struct hmp_line line = {0};
	size_t at = 0, length = 0;

	while (at < size) {
		size_t n = data[at] & 0x3f;
		int echo = data[at++] & 0x80;

		n = n < size - at ? n : size - at;
		if (echo) {
			hmp_line_echo(&line, (const char *)data + at, n);
			at += n;
			continue;
		}
		for (; n > 0; n--, at++, length = 0) {
			const char *refusal =
				hmp_line_type(&line, (char)data[at], &length);

			/* A line that is not known yet does not pass. */
			if (length > HMP_LINE_STAYS ||
			    (length == HMP_LINE_STAYS && !refusal) ||
			    (refusal && !refusal[0]))
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] & 1)
		try_line(data + 1, size - 1);
	else
		try_telnet(data + 1, size - 1, 1 + data[0] / 2u);
	return 0;
}
