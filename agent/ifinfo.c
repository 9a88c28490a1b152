/* SPDX-License-Identifier: MIT */
/* The kernel's network interfaces, read by ioctl and from /proc/net/dev. */
#include "ifinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/sockios.h>

#include "cleanup.h"
#include "topology.h"

#define COUNTERS "/proc/net/dev"

enum { INDEX_MAX = 512, PORTS_MAX = 256, TEXT_MAX = 65536 };

static bool read_one(int sock, int index, struct ifinfo *info)
{
	struct topology_if ignored;
	struct ifreq ifr;

	memset(&ifr, 0, sizeof(ifr));
	ifr.ifr_ifindex = index;
	if (ioctl(sock, SIOCGIFNAME, &ifr) < 0 ||
	    !topology_if_parse(ifr.ifr_name, &ignored))
		return false;
	*info = (struct ifinfo){.index = index};
	memcpy(info->name, ifr.ifr_name, sizeof(info->name) - 1);
	if (ioctl(sock, SIOCGIFFLAGS, &ifr) < 0)
		return false;
	info->up = ifr.ifr_flags & IFF_UP;
	info->link = ifr.ifr_flags & IFF_RUNNING;
	if (ioctl(sock, SIOCGIFMTU, &ifr) == 0)
		info->mtu = (unsigned)ifr.ifr_mtu;
	return true;
}

/* Asks the bridge for its ports; of an interface that is none, an error says so. */
static void read_ports(int sock, const struct ifinfo *bridge, struct ifinfo *list,
		       size_t n)
{
	int ports[PORTS_MAX] = {0};
	unsigned long args[4] = {BRCTL_GET_PORT_LIST, (unsigned long)ports, PORTS_MAX, 0};
	struct ifreq ifr;

	memset(&ifr, 0, sizeof(ifr));
	memcpy(ifr.ifr_name, bridge->name, sizeof(ifr.ifr_name));
	ifr.ifr_data = (char *)args;
	if (ioctl(sock, SIOCDEVPRIVATE, &ifr) < 0)
		return;
	for (size_t p = 0; p < PORTS_MAX; p++)
		for (size_t i = 0; ports[p] && i < n; i++)
			if (list[i].index == ports[p])
				memcpy(list[i].master, bridge->name,
				       sizeof(list[i].master));
}

/* A line is "NAME: rx bytes packets errs drop fifo frame compressed multicast tx ...". */
void ifinfo_counters(const char *text, struct ifinfo *list, size_t n)
{
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		struct ifinfo_count rx, tx;
		char name[16];

		line += *line == '\n';
		if (sscanf(line,
			   " %15[^: ]: %" SCNu64 " %" SCNu64 " %*u %" SCNu64
			   " %*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %*u %" SCNu64,
			   name, &rx.bytes, &rx.packets, &rx.dropped, &tx.bytes,
			   &tx.packets, &tx.dropped) != 7)
			continue;
		for (size_t i = 0; i < n; i++) {
			if (strcmp(list[i].name, name) != 0)
				continue;
			list[i].rx = rx;
			list[i].tx = tx;
		}
	}
}

static int read_counters(struct ifinfo *list, size_t n, struct err *err)
{
	static char text[TEXT_MAX];
	cleanup_fd int fd = open(COUNTERS, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got;

	if (fd < 0)
		return err_errno(err, ERR_STUB, errno, COUNTERS);
	while ((got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)got;
	if (got < 0)
		return err_errno(err, ERR_STUB, errno, COUNTERS);
	text[len] = '\0';
	ifinfo_counters(text, list, n);
	return 0;
}

int ifinfo_read(int sock, struct ifinfo *list, struct err *err)
{
	size_t n = 0;

	for (int index = 1; index <= INDEX_MAX && n < IFINFO_MAX; index++)
		n += read_one(sock, index, &list[n]);
	for (size_t i = 0; i < n; i++)
		read_ports(sock, &list[i], list, n);
	if (read_counters(list, n, err) < 0)
		return -1;
	return (int)n;
}
