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

#include "check/resolve.h"
#include "cleanup.h"
#include "clock.h"
#include "domain/disk_grow.h"
#include "domain/loop.h"
#include "log.h"
#include "xalloc.h"
#include "xenstore_util.h"

enum { CONNECT_MS = 10000, CONNECT_POLL_MS = 20 };

/* The first name that no disk has. */
static void name_disk(struct domain_hotplug *hotplug, char dev[XVD_NAME_SIZE])
{
	for (unsigned i = 0; i < XVD_MAX; i++) {
		xvd_name(i, dev);
		if (!domain_disks_find(hotplug->disks, dev))
			return;
	}
	dev[0] = '\0';
}

/* The kind of disk that a descriptor makes; -1: none. */
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

static int add_by_libxl(struct domain_hotplug *hotplug, libxl_device_disk *disk,
			struct err *err)
{
	struct err hiding;
	int rc;

	if (domain_config_show(&hotplug->config, hotplug->host, err) < 0)
		return -1;
	domain_host_forget_error(hotplug->host);
	rc = libxl_device_disk_add(hotplug->host->libxl, hotplug->stub, disk, NULL);
	if (rc)
		rc = domain_host_error(hotplug->host, err,
				       "giving the stub domain the disk %s", disk->vdev);
	if (domain_config_hide(&hotplug->config, hotplug->host, hotplug->stub, &hiding) <
	    0)
		log_warn("%s", hiding.msg);
	return rc;
}

static int add(struct domain_hotplug *hotplug, const struct domain_disk *added,
	       struct err *err)
{
	libxl_device_disk disk;
	int rc;

	if (domain_disk_describe(added, &disk) < 0) {
		rc = err_set(err, ERR_HOST, "out of memory");
	} else {
		rc = add_by_libxl(hotplug, &disk, err);
	}
	libxl_device_disk_dispose(&disk);
	return rc;
}

static int take_away(struct domain_hotplug *hotplug, struct domain_disk *gone,
		     struct err *err)
{
	libxl_device_disk disk;
	int rc = 0;

	domain_host_forget_error(hotplug->host);
	if (libxl_vdev_to_device_disk(hotplug->host->libxl, hotplug->stub, gone->dev,
				      &disk) == 0) {
		if (libxl_device_disk_remove(hotplug->host->libxl, hotplug->stub, &disk,
					     NULL))
			rc = domain_host_error(hotplug->host, err,
					       "taking the disk %s from the stub domain",
					       gone->dev);
		libxl_device_disk_dispose(&disk);
	}
	domain_disk_close(gone);
	return rc;
}

int domain_hotplug_attach(struct domain_hotplug *hotplug, int fd, char dev[XVD_NAME_SIZE],
			  struct err *err)
{
	struct domain_disk *place = domain_disks_find(hotplug->disks, "");
	char path[LOOP_PATH_SIZE];
	bool readonly = true;
	struct err ignored;

	if (!place)
		return err_set(err, ERR_USAGE, "%d disks were added already",
			       DISKS_ADDED_MAX);
	if (look_at(fd, &readonly, err) < 0)
		return -1;
	fd = loop_attach(fd, hotplug->plan->name, readonly, path, err);
	if (fd < 0)
		return -1;
	name_disk(hotplug, dev);
	hotplug->changes++;
	*place = (struct domain_disk){
		.path = xstrdup(path), .fd = fd, .readonly = readonly, .may_go = true};
	snprintf(place->dev, sizeof(place->dev), "%s", dev);
	if (add(hotplug, place, err) < 0 || wait_connected(hotplug, dev, err) < 0) {
		take_away(hotplug, place, &ignored);
		return -1;
	}
	log_info("%s has the new disk %s", hotplug->plan->name, dev);
	return 0;
}

/* A guest's hard disk is not the relay's to take away. */
int domain_hotplug_detach(struct domain_hotplug *hotplug, const char *dev,
			  struct err *err)
{
	struct domain_disk *disk = dev[0] ? domain_disks_find(hotplug->disks, dev) : NULL;

