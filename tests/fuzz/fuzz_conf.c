/* SPDX-License-Identifier: MIT */
/* Fuzz: any configuration file is read, or refused with the line. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "plan/stubopt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	char path[40];
	struct stubopt opt;
	struct err err = {0};

	if (fd < 0)
		fd = memfd_create("conf", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	stubopt_init(&opt);
	if (stubopt_read_file(&opt, path, &err) < 0 &&
	    strncmp(err.msg, path, strlen(path)) != 0)
		abort();
	if (opt.memory_mb && opt.vcpus == 0)
		abort();
	stubopt_free(&opt);
	return 0;
}
