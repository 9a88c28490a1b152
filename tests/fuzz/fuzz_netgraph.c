/* SPDX-License-Identifier: MIT */
/* Fuzz: a stub domain's answer on its network is refused, or of the agreed form. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "fuzz.h"
#include "netgraph.h"

/* Names go to terminals and into graphs: letters and digits only. */
static void check_name(const char *name, size_t size)
{
	if (!memchr(name, '\0', size))
		abort();
	for (; *name; name++)
		if (!isalnum((unsigned char)*name))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	char *answer = strchr(text, '\n');
	struct netgraph_if interface;
	struct ask_memory memory;
	struct err err;

	/* "NAME\nANSWER" */
	if (answer)
		*answer++ = '\0';
	if (netgraph_parse(text, answer ? answer : "", "5", &interface, &err) == 1) {
		check_name(interface.name, sizeof(interface.name));
		check_name(interface.bridge, sizeof(interface.bridge));
		if (interface.mtu > 1 << 20 || strcmp(interface.name, text) != 0)
			abort();
	} else if (!memchr(err.msg, '\0', sizeof(err.msg))) {
		abort();
	}
	if (answer && ask_memory_parse(answer, &memory) &&
	    memory.available_kb > memory.total_kb)
		abort();
	free(text);
	return 0;
}
