/* SPDX-License-Identifier: MIT */
/* The files of dom0 that a QMP command may have written by their names. */
#include "domain/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

#define LIBXL_DIR "/var/lib/xen"

/* The name in `dir` that path means; NULL: it is elsewhere. */
static const char *name_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);
	const char *name = path + len + 1;

	if (strncmp(path, dir, len) != 0 || path[len] != '/' || name[0] == '\0' ||
	    name[0] == '.' || strchr(name, '/'))
		return NULL;
	return name;
}

static int open_in(const char *dir, const char *name, struct err *err)
{
	cleanup_fd int at = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int fd;

	if (at < 0 || fstat(at, &st) < 0)
		return err_errno(err, ERR_HOST, errno, "%s", dir);
	if (st.st_uid != 0 || (st.st_mode & 022))
		return err_set(err, ERR_HOST, "%s can be written to by others than root",
			       dir);
	fd = openat(at, name,
		    O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return err_errno(err, ERR_HOST, errno, "%s/%.64s", dir, name);
	/* Emptied only now: not what it might be a second name of. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1 ||
	    ftruncate(fd, 0) < 0) {
		close(fd);
		return err_set(err, ERR_HOST, "%s/%.64s is no file of its own", dir,
			       name);
	}
	return fd;
}

int domain_file_open(const struct plan *plan, const char *path, struct err *err)
{
	const char *name = name_in(path, DOMAIN_DUMP_DIR);
	char state[32];

	if (name) {
		if (mkdir(DOMAIN_DUMP_DIR, 0700) < 0 && errno != EEXIST)
			return err_errno(err, ERR_HOST, errno, DOMAIN_DUMP_DIR);
		return open_in(DOMAIN_DUMP_DIR, name, err);
	}
	name = name_in(path, LIBXL_DIR);
	snprintf(state, sizeof(state), "qemu-save.%u", plan->guest_domid);
	if (name && strcmp(name, state) == 0)
		return open_in(LIBXL_DIR, name, err);
	return err_set(
		err, ERR_USAGE,
		"%.200s: files are written in " DOMAIN_DUMP_DIR
		" only; for another place, pass a descriptor of it with add-fd and "
		"name /dev/fdset/N",
		path);
}
