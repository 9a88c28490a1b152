/* SPDX-License-Identifier: MIT */
/* Loop devices; none can be left behind. */
#include "domain/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cleanup.h"

enum { TRIES = 64 }; /* another process may take the free device first */

int loop_attach(int file, const char *name, bool readonly, char path[LOOP_PATH_SIZE],
		struct err *err)
{
	cleanup_fd int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config config = {
		.fd = (unsigned)file,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR | (readonly ? LO_FLAGS_READ_ONLY : 0),
	};

	if (control < 0)
		return err_errno(err, ERR_HOST, errno,
				 "/dev/loop-control (load the module 'loop')");
	snprintf((char *)config.info.lo_file_name, LO_NAME_SIZE, "%s", name);
	for (int i = 0; i < TRIES; i++) {
		int n = ioctl(control, LOOP_CTL_GET_FREE);
		int fd;

		if (n < 0)
			return err_errno(err, ERR_HOST, errno,
					 "looking for a free loop device");
		snprintf(path, LOOP_PATH_SIZE, "/dev/loop%d", n);
		fd = open(path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
		if (fd < 0)
			return err_errno(err, ERR_HOST, errno, "%s", path);
		if (ioctl(fd, LOOP_CONFIGURE, &config) == 0)
			return fd;
		if (errno != EBUSY) {
			err_errno(err, ERR_HOST, errno, "%s on %s", name, path);
			close(fd);
			return -1;
		}
		close(fd);
	}
	return err_set(err, ERR_HOST, "no loop device stays free for %s", name);
}
