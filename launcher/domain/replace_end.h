/* SPDX-License-Identifier: MIT */
/* The end of a replacement: the guest goes to the new stub domain, or back to the old one. */
#ifndef STUBDOM_DOMAIN_REPLACE_END_H
#define STUBDOM_DOMAIN_REPLACE_END_H

#include "domain/replace_state.h"

/* It has failed, as err says.  That gets the guest's pause as a prefix, or that it stays so. */
void replace_go_back(struct replace *r, struct err *err);

/* The new QEMU has it all: from here on there is no way back, and none is needed. */
void replace_commit(struct replace *r);

#endif
