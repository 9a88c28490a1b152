/* SPDX-License-Identifier: MIT */
/* Fuzz: any text is parsed and checked, or refused with a place; a parsed one is sane. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "topology.h"
#include "topology_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct topology_xenif xenifs[] = {{0, "a"}, {1, "a"}, {2, NULL}};
	char *text = malloc(size + 1);
	struct topology topology;
	struct err err = {0};

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	if (topology_parse(text, "t", &topology, &err) == 0) {
		char name[TOPOLOGY_NAME_SIZE];

		for (size_t i = 0; i < topology.n; i++) {
			const struct topology_stmt *stmt = &topology.stmts[i];

			if (stmt->subject.n > TOPOLOGY_IF_MAX ||
			    stmt->member.n > TOPOLOGY_IF_MAX || stmt->line == 0 ||
			    stmt->column == 0 ||
			    strlen(topology_if_name(stmt->subject, name)) < 4)
				abort();
		}
		if (topology_check(&topology, "t", 2, xenifs, 3, &err) < 0 &&
		    strncmp(err.msg, "t:", 2) != 0)
			abort();
		topology_free(&topology);
	} else if (strncmp(err.msg, "t:", 2) != 0) {
		abort();
	}
	free(text);
	return 0;
}
