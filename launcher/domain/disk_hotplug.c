/* SPDX-License-Identifier: MIT */
/* Disks that the stub domain gets and loses while it runs. */
#include "domain/disk_hotplug.h"

#include <errno.h>
#include <fcntl.h>
#include <libxl_utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "xenstore_util.h"
#include "xvd.h"

enum { CONNECT_MS = 10000, CONNECT_POLL_MS = 20 };

int domain_hotplug_init(struct domain_hotplug *hotplug, struct domain_host *host,
			const struct plan *plan, struct domain_disk *disks,
			struct err *err)
{
	*hotplug = (struct domain_hotplug){
		.host = host, .plan = plan, .n = plan->n_disks + HOTPLUG_MAX};
	hotplug->list = calloc(hotplug->n, sizeof(*hotplug->list));
	if (!hotplug->list)
		return err_set(err, ERR_HOST, "out of memory");
	for (size_t i = 0; i < hotplug->n; i++)
		hotplug->list[i].loop.fd = -1;
	for (size_t i = 0; i < plan->n_disks; i++) {
		snprintf(hotplug->list[i].dev, sizeof(hotplug->list[i].dev), "%s",
			 plan->disks[i].dev);
		hotplug->list[i].plan_disk = &disks[i];
	}
	return 0;
}

static struct hotplug_disk *find(struct domain_hotplug *hotplug, const char *dev)
{
	for (size_t i = 0; i < hotplug->n; i++) {
		if (strcmp(hotplug->list[i].dev, dev) == 0)
			return &hotplug->list[i];
	}
	return NULL;
}

/* The first name that no disk has. */
static void name_disk(struct domain_hotplug *hotplug, char dev[XVD_NAME_SIZE])
{
	for (unsigned i = 0; i < XVD_MAX; i++) {
		xvd_name(i, dev);
		if (!find(hotplug, dev))
			return;
	}
	dev[0] = '\0';
}

/* What kind of disk a descriptor makes; -1: none. */
static int look_at(int fd, bool *readonly, struct err *err)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (flags < 0 || fstat(fd, &st) < 0)
		return err_errno(err, ERR_USAGE, errno, "the descriptor");
	if ((flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY)
		return err_set(err, ERR_USAGE, "the descriptor cannot be read");
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(err, ERR_USAGE,
			       "the descriptor is neither a file's nor a block device's");
	if (S_ISREG(st.st_mode) && st.st_size < 512)
		return err_set(err, ERR_USAGE, "the file is smaller than one sector");
	*readonly = (flags & O_ACCMODE) == O_RDONLY;
	return 0;
}

static bool is_connected(struct domain_hotplug *hotplug, int devid)
{
	cleanup_free char *state =
		xenstore_read(hotplug->host->xs, "/local/domain/%u/device/vbd/%d/state",
			      hotplug->stub, devid);

	return state && strcmp(state, "4") == 0;
}

static int wait_connected(struct domain_hotplug *hotplug, const char *dev,
			  struct err *err)
{
	int devid = xvd_devid(dev);

	for (int ms = 0; ms < CONNECT_MS; ms += CONNECT_POLL_MS) {
		if (is_connected(hotplug, devid))
			return 0;
		if (domain_host_life(hotplug->host, hotplug->stub) != DOMAIN_LIFE_ALIVE)
			return err_set(err, ERR_STUB, "the stub domain has ended");
		clock_wait_ms(CONNECT_POLL_MS);
	}
	return err_set(err, ERR_STUB, "the stub domain did not connect to its disk %s",
		       dev);
}

static int describe(libxl_device_disk *disk, const struct hotplug_disk *entry,
		    bool readonly)
{
	libxl_device_disk_init(disk);
	disk->backend = LIBXL_DISK_BACKEND_PHY;
	disk->format = LIBXL_DISK_FORMAT_RAW;
	disk->pdev_path = strdup(entry->loop.path);
	disk->script = strdup(STUBDOM_LIBEXECDIR "/stubdom-block");
	disk->vdev = strdup(entry->dev);
	disk->readwrite = !readonly;
	return disk->pdev_path && disk->script && disk->vdev ? 0 : -1;
}

