/* SPDX-License-Identifier: MIT */
/* Event channels: ports, their handlers, masks. */
#ifndef NUB_XEN_EVENT_H
#define NUB_XEN_EVENT_H

#include <nub/types.h>

#include <xen/xen.h>

#include <xen/event_channel.h>

/* Called with the event's pending bit cleared, from interrupt context. */
typedef void (*event_handler)(u32 port, void *arg);

void event_init(void);
/* Each returns a new port, unmasked, or negative errno. */
int event_bind_virq(unsigned virq, unsigned vcpu, event_handler fn, void *arg);
int event_bind_ipi(unsigned vcpu, event_handler fn, void *arg);
int event_bind_interdomain(domid_t dom, u32 remote_port, event_handler fn, void *arg);
int event_alloc_unbound(domid_t dom, event_handler fn, void *arg);
/* Takes a port that exists already (xenstore, console): 0 or -ENOMEM. */
int event_adopt(u32 port, event_handler fn, void *arg);
/* Forgets the handler and closes the port. */
void event_close(u32 port);
int event_notify(u32 port);
/* NULL: nobody has it. */
event_handler event_handler_of(u32 port);
void event_mask(u32 port);
/* An event that came while the port was masked is handled before this returns. */
void event_unmask(u32 port);
/* True if an event waits behind the mask; it is taken (its pending bit is cleared). */
bool event_take(u32 port);
/* Runs handlers of pending events: for loops that wait with interrupts off. */
void event_poll(void);
/* Waits with interrupts off for an event of this port, no longer than until `when`
 * (clock_now), and runs its handler. Other events stay pending meanwhile. */
void event_wait(u32 port, u64 when);
/*
 * Around a hypercall that makes another domain run, which may well answer before it
 * returns.  An event that arrives in between is delivered by event_release, without an
 * upcall.  (As interrupts are off, Xen would leave for itself once to find out when it
 * may inject the upcall.  It would leave once more after it.) No sleep in between; not
 * nested.  With more than one CPU it is left to the upcall: the masks are everybody's.
 */
void event_hold(void);
void event_release(void);
/* event_hold() that also tells which ports were not masked: their number, of which `list`
 * gets `max` at most. One CPU only. */
unsigned event_hold_list(evtchn_port_t *list, unsigned max);

#endif
