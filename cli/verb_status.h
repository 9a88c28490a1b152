/* SPDX-License-Identifier: MIT */
/* The two forms of stubdom status: of a guest, and of the host. */
#ifndef STUBDOM_VERB_STATUS_H
#define STUBDOM_VERB_STATUS_H

#include <stdbool.h>

#include "err.h"

/* Where the host's HVM guests have their QEMU, and which they get. */
int status_host(bool json, struct err *err);

#endif
