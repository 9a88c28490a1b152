/* SPDX-License-Identifier: MIT */
/* Taps and bridges as the agent and QEMU use them: ioctls, frames, counters. */
#include "abi.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_bridge.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>

static int sock;

static struct ifreq named(const char *name)
{
	struct ifreq r = {0};

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	return r;
}

static int tap_open(const char *name)
{
	struct ifreq r = named(name);
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	r.ifr_flags = IFF_TAP | IFF_NO_PI;
	return ioctl(fd, TUNSETIFF, &r) ? -1 : fd;
}

static int flags_of(const char *name)
{
	struct ifreq r = named(name);

	return ioctl(sock, SIOCGIFFLAGS, &r) ? -1 : r.ifr_flags;
}

/* Up, and with its link: Linux says that a moment later. */
static int up(const char *name)
{
	struct ifreq r = named(name);

	r.ifr_flags = (short)(flags_of(name) | IFF_UP);
	if (ioctl(sock, SIOCSIFFLAGS, &r))
		return -1;
	for (int i = 0; i < 500 && !(flags_of(name) & IFF_RUNNING); i++)
		usleep(10000);
	return flags_of(name) & IFF_RUNNING ? 0 : -1;
}

static int down(const char *name)
{
	struct ifreq r = named(name);

	r.ifr_flags = (short)(flags_of(name) & ~IFF_UP);
	return ioctl(sock, SIOCSIFFLAGS, &r);
}

static int mtu(const char *name, int bytes)
{
	struct ifreq r = named(name);

	r.ifr_mtu = bytes;
	return ioctl(sock, SIOCSIFMTU, &r);
}

static int mtu_of(const char *name)
{
	struct ifreq r = named(name);

	return ioctl(sock, SIOCGIFMTU, &r) ? -1 : r.ifr_mtu;
}

static int index_of(const char *name)
{
	struct ifreq r = named(name);

	return ioctl(sock, SIOCGIFINDEX, &r) ? -1 : r.ifr_ifindex;
}

static int member(unsigned long request, const char *bridge, const char *port)
{
	struct ifreq r = named(bridge);

	r.ifr_ifindex = index_of(port);
	return ioctl(sock, request, &r);
}

static int old_ioctl(const char *bridge, unsigned long op, unsigned long a,
		     unsigned long b)
{
	unsigned long args[4] = {op, a, b, 0};
	struct ifreq r = named(bridge);

	r.ifr_data = (char *)args;
	return ioctl(sock, SIOCDEVPRIVATE, &r);
}

static const uint8_t one[6] = {2, 0, 0, 0, 0, 1}, two[6] = {2, 0, 0, 0, 0, 2},
		     all[6] = {255, 255, 255, 255, 255, 255};

/*
 * Sends `size` bytes.  Returns the bytes that come out of the other, or 0 when nothing
 * does.
 */
static long pass(int from, int to, const uint8_t *dst, const uint8_t *src, size_t size)
{
	static uint8_t f[66000], got[66000];
	struct pollfd p = {.fd = to, .events = POLLIN};
	ssize_t n;

	for (size_t i = 14; i < size; i++)
		f[i] = (uint8_t)(i * 7);
	memcpy(f, dst, 6);
	memcpy(f + 6, src, 6);
	f[12] = 0x88;
	f[13] = 0xb5;
	if (write(from, f, size) != (ssize_t)size)
		return -1;
	while (poll(&p, 1, 0) == 1) {
		n = read(to, got, sizeof(got));
		/* Linux has frames of its own to send, too. */
		if (n < 14 || got[12] != f[12] || got[13] != f[13])
			continue;
		return n == (ssize_t)size && memcmp(f, got, size) ? -2 : n;
	}
	return 0;
}

/* Sends until it passes: Linux opens a port when its link's state has got about. */
static int opened(int from, int to)
{
	for (int i = 0; i < 500 && pass(from, to, all, one, 60) <= 0; i++)
		usleep(10000);
	return pass(from, to, all, one, 60) > 0 ? 0 : -1;
}

/* The counts of the two interfaces since the last question. */
static void counters(const char *name, unsigned long base[4])
{
	char line[256], found[16];
	unsigned long v[4];
	FILE *f = fopen("/proc/net/dev", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %15[^:]: %lu %lu %*u %*u %*u %*u %*u %*u %lu %lu",
			   found, v, v + 1, v + 2, v + 3) != 5 ||
		    strcmp(found, name))
			continue;
		if (base[1])
			say("%s: rx %lu bytes %lu frames, tx %lu bytes %lu frames", name,
			    v[0] - base[0], v[1] - base[1], v[2] - base[2],
			    v[3] - base[3]);
		memcpy(base, v, sizeof(v));
	}
	if (f)
		fclose(f);
}

