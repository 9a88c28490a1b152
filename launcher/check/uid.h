/* SPDX-License-Identifier: MIT */
/* The user that a guest's relay runs as: one that is nobody else's. */
#ifndef STUBDOM_RELAY_UID_H
#define STUBDOM_RELAY_UID_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

/*
 * -1: the number is a user's or a group's, or was given to one for its containers
 * (subuid(5), subgid(5)); err names whose, and the remedy.
 */
int relay_uid_check(uid_t uid, struct err *err);

/* Whether a line of subuid(5), `user:first:count`, holds the number. */
bool relay_uid_in_line(const char *line, uid_t uid);

#endif
