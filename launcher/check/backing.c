/* SPDX-License-Identifier: MIT */
/*
 * Backing files: what a disk's header names becomes read-only disks of the stub
 * domain.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check/container.h"
#include "cleanup.h"
#include "plan/builder.h"
#include "plan/plan.h"
#include "xalloc.h"

enum { CHAIN_MAX = 32 };

#define FLATTEN "flatten the disk (qemu-img convert -O qcow2)"

/* QEMU's -drive value for this disk; NULL: there is none, or it says itself what it
 * stands on. */
static char **find_drive(struct plan *plan, const char *dev)
{
	cleanup_free char *file = xasprintf("file=/dev/%s", dev);
	size_t len = strlen(file);

	for (size_t i = 0; i + 1 < plan->n_qemu; i++) {
		char **value = &plan->qemu[i + 1];
		char *at = strstr(*value, file);

		if (strcmp(plan->qemu[i], "-drive") == 0 && at &&
		    (at == *value || at[-1] == ',') && (at[len] == ',' || !at[len]) &&
		    !strstr(*value, "backing"))
			return value;
	}
	return NULL;
}

static void append(char **text, char *more)
{
	char *whole = xasprintf("%s%s", *text, more);

	free(more);
	free(*text);
	*text = whole;
}

/*
 * Where the name leads.  The header was written by the stub domain, perhaps: what it
 * names is opened only where the administrator has said that backing files are.
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

int plan_add_backing(struct plan *plan, size_t i, const struct container *top,
		     struct err *err)
{
	cleanup_free char *use = xasprintf("%s, backing file", plan->disks[i].use);
	cleanup_free char *target = xstrdup(plan->disks[i].target);
	cleanup_free char *prefix = xstrdup("backing.");
	char **drive = find_drive(plan, plan->disks[i].dev);
	struct container container = *top;

	if (!drive)
		return 0; /* QEMU's own options say what it stands on, or it fails there
			   */
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
		if (plan_check_disk(plan, disk, &container, err) < 0)
			return -1;
		free(target);
		target = xstrdup(path);
	}
	return 0;
}
