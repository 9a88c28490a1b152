/* SPDX-License-Identifier: MIT */
/* The bounds of a stub domain in dom0: the launcher, its sockets, the image. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "abi/facts.h"
#include "image_check.h"
#include "manifest.h"
#include "security.h"

/* When the launcher dies, the guardian takes the stub domain down. */
void security_processes(const struct security_subject *subject,
			struct security_result *result)
{
	if (!subject->guest->launcher_alive)
		security_say(result, SECURITY_NOT_HELD, "stubdom-dm %d is gone",
			     (int)subject->guest->launcher);
	else if (!subject->guardian)
		security_say(result, SECURITY_NOT_HELD,
			     "stubdom-dm %d has no guardian: its death would leave the "
			     "stub domain",
			     (int)subject->guest->launcher);
	else
		security_say(result, SECURITY_HELD,
			     "stubdom-dm %d, guardian %d, relay %d",
			     (int)subject->guest->launcher, (int)subject->guardian,
			     (int)subject->relay);
}

static int read_oom(const struct security_subject *subject, pid_t pid, long *out)
{
	char path[512];
	FILE *f = fopen(security_path(subject, pid, "oom_score_adj", path, sizeof(path)),
			"re");
	int n = f ? fscanf(f, "%ld", out) : 0;

	if (f)
		fclose(f);
	return n == 1 ? 0 : -1;
}

/* Launcher and guardian remove a stub domain: they must outlive a shortage of memory. */
void security_oom(const struct security_subject *subject, struct security_result *result)
{
	long launcher, guardian, relay;

	if (read_oom(subject, subject->guest->launcher, &launcher) < 0 ||
	    read_oom(subject, subject->guardian, &guardian) < 0 ||
	    read_oom(subject, subject->relay, &relay) < 0)
		security_say(result, SECURITY_UNKNOWN, "/proc does not show it of all");
	else if (launcher < relay && guardian < relay && launcher < 0 && guardian < 0)
		security_say(
			result, SECURITY_HELD,
			"launcher %ld, guardian %ld, relay %ld: the relay goes first",
			launcher, guardian, relay);
	else
		security_say(
			result, SECURITY_NOT_HELD,
			"launcher %ld, guardian %ld, relay %ld: when memory is short, "
			"the launcher may be the first to go",
			launcher, guardian, relay);
}

/* NULL: for root only; else who may. */
static const char *open_to(const struct stat *st, mode_t mode)
{
	if (st->st_uid != 0)
		return "another user owns it";
	return st->st_mode & mode ? "others than root may use it" : NULL;
}

void security_sockets(const struct security_subject *subject,
		      struct security_result *result)
{
	const struct dirent *entry;
	const char *who;
	unsigned n = 0;
	char path[128];
	struct stat st;
	DIR *dir;

	snprintf(path, sizeof(path), STUBDOM_RUN_DIR "/%u", subject->guest->domid);
	dir = opendir(path);
	if (!dir || fstat(dirfd(dir), &st) < 0) {
		security_say(result, SECURITY_UNKNOWN, "%s: %s", path, strerror(errno));
		if (dir)
			closedir(dir);
		return;
	}
	who = open_to(&st, S_IRWXG | S_IRWXO);
	while (!who && (entry = readdir(dir))) {
		if (*entry->d_name == '.' ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		n++;
		who = open_to(&st, S_IRWXG | S_IRWXO);
		if (who)
			snprintf(path, sizeof(path), STUBDOM_RUN_DIR "/%u/%.60s",
				 subject->guest->domid, entry->d_name);
	}
	closedir(dir);
	if (who)
		security_say(result, SECURITY_NOT_HELD, "%s: %s", path, who);
	else
		security_say(result, SECURITY_HELD, "%u in %s, root's alone", n, path);
}

/*
 * Whether the image is as its builder made it, and the stub domain was started from it.
 */
void security_image(const struct security_subject *subject,
		    struct security_result *result)
{
	const struct guest *guest = subject->guest;
	const struct manifest_kernel *kernel = NULL;
	struct manifest manifest = {0};
	struct err err = {0};
	char path[512];
	struct stat st;

	if (!guest->image || !guest->kernel) {
		security_say(result, SECURITY_UNKNOWN, "its launcher does not say which");
		return;
	}
	if (image_check_owner(guest->image, &err) == 0 &&
	    manifest_load(guest->image, &manifest, &err) == 0) {
		kernel = manifest_find_kernel(&manifest, guest->kernel);
		if (!kernel)
			err_set(&err, ERR_HOST, "%s: no kernel %s in it", guest->image,
				guest->kernel);
	}
	snprintf(path, sizeof(path), "%s/" MANIFEST_FILE, guest->image);
	if (!kernel ||
	    image_check_kernel(manifest.fd, kernel, subject->sums, NULL, &err) < 0)
		security_say(result, SECURITY_NOT_HELD, "%s", err.msg);
	else if (stat(path, &st) == 0 && st.st_mtime > guest->started)
		security_say(result, SECURITY_UNKNOWN,
			     "%s is whole, but newer than this stub domain, which runs "
			     "the one of before",
			     guest->image);
	else
		security_say(result, SECURITY_HELD,
			     "%s: root's alone, as its manifest says (sha256)",
			     guest->image);
	manifest_free(&manifest);
}
