/* SPDX-License-Identifier: MIT */
/* Landlock: a second wall behind the empty root, which needs no user and no namespace. */
#include <errno.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/sandbox.h"

/*
 * The refusals of each version of the kernel's interface (landlock(7)): the lowest so many of
 * LANDLOCK_ACCESS_FS_*, LANDLOCK_ACCESS_NET_* and LANDLOCK_SCOPE_* (abstract sockets of others, signals).
 */
static const struct {
	unsigned files, ports, scopes;
} abi[] = {
	[1] = {13, 0, 0}, [2] = {14, 0, 0}, [3] = {15, 0, 0},
	[4] = {15, 2, 0}, [5] = {16, 2, 0}, [6] = {16, 2, 2},
};

/* struct landlock_ruleset_attr of Linux 6.12; older headers have fewer members. */
struct ruleset {
	uint64_t files, ports, scopes;
};

static uint64_t lowest(unsigned bits)
{
	return (1ULL << bits) - 1;
}

int relay_landlock_version(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
			    LANDLOCK_CREATE_RULESET_VERSION);
}

int relay_landlock_enter(struct err *err)
{
	int version = relay_landlock_version();
	size_t newest = sizeof(abi) / sizeof(abi[0]) - 1;
	struct ruleset attr;
	int fd;

	/* Not built in, or not started: the other walls stand without it. */
	if (version <= 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
		return 0;
	if (version <= 0)
		return err_errno(err, ERR_HOST, errno, "asking for Landlock");
	if ((size_t)version > newest)
		version = (int)newest;
	attr = (struct ruleset){
		lowest(abi[version].files),
		lowest(abi[version].ports),
		lowest(abi[version].scopes),
	};
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
