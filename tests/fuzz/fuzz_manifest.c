/* SPDX-License-Identifier: MIT */
/* Fuzz: any text is an image's manifest, or an error that says where. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "manifest.h"

static void use(const struct manifest *m)
{
	char mark[MANIFEST_MARK_MAX];

	for (size_t i = 0; i < m->n_kernels; i++) {
		const struct manifest_kernel *k = &m->kernels[i];

		if (!manifest_find_kernel(m, k->name) || k->path[0] != '/' ||
		    k->n_files != k->n_ramdisk + 1)
			abort();
		manifest_mark(k, mark);
		if (!memchr(mark, '\0', sizeof(mark)))
			abort();
		for (size_t f = 0; f < k->n_files; f++)
			if (strlen(k->files[f].sha256) != 64 && k->files[f].sha256[0])
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1);
	struct manifest manifest = {0};
	struct err err = {0};

	if (!copy)
		abort();
	memcpy(copy, data, size);
	if (manifest_parse("/image", copy, size, &manifest, &err) == 0) {
		use(&manifest);
		manifest_free(&manifest);
	} else if (!err.msg[0]) {
		abort();
	}
	free(copy);
	return 0;
}
