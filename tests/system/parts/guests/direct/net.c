/* SPDX-License-Identifier: MIT */
/* NICs of the direct-boot test guest: a static address, and ICMP echo. */
#include "guest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_vlan.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 30000
#define WAIT_STEP_MS 20
#define REPLY_MS 6000
#define PING_COUNT 3

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* Finds the interface by its name or MAC address; NICs appear in no fixed order. */
static int net_find(int fd, const char *key, struct ifreq *request)
{
	struct if_nameindex *all = if_nameindex();
	int found = 0;

	for (struct if_nameindex *i = all; i && i->if_index && !found; i++) {
		char mac[18];
		unsigned char *m = (unsigned char *)request->ifr_hwaddr.sa_data;

		memset(request, 0, sizeof(*request));
		snprintf(request->ifr_name, IFNAMSIZ, "%s", i->if_name);
		if (ioctl(fd, SIOCGIFHWADDR, request))
			continue;
		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1],
			 m[2], m[3], m[4], m[5]);
		found = !strcmp(key, i->if_name) || !strcasecmp(key, mac);
	}
	if (all)
		if_freenameindex(all);
	return found ? 0 : -1;
}

/* Waits for it: a driver finds its NICs at a time of its own. */
static int net_await(int fd, const char *key, struct ifreq *request)
{
	for (int waited = 0; waited < WAIT_MS; waited += WAIT_STEP_MS) {
		if (!net_find(fd, key, request))
			return 0;
		poll(NULL, 0, WAIT_STEP_MS);
	}
	errno = ENODEV;
	return -1;
}

int net_rename(const char *key, const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret = -1;
	struct ifreq request;

	if (fd >= 0 && !net_await(fd, key, &request)) {
		snprintf(request.ifr_newname, IFNAMSIZ, "%s", name);
		ret = ioctl(fd, SIOCSIFNAME, &request);
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

static int net_configure(int fd, struct ifreq *request, const char *address, int bits)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&request->ifr_addr;

	memset(in, 0, sizeof(*in));
	in->sin_family = AF_INET;
	if (bits < 1 || bits > 32 || inet_pton(AF_INET, address, &in->sin_addr) != 1) {
		errno = EINVAL;
		return -1;
	}
	if (ioctl(fd, SIOCSIFADDR, request))
		return -1;
	in->sin_addr.s_addr = htonl(~0u << (32 - bits));
	if (ioctl(fd, SIOCSIFNETMASK, request) || ioctl(fd, SIOCGIFFLAGS, request))
		return -1;
	request->ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, request);
}

/*
 * A NIC drops frames that are sent before its link is up; e1000 needs two seconds for
 * that.
 */
static int net_link(int fd, struct ifreq *request, int up)
{
	for (int waited = 0; waited < WAIT_MS; waited += WAIT_STEP_MS) {
		if (ioctl(fd, SIOCGIFFLAGS, request))
			return -1;
		if (!(request->ifr_flags & IFF_RUNNING) == !up)
			return 0;
		poll(NULL, 0, WAIT_STEP_MS);
	}
	errno = ENETDOWN;
	return -1;
}

void net_up_spec(char *spec)
{
	struct ifreq request;
	char *address = strchr(spec, ','), *bits = NULL, *target = NULL;
	int fd, missing = -1;

	if (address) {
		*address++ = '\0';
		bits = strchr(address, '/');
		target = strchr(address, ',');
		if (target)
			*target++ = '\0';
		if (bits)
			*bits++ = '\0';
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		missing = net_await(fd, spec, &request);
	if (missing) {
		say("nic %s error not found", spec);
	} else if (!address || !bits) {
		say("nic %s error no address/bits", spec);
	} else if (net_configure(fd, &request, address, atoi(bits)) ||
		   net_link(fd, &request, 1)) {
		say("nic %s error %s", spec, strerror(errno));
	} else {
		say("nic %s %s up", request.ifr_name, address);
		if (target)
			net_ping(target, PING_COUNT, request.ifr_name);
	}
	if (fd >= 0)
		close(fd);
}

void net_mtu(const char *ifname, int mtu)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request;

	memset(&request, 0, sizeof(request));
	snprintf(request.ifr_name, IFNAMSIZ, "%s", ifname);
	request.ifr_mtu = mtu;
	if (fd < 0 || ioctl(fd, SIOCSIFMTU, &request))
		say("mtu %s error %s", ifname, strerror(errno));
	else
		say("mtu %s %d", ifname, mtu);
	if (fd >= 0)
		close(fd);
}

