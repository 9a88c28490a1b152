/* SPDX-License-Identifier: MIT */
/* The address of a unix socket. */
#ifndef STUBDOM_UNIX_ADDRESS_H
#define STUBDOM_UNIX_ADDRESS_H

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { UNIX_ADDRESS_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

/* -1: the path is longer than UNIX_ADDRESS_MAX. */
static inline int unix_address_set(struct sockaddr_un *address, const char *path)
{
	size_t len = strlen(path);

	if (len > UNIX_ADDRESS_MAX)
		return -1;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, path, len + 1);
	return 0;
}

#endif
