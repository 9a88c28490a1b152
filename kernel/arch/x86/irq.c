/* SPDX-License-Identifier: MIT */
/* The table of interrupt handlers. */
#include <nub/irq.h>
#include <nub/panic.h>
#include <nub/printk.h>

bool in_irq;

static struct {
	void (*handler)(void *arg);
	void *arg;
} handlers[256];

void irq_register(unsigned vector, void (*handler)(void *arg), void *arg)
{
	ASSERT(vector >= VECTOR_FIRST && vector < 256);
	handlers[vector].arg = arg;
	handlers[vector].handler = handler;
}

void irq_dispatch(unsigned vector)
{
	if (handlers[vector].handler)
		handlers[vector].handler(handlers[vector].arg);
	else if (vector != VECTOR_SPURIOUS)
		printk_once("nub: interrupt vector %#x without a handler\n", vector);
}