void net_carrier(const char *ifname, int up)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request;

	memset(&request, 0, sizeof(request));
	snprintf(request.ifr_name, IFNAMSIZ, "%s", ifname);
	if (fd < 0 || net_link(fd, &request, up))
		say("carrier %s error %s", ifname, strerror(errno));
	else
		say("carrier %s %s", ifname, up ? "up" : "down");
	if (fd >= 0)
		close(fd);
}

void net_vlan(const char *ifname, int id, const char *address)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct vlan_ioctl_args request = {.cmd = ADD_VLAN_CMD};
	char spec[64];

	snprintf(request.device1, sizeof(request.device1), "%s", ifname);
	request.u.VID = id;
	snprintf(spec, sizeof(spec), "%s.%d,%s", ifname, id, address);
	if (fd < 0 || ioctl(fd, SIOCSIFVLAN, &request))
		say("nic %s.%d error %s", ifname, id, strerror(errno));
	else
		net_up_spec(spec);
	if (fd >= 0)
		close(fd);
}

static uint16_t checksum(const void *data, size_t length)
{
	const uint8_t *p = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < length; i += 2)
		sum += p[i] << 8 | p[i + 1];
	sum = (sum >> 16) + (sum & 0xffff);
	return htons(~(sum + (sum >> 16)));
}

/* Whether the echo reply to sequence number `sequence` comes within REPLY_MS. */
static int ping_reply(int fd, uint16_t sequence)
{
	long long end = now_ms() + REPLY_MS;

	for (;;) {
		uint8_t packet[1500];
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		const struct icmphdr *icmp;
		long long left = end - now_ms();
		ssize_t n;
		size_t header;

		if (left <= 0 || poll(&ready, 1, left) <= 0)
			return 0;
		n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT);
		header = (packet[0] & 15) * 4;
		icmp = (const struct icmphdr *)(packet + header);
		if (n >= (ssize_t)(header + sizeof(*icmp)) &&
		    icmp->type == ICMP_ECHOREPLY && icmp->un.echo.id == htons(getpid()) &&
		    icmp->un.echo.sequence == htons(sequence))
			return 1;
	}
}

void net_ping(const char *address, int count, const char *ifname)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct {
		struct icmphdr header;
		uint8_t data[56];
	} packet;
	int fd = -1, good = 0;

	if (inet_pton(AF_INET, address, &to.sin_addr) == 1)
		fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	if (fd < 0 || (*ifname && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ifname,
					     strlen(ifname) + 1))) {
		say("ping %s error %s", address, strerror(errno));
		count = 0;
	}
	for (int i = 1; i <= count; i++) {
		memset(&packet, 0, sizeof(packet));
		packet.header.type = ICMP_ECHO;
		packet.header.un.echo.id = htons(getpid());
		packet.header.un.echo.sequence = htons(i);
		packet.header.checksum = checksum(&packet, sizeof(packet));
		if (sendto(fd, &packet, sizeof(packet), 0, (struct sockaddr *)&to,
			   sizeof(to)) == sizeof(packet))
			good += ping_reply(fd, i);
	}
	if (count)
		say("ping %s %s %d/%d%s%s", address, good == count ? "ok" : "failed",
		    good, count, *ifname ? " " : "", ifname);
	if (fd >= 0)
		close(fd);
}
