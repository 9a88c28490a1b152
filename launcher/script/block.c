/* SPDX-License-Identifier: MIT */
/* Xen's hot-plug script for the stub domain's disks, which are block devices already. */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "script/script.h"

/*
 * Called by libxl with "add" or "remove", the backend's path in XENBUS_PATH.  The stock
 * script, in its place, would attach a loop device of its own, and starts some sixty
 * processes.  It has checked the guest's own disk: no other guest uses the file.
 */
static int add(struct xs_handle *xs, const char *backend, struct err *err)
{
	cleanup_free char *path = xenstore_read(xs, "%s/params", backend);
	struct stat st;
	char device[32];

	if (!path || stat(path, &st) < 0 || !S_ISBLK(st.st_mode))
		return err_set(err, ERR_HOST, "%s is not a block device",
			       path ? path : "its target");
	snprintf(device, sizeof(device), "%x:%x", major(st.st_rdev), minor(st.st_rdev));
	/* Blkback opens the device as soon as it sees this. */
	if (xenstore_write(xs, err, device, "%s/physical-device", backend) < 0 ||
	    xenstore_write(xs, err, path, "%s/physical-device-path", backend) < 0)
		return -1;
	return xenstore_write(xs, err, "connected", "%s/hotplug-status", backend);
}

int main(int argc, char **argv)
{
	return hotplug_main(argc, argv, "add", add);
}
