/* SPDX-License-Identifier: MIT */
/* Network namespaces of the direct-boot test guest: a NIC apart from the others. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SPACES_MAX 16

static struct {
	char name[16];
	int fd;
} spaces[SPACES_MAX];
static int n_spaces, home = -1;

static int current(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* Asks the kernel to move the interface into the namespace. */
static int move(const char *ifname, int fd)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
		struct rtattr attr;
		int fd;
	} request = {
		.header = {.nlmsg_len = sizeof(request),
			   .nlmsg_type = RTM_NEWLINK,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.info = {.ifi_index = (int)if_nametoindex(ifname)},
		.attr = {.rta_len = RTA_LENGTH(sizeof(int)), .rta_type = IFLA_NET_NS_FD},
		.fd = fd,
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} reply = {0};
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (sock < 0)
		return -1;
	if (send(sock, &request, sizeof(request), 0) < 0 ||
	    recv(sock, &reply, sizeof(reply), MSG_TRUNC) < 0)
		reply.error.error = -errno;
	close(sock);
	errno = -reply.error.error;
	return errno ? -1 : 0;
}

static void make(const char *name, const char *ifname)
{
	int i = n_spaces;

	home = home < 0 ? current() : home;
	if (i == SPACES_MAX || unshare(CLONE_NEWNET)) {
		say("space %s error %s", name, strerror(errno));
		return;
	}
	spaces[i].fd = current();
	snprintf(spaces[i].name, sizeof(spaces[i].name), "%s", name);
	if (setns(home, CLONE_NEWNET) || move(ifname, spaces[i].fd)) {
		say("space %s error %s", name, strerror(errno));
		return;
	}
	n_spaces++;
}

void netns_split(char *keys)
{
	char *save = NULL;

	for (char *key = strtok_r(keys, ",", &save); key;
	     key = strtok_r(NULL, ",", &save)) {
		char name[16];

		snprintf(name, sizeof(name), "nic%d", n_spaces);
		if (net_rename(key, name))
			say("space %s error %s: %s", name, key, strerror(errno));
		else
			make(name, name);
	}
}

int netns_enter(const char *name)
{
	for (int i = 0; i < n_spaces; i++)
		if (!strcmp(spaces[i].name, name))
			return setns(spaces[i].fd, CLONE_NEWNET);
	errno = ENOENT;
	return -1;
}

void netns_leave(void)
{
	setns(home, CLONE_NEWNET);
}
