/* SPDX-License-Identifier: MIT */
/* PCI devices of dom0's that QEMU passes through. */
#include "relay/qmp/lent.h"

#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

const char *qmp_lent_wanted(const json_t *arguments)
{
	if (strcmp(text_of(arguments, "driver"), "xen-pci-passthrough") != 0)
		return NULL;
	return text_of(arguments, "hostaddr");
}

int qmp_lent_add(struct qmp_lent *lent, const json_t *arguments)
{
	const char *name = text_of(arguments, "hostaddr");
	const char *id = text_of(arguments, "id");

	qmp_lent_remove(lent, name);
	if (lent->n == PCI_LENT_MAX || strlen(name) > QMP_LENT_NAME_MAX ||
	    strlen(id) > QMP_LENT_ID_MAX)
		return -1;
	strcpy(lent->list[lent->n].name, name);
	strcpy(lent->list[lent->n].id, id);
	lent->n++;
	return 0;
}

/* The place of the device in the list; its length: it is not there. */
static size_t find(const struct qmp_lent *lent, const char *name)
{
	size_t i = 0;

	while (i < lent->n && strcmp(lent->list[i].name, name) != 0)
		i++;
	return i;
}

void qmp_lent_remove(struct qmp_lent *lent, const char *name)
{
	size_t i = find(lent, name);

	if (i < lent->n)
		lent->list[i] = lent->list[--lent->n];
}

bool qmp_lent_has(const struct qmp_lent *lent, const char *name)
{
	return find(lent, name) < lent->n;
}

/* Whether a device anywhere in it has the id. */
static bool has(const json_t *value, const char *id)
{
	const json_t *child;
	const char *key;
	size_t i;

	if (strcmp(text_of(value, "qdev_id"), id) == 0)
		return true;
	json_object_foreach((json_t *)value, key, child) {
		if (has(child, id))
			return true;
	}
	json_array_foreach(value, i, child) {
		if (has(child, id))
			return true;
	}
	return false;
}

const char *qmp_lent_gone(const struct qmp_lent *lent, const json_t *answer)
{
	const json_t *list = json_object_get(answer, "return");

	for (size_t i = 0; list && i < lent->n; i++) {
		if (lent->list[i].id[0] && !has(list, lent->list[i].id))
			return lent->list[i].name;
	}
	return NULL;
}
