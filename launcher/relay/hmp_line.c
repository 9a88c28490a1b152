/* SPDX-License-Identifier: MIT */
/* The line that a client writes at a human monitor of QEMU's with a socket of its own. */
#include "relay/hmp_line.h"

#include <string.h>

#include "relay/qmp/hmp.h"

enum { BACKSPACE = 8, ESCAPE = 27, DELETE = 127, CSI = 0x9b /* ESC [ in one byte */ };
enum { ESCAPE_SEEN = 1, BRACKET_SEEN };

static const char prompt[] = "(qemu) ";
static const char again[] =
	"Error: QEMU had not shown this line before its end; press Enter again\r\n";

static void text_add(struct hmp_text *text, char c)
{
	if (text->len < HMP_LINE_KEPT)
		text->bytes[text->len] = c;
	text->last = c;
	text->len++;
}

/* QEMU drops what its line has no room for. */
static void typed_add(struct hmp_text *text, char c)
{
	if (text->len < HMP_LINE_MAX)
		text_add(text, c);
}

static const char *text_end(struct hmp_text *text)
{
	text->bytes[text->len < HMP_LINE_KEPT ? text->len : HMP_LINE_KEPT] = '\0';
	return text->bytes;
}

/* QEMU adds it to its line as it is. */
static bool is_text(char c)
{
	return (unsigned char)c >= ' ' && c != DELETE && (unsigned char)c != CSI;
}

const char *hmp_line_type(struct hmp_line *line, char c, size_t *length)
{
	struct hmp_text *text = line->edited ? &line->shown : &line->typed;
	const char *refusal;

	if (c != '\r' && c != '\n') {
		if ((c == BACKSPACE || c == DELETE) && line->typed.len > 0)
			line->typed.len--;
		else if (is_text(c))
			typed_add(&line->typed, c);
		else if (c != BACKSPACE && c != DELETE && c != '\0') /* telnet's */
			line->edited = true;
		line->awaited = line->edited;
		return NULL;
	}
	if (line->awaited) {
		line->probed = true;
		*length = HMP_LINE_STAYS;
		return again;
	}
	refusal = qmp_hmp_refusal_alone(text_end(text));
	*length = text->len < HMP_LINE_MAX ? text->len : HMP_LINE_MAX;
	line->typed.len = line->shown.len = 0;
	line->edited = false;
	return refusal;
}

/* QEMU has shown its line: what stands before this. */
static void take_run(struct hmp_line *line)
{
	size_t skip = sizeof(prompt) - 1;

	line->shown = line->run;
	if (!line->probed || (line->run.len > 0 && line->run.last == HMP_LINE_PROBE))
		line->awaited = line->probed = false;
	if (line->run.len < skip || memcmp(line->run.bytes, prompt, skip) != 0)
		return;
	memmove(line->shown.bytes, line->shown.bytes + skip, HMP_LINE_KEPT - skip);
	line->shown.len -= skip;
}

void hmp_line_echo(struct hmp_line *line, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = data[i];

		if (c == ESCAPE) {
			line->escape = ESCAPE_SEEN;
		} else if (line->escape == ESCAPE_SEEN) {
			line->escape = c == '[' ? BRACKET_SEEN : 0;
		} else if (line->escape == BRACKET_SEEN) {
			if (c >= '0' && c <= '?')
				continue; /* a parameter */
			if (c == 'K')
				take_run(line);
			line->run.len = 0;
			line->escape = 0;
		} else if (c == '\r' || c == '\n') {
			line->run.len = 0;
		} else {
			text_add(&line->run, c);
		}
	}
}
