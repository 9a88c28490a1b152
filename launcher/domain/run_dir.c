/* SPDX-License-Identifier: MIT */
/* The directory of a guest's sockets, STUBDOM_RUN_DIR/<guest domid> (abi/facts.h). */
#include "domain/run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/facts.h"
#include "cleanup.h"
#include "xalloc.h"

/* Root's alone, also if something else has made it before us. */
static int make_folder(void)
{
	cleanup_fd int fd = -1;

	if (mkdir(STUBDOM_RUN_DIR, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	fd = open(STUBDOM_RUN_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0
				       : -1; /* gone again: the caller tries once more */
	return fchown(fd, 0, 0) < 0 || fchmod(fd, 0700) < 0 ? -1 : 0;
}

int run_dir_make(const struct plan *plan, struct err *err)
{
	cleanup_free char *dir = xasprintf(STUBDOM_RUN_DIR "/%u", plan->guest_domid);

	/* Another guest's end may remove the empty directory between the two. */
	for (int tries = 0; tries < 10; tries++) {
		if (make_folder() < 0)
			break;
		if (mkdir(dir, 0700) == 0 || errno == EEXIST)
			return 0;
		if (errno != ENOENT)
			break;
	}
	return err_errno(err, ERR_HOST, errno, "making %s", dir);
}

void run_dir_remove(const struct plan *plan)
{
	cleanup_free char *dir = xasprintf(STUBDOM_RUN_DIR "/%u", plan->guest_domid);
	cleanup_free char *qmp = xasprintf("%s/" STUBDOM_RUN_QMP, dir);

	unlink(qmp); /* of a launcher that was killed */
	rmdir(dir);
	rmdir(STUBDOM_RUN_DIR); /* unless another guest has its own in it */
}
