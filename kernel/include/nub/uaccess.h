/* SPDX-License-Identifier: MIT */
/* Access to user memory: every pointer from user space goes through here. */
#ifndef NUB_UACCESS_H
#define NUB_UACCESS_H

#include <nub/types.h>

#define USER_TOP 0x00007ffffffff000UL

static inline bool user_range_ok(const void __user *p, size_t n)
{
	return (u64)p <= USER_TOP && n <= USER_TOP - (u64)p;
}
/* 0 or -EFAULT. A partial copy may have happened. Faults page memory in; never sleep. */
int copy_from_user(void *dst, const void __user *src, size_t n);
int copy_to_user(void __user *dst, const void *src, size_t n);
int clear_user(void __user *dst, size_t n);
/* As above, but return how many bytes could not be copied. */
size_t copy_from_user_partial(void *dst, const void __user *src, size_t n);
size_t copy_to_user_partial(void __user *dst, const void *src, size_t n);
/* Length without the NUL, -EFAULT, or -ENAMETOOLONG when no NUL within size. */
ssize_t strncpy_from_user(char *dst, const char __user *src, size_t size);
/*
 * Atomic compare-and-exchange of an aligned user word: 0 or -EFAULT; *old gets the
 * value.
 */
int user_cmpxchg32(u32 __user *p, u32 expect, u32 value, u32 *old);
int get_user32(u32 *v, const void __user *p);
int get_user64(u64 *v, const void __user *p);
int put_user32(u32 v, void __user *p);
int put_user64(u64 v, void __user *p);

#endif
