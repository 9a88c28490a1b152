/* SPDX-License-Identifier: MIT */
/* Network interfaces by ioctl alone, so that a kernel needs no netlink for them. */
#include "ifctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_bridge.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>

#include "cleanup.h"

/* Interfaces are numbered from 1; a stub domain has a few dozen at most. */
enum { IFINDEX_MAX = 512 };

static int sock = -1;

int ifctl_open(struct err *err)
{
	/* A socket of any family will do; this one is there without IP. */
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return sock < 0 ? err_errno(err, ERR_STUB, errno, "socket") : 0;
}

int ifctl_socket(void)
{
	return sock;
}

static void set_name(struct ifreq *ifr, const char *name)
{
	memset(ifr, 0, sizeof(*ifr));
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
}

static int call(unsigned long request, struct ifreq *ifr, const char *what,
		struct err *err)
{
	if (ioctl(sock, request, ifr) < 0)
		return err_errno(err, ERR_STUB, errno, "%s: %s", ifr->ifr_name, what);
	return 0;
}

int ifctl_tap_create(const char *name, struct err *err)
{
	struct ifreq ifr;
	cleanup_fd int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, ERR_STUB, errno, "/dev/net/tun");
	set_name(&ifr, name);
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	if (ioctl(fd, TUNSETIFF, &ifr) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0)
		return err_errno(err, ERR_STUB, errno, "%s: create", name);
	return 0;
}

/* The old bridge interface: four words by way of SIOCDEVPRIVATE. */
static int bridge_private(const char *bridge, unsigned long op, unsigned long value,
			  const char *what, struct err *err)
{
	unsigned long args[4] = {op, value, 0, 0};
	struct ifreq ifr;

	set_name(&ifr, bridge);
	ifr.ifr_data = (char *)args;
	return call(SIOCDEVPRIVATE, &ifr, what, err);
}

int ifctl_bridge_create(const char *name, struct err *err)
{
	if (ioctl(sock, SIOCBRADDBR, name) < 0 && errno != EEXIST)
		return err_errno(err, ERR_STUB, errno, "%s: create", name);
	/* No port waits in the listening state: there is no loop to be found. */
	return bridge_private(name, BRCTL_SET_BRIDGE_FORWARD_DELAY, 0, "forward delay",
			      err);
}

static int bridge_member(unsigned long request, const char *bridge, const char *member,
			 const char *what, struct err *err)
{
	struct ifreq ifr;

	set_name(&ifr, member);
	if (call(SIOCGIFINDEX, &ifr, what, err) < 0)
		return -1;
	int index = ifr.ifr_ifindex;

	set_name(&ifr, bridge);
	ifr.ifr_ifindex = index;
	if (call(request, &ifr, what, err) < 0)
		return err_prefix(err, "%s", member);
	return 0;
}

int ifctl_bridge_add(const char *bridge, const char *member, struct err *err)
{
	return bridge_member(SIOCBRADDIF, bridge, member, "add to the bridge", err);
}

int ifctl_bridge_delete(const char *bridge, const char *member, struct err *err)
{
	return bridge_member(SIOCBRDELIF, bridge, member, "delete from the bridge", err);
}

int ifctl_bridge_stp(const char *bridge, bool on, struct err *err)
{
	return bridge_private(bridge, BRCTL_SET_BRIDGE_STP_STATE, on, "spanning tree",
			      err);
}

int ifctl_bridge_no_learning(const char *bridge, struct err *err)
{
	return bridge_private(bridge, BRCTL_SET_AGEING_TIME, 0, "ageing time", err);
}

int ifctl_up(const char *name, bool up, struct err *err)
{
	struct ifreq ifr;

	set_name(&ifr, name);
	if (call(SIOCGIFFLAGS, &ifr, "flags", err) < 0)
		return -1;
	ifr.ifr_flags = (short)(up ? (ifr.ifr_flags | IFF_UP | IFF_NOARP)
				   : (ifr.ifr_flags & ~IFF_UP));
	return call(SIOCSIFFLAGS, &ifr, up ? "up" : "down", err);
}

int ifctl_mtu(const char *name, unsigned mtu, struct err *err)
{
	struct ifreq ifr;

	set_name(&ifr, name);
	ifr.ifr_mtu = (int)mtu;
	return call(SIOCSIFMTU, &ifr, "mtu", err);
}

int ifctl_neutral_mac(const char *name, struct err *err)
{
	/*
	 * A bridge keeps frames to a port's own address to itself.  So a port does not
	 * get dom0's fe:ff:ff:ff:ff:ff: a bridge of vifs alone has that address, and the
	 * guest could never reach it.
	 */
	static const unsigned char mac[6] = {0xfe, 's', 't', 'u', 'b', 'd'};
	struct ifreq ifr;

	set_name(&ifr, name);
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, mac, sizeof(mac));
	return call(SIOCSIFHWADDR, &ifr, "hardware address", err);
}

/* Whether the interface is the PV one that xenbus calls vif-<devid>. */
static bool is_vif(const char *name, unsigned devid)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	char want[ETHTOOL_BUSINFO_LEN];
	struct ifreq ifr;

	set_name(&ifr, name);
	ifr.ifr_data = (char *)&info;
	snprintf(want, sizeof(want), "vif-%u", devid);
	return ioctl(sock, SIOCETHTOOL, &ifr) == 0 && !strcmp(info.bus_info, want);
}

int ifctl_claim_vif(unsigned devid, const char *name, struct err *err)
{
	struct ifreq ifr;

	for (int index = 1; index <= IFINDEX_MAX; index++) {
		memset(&ifr, 0, sizeof(ifr));
		ifr.ifr_ifindex = index;
		if (ioctl(sock, SIOCGIFNAME, &ifr) < 0 || !is_vif(ifr.ifr_name, devid))
			continue;
		if (!strcmp(ifr.ifr_name, name))
			return 1;
		snprintf(ifr.ifr_newname, sizeof(ifr.ifr_newname), "%s", name);
		return call(SIOCSIFNAME, &ifr, "rename", err) < 0 ? -1 : 1;
	}
	return 0;
}
