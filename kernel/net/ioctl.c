/* SPDX-License-Identifier: MIT */
/* SIOC* ioctls: the agent names, raises, sizes and bridges interfaces with them. */
#include "bridge.h"

#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/frame.h>
#include <nub/netdev.h>
#include <nub/string.h>
#include <nub/uaccess.h>

#include "ifreq.h"

#include <linux/sockios.h>

#define TX_QUEUE 1000 /* Linux's default; told only */
#define ARPHRD_ETHER 1
#define IFF_UP 0x1
#define IFF_BROADCAST 0x2
#define IFF_RUNNING 0x40
#define IFF_NOARP 0x80
#define IFF_PROMISC 0x100
#define IFF_MULTICAST 0x1000
#define IFF_SETTABLE                                                                     \
	(IFF_UP | IFF_PROMISC | IFF_MULTICAST | IFF_BROADCAST | IFF_RUNNING | IFF_NOARP)

/* Of the old bridge interface, four words by way of SIOCDEVPRIVATE. */
#define BRCTL_GET_PORT_LIST 7
#define BRCTL_SET_FORWARD_DELAY 8
#define BRCTL_SET_AGEING 11
#define BRCTL_SET_STP 14

#define ETHTOOL_GDRVINFO 3
struct ethtool_drvinfo_abi {
	u32 cmd;
	char driver[32], version[32], fw_version[32], bus_info[32], erom_version[32];
	char reserved[12];
	u32 counts[5];
};
_Static_assert(sizeof(struct ethtool_drvinfo_abi) == 196, "struct ethtool_drvinfo");

static long bridge_by_name(unsigned cmd, const void __user *arg)
{
	char name[16];

	if (copy_from_user(name, arg, sizeof(name)))
		return -EFAULT;
	name[sizeof(name) - 1] = 0;
	if (!name[0] || strchr(name, '/'))
		return -EINVAL;
	return cmd == SIOCBRADDBR ? bridge_create(name) : bridge_destroy(name);
}

static long set_flags(struct netdev *d, u16 flags)
{
	bool up = flags & IFF_UP;
	int ret = 0;

	if (flags & ~IFF_SETTABLE)
		return -EINVAL;
	if (up != d->up && d->ops->set_up)
		ret = d->ops->set_up(d, up);
	if (!ret)
		d->up = up;
	return ret;
}

static long set_mtu(struct netdev *d, s32 mtu)
{
	int ret = 0;

	if (mtu < 68 || mtu > NETDEV_MTU_MAX)
		return -EINVAL;
	if (d->ops->set_mtu)
		ret = d->ops->set_mtu(d, (unsigned)mtu);
	if (!ret)
		d->mtu = (u16)mtu;
	if (!ret && d->master)
		bridge_follow_mtu(d->master);
	return ret;
}

static long bridge_port(struct netdev *d, unsigned cmd, s32 index)
{
	struct netdev *port = netdev_by_index(index);

	if (!netdev_is_bridge(d))
		return -EOPNOTSUPP;
	if (!port)
		return -EINVAL;
	return cmd == SIOCBRADDIF ? bridge_add(d, port) : bridge_remove(d, port);
}

static long set_name(struct netdev *d, struct ifreq_abi *r)
{
	char *name = (char *)r->u.room;

	name[15] = 0;
	if (d->up)
		return -EBUSY;
	if (!name[0] || strchr(name, '/') || strchr(name, '%'))
		return -EINVAL;
	if (netdev_find(name))
		return -EEXIST;
	strlcpy(d->name, name, sizeof(d->name));
	return 0;
}

/* An array of `room` indexes, by port number; 0: no such port. Returns `room`. */
static long port_list(struct netdev *d, void __user *out, u64 room)
{
	s32 ports[BRIDGE_PORTS_MAX + 1] = {0};
	unsigned n = bridge_ports(d, ports + 1); /* numbers begin at 1 */
	s32 none = 0;

	if (!room || room > 1024)
		room = 256;
	for (u64 i = 0; i < room; i++)
		if (copy_to_user((u8 __user *)out + i * sizeof(s32),
				 i <= n ? &ports[i] : &none, sizeof(s32)))
			return -EFAULT;
	return (long)room;
}

