/* SPDX-License-Identifier: MIT */
/* The folder of crash evidence: one folder a death, named by guest and time, bounded. */
#include "crash_dir.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "xalloc.h"

#define NEW ".new"
#define STAMP "%Y%m%dT%H%M%SZ"

enum { STAMP_LEN = 16, SAME_SECOND_MAX = 9, ENTRIES_MAX = 10000, GUEST_NAME_MAX = 128 };

/* Where the stamp begins; 0: this is no name of ours. */
static size_t find_stamp(const char *name)
{
	const char *dash = strrchr(name, '-');
	const char *stamp = dash ? dash + 1 : "";

	if (name[0] == '.' || dash == name || strlen(name) >= CRASH_NAME_MAX ||
	    strlen(stamp) < STAMP_LEN)
		return 0;
	for (size_t i = 0; i < STAMP_LEN; i++) {
		bool fits = i == 8    ? stamp[i] == 'T'
			    : i == 15 ? stamp[i] == 'Z'
				      : isdigit((unsigned char)stamp[i]);

		if (!fits)
			return 0;
	}
	if (stamp[STAMP_LEN] &&
	    (stamp[STAMP_LEN] != '.' || !isdigit((unsigned char)stamp[STAMP_LEN + 1]) ||
	     stamp[STAMP_LEN + 2]))
		return 0;
	return (size_t)(stamp - name);
}

static int by_time(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	int order = strcmp(x + find_stamp(x), y + find_stamp(y));

	return order ? order : strcmp(x, y);
}

static void read_names(struct crash_dir *dir, DIR *list)
{
	const struct dirent *entry;

	while (dir->n < ENTRIES_MAX && (entry = readdir(list))) {
		if (!find_stamp(entry->d_name))
			continue;
		dir->names = xgrow(dir->names, dir->n, sizeof(*dir->names));
		dir->names[dir->n++] = xstrdup(entry->d_name);
	}
	if (dir->n > 0)
		qsort(dir->names, dir->n, sizeof(*dir->names), by_time);
}

int crash_dir_open(struct crash_dir *dir, const char *path, struct err *err)
{
	int again;
	struct stat st;
	DIR *list;

	*dir = (struct crash_dir){
		.fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
	if (dir->fd < 0 && errno == ENOENT)
		return 0;
	if (dir->fd < 0 || fstat(dir->fd, &st) < 0)
		return err_errno(err, ERR_HOST, errno, "%s", path);
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH))) {
		crash_dir_close(dir);
		return err_set(
			err, ERR_HOST,
			"%s: others may write to it; 'chown root %s; chmod 700 %s'", path,
			path, path);
	}
	again = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	list = again >= 0 ? fdopendir(again) : NULL;
	if (!list) {
		err_errno(err, ERR_HOST, errno, "%s", path);
		if (again >= 0)
			close(again);
		crash_dir_close(dir);
		return -1;
	}
	read_names(dir, list);
	closedir(list);
	return 0;
}

void crash_dir_close(struct crash_dir *dir)
{
	if (dir->fd >= 0)
		close(dir->fd);
	for (size_t i = 0; i < dir->n; i++)
		free(dir->names[i]);
	free(dir->names);
	*dir = (struct crash_dir){.fd = -1};
}

void crash_dir_name_guest(const char *guest, char out[CRASH_NAME_MAX])
{
	size_t n = 0;

	for (; guest[n] && n < GUEST_NAME_MAX; n++) {
		unsigned char c = (unsigned char)guest[n];

		out[n] = isalnum(c) || c == '_' || c == '-' || (c == '.' && n > 0)
				 ? (char)c
				 : '_';
	}
	if (n == 0)
		out[n++] = '_';
	out[n] = '\0';
}

static bool is_of(const char *name, const char *guest)
{
	size_t len = strlen(guest);

	return find_stamp(name) == len + 1 && strncmp(name, guest, len) == 0;
}

static void make_stamp(time_t when, char out[STAMP_LEN + 1])
{
	struct tm tm;

	gmtime_r(&when, &tm);
	if (strftime(out, STAMP_LEN + 1, STAMP, &tm) != STAMP_LEN)
		strcpy(out, "00000000T000000Z");
}

void crash_dir_name_core(unsigned guest_domid, char out[CRASH_CORE_NAME_MAX])
{
	snprintf(out, CRASH_CORE_NAME_MAX, ".core-%u", guest_domid);
}

/* Of a guest, at or after `stamp`; "": all. */
static unsigned count_of(const struct crash_dir *dir, const char *guest,
			 const char *stamp)
{
	unsigned n = 0;

	for (size_t i = 0; i < dir->n; i++)
		n += is_of(dir->names[i], guest) &&
		     strcmp(dir->names[i] + find_stamp(dir->names[i]), stamp) >= 0;
	return n;
}

