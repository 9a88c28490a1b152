/* SPDX-License-Identifier: MIT */
/* Puts stubdom-select at the path of Debian's QEMU, and takes it away again. */
#include "enable.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "qemu_path.h"

#define PACKAGE "qemu-stubdom"

enum { OUTPUT_MAX = 65536 };

const struct enable_paths enable_host = {QEMU_PATH, QEMU_DIVERTED,
					 SBINDIR "/stubdom-select", "dpkg-divert"};

static const struct {
	const char *name, *text;
} states[] = {
	[ENABLE_OFF] = {"off",
			"QEMU runs in dom0 for a guest whose configuration does not "
			"name stubdom-dm"},
	[ENABLE_ON] = {"on", "stub domains are the device model of every HVM guest"},
	[ENABLE_HALF] = {"half",
			 "'stubdom enable' or 'stubdom disable' was stopped half-way"},
	[ENABLE_LOST] = {"lost", "'stubdom enable' is in effect, and QEMU is not "
				 "installed"},
	[ENABLE_FOREIGN] = {"foreign", "another package or the administrator diverts "
				       "QEMU's path (dpkg-divert --list)"},
	[ENABLE_NO_DPKG] = {"no-dpkg",
			    "this host has no dpkg-divert: 'stubdom enable' is "
			    "for Debian, elsewhere each guest names "
			    "stubdom-dm"},
};

const char *enable_state_text(enum enable_state state)
{
	return states[state].text;
}

const char *enable_state_name(enum enable_state state)
{
	return states[state].name;
}

/* The files that are there, ours and dpkg's. */
struct look {
	enum { DIVERTED_NOT, DIVERTED_BY_US, DIVERTED_BY_OTHERS, DIVERT_MISSING } dpkg;
	bool ours; /* the path is our link */
	bool there;
	bool diverted_there;
};

/* The first line of what dpkg-divert says; the caller frees. */
static int ask_dpkg(const struct enable_paths *paths, const char *option, char **out,
		    struct err *err)
{
	char *argv[] = {(char *)paths->divert, (char *)option, (char *)paths->path, NULL};
	int rc = child_output(argv, OUTPUT_MAX, 1, out, err);

	if (rc == 0)
		(*out)[strcspn(*out, "\n")] = '\0';
	return rc;
}

static int look_at_dpkg(const struct enable_paths *paths, struct look *look,
			struct err *err)
{
	cleanup_free char *by = NULL, *to = NULL;
	int rc = ask_dpkg(paths, "--listpackage", &by, err);

	/* Of a program that is not there, the shell's 127 or no start at all. */
	if (rc < 0 || rc == 127) {
		look->dpkg = DIVERT_MISSING;
		return 0;
	}
	if (rc > 0 || ask_dpkg(paths, "--truename", &to, err) != 0)
		return err_set(err, ERR_HOST, "%s: it does not tell who diverts %s",
			       paths->divert, paths->path);
	if (*by == '\0')
		look->dpkg = DIVERTED_NOT;
	else if (strcmp(by, PACKAGE) == 0 && strcmp(to, paths->diverted) == 0)
		look->dpkg = DIVERTED_BY_US;
	else
		look->dpkg = DIVERTED_BY_OTHERS;
	return 0;
}

static int look_around(const struct enable_paths *paths, struct look *look,
		       struct err *err)
{
	char target[PATH_MAX];
	struct stat st;
	ssize_t n = readlink(paths->path, target, sizeof(target) - 1);

	*look = (struct look){0};
	look->ours = n > 0 && (size_t)n == strlen(paths->select) &&
		     memcmp(target, paths->select, (size_t)n) == 0;
	look->there = lstat(paths->path, &st) == 0;
	look->diverted_there = lstat(paths->diverted, &st) == 0;
	return look_at_dpkg(paths, look, err);
}

static enum enable_state state_of(const struct look *look)
{
	if (look->dpkg == DIVERT_MISSING)
		return ENABLE_NO_DPKG;
	if (look->dpkg == DIVERTED_BY_OTHERS)
		return ENABLE_FOREIGN;
	if (look->ours && !look->diverted_there)
		return ENABLE_LOST;
	if (look->dpkg == DIVERTED_NOT && !look->ours)
		return ENABLE_OFF;
	return look->dpkg == DIVERTED_BY_US && look->ours ? ENABLE_ON : ENABLE_HALF;
}

int enable_look(const struct enable_paths *paths, enum enable_state *state,
		struct err *err)
{
	struct look look;

