/* SPDX-License-Identifier: MIT */
/* Fuzzes QEMU's option syntax: a parsed text that is written anew parses to the same. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "qemu_opt.h"

static void check_same(const struct qemu_opts *a, const struct qemu_opts *b)
{
	if (a->n != b->n)
		abort();
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->list[i].name, b->list[i].name) != 0 ||
		    strcmp(a->list[i].value, b->list[i].value) != 0)
			abort();
	}
}

static void change(struct qemu_opts *opts)
{
	char *name = strdup(opts->list[opts->n / 2].name);

	qemu_opts_set(opts, name, "a,b=c");
	if (!opts->json && strcmp(qemu_opts_get(opts, name), "a,b=c") != 0)
		abort();
	qemu_opts_remove(opts, name);
	if (qemu_opts_get(opts, name))
		abort();
	free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *implied;
	struct qemu_opts first;
	struct qemu_opts again;
	struct err err;
	char *text;
	char *out;

	if (size == 0)
		return 0;
	implied = data[0] & 1 ? "driver" : NULL;
	text = strndup((const char *)data + 1, size - 1);
	if (qemu_opts_parse(text, implied, data[0] & 2, &first, &err) == 0) {
		out = qemu_opts_format(&first);
		if (strcmp(out, text) != 0)
			abort();
		free(out);
		free(first.text);
		first.text = NULL;
		out = qemu_opts_format(&first);
		if (strlen(out) <= QEMU_OPTS_TEXT_MAX) {
			if (qemu_opts_parse(out, implied, data[0] & 2, &again, &err) < 0)
				abort();
			check_same(&first, &again);
			qemu_opts_free(&again);
		}
		free(out);
		if (first.n)
			change(&first);
		qemu_opts_free(&first);
	}
	free(text);
	return 0;
}
