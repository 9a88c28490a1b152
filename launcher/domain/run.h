/* SPDX-License-Identifier: MIT */
/* Turns a plan into a running stub domain and stays until it ends. */
#ifndef STUBDOM_DOMAIN_H
#define STUBDOM_DOMAIN_H

#include "err.h"
#include "image_check.h"
#include "manifest.h"
#include "plan/plan.h"

/*
 * Creates the stub domain of the plan from the open files of the image, and closes these.
 * Relays its channels, and returns when the toolstack ended it or it ended by itself.
 * err->code is the exit status.
 */
int domain_run(struct plan *plan, const struct manifest *manifest,
	       struct image_files *files, struct err *err);

#endif
