/* SPDX-License-Identifier: MIT */
/* The JSON form of QEMU's options, as -device, -netdev, -object and -blockdev take it. */
#include "qemu_opt_json.h"

#include <string.h>

#include "cleanup.h"
#include "xalloc.h"

static char *scalar_text(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		return xstrdup(json_string_value(v));
	case JSON_INTEGER:
		return xasprintf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
	case JSON_REAL:
		return xasprintf("%.17g", json_real_value(v));
	case JSON_TRUE:
		return xstrdup("on");
	case JSON_FALSE:
		return xstrdup("off");
	default:
		return xstrdup("null");
	}
}

static int flatten(json_t *v, const char *path, unsigned depth, struct qemu_opts *out,
		   struct err *err);

static int flatten_child(json_t *v, const char *path, const char *key, unsigned depth,
			 struct qemu_opts *out, struct err *err)
{
	cleanup_free char *child = *path ? xasprintf("%s.%s", path, key) : xstrdup(key);

	return flatten(v, child, depth + 1, out, err);
}

static int flatten(json_t *v, const char *path, unsigned depth, struct qemu_opts *out,
		   struct err *err)
{
	const char *key;
	json_t *child;
	size_t i;

	if (depth > QEMU_OPTS_DEPTH_MAX)
		return err_set(err, ERR_USAGE, "JSON deeper than %d levels",
			       QEMU_OPTS_DEPTH_MAX);
	if (json_is_object(v)) {
		json_object_foreach(v, key, child) {
			if (flatten_child(child, path, key, depth, out, err) < 0)
				return -1;
		}
		return 0;
	}
	if (json_is_array(v)) {
		json_array_foreach(v, i, child) {
			char index[24];

			snprintf(index, sizeof(index), "%zu", i);
			if (flatten_child(child, path, index, depth, out, err) < 0)
				return -1;
		}
		return 0;
	}
	if (out->n >= QEMU_OPTS_MAX)
		return err_set(err, ERR_USAGE, "more than %d options in it",
			       QEMU_OPTS_MAX);
	qemu_opts_add(out, xstrdup(path), scalar_text(v), false, false);
	return 0;
}

int qemu_opts_parse_json(const char *text, struct qemu_opts *out, struct err *err)
{
	json_error_t why;

	out->json = json_loads(text, JSON_REJECT_DUPLICATES, &why);
	if (!out->json)
		return err_set(err, ERR_USAGE, "bad JSON at byte %d: %s", why.position,
			       why.text);
	return flatten(out->json, "", 0, out, err);
}

/* The container that holds the last part of a path; *last is that part. */
static json_t *find_parent(json_t *root, const char *path, const char **last)
{
	while (root) {
		const char *dot = strchr(path, '.');
		cleanup_free char *part = NULL;

		*last = path;
		if (!dot || (json_is_object(root) && json_object_get(root, path)))
			return root;
		part = xstrndup(path, (size_t)(dot - path));
		if (json_is_array(root))
			root = json_array_get(root, strtoul(part, NULL, 10));
		else
			root = json_object_get(root, part);
		path = dot + 1;
	}
	return NULL;
}

void qemu_opts_json_set(json_t *root, const char *path, const char *value)
{
	const char *last = path;
	json_t *parent = find_parent(root, path, &last);

	if (json_is_array(parent)) {
		size_t i = strtoul(last, NULL, 10);

		if (value)
			json_array_set_new(parent, i, json_string(value));
		else
			json_array_remove(parent, i);
		return;
	}
	if (!value)
		json_object_del(parent, last);
	else
		json_object_set_new(parent, last, json_string(value));
}