static long bridge_private(struct netdev *d, const struct ifreq_abi *r)
{
	u64 data, args[4];

	memcpy(&data, r->u.room, sizeof(data));
	if (!netdev_is_bridge(d))
		return -EOPNOTSUPP;
	if (copy_from_user(args, (void *)data, sizeof(args)))
		return -EFAULT;
	switch (args[0]) {
	case BRCTL_GET_PORT_LIST:
		return port_list(d, (void __user *)args[1], args[2]);
	case BRCTL_SET_FORWARD_DELAY: /* a port forwards from the first */
		return 0;
	case BRCTL_SET_AGEING: /* in hundredths of a second, as Linux's user ticks are */
		if (args[1] > 1u << 30)
			return -EINVAL;
		bridge_set_ageing(d, args[1] * (NS_PER_SEC / 100));
		return 0;
	case BRCTL_SET_STP:
		/* There is no spanning tree here: a loop in a topology of taps and
		 * interfaces of one small domain is a mistake to be told. */
		return args[1] ? -EOPNOTSUPP : 0;
	}
	return -EOPNOTSUPP;
}

static long ethtool(struct netdev *d, const struct ifreq_abi *r)
{
	struct ethtool_drvinfo_abi info;
	u64 data;

	memcpy(&data, r->u.room, sizeof(data));
	if (copy_from_user(&info.cmd, (void *)data, sizeof(info.cmd)))
		return -EFAULT;
	if (info.cmd != ETHTOOL_GDRVINFO)
		return -EOPNOTSUPP;
	memset(&info, 0, sizeof(info));
	info.cmd = ETHTOOL_GDRVINFO;
	strlcpy(info.driver, "nub", sizeof(info.driver));
	strlcpy(info.bus_info, d->bus, sizeof(info.bus_info));
	return copy_to_user((void *)data, &info, sizeof(info));
}

/* On one device; *reply says whether r goes back to user space. */
static long device_ioctl(struct netdev *d, unsigned cmd, struct ifreq_abi *r, bool *reply)
{
	*reply = true;
	switch (cmd) {
	case SIOCGIFFLAGS:
		r->u.flags = (u16)(IFF_BROADCAST | IFF_MULTICAST | (d->up ? IFF_UP : 0) |
				   (d->up && d->carrier ? IFF_RUNNING : 0));
		return 0;
	case SIOCGIFMTU:
		r->u.value = d->mtu;
		return 0;
	case SIOCGIFINDEX:
		r->u.value = d->index;
		return 0;
	case SIOCGIFHWADDR:
		memset(&r->u, 0, sizeof(r->u));
		r->u.addr.family = ARPHRD_ETHER;
		memcpy(r->u.addr.data, d->mac, MAC_LEN);
		return 0;
	case SIOCGIFTXQLEN:
		r->u.value = TX_QUEUE;
		return 0;
	}
	*reply = false;
	switch (cmd) {
	case SIOCSIFFLAGS:
		return set_flags(d, r->u.flags);
	case SIOCSIFMTU:
		return set_mtu(d, r->u.value);
	case SIOCSIFHWADDR:
		if (r->u.addr.family != ARPHRD_ETHER)
			return -EINVAL;
		if (r->u.addr.data[0] & 1)
			return -EADDRNOTAVAIL;
		memcpy(d->mac, r->u.addr.data, MAC_LEN);
		return 0;
	case SIOCSIFTXQLEN:
		return r->u.value < 0 ? -EINVAL : 0;
	case SIOCSIFNAME:
		return set_name(d, r);
	case SIOCBRADDIF:
	case SIOCBRDELIF:
		return bridge_port(d, cmd, r->u.value);
	case SIOCDEVPRIVATE:
		return bridge_private(d, r);
	case SIOCETHTOOL:
		return ethtool(d, r);
	}
	return -ENOTTY;
}

long netdev_ioctl(unsigned cmd, u64 arg)
{
	void __user *p = (void __user *)arg;
	struct ifreq_abi r;
	struct netdev *d;
	bool reply;
	long ret;

	if (cmd < 0x8910 || cmd > 0x89ff)
		return -ENOTTY;
	if (cmd == SIOCBRADDBR || cmd == SIOCBRDELBR)
		return bridge_by_name(cmd, p);
	if (copy_from_user(&r, p, sizeof(r)))
		return -EFAULT;
	r.name[sizeof(r.name) - 1] = 0;
	if (cmd == SIOCGIFNAME) {
		d = netdev_by_index(r.u.value);
		if (!d)
			return -ENODEV;
		memset(r.name, 0, sizeof(r.name));
		strlcpy(r.name, d->name, sizeof(r.name));
		return copy_to_user(p, &r, sizeof(r));
	}
	d = netdev_find(r.name);
	if (!d)
		return -ENODEV;
	ret = device_ioctl(d, cmd, &r, &reply);
	if (!ret && reply && copy_to_user(p, &r, sizeof(r)))
		return -EFAULT;
	return ret;
}
