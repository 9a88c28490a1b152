/* SPDX-License-Identifier: MIT */
/* Interrupt vectors. Handlers run with interrupts off, on the current thread's stack, and
 * only while it is in user mode, idle or in sched_point(). They must not sleep. */
#ifndef NUB_IRQ_H
#define NUB_IRQ_H

#include <nub/types.h>

#define VECTOR_FIRST 0x20
#define VECTOR_TIMER 0xef
#define VECTOR_XEN 0xf3
#define VECTOR_SPURIOUS 0xff

void irq_register(unsigned vector, void (*handler)(void *arg), void *arg);
void irq_dispatch(unsigned vector);
/* True inside a handler. */
extern bool in_irq;

#endif
