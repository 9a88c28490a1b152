/* SPDX-License-Identifier: MIT */
/* Going idle.  With the hypercall that does it go a late interrupt level, a program's late
 * notification, and a driver's. */
#include "idle.h"

#include "core.h"
#include "event.h"
#include "hypercall.h"

#include <arch/cpu.h>
#include <nub/clock.h>
#include <nub/irq.h>
#include <nub/platform.h>
#include <nub/sched.h>
#include <nub/smp.h>
#include <nub/string.h>

#include <xen/event_channel.h>
#include <xen/hvm/dm_op.h>
#include <xen/sched.h>

#define POLL_MAX 128 /* SCHEDOP_poll's own limit */
/* QEMU takes some microseconds from a notification to its poll, if no timer of its own
 * is due by then. */
#define LATE_MARGIN_NS 20000u

/* Promised calls; they go out in this order. */
static struct {
	struct xen_dm_op level;
	domid_t dom;
	bool has_level;
	u32 port[2]; /* to notify; 0: none */
} late;

enum { PROGRAMS, DRIVERS };

#define LATE_CALLS 3u

struct late_args {
	struct xen_dm_op_buf buf;
	struct evtchn_send send[2];
};

/* The calls that are promised, and no longer: how many.  `late` is not changed before they are
 * made. */
static unsigned take_late(multicall_entry_t calls[LATE_CALLS], struct late_args *args)
{
	unsigned n = 0;

	if (late.has_level) {
		set_xen_guest_handle(args->buf.h, &late.level);
		args->buf.size = sizeof(late.level);
		calls[n++] = (multicall_entry_t){.op = __HYPERVISOR_dm_op,
						 .args = {late.dom, 1, (u64)&args->buf}};
	}
	for (unsigned i = 0; i < ARRAY_SIZE(late.port); i++) {
		if (!late.port[i])
			continue;
		args->send[i].port = late.port[i];
		calls[n++] =
			(multicall_entry_t){.op = __HYPERVISOR_event_channel_op,
					    .args = {EVTCHNOP_send, (u64)&args->send[i]}};
		late.port[i] = 0;
	}
	late.has_level = false;
	return_work = 0;
	return n;
}

/* Polls for ports, all masked, until one has an event or the next timer is due.  Late
 * notifications go out on the way, without an exit of their own.  Xen looks at each port
 * of the list once more when it has noted that we poll, so no event gets lost in between.
 * Returns whether the caller is to look at the timers. */
static bool poll(evtchn_port_t *list, unsigned n)
{
	struct sched_poll p = {.nr_ports = n};
	multicall_entry_t calls[LATE_CALLS + 1];
	struct late_args args;
	unsigned n_calls;
	/* The poll's own limit costs no hypercall beside it. */
	const bool limit = timer_next < timer_programmed;

	set_xen_guest_handle(p.ports, list);
	if (limit)
		p.timeout = MAX(xen_time(timer_next), 1UL);
	n_calls = take_late(calls, &args);
	if (n_calls) {
		calls[n_calls++] = (multicall_entry_t){.op = __HYPERVISOR_sched_op,
						       .args = {SCHEDOP_poll, (u64)&p}};
		xen_multicall(calls, n_calls);
	} else {
		xen_sched_op(SCHEDOP_poll, &p);
	}
	return limit;
}

/*
 * HLT with interrupts on would do, but Xen leaves for itself once more after the upcall
 * that ends it.  The upcall is pending until we clear it; Xen takes it for another one,
 * and asks for an exit when that could be injected.  Polling for ports that are masked
 * needs neither injection nor that exit.
 */
void event_idle(void)
{
	static evtchn_port_t list[POLL_MAX];
	bool timers = false;
	unsigned n;

	in_irq = true;
	event_poll();
	n = event_hold_list(list, POLL_MAX);
	if (n && n <= POLL_MAX && !need_resched)
		timers = poll(list, n);
	event_release();
	if (timers)
		xen_timer_run();
	in_irq = false;
	if (n && n <= POLL_MAX)
		return;
	if (return_work)
		event_send_late();
	if (!need_resched) {
		timer_arm();
		cpu_idle_once();
	}
}

void event_wait(u32 port, u64 when)
{
	struct sched_poll p = {.nr_ports = 1, .timeout = MAX(xen_time(when), 1UL)};
	bool was_irq = in_irq;

	event_send_now();
	/* Masked, it needs no upcall; Xen's poll looks at masked ports, too. */
	event_mask(port);
	set_xen_guest_handle(p.ports, &port);
	xen_sched_op(SCHEDOP_poll, &p);
	in_irq = true;
	event_unmask(port);
	in_irq = was_irq;
}

void event_send_now(void)
{
	multicall_entry_t calls[LATE_CALLS];
	struct late_args args;
	unsigned n = take_late(calls, &args);

	if (n)
		xen_multicall(calls, n);
}

void event_send_late(void)
{
	event_hold();
	event_send_now();
	event_release();
}

/* The program that runs is about to wait, for all we know, and nobody else runs. */
static bool can_be_late(void)
{
	return !smp_on && current->poll_until > clock_now() + LATE_MARGIN_NS;
}

void event_notify_late(u32 port)
{
	if (late.port[PROGRAMS])
		event_send_late();
	late.port[PROGRAMS] = port;
	/* Not on the way back from this call, but from the next. */
	return_work = 2;
	if (!can_be_late())
		event_send_late();
}

bool event_level_late(domid_t dom, const void *op, size_t size)
{
	if (size > sizeof(late.level) || !can_be_late())
		return false;
	if (return_work)
		event_send_late();
	memset(&late.level, 0, sizeof(late.level));
	memcpy(&late.level, op, size);
	late.dom = dom;
	late.has_level = true;
	return_work = 2;
	return true;
}

void event_notify_soon(u32 port)
{
	if (smp_on || in_irq || late.port[DRIVERS]) {
		event_notify(port);
		return;
	}
	late.port[DRIVERS] = port;
	return_work = 1;
}
