/* SPDX-License-Identifier: MIT */
/* Learning bridges. */
#ifndef NET_BRIDGE_H
#define NET_BRIDGE_H

#include <nub/types.h>

struct netdev;

/* A bridge by that name: bridge.c. 0 or negative errno. */
int bridge_create(const char *name);
int bridge_destroy(const char *name);
int bridge_add(struct netdev *bridge, struct netdev *port);
#define BRIDGE_PORTS_MAX 32
/* The indexes of its ports, at most BRIDGE_PORTS_MAX: how many. */
unsigned bridge_ports(const struct netdev *bridge, s32 *indexes);
int bridge_remove(struct netdev *bridge, struct netdev *port);
/* A port's MTU has changed. */
void bridge_follow_mtu(struct netdev *bridge);
bool netdev_is_bridge(const struct netdev *dev);
/* The time for which a station is remembered; 0: not at all (each frame goes to every
 * port). */
void bridge_set_ageing(struct netdev *bridge, u64 ns);

#endif
