/* SPDX-License-Identifier: MIT */
/* The guest's interfaces in dom0, handed from one stub domain to the next. */
#include "domain/replace_vif.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

struct vif {
	char bridge[IFNAMSIZ];
	struct ifreq address, mtu;
};

/* A port's settings, in /sys/class/net/<name>/brport. */
static const char *const settings[] = {
	"hairpin_mode",	   "learning",	       "unicast_flood", "multicast_flood",
	"broadcast_flood", "isolated",	       "bpdu_guard",	"root_block",
	"neigh_suppress",  "multicast_router", "priority",	"path_cost",
};

static bool read_text(const char *path, char *text, size_t size)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, size - 1) : -1;

	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* The bridge that it is a port of. */
static int find_bridge(const char *name, char bridge[IFNAMSIZ], struct err *err)
{
	char path[128], target[256], text[16];
	const char *last;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/net/%s", name);
	if (access(path, F_OK) < 0)
		return err_set(err, ERR_HOST, "there is no interface %s in dom0", name);
	snprintf(path, sizeof(path), "/sys/class/net/%s/brport/bridge", name);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	last = strrchr(target, '/');
	if (n <= 0 || !last || strlen(last + 1) >= IFNAMSIZ)
		return err_set(err, ERR_HOST,
			       "%s is no port of a Linux bridge, so its set-up cannot be "
			       "handed on",
			       name);
	strcpy(bridge, last + 1);
	snprintf(path, sizeof(path), "/sys/class/net/%s/bridge/vlan_filtering", bridge);
	if (read_text(path, text, sizeof(text)) && text[0] == '1')
		return err_set(err, ERR_HOST,
			       "the bridge %s of %s filters VLANs, and the port's VLANs "
			       "cannot be handed on",
			       bridge, name);
	return 0;
}

int replace_vif_check(const struct plan *plan, struct err *err)
{
	char bridge[IFNAMSIZ];

	if (plan->n_nics > 0 && plan->backend)
		return err_set(err, ERR_USAGE,
			       "its interfaces are served by %s and not by dom0",
			       plan->backend);
	for (size_t i = 0; i < plan->n_nics; i++) {
		const char *name = plan->nics[i].vifname;

		if (!name || strlen(name) >= IFNAMSIZ)
			return err_set(err, ERR_HOST,
				       "its interface %s has no name of the toolstack's",
				       plan->nics[i].tap);
		if (find_bridge(name, bridge, err) < 0)
			return -1;
	}
	return 0;
}

static int call(int fd, unsigned long what, struct ifreq *request, const char *name,
		const char *doing, struct err *err)
{
	memset(request->ifr_name, 0, IFNAMSIZ);
	memcpy(request->ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	if (ioctl(fd, what, request) == 0)
		return 0;
	return err_errno(err, ERR_HOST, errno, "%s %s", doing, name);
}

static int set_up(int fd, const char *name, bool up, struct err *err)
{
	struct ifreq request = {0};

	if (call(fd, SIOCGIFFLAGS, &request, name, "looking at", err) < 0)
		return -1;
	if (up)
		request.ifr_flags |= IFF_UP;
	else
		request.ifr_flags = (short)(request.ifr_flags & ~IFF_UP);
	return call(fd, SIOCSIFFLAGS, &request, name, up ? "starting" : "stopping", err);
}

static int rename_vif(int fd, const char *from, const char *to, struct err *err)
{
	struct ifreq request = {0};

	memcpy(request.ifr_newname, to, strnlen(to, IFNAMSIZ - 1));
	return call(fd, SIOCSIFNAME, &request, from, "renaming", err);
}

static int set_port(int fd, const char *bridge, const char *name, bool in,
		    struct err *err)
{
	struct ifreq request = {.ifr_ifindex = (int)if_nametoindex(name)};

	return call(fd, in ? SIOCBRADDIF : SIOCBRDELIF, &request, bridge,
		    in ? "adding a port to" : "taking a port from", err);
}

static void copy_settings(const char *from, const char *to)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		char path[160], value[32], now[32];
		cleanup_fd int fd = -1;

		snprintf(path, sizeof(path), "/sys/class/net/%s/brport/%s", from,
			 settings[i]);
		if (!read_text(path, value, sizeof(value)))
			continue;
		snprintf(path, sizeof(path), "/sys/class/net/%s/brport/%s", to,
			 settings[i]);
		if (!read_text(path, now, sizeof(now)) || strcmp(now, value) == 0)
			continue;
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, value, strlen(value)) < 0)
			log_warn("%s: %s is not %.20s, as it was: %s", to, settings[i],
				 value, strerror(errno));
	}
}