unsigned crash_dir_count(const struct crash_dir *dir, const char *guest, time_t since)
{
	char plain[CRASH_NAME_MAX], stamp[STAMP_LEN + 1];

	crash_dir_name_guest(guest, plain);
	make_stamp(since, stamp);
	return count_of(dir, plain, stamp);
}

/* One piece of evidence: files, no folders. */
static void remove_one(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct dirent *entry;
	DIR *list = fd >= 0 ? fdopendir(fd) : NULL;

	if (!list) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (int i = 0; i < ENTRIES_MAX && (entry = readdir(list)); i++)
		unlinkat(dirfd(list), entry->d_name, 0);
	closedir(list);
	unlinkat(dir, name, AT_REMOVEDIR);
}

/* There is one.  NULL: of any guest. */
static void remove_oldest(struct crash_dir *dir, const char *guest)
{
	size_t i = 0;

	while (guest && !is_of(dir->names[i], guest))
		i++;
	remove_one(dir->fd, dir->names[i]);
	free(dir->names[i]);
	dir->n--;
	memmove(dir->names + i, dir->names + i + 1, (dir->n - i) * sizeof(*dir->names));
}

/* Leaves room for one more of this guest, and for one more of all. */
static void make_room(struct crash_dir *dir, const char *guest)
{
	while (count_of(dir, guest, "") >= CRASH_DIR_GUEST_MAX)
		remove_oldest(dir, guest);
	while (dir->n >= CRASH_DIR_MAX)
		remove_oldest(dir, NULL);
}

/* Of all guests. */
static void make_room_for_core(const struct crash_dir *dir)
{
	unsigned n = 0;

	if (faccessat(dir->fd, NEW "/" CRASH_FILE_CORE, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	for (size_t i = dir->n; i-- > 0;) {
		char path[CRASH_NAME_MAX + sizeof(CRASH_FILE_CORE) + 1];

		snprintf(path, sizeof(path), "%s/" CRASH_FILE_CORE, dir->names[i]);
		if (faccessat(dir->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
		    ++n >= CRASH_DIR_CORES_MAX)
			unlinkat(dir->fd, path, 0);
	}
}

static int lock(struct crash_dir *dir, const char *path, struct err *err)
{
	struct crash_dir before = *dir;

	if (before.fd < 0 || flock(before.fd, LOCK_EX) < 0)
		return err_errno(err, ERR_HOST, errno, "locking %s", path);
	/* The names that count are those under the lock. */
	if (crash_dir_open(dir, path, err) < 0) {
		*dir = before;
		return -1;
	}
	close(dir->fd); /* without the lock */
	dir->fd = before.fd;
	before.fd = -1;
	crash_dir_close(&before);
	return 0;
}

static int make_and_open(struct crash_dir *dir, const char *path, struct err *err)
{
	*dir = (struct crash_dir){.fd = -1};
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_errno(err, ERR_HOST, errno, "making %s", path);
	return crash_dir_open(dir, path, err);
}

int crash_dir_make(const char *path, struct err *err)
{
	struct crash_dir dir;

	if (make_and_open(&dir, path, err) < 0)
		return -1;
	crash_dir_close(&dir);
	return 0;
}

int crash_dir_begin(struct crash_dir *dir, const char *path, struct err *err)
{
	int fd;

	if (make_and_open(dir, path, err) < 0)
		return -1;
	if (lock(dir, path, err) < 0)
		goto fail;
	remove_one(dir->fd, NEW); /* of one that was killed while it wrote */
	if (mkdirat(dir->fd, NEW, 0700) == 0) {
		fd = openat(dir->fd, NEW,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	err_errno(err, ERR_HOST, errno, "making %s/" NEW, path);
fail:
	crash_dir_close(dir);
	return -1;
}

int crash_dir_commit(struct crash_dir *dir, const char *guest, time_t when,
		     char out[CRASH_NAME_MAX], struct err *err)
{
	char plain[CRASH_NAME_MAX], stamp[STAMP_LEN + 1];

	crash_dir_name_guest(guest, plain);
	make_stamp(when, stamp);
	make_room(dir, plain); /* not earlier: the new is whole now */
	make_room_for_core(dir);
	for (int i = 0; i <= SAME_SECOND_MAX; i++) {
		int n = snprintf(out, CRASH_NAME_MAX, "%.128s-%s", plain, stamp);

		if (i > 0)
			snprintf(out + n, (size_t)(CRASH_NAME_MAX - n), ".%d", i);
		if (renameat(dir->fd, NEW, dir->fd, out) == 0)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY)
			break;
	}
	err_errno(err, ERR_HOST, errno, "naming the evidence %s", out);
	crash_dir_abandon(dir);
	return -1;
}

void crash_dir_abandon(struct crash_dir *dir)
{
	remove_one(dir->fd, NEW);
}
