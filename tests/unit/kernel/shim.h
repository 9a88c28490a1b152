/* SPDX-License-Identifier: MIT */
/* What kernel parts need of the kernel, made of libc, for unit tests on the host. */
#ifndef TEST_KERNEL_SHIM_H
#define TEST_KERNEL_SHIM_H

#include <stddef.h>
#include <stdint.h>

extern unsigned long shim_allocations; /* that are alive */
extern long shim_fail_after;	       /* allocations until they fail; -1: never */
extern uint64_t shim_now;	       /* what clock_now() says */

void *kmalloc(size_t n);
void *kzalloc(size_t n);
void kfree(void *p);
uint64_t strtou64(const char *s, const char **end);
void printk(const char *fmt, ...);
uint64_t clock_now(void);

#endif