/* Of an old stub domain that was destroyed there is no interface left. */
static bool is_gone(const struct plan_nic *nic)
{
	return nic->bridge && strlen(nic->bridge) < IFNAMSIZ &&
	       !if_nametoindex(nic->vifname);
}

static int prepare_one(int fd, const struct plan_nic *nic, const char *fresh,
		       struct vif *vif, struct err *err)
{
	const char *old = nic->vifname;

	if (is_gone(nic)) {
		strcpy(vif->bridge, nic->bridge);
		return set_port(fd, vif->bridge, fresh, true, err);
	}
	if (find_bridge(old, vif->bridge, err) < 0 ||
	    call(fd, SIOCGIFHWADDR, &vif->address, old, "looking at", err) < 0 ||
	    call(fd, SIOCGIFMTU, &vif->mtu, old, "looking at", err) < 0 ||
	    call(fd, SIOCSIFHWADDR, &vif->address, fresh, "giving an address to", err) <
		    0 ||
	    call(fd, SIOCSIFMTU, &vif->mtu, fresh, "setting the MTU of", err) < 0 ||
	    set_port(fd, vif->bridge, fresh, true, err) < 0)
		return -1;
	copy_settings(old, fresh);
	return 0;
}

/* `from` has the name, if it is still there; then `to` has it, in its place of the bridge. */
static int swap(int fd, const char *bridge, const char *name, const char *from,
		const char *to, struct err *err)
{
	if (if_nametoindex(name) && (set_up(fd, name, false, err) < 0 ||
				     set_port(fd, bridge, name, false, err) < 0 ||
				     rename_vif(fd, name, from, err) < 0))
		return -1;
	if (set_up(fd, to, false, err) < 0 || rename_vif(fd, to, name, err) < 0)
		return -1;
	return set_up(fd, name, true, err);
}

static void vif_name(char name[IFNAMSIZ], uint32_t stub, unsigned xenif)
{
	snprintf(name, IFNAMSIZ, "vif%u.%u", stub, xenif);
}

/* As far as it came; whichever has the name now. */
static void move_back(int fd, const char *bridge, const char *name, const char *old,
		      const char *fresh)
{
	struct err ignored;

	if (if_nametoindex(old)) {
		if (!if_nametoindex(fresh)) {
			set_up(fd, name, false, &ignored);
			rename_vif(fd, name, fresh, &ignored);
		}
		rename_vif(fd, old, name, &ignored);
	}
	set_port(fd, bridge, fresh, false, &ignored);
	set_port(fd, bridge, name, true, &ignored);
	if (set_up(fd, name, true, &ignored) < 0)
		log_error("%s: it is not back in its place: %s", name, ignored.msg);
}

static int move_one(int fd, const struct plan_nic *nic, uint32_t from, uint32_t to,
		    struct err *err)
{
	char old[IFNAMSIZ], fresh[IFNAMSIZ];
	struct vif vif = {0};

	vif_name(old, from, nic->xenif);
	vif_name(fresh, to, nic->xenif);
	if (prepare_one(fd, nic, fresh, &vif, err) == 0 &&
	    swap(fd, vif.bridge, nic->vifname, old, fresh, err) == 0)
		return 0;
	if (vif.bridge[0])
		move_back(fd, vif.bridge, nic->vifname, old, fresh);
	return -1;
}

int replace_vif_move(const struct plan *plan, uint32_t from, uint32_t to, struct err *err)
{
	cleanup_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct err ignored;

	if (fd < 0)
		return err_errno(err, ERR_HOST, errno, "socket");
	for (size_t i = 0; i < plan->n_nics; i++) {
		if (move_one(fd, &plan->nics[i], from, to, err) == 0)
			continue;
		while (i-- > 0)
			move_one(fd, &plan->nics[i], to, from, &ignored);
		return -1;
	}
	return 0;
}
