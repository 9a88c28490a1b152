/* SPDX-License-Identifier: MIT */
/* The guest as a driver domain, in the place of `xl devd` and vif-bridge.  Each interface
 * of netback's is brought up, becomes a port of the bridge, and is then called connected
 * in xenstore. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>

#define LOOK_MS 200

static int set_up(int fd, const char *ifname)
{
	struct ifreq request = {0};

	snprintf(request.ifr_name, IFNAMSIZ, "%s", ifname);
	if (ioctl(fd, SIOCGIFFLAGS, &request))
		return -1;
	request.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &request);
}

static int add_port(int fd, const char *bridge, unsigned int index)
{
	struct ifreq request = {.ifr_ifindex = (int)index};

	snprintf(request.ifr_name, IFNAMSIZ, "%s", bridge);
	return ioctl(fd, SIOCBRADDIF, &request);
}

/* A path that does not begin with a slash is below /local/domain/OWN. */
static int xenstore_write(const char *path, const char *value)
{
	char reply[sizeof(struct xsd_sockmsg) + 64];
	struct xsd_sockmsg header = {.type = XS_WRITE};
	struct iovec parts[] = {{&header, sizeof(header)},
				{(char *)path, strlen(path) + 1},
				{(char *)value, strlen(value)}};
	int fd = open("/dev/xen/xenbus", O_RDWR | O_CLOEXEC), ret = -1;

	header.len = (uint32_t)(parts[1].iov_len + parts[2].iov_len);
	if (fd >= 0 && writev(fd, parts, 3) > 0 &&
	    read(fd, reply, sizeof(reply)) >= (ssize_t)sizeof(header)) {
		memcpy(&header, reply, sizeof(header));
		ret = header.type == XS_WRITE ? 0 : -1;
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

static void connect_port(int fd, const char *bridge, const struct if_nameindex *port)
{
	char path[64];
	unsigned int domid, devid;

	if (sscanf(port->if_name, "vif%u.%u", &domid, &devid) != 2)
		return;
	snprintf(path, sizeof(path), "backend/vif/%u/%u/hotplug-status", domid, devid);
	if (set_up(fd, port->if_name) || add_port(fd, bridge, port->if_index) ||
	    xenstore_write(path, "connected"))
		say("driver %s error %s", port->if_name, strerror(errno));
	else
		say("driver %s connected", port->if_name);
}

/* Interfaces get rising numbers, so one that is new has a number above all before. */
static void serve(int fd, const char *bridge)
{
	unsigned int seen = if_nametoindex(bridge), highest = seen;

	for (;; seen = highest, poll(NULL, 0, LOOK_MS)) {
		struct if_nameindex *all = if_nameindex();

		for (struct if_nameindex *i = all; i && i->if_index; i++) {
			if (i->if_index > seen)
				connect_port(fd, bridge, i);
			if (i->if_index > highest)
				highest = i->if_index;
		}
		if (all)
			if_freenameindex(all);
	}
}

void driver_start(const char *bridge)
{
	int fd;

	module_load("bridge");
	module_load("xen-netback");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCBRADDBR, bridge) || set_up(fd, bridge)) {
		say("driver error %s", strerror(errno));
	} else {
		say("driver %s ready", bridge);
		if (fork() == 0)
			serve(fd, bridge);
	}
	if (fd >= 0)
		close(fd);
}
