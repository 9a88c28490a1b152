/* SPDX-License-Identifier: MIT */
/* Strings of a stub domain's QMP answers: none of them names something of dom0. */
#include "relay/qmp/word.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clean.h"
#include "cleanup.h"
#include "relay/qmp/number.h"

/*
 * From QEMU's schema: each string member of an answer or an event whose value is more
 * than a word.
 */
static const struct {
	const char *member;
	enum qmp_meaning meaning;
} meanings[] = {
	{"", QMP_MEANS_LINES}, /* human-monitor-command, ringbuf-read */
	{"backing-filename", QMP_MEANS_FILE},
	{"backing_file", QMP_MEANS_FILE},
	{"blocked-reasons", QMP_MEANS_TEXT},
	{"cid", QMP_MEANS_ADDRESS},
	{"data-file", QMP_MEANS_FILE},
	{"desc", QMP_MEANS_TEXT},
	{"description", QMP_MEANS_TEXT},
	{"error", QMP_MEANS_TEXT},
	{"error-desc", QMP_MEANS_TEXT},
	{"file", QMP_MEANS_FILE},
	{"filename", QMP_MEANS_FILE},
	{"full-backing-filename", QMP_MEANS_FILE},
	{"help", QMP_MEANS_LINES},
	{"host", QMP_MEANS_ADDRESS},
	{"human-readable-text", QMP_MEANS_LINES},
	{"msg", QMP_MEANS_TEXT},
	{"path", QMP_MEANS_QOM},
	{"port", QMP_MEANS_ADDRESS},
	{"pty", QMP_MEANS_FILE},
	{"reason", QMP_MEANS_TEXT},
	{"service", QMP_MEANS_ADDRESS},
	{"str", QMP_MEANS_ADDRESS},
	{"tls-hostname", QMP_MEANS_ADDRESS},
};

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text);

	return len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

enum qmp_meaning qmp_word_meaning(const char *member)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (strcmp(meanings[i].member, member) == 0)
			return meanings[i].meaning;
	}
	return ends_with(member, "qom-path") ? QMP_MEANS_QOM : QMP_MEANS_WORD;
}

/* A path in QEMU's tree of objects, none of which is a directory of dom0's. */
static bool is_qom(const char *text)
{
	static const char *const roots[] = {"/audiodevs", "/backend", "/chardevs",
					    "/machine", "/objects"};

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		size_t len = strlen(roots[i]);

		if (strncmp(text, roots[i], len) == 0 && (!text[len] || text[len] == '/'))
			return !strstr(text, "/../") && !ends_with(text, "/..");
	}
	return false;
}

/* "/etc/x", "pty:/dev/pts/3", "file:///x", "json:{...}": a name of something. */
static bool is_name(const char *text)
{
	size_t scheme = strcspn(text, ": "); /* or a protocol: one word */

	if (text[0] == '/')
		return !is_qom(text);
	return strncmp(text, "json:", 5) == 0 || strncmp(text + scheme, ":/", 2) == 0;
}

static const char *find_disk(const struct qmp_names *names, const char *path)
{
	static const char folder[] = "/dev/";
	size_t len = sizeof(folder) - 1;

	if (strncmp(path, folder, len) != 0)
		return "";
	for (size_t i = 0; names->media && i < names->media->n; i++) {
		const struct qmp_medium *medium = &names->media->list[i];

		if (medium->shown[0] && strcmp(medium->name, path + len) == 0)
			return medium->shown;
	}
	for (size_t i = 0; i < names->n_disks; i++) {
		if (strcmp(names->disks[i].name, path + len) == 0)
			return names->disks[i].shown;
	}
	return "";
}

/* The whole string, NULs inside included, as the caller's own. */
static char *copy(const json_t *value, unsigned keep)
{
	/* A string that would be written as a number says its digits. */
	const char *digits = qmp_number_digits(value);
	const char *from = digits ? digits : json_string_value(value);
	size_t len = digits ? strlen(digits) : json_string_length(value);
	char *text = malloc(len + 1);

	if (!text)
		return NULL;
	memcpy(text, from, len);
	text[clean_text(text, len, keep)] = '\0';
	return text;
}

json_t *qmp_word_make(const struct qmp_names *names, enum qmp_meaning meaning,
		      const json_t *value)
{
	static const unsigned lines = CLEAN_TAB | CLEAN_NEWLINE | CLEAN_RETURN;
	cleanup_free char *text =
		copy(value, meaning == QMP_MEANS_LINES ? lines : CLEAN_NONE);

	if (!text)
		return NULL;
	switch (meaning) {
	case QMP_MEANS_TEXT:
	case QMP_MEANS_LINES:
		return json_string(text);
	case QMP_MEANS_FILE:
		return json_string(find_disk(names, text));
	case QMP_MEANS_QOM:
		return json_string(is_qom(text) ? text : "");
	case QMP_MEANS_ADDRESS:
		return json_string("");
	default:
		return json_string(is_name(text) ? "" : text);
	}
}

json_t *qmp_word_text(const json_t *value, size_t most)
{
	cleanup_free char *text = json_is_string(value) ? copy(value, CLEAN_NONE) : NULL;

	if (!text)
		return json_string("");
	/* Not in the middle of a character. */
	if (strlen(text) > most) {
		while (most > 0 && ((unsigned char)text[most] & 0xc0) == 0x80)
			most--;
		text[most] = '\0';
	}
	return json_string(text);
}
