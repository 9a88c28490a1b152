/* SPDX-License-Identifier: MIT */
/* Accesses to the configuration space of lent PCI devices, which dom0's pciback makes. */
#include "pciop.h"

#include "../xen/event.h"

#include <nub/clock.h>
#include <nub/errno.h>

#define ACTIVE (1u << _XEN_PCIF_active)

void pciop_init(struct pciop *q, void *page)
{
	*q = (struct pciop){.shared = page};
	waitq_init(&q->wq);
}

void pciop_event(struct pciop *q)
{
	waitq_wake(&q->wq, 0);
}

static bool is_active(const struct pciop *q)
{
	return __atomic_load_n(&q->shared->flags, __ATOMIC_SEQ_CST) & ACTIVE;
}

static int ask(struct pciop *q, const struct xen_pci_op *op)
{
	struct xen_pci_op *to = &q->shared->op;
	const u64 deadline = clock_now() + PCIOP_TIMEOUT_NS;

	/* A back end that has stalled once costs no second time-out. */
	if (is_active(q))
		return -EIO;
	to->cmd = op->cmd;
	to->err = XEN_PCI_ERR_op_failed;
	to->domain = op->domain;
	to->bus = op->bus;
	to->devfn = op->devfn;
	to->offset = op->offset;
	to->size = op->size;
	to->value = op->value;
	__atomic_fetch_or(&q->shared->flags, ACTIVE, __ATOMIC_SEQ_CST);
	event_notify(q->port);
	while (is_active(q) && !q->gone) {
		int err = waitq_sleep_hard(&q->wq, deadline);

		if (err && is_active(q))
			return err;
	}
	return q->gone ? -ENODEV : 0;
}

/* Takes turns. */
static int run(struct pciop *q, const struct xen_pci_op *op, u32 *value)
{
	int err = -ENODEV;

	q->users++;
	while (q->busy && !q->gone)
		waitq_sleep_hard(&q->wq, NEVER);
	if (!q->gone) {
		q->busy = true;
		err = ask(q, op);
		if (!err && *(volatile s32 *)&q->shared->op.err != XEN_PCI_ERR_success)
			err = -EIO;
		if (!err)
			*value = *(volatile u32 *)&q->shared->op.value;
		q->busy = false;
	}
	q->users--;
	waitq_wake(&q->wq, 0);
	return err;
}

static struct xen_pci_op make(u32 cmd, const struct pciop_place *at, u32 off, u32 size)
{
	return (struct xen_pci_op){
		.cmd = cmd,
		.domain = at->domain,
		.bus = at->bus,
		.devfn = at->devfn,
		.offset = (s32)off,
		.size = (s32)size,
	};
}

int pciop_read(struct pciop *q, const struct pciop_place *at, u32 off, u32 size, u32 *v)
{
	const struct xen_pci_op op = make(XEN_PCI_OP_conf_read, at, off, size);
	u32 value = 0;
	int err = run(q, &op, &value);

	/* Not more bytes than were asked for. */
	*v = err || size >= 4 ? value : value & ((1u << size * 8) - 1);
	return err;
}

int pciop_write(struct pciop *q, const struct pciop_place *at, u32 off, u32 size, u32 v)
{
	struct xen_pci_op op = make(XEN_PCI_OP_conf_write, at, off, size);
	u32 ignored = 0;

	op.value = v;
	return run(q, &op, &ignored);
}

void pciop_stop(struct pciop *q)
{
	q->gone = true;
	waitq_wake(&q->wq, 0);
	while (q->users)
		waitq_sleep_hard(&q->wq, NEVER);
}
