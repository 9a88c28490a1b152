/* SPDX-License-Identifier: MIT */
/* Kernel modules of the direct-boot test guest. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MODULE_DIR "/modules/"

static int module_insert(const char *file)
{
	char path[256];
	int fd, ret;

	snprintf(path, sizeof(path), MODULE_DIR "%s", file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	return ret && errno != EEXIST ? -1 : 0;
}

/* MODULE_DIR/list has one line a module: "NAME: FILE FILE...", its dependencies first. */
void module_load(const char *name)
{
	char line[512];
	size_t length = strlen(name);
	FILE *list = fopen(MODULE_DIR "list", "re");
	int found = 0;

	while (list && fgets(line, sizeof(line), list)) {
		char *save = NULL, *file;

		if (strncmp(line, name, length) || line[length] != ':')
			continue;
		found = 1;
		for (file = strtok_r(line + length + 1, " \n", &save); file;
		     file = strtok_r(NULL, " \n", &save)) {
			if (module_insert(file))
				say("module %s: %s: %s", name, file, strerror(errno));
		}
	}
	if (list)
		fclose(list);
	if (!found)
		say("module %s: not in this guest", name);
}
