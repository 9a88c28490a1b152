/* SPDX-License-Identifier: MIT */
/* Xen's hot-plug script for the stub domain's interfaces, which stand for QEMU's taps. */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "script/script.h"

static int rename_interface(const char *from, const char *to, struct err *err)
{
	cleanup_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};

	if (strlen(from) >= IFNAMSIZ || strlen(to) >= IFNAMSIZ)
		return err_set(err, ERR_HOST, "'%s' is too long for an interface", to);
	if (fd < 0)
		return err_errno(err, ERR_HOST, errno, "socket");
	memcpy(request.ifr_name, from, strlen(from));
	memcpy(request.ifr_newname, to, strlen(to));
	if (ioctl(fd, SIOCSIFNAME, &request) == 0)
		return 0;
	if (errno == EEXIST)
		return err_set(err, ERR_HOST,
			       "an interface %s is there already; remove it or give the "
			       "guest's vif another vifname=",
			       to);
	return err_errno(err, ERR_HOST, errno, "naming %s %s", from, to);
}

/*
 * Called by libxl with "online" or "offline", the backend's path in XENBUS_PATH, the
 * interface in vif.  QEMU in dom0 would make a tap of this name and leave it alone.  Then
 * libxl runs the guest's own script for it (bridge, MTU, script= of the vif line).  So
 * the interface is given the name, and nothing else.
 */
static int online(struct xs_handle *xs, const char *backend, struct err *err)
{
	cleanup_free char *name = xenstore_read(xs, "%s/vifname", backend);
	const char *vif = getenv("vif");

	if (!vif)
		return err_set(err, ERR_HOST, "libxl has not said which interface it is");
	if (name && strcmp(name, vif) != 0 && rename_interface(vif, name, err) < 0)
		return -1;
	return xenstore_write(xs, err, "connected", "%s/hotplug-status", backend);
}

int main(int argc, char **argv)
{
	return hotplug_main(argc, argv, "online", online);
}
