/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target without libFuzzer, so that every build tests it a little.  Each file
 * of a directory runs as it is, then mutated and spliced, from a fixed seed. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { FILES_MAX = 512, SIZE_MAX_BYTES = 8192, CHANGES_MAX = 8 };

static uint8_t *inputs[FILES_MAX];
static size_t sizes[FILES_MAX];
static size_t n_inputs;

static uint64_t state = 0x9e3779b97f4a7c15u;

/* xorshift64*, the same everywhere. */
static uint32_t next_random(uint32_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * 0x2545f4914f6cdd1du) >> 33) % below;
}

static int read_inputs(const char *dir)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char path[1024];
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		f = list[i]->d_name[0] != '.' && n_inputs < FILES_MAX ? fopen(path, "r")
								      : NULL;
		free(list[i]);
		if (!f)
			continue;
		inputs[n_inputs] = malloc(SIZE_MAX_BYTES);
		sizes[n_inputs] = fread(inputs[n_inputs], 1, SIZE_MAX_BYTES, f);
		n_inputs++;
		fclose(f);
	}
	free(list);
	return n_inputs ? 0 : -1;
}

/* Replaces, removes, doubles or splices a few bytes. */
static size_t mutate(uint8_t *buf, size_t size)
{
	static const char special[] = "=,,\n{}\":/-.0\\ \x7f\xff";

	for (uint32_t n = 1 + next_random(CHANGES_MAX); n > 0 && size > 1; n--) {
		size_t at = next_random((uint32_t)size);
		size_t len = 1 + next_random(16);
		uint32_t from = next_random((uint32_t)n_inputs);

		if (len > size - at)
			len = size - at;
		switch (next_random(5)) {
		case 0:
			buf[at] = (uint8_t)special[next_random(sizeof(special) - 1)];
			break;
		case 1:
			buf[at] ^= (uint8_t)(1u << next_random(8));
			break;
		case 2:
			memmove(buf + at, buf + at + len, size - at - len);
			size -= len;
			break;
		case 3:
			if (size + len > SIZE_MAX_BYTES)
				break;
			memmove(buf + at + len, buf + at, size - at);
			size += len;
			break;
		default:
			if (sizes[from] > len)
				memcpy(buf + at,
				       inputs[from] +
					       next_random((uint32_t)(sizes[from] - len)),
				       len);
			break;
		}
	}
	return size;
}

int main(int argc, char **argv)
{
	static uint8_t buf[SIZE_MAX_BYTES];
	long runs = argc == 3 ? atol(argv[2]) : 0;

	if (runs <= 0 || read_inputs(argv[1]) < 0) {
		fprintf(stderr, "usage: %s DIRECTORY RUNS\n", argv[0]);
		return 2;
	}
	for (size_t i = 0; i < n_inputs; i++)
		LLVMFuzzerTestOneInput(inputs[i], sizes[i]);
	for (long i = 0; i < runs; i++) {
		size_t from = next_random((uint32_t)n_inputs);
		uint8_t *copy;
		size_t size;

		memcpy(buf, inputs[from], sizes[from]);
		size = mutate(buf, sizes[from]);
		/* Its own block, so that a read past the end is seen. */
		copy = malloc(size ? size : 1);
		memcpy(copy, buf, size);
		LLVMFuzzerTestOneInput(copy, size);
		free(copy);
	}
	printf("%zu inputs, %ld mutated\n", n_inputs, runs);
	for (size_t i = 0; i < n_inputs; i++)
		free(inputs[i]);
	return 0;
}