static int add(struct domain_hotplug *hotplug, const struct hotplug_disk *entry,
	       bool readonly, struct err *err)
{
	libxl_device_disk disk;
	int rc;

	if (describe(&disk, entry, readonly) < 0) {
		rc = err_set(err, ERR_HOST, "out of memory");
	} else {
		domain_host_forget_error(hotplug->host);
		rc = libxl_device_disk_add(hotplug->host->libxl, hotplug->stub, &disk,
					   NULL);
		if (rc)
			rc = domain_host_error(hotplug->host, err,
					       "giving the stub domain the disk %s",
					       entry->dev);
	}
	libxl_device_disk_dispose(&disk);
	return rc;
}

static int take_away(struct domain_hotplug *hotplug, struct hotplug_disk *entry,
		     struct err *err)
{
	libxl_device_disk disk;
	int rc = 0;

	domain_host_forget_error(hotplug->host);
	if (libxl_vdev_to_device_disk(hotplug->host->libxl, hotplug->stub, entry->dev,
				      &disk) == 0) {
		if (libxl_device_disk_remove(hotplug->host->libxl, hotplug->stub, &disk,
					     NULL))
			rc = domain_host_error(hotplug->host, err,
					       "taking the disk %s from the stub domain",
					       entry->dev);
		libxl_device_disk_dispose(&disk);
	}
	if (entry->plan_disk)
		domain_disks_close(entry->plan_disk, 1);
	domain_disks_close(&entry->loop, 1);
	entry->plan_disk = NULL;
	entry->dev[0] = '\0';
	return rc;
}

int domain_hotplug_attach(struct domain_hotplug *hotplug, int fd, char *dev,
			  struct err *err)
{
	struct hotplug_disk *entry = find(hotplug, "");
	bool readonly = true;
	struct err ignored;

	if (!entry)
		return err_set(err, ERR_USAGE, "%d disks were added already",
			       HOTPLUG_MAX);
	if (look_at(fd, &readonly, err) < 0 ||
	    domain_loop_attach(fd, hotplug->plan->name, readonly, &entry->loop, err) < 0)
		return -1;
	name_disk(hotplug, dev);
	snprintf(entry->dev, sizeof(entry->dev), "%s", dev);
	if (add(hotplug, entry, readonly, err) < 0 ||
	    wait_connected(hotplug, dev, err) < 0) {
		take_away(hotplug, entry, &ignored);
		return -1;
	}
	log_info("%s has the new disk %s", hotplug->plan->name, dev);
	return 0;
}

/* A guest's hard disk is not the relay's to take away. */
static bool may_go(const struct domain_hotplug *hotplug, const struct hotplug_disk *entry)
{
	for (size_t i = 0; i < hotplug->plan->n_disks; i++) {
		if (entry == &hotplug->list[i] && entry->plan_disk)
			return hotplug->plan->disks[i].readonly;
	}
	return true;
}

int domain_hotplug_detach(struct domain_hotplug *hotplug, const char *dev,
			  struct err *err)
{
	struct hotplug_disk *entry = dev[0] ? find(hotplug, dev) : NULL;

	if (!entry || !may_go(hotplug, entry))
		return err_set(err, ERR_USAGE, "there is no such disk");
	log_info("%s has let go of its disk %s", hotplug->plan->name, dev);
	return take_away(hotplug, entry, err);
}

void domain_hotplug_free(struct domain_hotplug *hotplug)
{
	for (size_t i = 0; hotplug->list && i < hotplug->n; i++)
		domain_disks_close(&hotplug->list[i].loop, 1);
	free(hotplug->list);
	hotplug->list = NULL;
}
