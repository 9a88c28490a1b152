/* SPDX-License-Identifier: MIT */
/* Fuzz: a client's device_add and QEMU's answers to query-pci, a line of JSON each.  A
 * device that is said to be gone was there. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "pci_lent.h"
#include "relay/qmp/lent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qmp_lent lent = {0};
	const char *at = (const char *)data, *end = at + size;

	while (at < end) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((eol ? eol : end) - at);
		json_t *json = json_loadb(at, len, 0, NULL);
		const char *name;

		at += len + 1;
		if (!json)
			continue;
		name = json_is_object(json) ? qmp_lent_wanted(json) : NULL;
		if (name)
			qmp_lent_add(&lent, json);
		name = qmp_lent_gone(&lent, json);
		if (name) {
			char copy[QMP_LENT_NAME_MAX + 1];

			strcpy(copy, name);
			if (!qmp_lent_has(&lent, copy))
				abort();
			qmp_lent_remove(&lent, copy);
		}
		if (lent.n > PCI_LENT_MAX)
			abort();
		json_decref(json);
	}
	return 0;
}
