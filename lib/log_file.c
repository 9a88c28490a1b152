/* SPDX-License-Identifier: MIT */
/* Bounds the file that standard error is written to. */
#include "log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

#define OLD ".old"
enum { OLD_MAX = PATH_MAX + sizeof(OLD) - 1 };

/* The name that the file has now: libxl renames logs when the next guest starts. */
static int find_path(int fd, char out[static PATH_MAX])
{
	char link[32];
	struct stat named;
	struct stat held;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, out, PATH_MAX - 1);
	if (n <= 0)
		return -1;
	out[n] = '\0';
	/* Not one that was removed and whose name is another's by now. */
	if (lstat(out, &named) < 0 || fstat(fd, &held) < 0 ||
	    named.st_dev != held.st_dev || named.st_ino != held.st_ino)
		return -1;
	return 0;
}

static bool is_after(const struct statx_timestamp *a, const struct statx_timestamp *b)
{
	return a->tv_sec > b->tv_sec ||
	       (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

static int find_old(int fd, char path[static PATH_MAX], char old[static OLD_MAX])
{
	if (find_path(fd, path) < 0)
		return -1;
	snprintf(old, OLD_MAX, "%s" OLD, path);
	return 0;
}

int log_file_open_old(int fd)
{
	char path[PATH_MAX], name[OLD_MAX];
	struct statx log, old;
	int found;

	if (find_old(fd, path, name) < 0)
		return -1;
	found = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (found < 0)
		return -1;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &log) == 0 &&
	    (log.stx_mask & STATX_BTIME) &&
	    statx(found, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &old) == 0 &&
	    S_ISREG(old.stx_mode) && !is_after(&log.stx_btime, &old.stx_mtime))
		return found;
	close(found);
	return -1;
}

static int copy_old(int fd, size_t bytes)
{
	char path[PATH_MAX], old[OLD_MAX];
	cleanup_fd int from = -1;
	cleanup_fd int to = -1;

	if (find_old(fd, path, old) < 0)
		return -1;
	/* A new file: a reader of the last one keeps that. */
	if (unlink(old) < 0 && errno != ENOENT)
		return -1;
	from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	to = open(old, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (from < 0 || to < 0)
		return -1;
	while (bytes > 0) {
		ssize_t n = sendfile(to, from, NULL, bytes);

		if (n <= 0)
			return -1;
		bytes -= (size_t)n;
	}
	return 0;
}

void log_file_bound_fd(int fd, size_t most)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;
	int rc;

	if (flags < 0 || !(flags & O_APPEND) || fstat(fd, &st) < 0 ||
	    !S_ISREG(st.st_mode) || st.st_size <= (off_t)most)
		return;
	rc = copy_old(fd, (size_t)st.st_size);
	if (ftruncate(fd, 0) < 0)
		return;
	log_info("the log was over %zu KiB; its lines of before %s", most / 1024,
		 rc == 0 ? "are in this file's name with .old" : "could not be kept");
}

void log_file_bound(void)
{
	log_file_bound_fd(STDERR_FILENO, LOG_FILE_MAX);
}
