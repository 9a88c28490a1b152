/* SPDX-License-Identifier: MIT */
/* A tap, a bridge and the paravirtual interface: an ARP question that dom0 answers. */
#include "check.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define VNET_HDR 12

static int sock, tap;

static int call(unsigned long request, struct ifreq *r, const char *name)
{
	snprintf(r->ifr_name, IFNAMSIZ, "%s", name);
	return ioctl(sock, request, r);
}

static bool up(const char *name)
{
	struct ifreq r = {0};

	if (call(SIOCGIFFLAGS, &r, name) < 0)
		return false;
	r.ifr_flags |= IFF_UP;
	return call(SIOCSIFFLAGS, &r, name) == 0;
}

static bool bridge_add(const char *bridge, const char *port)
{
	struct ifreq r = {0};

	if (call(SIOCGIFINDEX, &r, port) < 0)
		return false;
	return call(SIOCBRADDIF, &r, bridge) == 0;
}

/* The interface that xenbus calls vif-0. */
static bool find_vif(char name[IFNAMSIZ])
{
	for (int tries = 0; tries < 100; tries++, usleep(50000)) {
		for (int i = 1; i < 20; i++) {
			struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
			struct ifreq r = {.ifr_ifindex = i};

			if (ioctl(sock, SIOCGIFNAME, &r) < 0)
				continue;
			r.ifr_data = (char *)&info;
			if (ioctl(sock, SIOCETHTOOL, &r) == 0 &&
			    !strcmp(info.bus_info, "vif-0")) {
				memcpy(name, r.ifr_name, IFNAMSIZ);
				return true;
			}
		}
	}
	return false;
}

static int tap_open(void)
{
	struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	unsigned features = 0;
	int fd, size = VNET_HDR;

	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	snprintf(r.ifr_name, IFNAMSIZ, "tap0");
	CHECK(!ioctl(fd, TUNGETFEATURES, &features) && features & IFF_VNET_HDR);
	CHECK(!ioctl(fd, TUNSETIFF, &r) && !strcmp(r.ifr_name, "tap0"));
	CHECK(!ioctl(fd, TUNSETPERSIST, 1));
	close(fd);
	/* A persistent tap is there without a descriptor; another one takes it up. */
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	CHECK(!ioctl(fd, TUNSETIFF, &r));
	CHECK(!ioctl(fd, TUNSETVNETHDRSZ, &size));
	CHECK(!ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM));
	CHECK(ioctl(fd, TUNSETOFFLOAD, 1UL << 30) == -1 && errno == EINVAL);
	return fd;
}

/* An ARP question: who has 10.99.0.1?  Tell 10.99.0.77. */
static ssize_t arp_ask(int fd)
{
	static const uint8_t f[VNET_HDR + 60] = {[VNET_HDR] = 255,
						 255,
						 255,
						 255,
						 255,
						 255,
						 2,
						 1,
						 2,
						 3,
						 4,
						 5,
						 8,
						 6,
						 0,
						 1,
						 8,
						 0,
						 6,
						 4,
						 0,
						 1,
						 2,
						 1,
						 2,
						 3,
						 4,
						 5,
						 10,
						 99,
						 0,
						 77,
						 0,
						 0,
						 0,
						 0,
						 0,
						 0,
						 10,
						 99,
						 0,
						 1};

	return write(fd, f, sizeof(f));
}

static bool arp_answered(int fd)
{
	uint8_t f[2048];

	for (int i = 0; i < 100 && readable(fd, 200); i++) {
		ssize_t n = read(fd, f, sizeof(f));
		uint8_t *e = f + VNET_HDR;

		if (n >= VNET_HDR + 42 && e[12] == 8 && e[13] == 6 && e[21] == 2 &&
		    !memcmp(e + 28, "\x0a\x63\x00\x01", 4))
			return true;
	}
	return false;
}

void test_net(void)
{
	char vif[IFNAMSIZ] = "";
	struct ifreq r = {0};
	bool answered = false;
	int fd;

	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK(sock >= 0);
	fd = tap_open();
	CHECK(!ioctl(sock, SIOCBRADDBR, "bridge0"));
	CHECK(ioctl(sock, SIOCBRADDBR, "bridge0") == -1 && errno == EEXIST);
	NAMED("the interface vif-0", find_vif(vif));
	snprintf(r.ifr_newname, IFNAMSIZ, "xenif0");
	NAMED("rename", call(SIOCSIFNAME, &r, vif) == 0);
	CHECK(bridge_add("bridge0", "tap0"));
	CHECK(bridge_add("bridge0", "xenif0"));
	CHECK(!bridge_add("bridge0", "xenif0") && errno == EBUSY);
	CHECK(up("tap0") && up("xenif0") && up("bridge0"));
	for (int i = 0; i < 30 && !answered; i++)
		answered = arp_ask(fd) == VNET_HDR + 60 && arp_answered(fd);
	NAMED("dom0 answers through tap, bridge and netfront", answered);
	CHECK(write(fd, "short", 5) == -1 && errno == EINVAL);
	tap = fd;
}

void test_net_again(void)
{
	bool answered = false;

	for (int i = 0; i < 30 && !answered; i++)
		answered = arp_ask(tap) == VNET_HDR + 60 && arp_answered(tap);
	NAMED("dom0 answers again", answered);
	close(tap);
	close(sock);
}
