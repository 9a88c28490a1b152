/* SPDX-License-Identifier: MIT */
/* Only in the checked kernel: the map of allocated memory, and the calls that the compiler makes
 * before each access (-fsanitize=kernel-address).  This file is compiled without them. */
#include <nub/page.h>
#include <nub/panic.h>
#include <nub/shadow.h>
#include <nub/string.h>

/* A byte for eight: 0 all allowed, 1 to 7 the first ones, or none. */
#define GRAIN 8u
#define NONE 0xffu
#define RETIRED_MAX 512u

static u8 *map;
static u64 map_end; /* bytes of RAM that the map covers */

static void *retired[RETIRED_MAX];
static unsigned oldest;

u64 shadow_bytes(u64 frames)
{
	return ALIGN_UP((frames << PAGE_SHIFT) / GRAIN, PAGE_SIZE);
}

void shadow_init(void *room, u64 frames)
{
	memset(room, 0, shadow_bytes(frames));
	map_end = frames << PAGE_SHIFT;
	map = room;
}

static u64 offset_of(const void *p)
{
	return map && (u64)p >= DIRECT_MAP && (u64)p - DIRECT_MAP < map_end
		       ? (u64)p - DIRECT_MAP
		       : ~0UL;
}

void shadow_allow(const void *p, size_t n)
{
	u64 at = offset_of(p);

	if (at == ~0UL)
		return;
	memset(map + at / GRAIN, 0, n / GRAIN);
	if (n % GRAIN)
		map[(at + n) / GRAIN] = (u8)(n % GRAIN);
}

void shadow_forbid(const void *p, size_t n)
{
	u64 at = offset_of(p);

	if (at != ~0UL)
		memset(map + at / GRAIN, NONE, (n + GRAIN - 1) / GRAIN);
}

static bool allowed(u64 at)
{
	u8 m = map[at / GRAIN];

	return !m || (m != NONE && at % GRAIN < m);
}

static void check(const void *p, size_t n, const char *what)
{
	u64 at = offset_of(p);
	u64 end = at + n;

	if (at == ~0UL || !n)
		return;
	for (; at < end && at < map_end; at = ALIGN_DOWN(at, (u64)GRAIN) + GRAIN)
		if (!allowed(at) || !allowed(MIN(at | (GRAIN - 1), end - 1)))
			panic("%s of %lu bytes at %p, which is not allocated", what, n,
			      p);
}

void *shadow_retire(void *p, size_t room)
{
	void *old = retired[oldest];

	if (map && offset_of(p) != ~0UL && !allowed(offset_of(p)))
		panic("freed twice: %p", p);
	if (room > PAGE_SIZE)
		return p;
	memset(p, 0x6b, room);
	shadow_forbid(p, room);
	retired[oldest] = p;
	oldest = (oldest + 1) % RETIRED_MAX;
	return old;
}

/* --- what the compiler calls --- */

#define ACCESS(n)                                                                        \
	void __asan_load##n##_noabort(const void *p);                                    \
	void __asan_load##n##_noabort(const void *p)                                     \
	{                                                                                \
		check(p, n, "read");                                                     \
	}                                                                                \
	void __asan_store##n##_noabort(const void *p);                                   \
	void __asan_store##n##_noabort(const void *p)                                    \
	{                                                                                \
		check(p, n, "write");                                                    \
	}
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)

void __asan_loadN_noabort(const void *p, size_t n);
void __asan_loadN_noabort(const void *p, size_t n)
{
	check(p, n, "read");
}

void __asan_storeN_noabort(const void *p, size_t n);
void __asan_storeN_noabort(const void *p, size_t n)
{
	check(p, n, "write");
}

void __asan_handle_no_return(void);
void __asan_handle_no_return(void)
{
}

void *__asan_memcpy(void *dst, const void *src, size_t n);
void *__asan_memcpy(void *dst, const void *src, size_t n)
{
	check(src, n, "read");
	check(dst, n, "write");
	return memcpy(dst, src, n);
}

void *__asan_memmove(void *dst, const void *src, size_t n);
void *__asan_memmove(void *dst, const void *src, size_t n)
{
	check(src, n, "read");
	check(dst, n, "write");
	return memmove(dst, src, n);
}

void *__asan_memset(void *dst, int c, size_t n);
void *__asan_memset(void *dst, int c, size_t n)
{
	check(dst, n, "write");
	return memset(dst, c, n);
}
