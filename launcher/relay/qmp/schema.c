/* SPDX-License-Identifier: MIT */
/* The possible answers of the image's QEMU: its own introspection, compiled. */
#include "relay/qmp/schema.h"

#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

#define REBUILD "rebuild the image"

enum { ENTRIES_MAX = 16384 };

struct kind_name {
	const char *name;
	enum qmp_kind kind;
};

static const struct kind_name meta_types[] = {
	{"alternate", QMP_KIND_ALTERNATE}, {"array", QMP_KIND_ARRAY},
	{"command", QMP_KIND_COMMAND},	   {"enum", QMP_KIND_ENUM},
	{"event", QMP_KIND_EVENT},	   {"object", QMP_KIND_OBJECT},
};

/* Of "meta-type": "builtin". */
static const struct kind_name json_types[] = {
	{"boolean", QMP_KIND_BOOL},  {"int", QMP_KIND_INT},    {"null", QMP_KIND_NULL},
	{"number", QMP_KIND_NUMBER}, {"string", QMP_KIND_STR}, {"value", QMP_KIND_ANY},
};

static const char *text_of(const json_t *entry, const char *key)
{
	return json_string_value(json_object_get(entry, key));
}

static int find_kind(const struct kind_name *names, size_t n, const char *name,
		     enum qmp_kind *kind)
{
	for (size_t i = 0; name && i < n; i++) {
		if (strcmp(names[i].name, name) == 0) {
			*kind = names[i].kind;
			return 0;
		}
	}
	return -1;
}

static int read_kind(const json_t *entry, enum qmp_kind *kind)
{
	const char *meta = text_of(entry, "meta-type");

	if (meta && strcmp(meta, "builtin") == 0)
		return find_kind(json_types, sizeof(json_types) / sizeof(json_types[0]),
				 text_of(entry, "json-type"), kind);
	return find_kind(meta_types, sizeof(meta_types) / sizeof(meta_types[0]), meta,
			 kind);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct qmp_type *)a)->name,
		      ((const struct qmp_type *)b)->name);
}

static const struct qmp_type *find(const struct qmp_schema *schema, const char *name)
{
	struct qmp_type key = {.name = (char *)(name ? name : "")};

	return schema->n == 0 ? NULL
			      : bsearch(&key, schema->types, schema->n,
					sizeof(*schema->types), compare);
}

/* A type that values can have. */
static const struct qmp_type *find_value(const struct qmp_schema *schema,
					 const char *name)
{
	const struct qmp_type *type = find(schema, name);

	return type && type->kind < QMP_KIND_COMMAND ? type : NULL;
}

/* "members" or "variants"; `name_key` is the member that tells them apart. */
static int read_members(const struct qmp_schema *schema, const json_t *list,
			const char *name_key, struct qmp_member **members, size_t *n)
{
	const json_t *item;
	size_t i;

	*members = xalloc_check(calloc(json_array_size(list) + 1, sizeof(**members)));
	json_array_foreach(list, i, item) {
		struct qmp_member *member = &(*members)[i];
		const char *name = name_key ? text_of(item, name_key) : "";

		if (!name)
			return -1;
		member->name = xstrdup(name);
		*n = i + 1;
		member->type = find_value(schema, text_of(item, "type"));
		member->optional = json_object_get(item, "default") != NULL;
		if (!member->type)
			return -1;
	}
	return 0;
}

/* Of QEMU's two forms the image's builder writes "values". */
static int read_enum(const json_t *entry, struct qmp_type *type)
{
	const json_t *list = json_object_get(entry, "values");
	const json_t *item;
	size_t i;

	type->members =
		xalloc_check(calloc(json_array_size(list) + 1, sizeof(*type->members)));
	json_array_foreach(list, i, item) {
		if (!json_is_string(item))
			return -1;
		type->members[i].name = xstrdup(json_string_value(item));
		type->n_members = i + 1;
	}
	return 0;
}

static int read_object(const struct qmp_schema *schema, const json_t *entry,
		       struct qmp_type *type)
{
	const char *tag = text_of(entry, "tag");

	type->tag = xstrdup_null(tag);
	if (read_members(schema, json_object_get(entry, "members"), "name",
			 &type->members, &type->n_members) < 0)
		return -1;
	if (!tag)
		return 0;
	return read_members(schema, json_object_get(entry, "variants"), "case",
			    &type->variants, &type->n_variants);
}

static int read_type(const struct qmp_schema *schema, const json_t *entry,
		     struct qmp_type *type)
{
	static const char *const of[] = {
		[QMP_KIND_ARRAY] = "element-type",
		[QMP_KIND_COMMAND] = "ret-type",
		[QMP_KIND_EVENT] = "arg-type",
	};

	switch (type->kind) {
	case QMP_KIND_ENUM:
		return read_enum(entry, type);
	case QMP_KIND_OBJECT:
		return read_object(schema, entry, type);
	case QMP_KIND_ALTERNATE:
		return read_members(schema, json_object_get(entry, "members"), NULL,
				    &type->members, &type->n_members);
	case QMP_KIND_ARRAY:
	case QMP_KIND_COMMAND:
	case QMP_KIND_EVENT:
		type->of = find_value(schema, text_of(entry, of[type->kind]));
		return type->of ? 0 : -1;
	default:
		return 0;
	}
}

static int read_names(const json_t *entries, struct qmp_schema *out, struct err *err)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry) {
		const char *name = text_of(entry, "name");
		struct qmp_type *type = &out->types[i];

		if (!name || read_kind(entry, &type->kind) < 0)
			return err_set(err, ERR_HOST,
				       "qemu.schema[%zu]: expected a name and a "
				       "meta-type; " REBUILD,
				       i);
		type->name = xstrdup(name);
		out->n = i + 1;
	}
	qsort(out->types, out->n, sizeof(*out->types), compare);
	return 0;
}

int qmp_schema_load(const json_t *entries, struct qmp_schema *out, struct err *err)
{
	const json_t *entry;
	size_t i;

	*out = (struct qmp_schema){0};
	if (!json_is_array(entries) || json_array_size(entries) > ENTRIES_MAX)
		return err_set(err, ERR_HOST, "qemu.schema: expected a list; " REBUILD);
	out->types =
		xalloc_check(calloc(json_array_size(entries) + 1, sizeof(*out->types)));
	if (read_names(entries, out, err) < 0) {
		qmp_schema_free(out);
		return -1;
	}
	json_array_foreach(entries, i, entry) {
		const char *name = text_of(entry, "name");
		struct qmp_type *type = (struct qmp_type *)find(out, name);

		/* Of two entries of one name the second would leak the first's. */
		if (type->members || type->of || read_type(out, entry, type) < 0) {
			err_set(err, ERR_HOST,
				"qemu.schema: '%.64s' names a type that is not there; " REBUILD,
				name);
			qmp_schema_free(out);
			return -1;
		}
	}
	return 0;
}

const struct qmp_type *qmp_schema_find(const struct qmp_schema *schema, const char *name,
				       enum qmp_kind kind)
{
	const struct qmp_type *type = find(schema, name);

	return type && type->kind == kind ? type : NULL;
}

static void free_members(struct qmp_member *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(members[i].name);
	free(members);
}

void qmp_schema_free(struct qmp_schema *schema)
{
	for (size_t i = 0; i < schema->n; i++) {
		struct qmp_type *type = &schema->types[i];

		free_members(type->members, type->n_members);
		free_members(type->variants, type->n_variants);
		free(type->name);
		free(type->tag);
	}
	free(schema->types);
	*schema = (struct qmp_schema){0};
}
