/* SPDX-License-Identifier: MIT */
/* Fuzz: any header of a container gives a fault, or names and lengths within bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check/container.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = {"qcow2", "vpc", "vdi"};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct container c = {0};
		/* Its end is where a sanitizer sees it. */
		uint8_t *copy = malloc(size ? size : 1);

		if (!copy)
			abort();
		memcpy(copy, data, size);
		container_parse(copy, size, formats[i], &c);
		free(copy);
		if (c.fault >= CONTAINER_FAULTS || c.bytes > INT64_MAX ||
		    !memchr(c.backing, '\0', sizeof(c.backing)) ||
		    !memchr(c.backing_format, '\0', sizeof(c.backing_format)))
			abort();
	}
	return 0;
}
