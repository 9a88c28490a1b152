/* SPDX-License-Identifier: MIT */
/* Kernel heap: size classes in single pages, larger requests in whole pages. */
#ifndef NUB_SLAB_H
#define NUB_SLAB_H

#include <nub/types.h>

/* 16-byte aligned; page-aligned from 2 KiB up. NULL when memory is out. */
void *kmalloc(size_t size) __attribute__((malloc, alloc_size(1)));
void *kzalloc(size_t size) __attribute__((malloc, alloc_size(1)));
/* NULL also when n * size overflows. */
void *kcalloc(size_t n, size_t size);
void *krealloc(void *p, size_t old_size, size_t size);
void kfree(void *p);
char *kstrdup(const char *s);
void slab_report(void);

#endif
