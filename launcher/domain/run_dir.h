/* SPDX-License-Identifier: MIT */
/* The directory of a guest's sockets, STUBDOM_RUN_DIR/<guest domid> (abi/facts.h). */
#ifndef STUBDOM_RUN_DIR_H
#define STUBDOM_RUN_DIR_H

#include "err.h"
#include "plan/plan.h"

/* Makes it, open to root only. */
int run_dir_make(const struct plan *plan, struct err *err);

/* Removes it, with the socket of ours in it.  Safe to call at any time. */
void run_dir_remove(const struct plan *plan);

#endif