static void ports(void)
{
	int list[8] = {0}, a = 0, b = 0, n = 0;

	try(old_ioctl("br0", BRCTL_GET_PORT_LIST, (unsigned long)list, 8));
	for (int i = 0; i < 8; i++) {
		n += list[i] != 0;
		a |= list[i] == index_of("t1");
		b |= list[i] == index_of("t2");
	}
	say("%d ports, t1 %d, t2 %d", n, a, b);
}

static void test_wire(void)
{
	unsigned long one_base[4] = {0}, two_base[4] = {0};
	int a = tap_open("t1"), b = tap_open("t2");

	yes(a >= 0 && b >= 0);
	yes(tap_open("t1") < 0);
	try(ioctl(sock, SIOCBRADDBR, "br0"));
	try(ioctl(sock, SIOCBRADDBR, "br0"));
	try(old_ioctl("br0", BRCTL_SET_BRIDGE_FORWARD_DELAY, 0, 0));
	try(old_ioctl("br0", BRCTL_SET_AGEING_TIME, 0, 0));
	try(up("t1"));
	try(up("t2"));
	up("br0"); /* with its first port it has a link */
	try(member(SIOCBRADDIF, "br0", "t1"));
	try(member(SIOCBRADDIF, "br0", "t2"));
	try(member(SIOCBRADDIF, "br0", "t2"));
	try(member(SIOCBRADDIF, "t1", "t2"));
	ports();
	try(up("br0"));
	try(opened(a, b));
	try(opened(b, a));
	counters("t1", one_base);
	counters("t2", two_base);
	try(pass(a, b, two, one, 60));
	try(pass(b, a, one, two, 200));
	try(pass(a, b, all, one, 1514));
	counters("t1", one_base);
	counters("t2", two_base);

	/* The MTU of the way out, a tag left aside. */
	try(pass(a, b, two, one, 1518));
	try(pass(a, b, two, one, 1519));
	try(mtu("t1", 9000));
	try(mtu("t2", 9000));
	try(mtu("t2", 67));
	try(mtu_of("br0"));
	try(pass(a, b, two, one, 9014));
	try(pass(b, a, one, two, 9014));
	try(mtu("t2", 65000));
	try(mtu_of("br0"));
	try(mtu("t1", 65000));
	try(mtu_of("br0"));
	try(pass(a, b, two, one, 65014));

	try(member(SIOCBRDELIF, "br0", "t2"));
	try(member(SIOCBRDELIF, "br0", "t2"));
	ports();
	try(pass(a, b, two, one, 60));
	try(ioctl(sock, SIOCBRDELBR, "br0"));
	try(down("br0"));
	try(ioctl(sock, SIOCBRDELBR, "br0"));
	yes(index_of("br0") == -1);
	close(a);
	yes(index_of("t1") == -1);
	try(down("t2"));
	close(b);
}

static void test_names(void)
{
	struct ifreq r = named("t3");
	int fd = tap_open("t3");

	snprintf(r.ifr_newname, sizeof(r.ifr_newname), "renamed");
	try(ioctl(sock, SIOCSIFNAME, &r));
	yes(index_of("t3") == -1);
	yes(index_of("renamed") > 0);
	r = named("");
	r.ifr_ifindex = index_of("renamed");
	try(ioctl(sock, SIOCGIFNAME, &r));
	say("%s", r.ifr_name);
	r = named("renamed");
	r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(r.ifr_hwaddr.sa_data, one, 6);
	try(ioctl(sock, SIOCSIFHWADDR, &r));
	r = named("renamed");
	try(ioctl(sock, SIOCGIFHWADDR, &r));
	yes(!memcmp(r.ifr_hwaddr.sa_data, one, 6));
	memcpy(r.ifr_hwaddr.sa_data, all, 6);
	try(ioctl(sock, SIOCSIFHWADDR, &r));
	r = named("none");
	try(ioctl(sock, SIOCGIFFLAGS, &r));
	try(write(fd, one, 6));
	close(fd);
}

static const struct abi_case cases[] = {
	{"wire", test_wire},
	{"names", test_names},
};

/* On Linux in a network of its own, where nothing else speaks; nub has nothing else. */
int main(int argc, char **argv)
{
	/* no neighbours of IPv6, and no word of the bridge about its groups (224.0.0.106) */
	static const char *const silent[][2] = {
		{"/proc/sys/net/ipv6/conf/all/disable_ipv6", "1"},
		{"/proc/sys/net/ipv6/conf/default/disable_ipv6", "1"},
		{"/proc/sys/net/ipv4/igmp_link_local_mcast_reports", "0"}};

	(void)unshare(CLONE_NEWNET);
	for (int i = 0; i < 3; i++) {
		int fd = open(silent[i][0], O_WRONLY);

		if (fd >= 0) {
			write(fd, silent[i][1], 1);
			close(fd);
		}
	}
	sock = socket(AF_UNIX, SOCK_DGRAM, 0);
	return abi_main(cases, sizeof(cases) / sizeof(*cases), argc, argv);
}