	if (look_around(paths, &look, err) < 0)
		return -1;
	*state = state_of(&look);
	return 0;
}

/* Only in dpkg's books: the files are ours to move, at no moment without one. */
static int tell_dpkg(const struct enable_paths *paths, const char *what, struct err *err)
{
	char *argv[] = {(char *)paths->divert, (char *)"--quiet",
			(char *)"--package",   (char *)PACKAGE,
			(char *)"--divert",    (char *)paths->diverted,
			(char *)"--no-rename", (char *)what,
			(char *)paths->path,   NULL};
	cleanup_free char *out = NULL;
	int rc = child_output(argv, OUTPUT_MAX, 0, &out, err);

	if (rc <= 0)
		return rc;
	return err_set(err, ERR_HOST, "%s %s %s: exit status %d; see its message above",
		       paths->divert, what, paths->path, rc);
}

/* Puts a file that another name has, or our link, in the path's place in one step. */
static int put(const struct enable_paths *paths, const char *file, struct err *err)
{
	char fresh[PATH_MAX];

	snprintf(fresh, sizeof(fresh), "%s.stubdom-new", paths->path);
	if (unlink(fresh) < 0 && errno != ENOENT)
		return err_errno(err, ERR_HOST, errno, "%s: remove", fresh);
	if ((file ? link(file, fresh) : symlink(paths->select, fresh)) < 0)
		return err_errno(err, ERR_HOST, errno, "%s", fresh);
	if (rename(fresh, paths->path) == 0) {
		/* Two names of one file: rename(2) leaves both. */
		unlink(fresh);
		return 0;
	}
	err_errno(err, ERR_HOST, errno, "%s: rename to %s", fresh, paths->path);
	unlink(fresh);
	return -1;
}

static int refuse(const struct enable_paths *paths, const struct look *look,
		  struct err *err)
{
	enum enable_state state = state_of(look);

	if (state == ENABLE_FOREIGN || state == ENABLE_NO_DPKG)
		return err_set(err, ERR_HOST, "%s: %s", paths->path,
			       enable_state_text(state));
	return 0;
}

int enable_on(const struct enable_paths *paths, struct err *err)
{
	bool told = false, linked = false;
	struct look look;

	if (look_around(paths, &look, err) < 0 || refuse(paths, &look, err) < 0)
		return -1;
	if (look.ours ? !look.diverted_there : !look.there)
		return err_set(
			err, ERR_HOST,
			"%s: not there; install qemu-system-xen first, anew if need be",
			look.ours ? paths->diverted : paths->path);
	if (look.dpkg == DIVERTED_NOT && !look.ours && look.diverted_there)
		return err_set(err, ERR_HOST,
			       "%s exists, and dpkg knows of no diversion; move it away",
			       paths->diverted);
	if (look.dpkg == DIVERTED_NOT) {
		if (tell_dpkg(paths, "--add", err) < 0)
			return -1;
		told = true;
	}
	if (look.ours)
		return 0;
	/* An upgrade of QEMU while this was half done has put the newer one there. */
	if (!look.diverted_there) {
		if (link(paths->path, paths->diverted) == 0)
			linked = true;
		else
			err_errno(err, ERR_HOST, errno, "%s", paths->diverted);
	}
	if ((look.diverted_there || linked) && put(paths, NULL, err) == 0)
		return 0;
	if (linked)
		unlink(paths->diverted);
	if (told) {
		struct err ignored;

		tell_dpkg(paths, "--remove", &ignored);
	}
	return -1;
}

int enable_off(const struct enable_paths *paths, struct err *err)
{
	struct look look;

	if (look_around(paths, &look, err) < 0)
		return -1;
	if (!look.ours && look.dpkg != DIVERTED_BY_US)
		return 0;
	if (refuse(paths, &look, err) < 0)
		return -1;
	/* Ours goes, or an old QEMU's that an upgrade did not reach. */
	if (look.diverted_there && put(paths, paths->diverted, err) < 0)
		return -1;
	if (look.ours && !look.diverted_there && unlink(paths->path) < 0)
		return err_errno(err, ERR_HOST, errno, "%s: remove", paths->path);
	if (look.diverted_there && unlink(paths->diverted) < 0)
		return err_errno(err, ERR_HOST, errno, "%s: remove", paths->diverted);
	return look.dpkg == DIVERTED_BY_US ? tell_dpkg(paths, "--remove", err) : 0;
}
