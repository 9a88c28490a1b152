/* SPDX-License-Identifier: MIT */
/* An attack on dom0's pciback: all registers of lent PCI devices, read and written without end. */
#include "evil.h"

#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

enum { CONFIG = 4096, AT_ONCE = 64 };

static void attack(int fd)
{
	for (int i = 0; i < AT_ONCE; i++) {
		/* Mostly in the first 256 bytes, the ones that there are. */
		const off_t at = random() % (i % 8 ? 256 : CONFIG);
		uint32_t value = (uint32_t)random() * 2;
		ssize_t n;

		if (i % 2)
			n = pread(fd, &value, 1 + (size_t)random() % 4, at);
		else
			n = pwrite(fd, &value, 1 + (size_t)random() % 4, at);
		(void)n; /* refused or not: both are right */
	}
}

int config_attack(void)
{
	glob_t found;
	int n = 0;

	if (glob("/sys/bus/pci/devices/*/config", 0, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int fd = open(found.gl_pathv[i], O_RDWR | O_CLOEXEC);

		if (fd < 0)
			continue;
		attack(fd);
		close(fd);
		n++;
	}
	globfree(&found);
	return n;
}
