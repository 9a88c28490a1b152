/* SPDX-License-Identifier: MIT */
/* Going idle on Xen, and the notification that goes out with it. */
#ifndef NUB_XEN_IDLE_H
#define NUB_XEN_IDLE_H

#include <nub/types.h>

/*
 * For a program's notification.  It goes out with the hypercall by which the CPU goes
 * idle: the program is about to wait.  If it does not, the event is sent when it is back
 * from its next call, trap or interrupt, or another thread runs.  With more than one CPU,
 * or a program that expects a timer of its own before it waits, it is sent at once.
 */
void event_notify_late(u32 port);
/* Sends the notification that event_notify_late() has left; platform_ops.return_work. Before the
 * port is closed. */
void event_send_late(void);
/* Sleeps until there is an event, and runs its handler; platform_ops.idle of one CPU. */
void event_idle(void);

#endif
