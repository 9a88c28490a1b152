/* SPDX-License-Identifier: MIT */
/* Raw Ethernet frames of the direct-boot test guest, sent and heard. */
#include "guest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAR_MS 10000
#define FRAME_MAX 9100

static int ears = -1;

static int packet_socket(const char *ifname, int type)
{
	struct sockaddr_ll where = {.sll_family = AF_PACKET,
				    .sll_protocol = htons((uint16_t)type),
				    .sll_ifindex = (int)if_nametoindex(ifname)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&where, sizeof(where))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int own_mac(int fd, const char *ifname, uint8_t mac[6])
{
	struct ifreq request;

	memset(&request, 0, sizeof(request));
	snprintf(request.ifr_name, IFNAMSIZ, "%s", ifname);
	if (ioctl(fd, SIOCGIFHWADDR, &request))
		return -1;
	memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	return 0;
}

/* `tag` is an 802.1Q tag's VLAN, or -1. */
void frames_send(const char *ifname, const char *to, int tag, int type, int size,
		 int count)
{
	static uint8_t frame[FRAME_MAX];
	unsigned m[6];
	int fd = packet_socket(ifname, 0), sent = 0, at = 12;

	if (fd < 0 || own_mac(fd, ifname, frame + 6) ||
	    sscanf(to, "%x:%x:%x:%x:%x:%x", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6) {
		say("frames error %s", strerror(errno));
		return;
	}
	for (int i = 0; i < 6; i++)
		frame[i] = (uint8_t)m[i];
	if (tag >= 0) {
		frame[at++] = 0x81;
		frame[at++] = 0;
		frame[at++] = (uint8_t)(tag >> 8);
		frame[at++] = (uint8_t)tag;
	}
	frame[at++] = (uint8_t)(type >> 8);
	frame[at++] = (uint8_t)type;
	size = size < 60 ? 60 : size > FRAME_MAX ? FRAME_MAX : size;
	for (; at < size; at++)
		frame[at] = (uint8_t)at;
	while (sent < count && send(fd, frame, (size_t)size, 0) == size)
		sent++;
	say("frames sent %d", sent);
	close(fd);
}

/* From now on frames of this type are kept, of all stations if `all`. */
void frames_listen(const char *ifname, int type, int all)
{
	struct packet_mreq all_of_them = {.mr_ifindex = (int)if_nametoindex(ifname),
					  .mr_type = PACKET_MR_PROMISC};

	if (ears >= 0)
		close(ears);
	ears = packet_socket(ifname, type);
	if (ears < 0 || (all && setsockopt(ears, SOL_PACKET, PACKET_ADD_MEMBERSHIP,
					   &all_of_them, sizeof(all_of_them))))
		say("listen error %s", strerror(errno));
	else
		say("listen %s ok", ifname);
}

/* Each frame that came, until there are `count`; the guest's own frames are left out. */
void frames_heard(int count)
{
	static uint8_t frame[FRAME_MAX];
	struct pollfd ready = {.fd = ears, .events = POLLIN};
	int got = 0;

	while (got < count && poll(&ready, 1, HEAR_MS) > 0) {
		struct sockaddr_ll from;
		socklen_t length = sizeof(from);
		ssize_t n = recvfrom(ears, frame, sizeof(frame), MSG_TRUNC,
				     (struct sockaddr *)&from, &length);

		if (n < 14 || from.sll_pkttype == PACKET_OUTGOING)
			continue;
		got++;
		say("frame %02x:%02x:%02x:%02x:%02x:%02x %zd", frame[0], frame[1],
		    frame[2], frame[3], frame[4], frame[5], n);
	}
	say("heard %d", got);
}
