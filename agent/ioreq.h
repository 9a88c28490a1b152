/* SPDX-License-Identifier: MIT */
/* The guest's accesses to devices: who answers them. */
#ifndef AGENT_IOREQ_H
#define AGENT_IOREQ_H

#include <stdint.h>

/*
 * A QEMU that was killed stays in Xen's list of those that answer, and so does this domain.
 * Only this domain can take it out.
 */
void ioreq_give_up(uint32_t guest_domid);

#endif
