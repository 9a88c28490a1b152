/* SPDX-License-Identifier: MIT */
/* Tries the things that a relay without privilege cannot do: a failed drop shows here. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "sandbox/sandbox.h"

static bool has_capability(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return true;
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		if (data[i].effective | data[i].permitted | data[i].inheritable)
			return true;
	}
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) > 0 ||
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) > 0)
			return true;
	}
	return false;
}

static bool has_user(uid_t uid)
{
	uid_t uids[3];
	gid_t gids[3];

	if (getresuid(&uids[0], &uids[1], &uids[2]) < 0 ||
	    getresgid(&gids[0], &gids[1], &gids[2]) < 0 || getgroups(0, NULL) != 0)
		return false;
	for (int i = 0; i < 3; i++) {
		if (uids[i] != uid || gids[i] != uid)
			return false;
	}
	return true;
}

static bool can_become_root(void)
{
	return setresuid(0, 0, 0) == 0 || setuid(0) == 0 || setresgid(0, 0, 0) == 0 ||
	       setgid(0) == 0;
}

static bool can_open(void)
{
	static const char *const paths[] = {"/etc/passwd", "/proc/self/status",
					    "/dev/null", "/run"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (open(paths[i], O_RDONLY | O_CLOEXEC) >= 0 || errno == EINTR)
			return true;
	}
	return open("/x", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
}

/* The relay's root is a folder that anybody may read: Landlock alone shuts it. */
static bool can_list(void)
{
	return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0 || errno == EINTR;
}

/*
 * Signal 0 only asks whether one could be sent.  As process 1 of its own process ids the
 * relay cannot even name another process.
 */
static bool can_kill(void)
{
	return (getppid() > 0 && kill(getppid(), 0) == 0) ||
	       (getpid() != 1 && kill(1, 0) == 0);
}

/* xenstored's socket is where it always is, and root's alone. */
static bool can_connect(void)
{
	const struct sockaddr_un addr = {.sun_family = AF_UNIX,
					 .sun_path = "/run/xenstored/socket"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool can =
		fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0;

	if (fd >= 0)
		close(fd);
	return can;
}

int relay_sandbox_check(uid_t uid, struct err *err)
{
	const char *what = NULL;

	if (!has_user(uid))
		what = "it is not its user alone";
	else if (has_capability())
		what = "it has a capability";
	else if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		what = "it may gain privileges";
	else if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		what = "others may look into it";
	else if (can_become_root())
		what = "it can become root";
	else if (can_open())
		what = "it can open a file";
	else if (relay_landlock_version() > 0 && can_list())
		what = "it can list a folder, in spite of Landlock";
	else if (can_kill())
		what = "it can send signals";
	else if (can_connect())
		what = "it can connect to xenstored";
	if (!what)
		return 0;
	return err_set(err, ERR_HOST, "the privileges are not gone: %s", what);
}
