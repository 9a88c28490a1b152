/* SPDX-License-Identifier: MIT */
/* Starts, ends and deaths of stub domains, for systemd's journal. */
#ifndef STUBDOM_DOMAIN_TELL_H
#define STUBDOM_DOMAIN_TELL_H

#include <stdint.h>

#include "err.h"
#include "plan/plan.h"

/* The guest is called so from now on, in all entries; before, as in the plan. */
void tell_name(const char *guest);

/* The device model runs. */
void tell_start(const struct plan *plan, uint32_t stub);

/* err: NULL if the toolstack or the guest ended it, else why it was refused or failed. */
void tell_end(const struct plan *plan, const struct err *err);

/* It died under a running guest; crash: the evidence's name, or NULL. */
void tell_death(const struct plan *plan, const char *why, const char *action,
		const char *crash);

#endif
