/* SPDX-License-Identifier: MIT */
/* Opens a pty that a node of xenstore names, and nothing else. */
#include "pty_slave.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"

#define FOLDER "/dev/pts/"

/* UNIX98_PTY_SLAVE_MAJOR and the UNIX98_PTY_MAJOR_COUNT - 1 behind it (linux/major.h). */
enum { MAJOR_FIRST = 136, MAJOR_LAST = 143, DIGITS_MAX = 7 };

/* Only digits: no other folder, no link of somebody else's, not ptmx. */
static bool is_name(const char *path)
{
	size_t len = strlen(FOLDER);
	size_t digits;

	if (strncmp(path, FOLDER, len) != 0)
		return false;
	digits = strspn(path + len, "0123456789");
	return digits > 0 && digits <= DIGITS_MAX && path[len + digits] == '\0';
}

static bool is_ours(const struct stat *st)
{
	unsigned number = major(st->st_rdev);

	return S_ISCHR(st->st_mode) && number >= MAJOR_FIRST && number <= MAJOR_LAST &&
	       (st->st_uid == 0 || st->st_uid == geteuid());
}

int pty_slave_open(const char *path, int flags, struct err *err)
{
	/* Looked at before it is opened: opening some devices does something. */
	cleanup_fd int found =
		is_name(path) ? open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;
	char link[32];
	struct stat st;
	int fd;

	if (!is_name(path))
		return err_set(err, ERR_HOST, "'%.200s' is no pty", path);
	if (found < 0 || fstat(found, &st) < 0)
		return err_errno(err, ERR_HOST, errno, "%s", path);
	if (!is_ours(&st))
		return err_set(err, ERR_HOST, "'%s' is no pty of this user's or root's",
			       path);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", found);
	fd = open(link, flags | O_NOCTTY | O_CLOEXEC);
	return fd >= 0 ? fd : err_errno(err, ERR_HOST, errno, "%s", path);
}