	if (!disk || !disk->may_go)
		return err_set(err, ERR_USAGE, "there is no such disk");
	log_info("%s has let go of its disk %s", hotplug->plan->name, dev);
	hotplug->changes++;
	return take_away(hotplug, disk, err);
}

/* The same checks, and the same growth, as for a disk of the plan. */
static int open_target(const struct plan *plan, const struct plan_disk *disk,
		       struct domain_disk *out, struct err *err)
{
	struct container container;
	struct plan scratch = {.container_max_mb = plan->container_max_mb};
	int rc;

	plan_add_disk(&scratch, disk->target, disk->format, disk->readonly, disk->use);
	rc = resolve_disk(&scratch, 0, &container, err);
	if (rc == 0)
		rc = resolve_pv_disk(&scratch.disks[0], err);
	if (rc == 0)
		rc = domain_disk_open(plan, &scratch.disks[0], 0, out, err);
	plan_free(&scratch);
	out->may_go = false;
	return rc;
}

int domain_hotplug_add(struct domain_hotplug *hotplug, const char *target,
		       const char *format, bool readonly, char dev[XVD_NAME_SIZE],
		       struct err *err)
{
	struct domain_disk *place = domain_disks_find(hotplug->disks, "");
	const struct plan_disk disk = {.target = (char *)target,
				       .format = (char *)format,
				       .readonly = readonly,
				       .use = (char *)"hot-plugged"};

	if (!place)
		return err_set(err, ERR_USAGE, "%d disks were added already",
			       DISKS_ADDED_MAX);
	name_disk(hotplug, dev);
	if (open_target(hotplug->plan, &disk, place, err) < 0) {
		domain_disk_close(place);
		dev[0] = '\0';
		return -1;
	}
	snprintf(place->dev, sizeof(place->dev), "%s", dev);
	if (add(hotplug, place, err) == 0 && wait_connected(hotplug, dev, err) == 0) {
		log_info("%s has %s as its new disk %s", hotplug->plan->name, target,
			 dev);
		return 0;
	}
	domain_hotplug_drop(hotplug, dev);
	dev[0] = '\0';
	return -1;
}

void domain_hotplug_drop(struct domain_hotplug *hotplug, const char *dev)
{
	struct domain_disk *disk = dev[0] ? domain_disks_find(hotplug->disks, dev) : NULL;
	struct err err;

	if (!disk)
		return;
	log_info("%s has let go of its disk %s", hotplug->plan->name, dev);
	if (take_away(hotplug, disk, &err) < 0)
		log_warn("%s", err.msg);
}

/* As blkback does it; blkback itself looks at its disk's length at a request only. */
static int tell_length(struct domain_hotplug *hotplug, int devid,
		       unsigned long long sectors, struct err *err)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", sectors);
	if (xenstore_write(hotplug->host->xs, err, text,
			   "/local/domain/0/backend/vbd/%u/%d/sectors", hotplug->stub,
			   devid) < 0)
		return -1;
	return xenstore_write(hotplug->host->xs, err, "4",
			      "/local/domain/0/backend/vbd/%u/%d/state", hotplug->stub,
			      devid);
}

int domain_hotplug_grow(struct domain_hotplug *hotplug, const char *dev,
			unsigned long long size, struct err *err)
{
	const struct domain_disk *disk =
		dev[0] ? domain_disks_find(hotplug->disks, dev) : NULL;
	unsigned long long bytes;

	if (!disk)
		return err_set(err, ERR_USAGE, "there is no such disk");
	if (disk_grow(disk, size, hotplug->plan->container_max_mb, &bytes, err) < 0)
		return -1;
	if (bytes == 0)
		return 0;
	log_info("%s, %s's %s, is %llu bytes long now", disk->target, hotplug->plan->name,
		 dev, bytes);
	return tell_length(hotplug, xvd_devid(dev), bytes / 512, err);
}
