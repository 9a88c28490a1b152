/* SPDX-License-Identifier: MIT */
/* Xen's hot-plug script for the stub domain's interfaces, which stand for QEMU's taps. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "err.h"
#include "xenstore_util.h"

/*
 * Called by libxl with "online" or "offline", the backend's path in XENBUS_PATH,
 * the interface in vif.  QEMU in dom0 would make a tap of this name and leave it
 * alone; then libxl runs the guest's own script for it (bridge, MTU, script= of
 * the vif line).  So the interface is given the name, and no more.
 */
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

static int online(struct xs_handle *xs, const char *backend, const char *vif,
		  struct err *err)
{
	cleanup_free char *name = xenstore_read(xs, "%s/vifname", backend);

	if (name && strcmp(name, vif) != 0 && rename_interface(vif, name, err) < 0)
		return -1;
	return xenstore_write(xs, err, "connected", "%s/hotplug-status", backend);
}

int main(int argc, char **argv)
{
	const char *backend = getenv("XENBUS_PATH");
	const char *vif = getenv("vif");
	struct xs_handle *xs;
	struct err err, ignored;
	int rc = 0;

	if (argc < 2 || !backend || !vif) {
		fprintf(stderr,
			"usage: XENBUS_PATH=... vif=... %s online|offline (run by "
			"libxl)\n",
			argv[0]);
		return ERR_USAGE;
	}
	xs = xs_open(0);
	if (!xs) {
		fprintf(stderr, "%s: cannot connect to xenstored\n", argv[0]);
		return ERR_HOST;
	}
	if (strcmp(argv[1], "online") == 0 && online(xs, backend, vif, &err) < 0) {
		fprintf(stderr, "%s: %s\n", argv[0], err.msg);
		/* libxl passes this on. */
		xenstore_write(xs, &ignored, err.msg, "%s/hotplug-error", backend);
		xenstore_write(xs, &ignored, "error", "%s/hotplug-status", backend);
		rc = ERR_HOST;
	}
	xs_close(xs);
	return rc;
}
