/* SPDX-License-Identifier: MIT */
/* Gives dom0's own QEMU the path that /etc/init.d/xen looks for. */
#include "dom0_qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "qemu_path.h"

bool dom0_qemu_is_asked(const struct args *args)
{
	const struct arg *domid = args_find(args, "xen-domid");

	return domid && domid->value && strcmp(domid->value, "0") == 0;
}

static int make_file(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	if (fd < 0)
		return err_errno(err, ERR_HOST, errno, "%s", path);
	close(fd);
	return 0;
}

/* The program behind the descriptor, at QEMU_PATH in the file system mounted over `dir`. */
static int fill(int real, struct err *err)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", real);
	if (make_file(QEMU_PATH, err) < 0)
		return -1;
	if (mount(self, QEMU_PATH, NULL, MS_BIND, NULL) < 0)
		return err_errno(err, ERR_HOST, errno, QEMU_PATH ": mount");
	return 0;
}

/*
 * A mount on the path itself would go when 'stubdom disable' or an upgrade replaces what
 * is there.  So its directory is a small file system of this process's own.
 */
static int cover(int real, struct err *err)
{
	char path[] = QEMU_PATH;
	const char *dir = dirname(path);

	if (mount("stubdom", dir, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=4k") < 0)
		return err_errno(err, ERR_HOST, errno, "%s: mount", dir);
	if (fill(real, err) == 0)
		return 0;
	umount2(dir, MNT_DETACH);
	return -1;
}

int dom0_qemu_place(const char *real, struct err *err)
{
	int fd, rc;

	if (unshare(CLONE_NEWNS) < 0)
		return err_errno(err, ERR_HOST, errno, "unshare");
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_errno(err, ERR_HOST, errno, "/: mount as slave");
	/* Not before: a file of another namespace's mount cannot be bound. */
	fd = open(real, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, ERR_HOST, errno, "%s", real);
	rc = cover(fd, err);
	close(fd);
	return rc;
}
