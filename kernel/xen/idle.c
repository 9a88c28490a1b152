/* SPDX-License-Identifier: MIT */
/* Going idle, and what goes out with the hypercall that does it: the late notification. */
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

#include <xen/event_channel.h>
#include <xen/sched.h>

#define POLL_MAX 128 /* SCHEDOP_poll's own limit */
/* QEMU takes some microseconds from a notification to its poll, if no timer of its own
 * is due by then. */
#define LATE_MARGIN_NS 20000u

/* The port that event_notify_late() has promised to notify; 0: none. */
static u32 late_port;

static u32 take_late(void)
{
	u32 port = late_port;

	late_port = 0;
	return_work = 0;
	return port;
}

/* Polls for ports, all masked, until one has an event or the next timer is due.  Late
 * notifications go out on the way, without an exit of their own.  Xen looks at each port
 * of the list once more when it has noted that we poll, so no event gets lost in between.
 * Returns whether the caller is to look at the timers. */
static bool poll(evtchn_port_t *list, unsigned n)
{
	struct sched_poll p = {.nr_ports = n};
	/* The poll's own limit costs no hypercall beside it. */
	const bool limit = timer_next < timer_programmed;

	set_xen_guest_handle(p.ports, list);
	if (limit)
		p.timeout = MAX(xen_time(timer_next), 1UL);
	if (late_port) {
		struct evtchn_send s = {.port = take_late()};
		multicall_entry_t calls[] = {
			{.op = __HYPERVISOR_event_channel_op,
			 .args = {EVTCHNOP_send, (u64)&s}},
			{.op = __HYPERVISOR_sched_op, .args = {SCHEDOP_poll, (u64)&p}},
		};

		xen_multicall(calls, ARRAY_SIZE(calls));
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

	/* Masked, it needs no upcall; Xen's poll looks at masked ports, too. */
	event_mask(port);
	set_xen_guest_handle(p.ports, &port);
	xen_sched_op(SCHEDOP_poll, &p);
	in_irq = true;
	event_unmask(port);
	in_irq = was_irq;
}

static void send_held(u32 port)
{
	event_hold();
	event_notify(port);
	event_release();
}

void event_send_late(void)
{
	u32 port = take_late();

	if (port)
		send_held(port);
}

void event_notify_late(u32 port)
{
	event_send_late();
	if (smp_on || current->poll_until <= clock_now() + LATE_MARGIN_NS) {
		send_held(port);
		return;
	}
	late_port = port;
	/* Not on the way back from this call, but from the next. */
	return_work = 2;
}
