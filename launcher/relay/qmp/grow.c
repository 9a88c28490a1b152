/* SPDX-License-Identifier: MIT */
/* Commands after which a disk of the stub domain has to be longer than it is. */
#include "relay/qmp/grow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 4 };

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* HMP's sizes: mebibytes, unless a letter says otherwise (QEMU's docs, `o`). */
static int parse_size(const char *text, json_int_t *out)
{
	static const char letters[] = "BKMGTPE";
	char letter = 'M';
	char *end;
	double n;

	errno = 0;
	n = strtod(text, &end);
	if (*end)
		letter = (char)(*end >= 'a' ? *end - 'a' + 'A' : *end);
	if (errno || end == text || n < 0 || (*end && end[1]) || !strchr(letters, letter))
		return -1;
	for (const char *at = letters; *at != letter; at++)
		n *= 1024;
	if (n < 1 || n > 1e18)
		return -1;
	*out = (json_int_t)n;
	return 0;
}

static size_t split(char *line, char *words[WORDS])
{
	size_t n = 0;
	char *rest;

	for (char *word = strtok_r(line, " \t\r\n", &rest); word && n < WORDS;
	     word = strtok_r(NULL, " \t\r\n", &rest))
		words[n++] = word;
	return n;
}

static int parse_hmp(const char *line, struct qmp_grow *out, struct err *err)
{
	char *words[WORDS];
	size_t n;

	snprintf(out->words, sizeof(out->words), "%s", line);
	n = split(out->words, words);
	if (n < 1)
		return 0;
	if (strcmp(words[0], "savevm") == 0 || strcmp(words[0], "loadvm") == 0)
		return err_set(err, ERR_USAGE,
			       "%s does not know the memory of a guest of Xen; use 'xl "
			       "save' and 'xl restore'",
			       words[0]);
	if (n < 3)
		return 0; /* QEMU says what is missing */
	out->device = words[1];
	if (strcmp(words[0], "snapshot_blkdev_internal") == 0)
		return 1;
	return strcmp(words[0], "block_resize") == 0 &&
	       parse_size(words[2], &out->size) == 0;
}

int qmp_grow_parse(const char *name, const json_t *arguments, struct qmp_grow *out,
		   struct err *err)
{
	const char *line = text_of(arguments, "command-line");

	memset(out, 0, sizeof(*out));
	if (strcmp(name, "human-monitor-command") == 0)
		return line ? parse_hmp(line, out, err) : 0;
	out->device = text_of(arguments, "device");
	if (strcmp(name, "blockdev-snapshot-internal-sync") == 0)
		return out->device != NULL;
	if (strcmp(name, "block_resize") != 0)
		return 0;
	out->size = json_integer_value(json_object_get(arguments, "size"));
	if (!out->device) {
		out->device = text_of(arguments, "node-name");
		out->is_node = true;
	}
	return out->device && out->size > 0;
}

json_t *qmp_grow_query(const struct qmp_grow *grow)
{
	return json_pack("{s:s}", "execute",
			 grow->is_node ? "query-named-block-nodes" : "query-block");
}

static bool is_named(const json_t *object, const char *key, const char *name)
{
	const char *text = text_of(object, key);

	return text && strcmp(text, name) == 0;
}

/* "/dev/xvdab" in QEMU's name of a file, which may be JSON itself. */
static bool take_disk(const char *file, char *disk, size_t size)
{
	const char *at = file ? strstr(file, "/dev/xvd") : NULL;
	size_t len = at ? strspn(at + 5, "abcdefghijklmnopqrstuvwxyz") : 0;

	if (len == 0 || len >= size)
		return false;
	snprintf(disk, size, "%.*s", (int)len, at + 5);
	return true;
}

bool qmp_grow_find(const struct qmp_grow *grow, const json_t *answer, char *disk,
		   size_t size)
{
	const json_t *list = json_object_get(answer, "return");
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		const json_t *node =
			grow->is_node ? item : json_object_get(item, "inserted");

		if (is_named(node, "node-name", grow->device) ||
		    is_named(item, "device", grow->device) ||
		    is_named(item, "qdev", grow->device))
			return take_disk(text_of(node, "file"), disk, size);
	}
	return false;
}
