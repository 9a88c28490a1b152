/* SPDX-License-Identifier: MIT */
/* Going idle on Xen, and the notification that goes out with it. */
#ifndef NUB_XEN_IDLE_H
#define NUB_XEN_IDLE_H

#include <nub/types.h>

#include <xen/xen.h>

/*
 * For a program's notification.  It goes out with the hypercall by which the CPU goes
 * idle: the program is about to wait.  If it does not, the event is sent when it is back
 * from its next call, trap or interrupt, or another thread runs.  With more than one CPU,
 * or a program that expects a timer of its own before it waits, it is sent at once.
 */
void event_notify_late(u32 port);
/*
 * The same for an interrupt level of domain `dom`, a dm_op whose values are checked: the guest
 * gets it with the answer behind it.  False: it is to be set now.  Earlier late calls are sent.
 */
bool event_level_late(domid_t dom, const void *op, size_t size);
/*
 * For a driver's notification in a call whose thread is about to sleep.  It goes out as the CPU
 * goes idle, before another thread runs or with the return to a program.
 */
void event_notify_soon(u32 port);
/* Sends all that is late; platform_ops.return_work.  The second one looks at no event, so it may be
 * called anywhere.  Before a port is closed. */
void event_send_late(void);
void event_send_now(void);
/* Sleeps until there is an event, and runs its handler; platform_ops.idle of one CPU. */
void event_idle(void);

#endif
