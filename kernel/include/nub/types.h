/* SPDX-License-Identifier: MIT */
/* Basic types and helpers that every kernel file uses. */
#ifndef NUB_TYPES_H
#define NUB_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef unsigned __int128 u128;
typedef s64 ssize_t;
typedef u64 paddr_t; /* physical (guest-frame) byte address */

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096UL
#define PAGE_MASK (~(PAGE_SIZE - 1))

/* A pointer that user space gave: only for uaccess.h, never dereferenced. */
#define __user

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* Each argument is evaluated once; the counter keeps nested uses apart. */
#define MINMAX__(a, b, op, x, y)                                                         \
	({                                                                               \
		__typeof__(a) x = (a);                                                   \
		__typeof__(b) y = (b);                                                   \
		x op y ? x : y;                                                          \
	})
#define MINMAX_(a, b, op, n, m) MINMAX__(a, b, op, n, m)
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define MIN(a, b) MINMAX_(a, b, <, PASTE(min_a, __COUNTER__), PASTE(min_b, __COUNTER__))
#define MAX(a, b) MINMAX_(a, b, >, PASTE(max_a, __COUNTER__), PASTE(max_b, __COUNTER__))
#define ALIGN_UP(x, a) (((x) + (a) - 1) & ~((__typeof__(x))(a) - 1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a) - 1))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

#define __packed __attribute__((packed))
#define __aligned(n) __attribute__((aligned(n)))
#define __printf(f, a) __attribute__((format(printf, f, a)))
#define __noreturn __attribute__((noreturn))
#define __init __attribute__((section(".text.init"), cold))
#define barrier() __asm__ volatile("" ::: "memory")

/* Errors travel in pointers as negative errno in the last page of the address space. */
static inline void *ERR_PTR(long err)
{
	return (void *)err;
}
static inline long PTR_ERR(const void *p)
{
	return (long)p;
}
static inline bool IS_ERR(const void *p)
{
	return (unsigned long)p >= (unsigned long)-4095L;
}

#endif
