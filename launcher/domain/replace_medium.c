/* SPDX-License-Identifier: MIT */
/* A guest's plan with the medium that is in its CD drive now. */
#include "domain/replace_medium.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/boot.h"
#include "qemu_opt.h"
#include "xalloc.h"

enum drive_kind { DRIVE_FIXED, DRIVE_CD, DRIVE_FLOPPY };

static bool parse(const char *value, struct qemu_opts *opts)
{
	struct err ignored;

	return qemu_opts_parse(value, "driver", true, opts, &ignored) == 0;
}

static bool is(const struct qemu_opts *opts, const char *member, const char *wanted)
{
	const char *value = qemu_opts_get(opts, member);

	return value && wanted && strcmp(value, wanted) == 0;
}

/* Whether a -device is a CD drive on top of it. */
static bool has_cd_device(const struct plan *plan, const char *id)
{
	bool found = false;

	for (size_t i = 0; id && i < plan->n_qemu && !found; i++) {
		struct qemu_opts opts;
		const char *driver;

		if (!plan_is_option(plan, i, "-device") ||
		    !parse(plan->qemu[i + 1], &opts))
			continue;
		driver = qemu_opts_get(&opts, "driver");
		found = is(&opts, "drive", id) && driver &&
			(strcmp(driver, "ide-cd") == 0 || strcmp(driver, "scsi-cd") == 0);
		qemu_opts_free(&opts);
	}
	return found;
}

static enum drive_kind drive_kind(const struct plan *plan, const struct qemu_opts *opts)
{
	if (is(opts, "if", "floppy"))
		return DRIVE_FLOPPY;
	if (is(opts, "media", "cdrom") || has_cd_device(plan, qemu_opts_get(opts, "id")))
		return DRIVE_CD;
	return DRIVE_FIXED;
}

/* The -drive of the only CD drive. */
static int find_cd(const struct plan *plan, size_t *at, struct err *err)
{
	size_t cds = 0, others = 0;

	for (size_t i = 0; i < plan->n_qemu; i++) {
		struct qemu_opts opts;
		enum drive_kind kind;

		others += strncmp(plan->qemu[i], "-fd", 3) == 0;
		if (!plan_is_option(plan, i, "-drive") ||
		    !parse(plan->qemu[i + 1], &opts))
			continue;
		kind = drive_kind(plan, &opts);
		qemu_opts_free(&opts);
		others += kind == DRIVE_FLOPPY;
		cds += kind == DRIVE_CD;
		if (kind == DRIVE_CD)
			*at = i + 1;
	}
	if (cds == 1 && others == 0)
		return 0;
	return err_set(
		err, ERR_GUEST,
		"a medium was changed or a disk was added or taken away since the "
		"guest's start, and only with one CD drive and no floppy it is known "
		"where the media are");
}

/* Whether another drive than the CD has this disk. */
static bool is_fixed(const struct plan *plan, size_t cd, const char *dev)
{
	bool found = false;
	char path[8 + XVD_NAME_SIZE];

	snprintf(path, sizeof(path), "/dev/%s", dev);
	for (size_t i = 0; i + 1 < plan->n_qemu && !found; i++) {
		struct qemu_opts opts;

		if (!plan_is_option(plan, i, "-drive") || i + 1 == cd ||
		    !parse(plan->qemu[i + 1], &opts))
			continue;
		/* "file", or "backing.file.filename" and the like. */
		for (size_t k = 0; k < opts.n && !found; k++)
			found = strcmp(opts.list[k].value, path) == 0;
		qemu_opts_free(&opts);
	}
	return found;
}

/* Sets out->dev, and keeps in out->disks the plan's that are there and are no medium. */
static int find_medium(const struct plan *plan, size_t cd,
		       const struct domain_disks *disks, struct replace_medium *out,
		       struct err *err)
{
	size_t kept = 0, media = 0;

	for (size_t i = 0; i < plan->n_disks; i++) {
		const struct plan_disk *disk = &plan->disks[i];

		if (disk->pv_only || is_fixed(plan, cd, disk->dev))
			out->disks[kept++] = *disk;
	}
	for (size_t i = 0; i < kept; i++)
		if (!domain_disks_find(disks, out->disks[i].dev))
			return err_set(
				err, ERR_GUEST,
				"a disk was taken away since the guest's start, and "
				"the new QEMU would have it again");
	for (size_t i = 0; i < disks->n; i++) {
		const struct domain_disk *disk = &disks->list[i];
		bool known = !disk->dev[0] || strcmp(disk->dev, STUBDOM_ROOT_DISK) == 0;

		for (size_t k = 0; k < kept && !known; k++)
			known = strcmp(disk->dev, out->disks[k].dev) == 0;
		if (known)
			continue;
		media++;
		snprintf(out->dev, sizeof(out->dev), "%s", disk->dev);
	}
	out->plan.n_disks = kept;
	if (media <= 1)
		return 0;
	return err_set(err, ERR_GUEST,
		       "a disk was added since the guest's start, and the new QEMU would "
		       "not have it");
}

/* As libxl writes it: without a file the drive is empty. */
static void set_file(struct replace_medium *out, size_t cd)
{
	char path[8 + XVD_NAME_SIZE];
	struct qemu_opts opts;

	if (!parse(out->plan.qemu[cd], &opts))
		return;
	snprintf(path, sizeof(path), "/dev/%s", out->dev);
	if (out->dev[0]) {
		qemu_opts_set(&opts, "file", path);
		qemu_opts_set(&opts, "format", "raw");
	} else {
		qemu_opts_remove(&opts, "file");
		qemu_opts_remove(&opts, "format");
	}
	out->drive = qemu_opts_format(&opts);
	qemu_opts_free(&opts);
	out->qemu[cd] = out->drive;
}

void replace_medium_keep(const struct plan *plan, struct replace_medium *out)
{
	*out = (struct replace_medium){.plan = *plan};
}

int replace_medium_plan(const struct plan *plan, const struct domain_disks *disks,
			struct replace_medium *out, struct err *err)
{
	static char use[] = "medium";
	size_t cd = 0;

	replace_medium_keep(plan, out);
	out->qemu = xalloc_check(calloc(plan->n_qemu + 1, sizeof(char *)));
	memcpy(out->qemu, plan->qemu, plan->n_qemu * sizeof(char *));
	out->disks = xalloc_check(calloc(plan->n_disks + 1, sizeof(*out->disks)));
	out->plan.qemu = out->qemu;
	out->plan.disks = out->disks;
	if (find_cd(plan, &cd, err) < 0 || find_medium(plan, cd, disks, out, err) < 0)
		return -1;
	if (out->dev[0])
		out->disks[out->plan.n_disks++] = (struct plan_disk){
			.dev = out->dev, .readonly = true, .use = use, .target = use};
	set_file(out, cd);
	return 0;
}

void replace_medium_free(struct replace_medium *medium)
{
	free(medium->qemu);
	free(medium->disks);
	free(medium->drive);
	*medium = (struct replace_medium){0};
}
