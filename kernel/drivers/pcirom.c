/* SPDX-License-Identifier: MIT */
/* The switch of a lent PCI device's ROM: dom0's launcher turns it, because pciback does not. */
#include "pcirom.h"

#include "../xen/xenbus.h"

#include <abi/pci.h>
#include <nub/clock.h>
#include <nub/errno.h>

/* Rare, and the answer comes in a few of these. */
#define LOOK_NS 2000000UL
#define NO_ANSWER (~0UL)

static int wait_answer(struct pciop *q, struct xenbus_device *d, bool on)
{
	const u64 deadline = clock_now() + PCIROM_TIMEOUT_NS;

	while (!q->gone) {
		const u64 said = xenbus_read_other(d, STUBDOM_PCI_ROM, NO_ANSWER);

		if (said == on)
			return 0;
		if (said == STUBDOM_PCI_ROM_REFUSED)
			return -EPERM;
		if (clock_now() >= deadline)
			return -ETIMEDOUT;
		waitq_sleep_hard(&q->wq, clock_now() + LOOK_NS);
	}
	return -ENODEV;
}

int pcirom_turn(struct pciop *q, struct xenbus_device *d, bool on)
{
	int err;

	q->users++;
	err = xenbus_write(d, STUBDOM_PCI_ROM, "%u", on);
	if (!err)
		err = wait_answer(q, d, on);
	/* Its program believes that the ROM is off, and will not turn it off. */
	if (err == -ETIMEDOUT && on)
		xenbus_write(d, STUBDOM_PCI_ROM, "0");
	q->users--;
	waitq_wake(&q->wq, 0);
	return err;
}
