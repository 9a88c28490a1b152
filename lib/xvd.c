/* SPDX-License-Identifier: MIT */
/* Names and numbers of Xen's virtual block devices (Xen, docs/man/xen-vbd-interface.7). */
#include "xvd.h"

#include <stdio.h>
#include <string.h>

enum {
	LETTERS = 26,
	MAJOR = 202, /* xvda to xvdp: major 202, 16 minors each */
	OLD_DISKS = 16,
};

void xvd_name(unsigned i, char out[XVD_NAME_SIZE])
{
	char first = (char)('a' + i / LETTERS - 1), last = (char)('a' + i % LETTERS);

	if (i < LETTERS)
		snprintf(out, XVD_NAME_SIZE, "xvd%c", last);
	else
		snprintf(out, XVD_NAME_SIZE, "xvd%c%c", first, last);
}

static int letter(char c)
{
	return c >= 'a' && c <= 'z' ? c - 'a' : -1;
}

int xvd_devid(const char *name)
{
	size_t len = strlen(name);
	int i = len > 3 ? letter(name[3]) : -1;

	if (strncmp(name, "xvd", 3) != 0 || len > 5 || i < 0)
		return -1;
	if (len == 5) {
		if (letter(name[4]) < 0)
			return -1;
		i = (i + 1) * LETTERS + letter(name[4]);
	}
	return i < OLD_DISKS ? MAJOR << 8 | i << 4 : 1 << 28 | i << 8;
}
