/* SPDX-License-Identifier: MIT */
/* The kernel below kernel parts in unit tests on the host, made of libc. */
#ifndef TEST_KERNEL_SHIM_H
#define TEST_KERNEL_SHIM_H

#include <stddef.h>
#include <stdint.h>

extern unsigned long shim_allocations; /* that are alive */
extern long shim_fail_after;	       /* allocations until they fail; -1: never */
extern uint64_t shim_now;	       /* the time of clock_now() */

void *kmalloc(size_t n);
void *kzalloc(size_t n);
void kfree(void *p);
uint64_t strtou64(const char *s, const char **end);
void printk(const char *fmt, ...);
uint64_t clock_now(void);

#endif
