/* SPDX-License-Identifier: MIT */
/* The kernel below kernel parts in unit tests on the host, made of libc. */
#include "shim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nub/page.h>

unsigned long shim_allocations; /* that are alive */
long shim_fail_after = -1;	/* allocations until they fail; -1: never */
uint64_t shim_now;

#if !__GLIBC_PREREQ(2, 38)
void strlcpy(char *dst, const char *src, size_t n);
void strlcpy(char *dst, const char *src, size_t n)
{
	if (n)
		snprintf(dst, n, "%s", src);
}
#endif

static void *allocate(size_t n, int zero)
{
	void *p;

	if (shim_fail_after == 0)
		return NULL;
	if (shim_fail_after > 0)
		shim_fail_after--;
	p = zero ? calloc(1, n ? n : 1) : malloc(n ? n : 1);
	if (!p)
		abort();
	/* A value that was not set must not look set. */
	if (!zero)
		memset(p, 0xa5, n);
	shim_allocations++;
	return p;
}

void *kmalloc(size_t n)
{
	return allocate(n, 0);
}

void *kzalloc(size_t n)
{
	return allocate(n, 1);
}

void kfree(void *p)
{
	if (p)
		shim_allocations--;
	free(p);
}

uint64_t strtou64(const char *s, const char **end)
{
	char *e;
	uint64_t v = strtoull(s, &e, s[0] == '0' && s[1] == 'x' ? 16 : 10);

	if (end)
		*end = e;
	return v;
}

void printk(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
}

uint64_t clock_now(void)
{
	return shim_now;
}

struct page *page_alloc(unsigned order, unsigned flags)
{
	struct page *p = allocate(sizeof(*p), 0);

	if (!p)
		return NULL;
	p->ref = 1;
	p->mem = aligned_alloc(4096, 4096UL << order);
	if (!p->mem)
		abort();
	memset(p->mem, 0, 4096UL << order);
	return p;
}

void page_put(struct page *p)
{
	if (--p->ref)
		return;
	free(p->mem);
	kfree(p);
}
