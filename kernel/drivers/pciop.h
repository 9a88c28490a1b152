/* SPDX-License-Identifier: MIT */
/* Accesses to the configuration space of lent PCI devices, which dom0's pciback makes. */
#ifndef NUB_DRIVERS_PCIOP_H
#define NUB_DRIVERS_PCIOP_H

#include <nub/sched.h>

#include <xen/xen.h>

#include <xen/io/pciif.h>

/* The time that the back end has for one access. */
#define PCIOP_TIMEOUT_NS 5000000000UL

/* A device as the back end numbers it. */
struct pciop_place {
	u32 domain, bus, devfn;
};

/* One access at a time, through a page that both sides write. */
struct pciop {
	struct xen_pci_sharedinfo *shared;
	u32 port;
	bool busy; /* a thread has the page */
	bool gone;
	unsigned users; /* threads in here, and in pcirom.c */
	struct waitq wq;
};

/* `port` is to be set before the first access. */
void pciop_init(struct pciop *q, void *page);
/* The back end's event; from interrupt context. */
void pciop_event(struct pciop *q);
/*
 * Reads or writes 1, 2 or 4 bytes.  0, -EIO (the back end refuses, or has not answered an
 * earlier access yet), -ETIMEDOUT, -ENODEV.  May sleep; signals do not end it.
 */
int pciop_read(struct pciop *q, const struct pciop_place *at, u32 off, u32 size, u32 *v);
int pciop_write(struct pciop *q, const struct pciop_place *at, u32 off, u32 size, u32 v);
/* Ends all accesses; when it returns no thread is in here. */
void pciop_stop(struct pciop *q);

#endif
