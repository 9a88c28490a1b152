/* SPDX-License-Identifier: MIT */
/*
 * QEMU's option syntax (its util/qemu-option.c): the key=value form and the shared
 * parts.
 */
#include "qemu_opt.h"

#include <string.h>

#include "qemu_opt_json.h"
#include "xalloc.h"

void qemu_opts_add(struct qemu_opts *opts, char *name, char *value, bool implied,
		   bool flag)
{
	opts->list = xgrow(opts->list, opts->n, sizeof(*opts->list));
	opts->list[opts->n++] = (struct qemu_opt){name, value, implied, flag};
}

/* Copies a value up to a single comma, halving doubled ones; returns where it stopped. */
static const char *take_value(const char *p, char **out)
{
	char *value = xstrdup(p);
	size_t n = 0;

	for (; *p; p++) {
		if (*p == ',') {
			if (p[1] != ',')
				break;
			p++;
		}
		value[n++] = *p;
	}
	value[n] = '\0';
	*out = value;
	return p;
}

/* Takes one "name=value", flag or implied value; returns where it stopped. */
static const char *take_option(const char *p, const char *implied, struct qemu_opts *out)
{
	size_t len = strcspn(p, "=,");
	char *value;

	if (p[len] == '=') {
		const char *end = take_value(p + len + 1, &value);

		qemu_opts_add(out, xstrndup(p, len), value, false, false);
		return end;
	}
	if (implied) {
		p = take_value(p, &value);
		qemu_opts_add(out, xstrdup(implied), value, true, false);
		return p;
	}
	if (len > 2 && strncmp(p, "no", 2) == 0)
		qemu_opts_add(out, xstrndup(p + 2, len - 2), xstrdup("off"), false, true);
	else
		qemu_opts_add(out, xstrndup(p, len), xstrdup("on"), false, true);
	return p + len;
}

static int parse_keyval(const char *text, const char *implied, struct qemu_opts *out,
			struct err *err)
{
	const char *p = text;

	while (*p) {
		const struct qemu_opt *last;

		if (out->n >= QEMU_OPTS_MAX)
			return err_set(err, ERR_USAGE, "more than %d options in it",
				       QEMU_OPTS_MAX);
		p = take_option(p, p == text ? implied : NULL, out);
		last = &out->list[out->n - 1];
		if (last->name[0] == '\0')
			return err_set(
				err, ERR_USAGE,
				"option %zu in it has no name (a comma in a value is "
				"written twice: ',,')",
				out->n);
		if (*p == ',')
			p++;
	}
	return 0;
}

int qemu_opts_parse(const char *text, const char *implied, bool json,
		    struct qemu_opts *out, struct err *err)
{
	int rc;

	memset(out, 0, sizeof(*out));
	if (strlen(text) > QEMU_OPTS_TEXT_MAX)
		return err_set(err, ERR_USAGE, "longer than %d bytes",
			       QEMU_OPTS_TEXT_MAX);
	if (json && text[0] == '{')
		rc = qemu_opts_parse_json(text, out, err);
	else
		rc = parse_keyval(text, implied, out, err);
	if (rc < 0) {
		qemu_opts_free(out);
		return -1;
	}
	out->text = xstrdup(text);
	return 0;
}

const char *qemu_opts_get(const struct qemu_opts *opts, const char *name)
{
	for (size_t i = opts->n; i > 0; i--) {
		if (strcmp(opts->list[i - 1].name, name) == 0)
			return opts->list[i - 1].value;
	}
	return NULL;
}

int qemu_opts_get_bool(const struct qemu_opts *opts, const char *name, bool missing)
{
	static const char *const on[] = {"on", "yes", "true", "y"};
	static const char *const off[] = {"off", "no", "false", "n"};
	const char *value = qemu_opts_get(opts, name);

	if (!value)
		return missing;
	for (size_t i = 0; i < 4; i++) {
		if (strcmp(value, on[i]) == 0)
			return 1;
		if (strcmp(value, off[i]) == 0)
			return 0;
	}
	return -1;
}

static void drop_at(struct qemu_opts *opts, size_t i)
{
	free(opts->list[i].name);
	free(opts->list[i].value);
	opts->n--;
	memmove(&opts->list[i], &opts->list[i + 1], (opts->n - i) * sizeof(*opts->list));
}

static void mark_changed(struct qemu_opts *opts)
{
	free(opts->text);
	opts->text = NULL;
}

void qemu_opts_set(struct qemu_opts *opts, const char *name, const char *value)
{
	struct qemu_opt *first = NULL;

	mark_changed(opts);
	if (opts->json)
		qemu_opts_json_set(opts->json, name, value);
	for (size_t i = 0; i < opts->n;) {
		if (strcmp(opts->list[i].name, name) != 0) {
			i++;
		} else if (!first) {
			first = &opts->list[i++];
		} else {
			drop_at(opts, i);
		}
	}
	if (!first) {
		qemu_opts_add(opts, xstrdup(name), xstrdup(value), false, false);
		return;
	}
	free(first->value);
	first->value = xstrdup(value);
	first->flag = false;
}

void qemu_opts_remove(struct qemu_opts *opts, const char *name)
{
	if (!qemu_opts_get(opts, name))
		return;
	mark_changed(opts);
	if (opts->json)
		qemu_opts_json_set(opts->json, name, NULL);
	for (size_t i = 0; i < opts->n;) {
		if (strcmp(opts->list[i].name, name) == 0)
			drop_at(opts, i);
		else
			i++;
	}
}

static void write_value(FILE *f, const char *value)
{
	for (; *value; value++) {
		if (*value == ',')
			fputc(',', f);
		fputc(*value, f);
	}
}

/*
 * An implied value that holds '=' before any comma would be read as a name;
 * one that is no longer first has lost its place.
 */
static bool needs_name(const struct qemu_opt *opt, size_t i)
{
	return !opt->implied || i > 0 || opt->value[strcspn(opt->value, "=,")] == '=' ||
	       opt->value[0] == '\0';
}

static void write_keyval(FILE *f, const struct qemu_opts *opts)
{
	for (size_t i = 0; i < opts->n; i++) {
		const struct qemu_opt *opt = &opts->list[i];

		if (i > 0)
			fputc(',', f);
		if (opt->flag) {
			fprintf(f, "%s%s", strcmp(opt->value, "off") == 0 ? "no" : "",
				opt->name);
			continue;
		}
		if (needs_name(opt, i))
			fprintf(f, "%s=", opt->name);
		write_value(f, opt->value);
	}
}

char *qemu_opts_format(const struct qemu_opts *opts)
{
	char *out = NULL;
	size_t len = 0;
	FILE *f;

	if (opts->text)
		return xstrdup(opts->text);
	if (opts->json)
		return xalloc_check(json_dumps(opts->json, JSON_COMPACT));
	f = xalloc_check(open_memstream(&out, &len));
	write_keyval(f, opts);
	if (fclose(f) != 0)
		out = NULL;
	return xalloc_check(out);
}

void qemu_opts_free(struct qemu_opts *opts)
{
	for (size_t i = 0; i < opts->n; i++) {
		free(opts->list[i].name);
		free(opts->list[i].value);
	}
	free(opts->list);
	free(opts->text);
	json_decref(opts->json);
	memset(opts, 0, sizeof(*opts));
}
