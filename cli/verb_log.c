/* SPDX-License-Identifier: MIT */
/* stubdom log: prints and follows the log of a stub domain. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "decimal.h"
#include "guest_log.h"
#include "term.h"
#include "verb.h"

/* The place where the last `lines` lines begin. */
static off_t tail_start(int fd, int64_t lines)
{
	off_t end = lseek(fd, 0, SEEK_END);
	off_t at = end;
	long seen = 0;
	char buf[4096];

	if (lines == 0)
		return end;
	while (at > 0) {
		size_t n = at < (off_t)sizeof(buf) ? (size_t)at : sizeof(buf);

		at -= (off_t)n;
		if (pread(fd, buf, n, at) != (ssize_t)n)
			return 0;
		for (size_t i = n; i-- > 0;) {
			/* The newline that ends the file ends its last line. */
			if (buf[i] != '\n' || at + (off_t)i == end - 1)
				continue;
			if (++seen == lines)
				return at + (off_t)i + 1;
		}
	}
	return 0;
}

static int copy(int fd, const char *path, struct term_foreign *out, struct err *err)
{
	char buf[8192];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		term_foreign_write(out, buf, (size_t)n);
	if (n < 0)
		return err_errno(err, ERR_HOST, errno, "%s", path);
	if (fflush(stdout) != 0)
		return err_errno(err, ERR_HOST, errno, "standard output");
	return 0;
}

/* Whether the path is another file by now (rotated), or this one was cut. */
static bool replaced(int fd, const char *path)
{
	struct stat here;
	struct stat there;

	if (fstat(fd, &here) < 0 || stat(path, &there) < 0)
		return false;
	return here.st_ino != there.st_ino || here.st_dev != there.st_dev ||
	       here.st_size < lseek(fd, 0, SEEK_CUR);
}

/*
 * The directory: for bytes that are written to the file, and for a file that takes its
 * place.
 */
static int watch_log(const char *path, struct err *err)
{
	cleanup_free char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (watch >= 0 && dir &&
	    inotify_add_watch(watch, *dir ? dir : "/",
			      IN_MODIFY | IN_CREATE | IN_MOVED_TO) >= 0)
		return watch;
	err_errno(err, ERR_HOST, errno, "watching %s", path);
	if (watch >= 0)
		close(watch);
	return -1;
}

static int wait_for_change(int watch, struct err *err)
{
	struct pollfd p = {.fd = watch, .events = POLLIN};
	char events[4096];

	if (poll(&p, 1, -1) < 0 && errno != EINTR)
		return err_errno(err, ERR_HOST, errno, "poll");
	while (read(watch, events, sizeof(events)) > 0)
		;
	return 0;
}

static int follow_log(int *fd, const char *path, struct term_foreign *out,
		      struct err *err)
{
	/* Before the next read, so that nothing is written unnoticed between the two. */
	cleanup_fd int watch = watch_log(path, err);

	if (watch < 0)
		return -1;
	for (;;) {
		if (copy(*fd, path, out, err) < 0)
			return -1;
		if (replaced(*fd, path)) {
			int again = open(path, O_RDONLY | O_CLOEXEC);

			if (again >= 0) {
				close(*fd);
				*fd = again;
				continue;
			}
		}
		if (wait_for_change(watch, err) < 0)
			return -1;
	}
}

static int print_log(const char *path, int64_t lines, bool follow, struct err *err)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct term_foreign out;
	int rc;

	if (fd < 0)
		return err_errno(err, ERR_HOST, errno, "%s", path);
	if (lines >= 0)
		lseek(fd, tail_start(fd, lines), SEEK_SET);
	term_foreign_begin(&out, stdout);
	rc = follow ? follow_log(&fd, path, &out, err) : copy(fd, path, &out, err);
	term_foreign_end(&out);
	return rc;
}

int verb_log(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {{"follow", no_argument, NULL, 'f'},
					      {"lines", required_argument, NULL, 'n'},
					      {0}};
	cleanup_free char *path = NULL;
	bool follow = false;
	int64_t lines = -1;
	struct guest guest;
	uint64_t n;
	int c, rc;

	while ((c = verb_getopt(argc, argv, "fn:", names, err)) != -1) {
		if (c == '?')
			return -1;
		if (c == 'f') {
			follow = true;
			continue;
		}
		if (decimal_parse(optarg, INT64_MAX, &n) < 0)
			return verb_usage_error(
				argv[0], err, "'%s': expected a number of lines", optarg);
		lines = (int64_t)n;
	}
	if (optind + 1 != argc)
		return verb_usage_error(argv[0], err, "expected one GUEST");
	rc = guest_log_find(argv[optind], &guest, &path, err);
	guest_free(&guest);
	return rc < 0 ? -1 : print_log(path, lines, follow, err);
}
