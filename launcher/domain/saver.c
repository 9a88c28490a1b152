/* SPDX-License-Identifier: MIT */
/* libxl's process that saves or migrates a guest. */
#include "domain/saver.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

enum { NUMBERS_AT = 3 }; /* after the name, the mode and the stream's descriptor */

/* libxl's libxl_save_callout.c, run_helper(): all the rest are numbers. */
bool saver_is_of(const char *args, size_t size, uint32_t guest)
{
	const char *end = args + size;
	char wanted[16];

	if (size == 0 || args[size - 1] != '\0')
		return false;
	snprintf(wanted, sizeof(wanted), "%u", guest);
	for (unsigned i = 0; args < end; i++, args += strlen(args) + 1) {
		const char *name = strrchr(args, '/');

		if (i == 0 && strcmp(name ? name + 1 : args, "libxl-save-helper") != 0)
			return false;
		if (i == 1 && strcmp(args, "--save-domain") != 0)
			return false;
		if (i >= NUMBERS_AT && strcmp(args, wanted) == 0)
			return true;
	}
	return false;
}

static bool is_saver(const char *pid, uint32_t guest)
{
	char path[300], args[4096];
	cleanup_fd int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, args, sizeof(args)) : -1;
	return n > 0 && saver_is_of(args, (size_t)n, guest);
}

bool saver_runs(uint32_t guest)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	bool found = false;

	if (!dir)
		return true;
	while (!found && (entry = readdir(dir)))
		found = isdigit((unsigned char)entry->d_name[0]) &&
			is_saver(entry->d_name, guest);
	closedir(dir);
	return found;
}
