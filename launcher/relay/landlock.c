/* SPDX-License-Identifier: MIT */
/* Landlock: a second wall behind the empty root, which needs no user and no namespace. */
#include <errno.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "relay/sandbox.h"

/* The refusals of each version of the kernel's interface (landlock(7)). */
static const struct {
	unsigned files; /* the lowest so many of LANDLOCK_ACCESS_FS_* */
	bool ports;
	bool scopes; /* signals and abstract sockets of others */
} abi[] = {
	[1] = {13, false, false}, [2] = {14, false, false}, [3] = {15, false, false},
	[4] = {15, true, false},  [5] = {16, true, false},  [6] = {16, true, true},
};

int relay_landlock_version(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
			    LANDLOCK_CREATE_RULESET_VERSION);
}

int relay_landlock_enter(struct err *err)
{
	struct landlock_ruleset_attr attr = {0};
	int version = relay_landlock_version();
	size_t newest = sizeof(abi) / sizeof(abi[0]) - 1;
	int fd;

	/* Not built in, or not started: the other walls stand without it. */
	if (version <= 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
		return 0;
	if (version <= 0)
		return err_errno(err, ERR_HOST, errno, "asking for Landlock");
	if ((size_t)version > newest)
		version = (int)newest;
	attr.handled_access_fs = (1ULL << abi[version].files) - 1;
	if (abi[version].ports)
		attr.handled_access_net =
			LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP;
	if (abi[version].scopes)
		attr.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL;
	/*
	 * An older kernel takes the longer structure if the members that it does not know
	 * are 0.
	 */
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0) {
		err_errno(err, ERR_HOST, errno, "shutting the file system (Landlock)");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(fd);
	return 0;
}
