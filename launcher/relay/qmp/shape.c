/* SPDX-License-Identifier: MIT */
/* A value of the stub domain's, made anew as QEMU's schema says. */
#include "relay/qmp/shape.h"

#include <string.h>

#include "cleanup.h"
#include "relay/qmp/number.h"

/* Over QMP_DEPTH_MAX, as variants nest without nesting the value. */
enum { DEPTH_MAX = 256 };

struct shape {
	const struct qmp_names *names;
	unsigned depth;
};

static json_t *make(struct shape *shape, const struct qmp_type *type, const char *member,
		    const json_t *value);

static bool is_string(const json_t *value)
{
	return json_is_string(value) && !qmp_number_is_large(value);
}

static bool is_int(const json_t *value)
{
	return json_is_integer(value) || qmp_number_is_large(value);
}

static json_t *make_string(const struct shape *shape, const char *member,
			   const json_t *value)
{
	if (!is_string(value))
		return NULL;
	return qmp_word_make(shape->names, qmp_word_meaning(member), value);
}

/*
 * "thread-id" is a process of the host where QEMU runs, which is not dom0: tools would
 * move or stop somebody else's.
 */
static json_t *make_int(const char *member, const json_t *value)
{
	if (!is_int(value))
		return NULL;
	return strcmp(member, "thread-id") == 0 ? json_integer(0)
						: json_copy((json_t *)value);
}

/* A name as QEMU's properties and options have it. */
static bool is_key(const char *key)
{
	return *key &&
	       key[strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			       "0123456789_-.+:[]")] == '\0';
}

static json_t *make_list(struct shape *shape, const struct qmp_type *type,
			 const char *member, const json_t *value)
{
	cleanup_json json_t *list = json_array();
	const json_t *item;
	size_t i;

	if (!json_is_array(value))
		return NULL;
	json_array_foreach(value, i, item) {
		json_t *made = make(shape, type, member, item);

		if (!made || json_array_append_new(list, made) < 0)
			return NULL;
	}
	return json_incref(list);
}

/* The schema does not tell its type: a property's value.  `type` is that of "any". */
static json_t *make_any(struct shape *shape, const struct qmp_type *type,
			const json_t *value)
{
	cleanup_json json_t *object = NULL;
	const json_t *child;
	const char *key;

	if (is_int(value))
		return json_copy((json_t *)value);
	switch (json_typeof(value)) {
	case JSON_STRING:
		return qmp_word_make(shape->names, QMP_MEANS_WORD, value);
	case JSON_ARRAY:
		return make_list(shape, type, "", value);
	case JSON_OBJECT:
		break;
	default:
		return json_copy((json_t *)value);
	}
	object = json_object();
	json_object_foreach((json_t *)value, key, child) {
		json_t *made = is_key(key) ? make(shape, type, "", child) : NULL;

		if (!made || json_object_set_new(object, key, made) < 0)
			return NULL;
	}
	return json_incref(object);
}

static json_t *make_enum(const struct qmp_type *type, const json_t *value)
{
	const char *text = is_string(value) ? json_string_value(value) : NULL;

	for (size_t i = 0; text && i < type->n_members; i++) {
		if (strcmp(type->members[i].name, text) == 0)
			return json_string(text);
	}
	return NULL;
}

/* A string that says nothing any more is left out where QEMU may leave it out. */
static bool is_withheld(const struct qmp_member *member, const json_t *was,
			const json_t *made)
{
	return member->optional && json_is_string(made) &&
	       json_string_length(made) == 0 && json_string_length(was) > 0;
}

static int add_members(struct shape *shape, const struct qmp_type *type,
		       const json_t *value, json_t *object)
{
	for (size_t i = 0; i < type->n_members; i++) {
		const struct qmp_member *member = &type->members[i];
		const json_t *was = json_object_get(value, member->name);
		json_t *made;

		if (!was && member->optional)
			continue;
		made = was ? make(shape, member->type, member->name, was) : NULL;
		if (!made)
			return -1;
		if (is_withheld(member, was, made))
			json_decref(made);
		else if (json_object_set_new(object, member->name, made) < 0)
			return -1;
	}
	return 0;
}

/* A case without members need not be listed. */
static int add_variant(struct shape *shape, const struct qmp_type *type,
		       const json_t *value, json_t *object);

static int add_all(struct shape *shape, const struct qmp_type *type, const json_t *value,
		   json_t *object)
{
	int rc = -1;

	if (type->kind != QMP_KIND_OBJECT || shape->depth >= DEPTH_MAX)
		return -1;
	shape->depth++;
	if (add_members(shape, type, value, object) == 0)
		rc = add_variant(shape, type, value, object);
	shape->depth--;
	return rc;
}

static int add_variant(struct shape *shape, const struct qmp_type *type,
		       const json_t *value, json_t *object)
{
	const char *tag =
		type->tag ? json_string_value(json_object_get(object, type->tag)) : NULL;

	for (size_t i = 0; tag && i < type->n_variants; i++) {
		if (strcmp(type->variants[i].name, tag) == 0)
			return add_all(shape, type->variants[i].type, value, object);
	}
	return 0;
}

static json_t *make_object(struct shape *shape, const struct qmp_type *type,
			   const json_t *value)
{
	cleanup_json json_t *object = json_object();

	if (!json_is_object(value) || add_all(shape, type, value, object) < 0)
		return NULL;
	return json_incref(object);
}

static json_t *make_alternate(struct shape *shape, const struct qmp_type *type,
			      const char *member, const json_t *value)
{
	json_t *made = NULL;

	for (size_t i = 0; i < type->n_members && !made; i++)
		made = make(shape, type->members[i].type, member, value);
	return made;
}

static json_t *make_kind(struct shape *shape, const struct qmp_type *type,
			 const char *member, const json_t *value)
{
	switch (type->kind) {
	case QMP_KIND_BOOL:
		return json_is_boolean(value) ? json_copy((json_t *)value) : NULL;
	case QMP_KIND_NULL:
		return json_is_null(value) ? json_null() : NULL;
	case QMP_KIND_NUMBER:
		return json_is_real(value) || is_int(value) ? json_copy((json_t *)value)
							    : NULL;
	case QMP_KIND_INT:
		return make_int(member, value);
	case QMP_KIND_STR:
		return make_string(shape, member, value);
	case QMP_KIND_ENUM:
		return make_enum(type, value);
	case QMP_KIND_ARRAY:
		return make_list(shape, type->of, member, value);
	case QMP_KIND_OBJECT:
		return make_object(shape, type, value);
	case QMP_KIND_ALTERNATE:
		return make_alternate(shape, type, member, value);
	case QMP_KIND_ANY:
		return make_any(shape, type, value);
	default:
		return NULL;
	}
}

static json_t *make(struct shape *shape, const struct qmp_type *type, const char *member,
		    const json_t *value)
{
	json_t *made = NULL;

	if (shape->depth >= DEPTH_MAX)
		return NULL;
	shape->depth++;
	made = make_kind(shape, type, member, value);
	shape->depth--;
	return made;
}

json_t *qmp_shape(const struct qmp_names *names, const struct qmp_type *type,
		  const json_t *value)
{
	struct shape shape = {.names = names};

	return value ? make(&shape, type, "", value) : NULL;
}
