/* SPDX-License-Identifier: MIT */
/* Backing files that a disk's header names become read-only disks of the stub domain. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check/resolve.h"
#include "cleanup.h"
#include "plan/builder.h"
#include "xalloc.h"

enum { CHAIN_MAX = 32 };

#define FLATTEN "flatten the disk (qemu-img convert -O qcow2)"

static void append(char **text, char *more)
{
	char *whole = xasprintf("%s%s", *text, more);

	free(more);
	free(*text);
	*text = whole;
}

/*
 * The file that the name leads to.  The stub domain may have written the header, so only
 * files in the administrator's folder of backing files are opened.
 */
static char *resolve(const struct plan *plan, const char *target, const char *name,
		     struct err *err)
{
	const char *slash = strrchr(target, '/');
	cleanup_free char *dir = NULL;
	cleanup_free char *path = NULL;
	cleanup_free char *real = NULL;
	size_t len;

	if (strncmp(name, "file:", 5) == 0)
		name += 5;
	if (name[strcspn(name, ":/")] == ':') {
		err_set(err, ERR_HOST,
			"its backing file '%.200s' is no file of dom0; " FLATTEN, name);
		return NULL;
	}
	path = name[0] == '/' ? xstrdup(name)
			      : xasprintf("%.*s/%s", (int)(slash - target), target, name);
	if (!plan->backing_dir) {
		err_set(err, ERR_HOST,
			"its header names the backing file %.300s, and a guest may have "
			"written that; say where backing files may be (-stubdom "
			"backing=DIRECTORY), or " FLATTEN,
			path);
		return NULL;
	}
	dir = realpath(plan->backing_dir, NULL);
	if (!dir) {
		err_errno(err, ERR_HOST, errno, "-stubdom backing=%.300s",
			  plan->backing_dir);
		return NULL;
	}
	real = realpath(path, NULL);
	if (!real) {
		err_errno(err, ERR_HOST, errno, "its backing file %.300s", path);
		return NULL;
	}
	len = strlen(dir);
	if (strncmp(real, dir, len) != 0 || (real[len] != '/' && len > 1)) {
		err_set(err, ERR_HOST,
			"its backing file %.300s is not in %.200s (-stubdom backing=); "
			"move it there, or " FLATTEN,
			real, dir);
		return NULL;
	}
	return xstrdup(real);
}

static int check_format(const struct container *container, struct err *err)
{
	const char *format = container->backing_format;

	if (!format[0])
		return err_set(err, ERR_HOST,
			       "its header does not say what format its backing file "
			       "has; record it (qemu-img rebase -u -F FORMAT -b FILE)");
	if (strcmp(format, "raw") != 0 && !container_format_known(format))
		return err_set(
			err, ERR_HOST,
			"its backing file's format '%.31s' is not followed; " FLATTEN,
			format);
	return 0;
}

int resolve_backing(struct plan *plan, size_t i, const struct container *top,
		    struct err *err)
{
	cleanup_free char *use = xasprintf("%s, backing file", plan->disks[i].use);
	cleanup_free char *target = xstrdup(plan->disks[i].target);
	cleanup_free char *prefix = xstrdup("backing.");
	char **drive = &plan->qemu[plan->disks[i].drive];
	struct container container = *top;

	/* QEMU's own options name the backing file, or QEMU fails there. */
	if (!plan->disks[i].drive)
		return 0;
	for (int depth = 0; container.backing[0]; depth++) {
		cleanup_free char *path = resolve(plan, target, container.backing, err);
		struct plan_disk *disk;

		if (!path || check_format(&container, err) < 0)
			return -1;
		if (depth >= CHAIN_MAX || plan->n_disks >= BUILD_DISKS_MAX)
			return err_set(
				err, ERR_HOST,
				"its chain of backing files is longer than %d; " FLATTEN,
				CHAIN_MAX);
		disk = plan_add_disk(plan, path, container.backing_format, true, use);
		append(drive, xasprintf(",%sdriver=%s,%sfile.driver=host_device,"
					"%sfile.filename=/dev/%s",
					prefix, disk->format, prefix, prefix, disk->dev));
		append(&prefix, xstrdup("backing."));
		if (resolve_disk(plan, plan->n_disks - 1, &container, err) < 0)
			return -1;
		free(target);
		target = xstrdup(path);
	}
	return 0;
}
