/* SPDX-License-Identifier: MIT */
/* The users that guests' relays run as: they are nobody else's. */
#ifndef STUBDOM_RELAY_UID_H
#define STUBDOM_RELAY_UID_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

/*
 * -1: the number is a user's or a group's, or was given to one for its containers
 * (subuid(5), subgid(5)); err names whose, and the remedy.
 */
int relay_uid_check(uid_t uid, struct err *err);

/*
 * The same of all numbers from `first` on that relays can have, as far as users and
 * groups can be listed.  Domain ids end at DOMID_FIRST_RESERVED (xen/xen.h).
 */
int relay_uids_check(uid_t first, struct err *err);

/* Whether a line of subuid(5), `user:first:count`, holds one of the `n` numbers. */
bool relay_uid_in_line(const char *line, uid_t uid, uint32_t n);

#endif
