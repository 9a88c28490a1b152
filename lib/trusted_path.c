/* SPDX-License-Identifier: MIT */
/* Finds a file by its name, and says who else could make the name mean another file. */
#include "trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"

enum { LINKS_MAX = 40 };

/* A name that is being followed. */
struct walk {
	struct trusted_path *out;
	const char *path; /* as it was given */
	char rest[PATH_MAX];
	int links;
	bool follow;
};

static bool is_ours(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid();
}

/* Goes into a folder, and notes who may change its entries. */
static int enter(struct walk *walk, int fd, const char *name, struct err *err)
{
	struct trusted_path *out = walk->out;
	bool shared;
	struct stat st;

	if (out->dir >= 0)
		close(out->dir);
	out->dir = fd;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, ERR_HOST, errno, "%.300s: folder %.100s",
				 walk->path, name);
	shared = st.st_mode & (S_IWGRP | S_IWOTH);
	out->sticky = shared && (st.st_mode & S_ISVTX);
	if (!out->foreign && (!is_ours(&st) || (shared && !out->sticky))) {
		out->foreign = true;
		snprintf(out->weak, sizeof(out->weak), "%s", name);
	}
	return 0;
}

static int enter_root(struct walk *walk, struct err *err)
{
	const char *from = walk->rest[0] == '/' ? "/" : ".";

	return enter(walk, open(from, O_PATH | O_DIRECTORY | O_CLOEXEC), from, err);
}

/* Takes the first part of the rest away.  false: there is none. */
static bool next_part(struct walk *walk, char part[static NAME_MAX + 2])
{
	char *at = walk->rest + strspn(walk->rest, "/");
	size_t len = strcspn(at, "/");
	size_t most = len > NAME_MAX ? NAME_MAX + 1 : len;

	memcpy(part, at, most);
	part[most] = '\0';
	at += len;
	at += strspn(at, "/");
	memmove(walk->rest, at, strlen(at) + 1);
	return len > 0;
}

static int follow_link(struct walk *walk, const char *part, const struct stat *st,
		       struct err *err)
{
	char target[PATH_MAX], whole[2 * PATH_MAX + 1];
	ssize_t len;

	if (!is_ours(st))
		return err_set(
			err, ERR_HOST,
			"%.300s: %.100s is a link that another user has made; name "
			"the place that it leads to",
			walk->path, part);
	if (++walk->links > LINKS_MAX)
		return err_errno(err, ERR_HOST, ELOOP, "%.300s", walk->path);
	len = readlinkat(walk->out->dir, part, target, sizeof(target) - 1);
	if (len <= 0)
		return err_errno(err, ERR_HOST, errno, "%.300s: link %.100s", walk->path,
				 part);
	target[len] = '\0';
	snprintf(whole, sizeof(whole), "%s%s%s", target, walk->rest[0] ? "/" : "",
		 walk->rest);
	if (strlen(whole) >= sizeof(walk->rest))
		return err_errno(err, ERR_HOST, ENAMETOOLONG, "%.300s", walk->path);
	strcpy(walk->rest, whole);
	return target[0] == '/' ? enter_root(walk, err) : 0;
}

static bool is_proc(int dir)
{
	struct statfs fs;

	return fstatfs(dir, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* 1: `part` was the last one; 0: go on. */
static int step(struct walk *walk, const char *part, struct err *err)
{
	bool last = !walk->rest[0];
	struct stat st;

	if (fstatat(walk->out->dir, part, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (last && errno == ENOENT)
			return 1;
		return err_errno(err, ERR_HOST, errno, "%.300s: %.100s", walk->path,
				 part);
	}
	/* /dev/stdout ends in a link of /proc, which only the kernel can follow. */
	if (S_ISLNK(st.st_mode) && (!last || (walk->follow && !is_proc(walk->out->dir))))
		return follow_link(walk, part, &st, err);
	if (last)
		return 1;
	return enter(walk,
		     openat(walk->out->dir, part,
			    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
		     part, err);
}

int trusted_path_open(const char *path, bool follow, struct trusted_path *out,
		      struct err *err)
{
	struct walk walk = {.out = out, .path = path, .follow = follow};
	char part[NAME_MAX + 2];
	int rc;

	*out = (struct trusted_path){.dir = -1};
	if (!path[0] || strlen(path) >= sizeof(walk.rest))
		return err_errno(err, ERR_HOST, path[0] ? ENAMETOOLONG : ENOENT, "%.300s",
				 path);
	strcpy(walk.rest, path);
	rc = enter_root(&walk, err);
	while (rc == 0) {
		if (!next_part(&walk, part))
			rc = err_errno(err, ERR_HOST, EISDIR, "%.300s", path);
		else if (strlen(part) > NAME_MAX)
			rc = err_errno(err, ERR_HOST, ENAMETOOLONG, "%.300s", path);
		else
			rc = step(&walk, part, err);
	}
	if (rc > 0) {
		snprintf(out->name, sizeof(out->name), "%.255s", part);
		return 0;
	}
	if (out->dir >= 0)
		close(out->dir);
	out->dir = -1;
	return -1;
}

static int check_owner(const struct stat *st, const char *path, struct err *err)
{
	if (is_ours(st) && !(st->st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	return err_set(err, ERR_HOST,
		       "%.300s: others than root can change it; chown root:root "
		       "and chmod go-w it",
		       path);
}

int trusted_path_check_open(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errno(err, ERR_HOST, errno, "%.300s", path);
	return check_owner(&st, path, err);
}

int trusted_path_check(const char *path, struct err *err)
{
	struct trusted_path at;
	cleanup_fd int dir = -1;
	struct stat st;

	if (trusted_path_open(path, true, &at, err) < 0)
		return -1;
	dir = at.dir;
	if (at.foreign)
		return err_set(err, ERR_HOST,
			       "%.300s: others than root can change the folder '%s' on "
			       "the way there; chown root and chmod go-w it",
			       path, at.weak);
	if (fstatat(dir, at.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, ERR_HOST, errno, "%.300s", path);
	return check_owner(&st, path, err);
}
