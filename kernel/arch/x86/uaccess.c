/* SPDX-License-Identifier: MIT */
/* Copies between kernel and user memory, with fault fix-up and SMAP. */
#include <arch/cpu.h>
#include <nub/errno.h>
#include <nub/string.h>
#include <nub/uaccess.h>

#define EXTABLE(insn, fixup)                                                             \
	".pushsection .extable, \"a\"\n\t"                                               \
	".quad " insn ", " fixup "\n\t"                                                  \
	".popsection\n\t"

static inline void user_access_begin(void)
{
	if (cpu_smap_on)
		__asm__ volatile("stac" ::: "memory");
}
static inline void user_access_end(void)
{
	if (cpu_smap_on)
		__asm__ volatile("clac" ::: "memory");
}

/* Returns the number of bytes left uncopied. Whole words first: microcode is not always
 * there to make the byte form fast (emulated machines). */
static size_t copy_raw(void *dst, const void *src, size_t n)
{
	size_t words = n >> 3, bytes = n & 7;

	user_access_begin();
	__asm__ volatile(
		"1:\trep movsq\n\tmov %[bytes], %%rcx\n"
		"2:\trep movsb\n\tjmp 4f\n"
		"3:\tlea (%[bytes], %%rcx, 8), %%rcx\n\tjmp 2b\n" /* byte by byte up to the very edge */
		"4:\n\t" EXTABLE("1b", "3b") EXTABLE("2b", "4b")
		: "+D"(dst), "+S"(src), "+c"(words)
		: [bytes] "r"(bytes)
		: "memory");
	user_access_end();
	return words;
}

size_t copy_from_user_partial(void *dst, const void __user *src, size_t n)
{
	return user_range_ok(src, n) ? copy_raw(dst, src, n) : n;
}

size_t copy_to_user_partial(void __user *dst, const void *src, size_t n)
{
	return user_range_ok(dst, n) ? copy_raw(dst, src, n) : n;
}

int copy_from_user(void *dst, const void __user *src, size_t n)
{
	return copy_from_user_partial(dst, src, n) ? -EFAULT : 0;
}

int copy_to_user(void __user *dst, const void *src, size_t n)
{
	return copy_to_user_partial(dst, src, n) ? -EFAULT : 0;
}

int clear_user(void __user *dst, size_t n)
{
	static const u8 zero[256];

	while (n) {
		size_t k = MIN(n, sizeof(zero));

		if (copy_to_user(dst, zero, k))
			return -EFAULT;
		dst = (u8 *)dst + k;
		n -= k;
	}
	return 0;
}

/* Page by page: a string that ends just before an unmapped page is read. */
ssize_t strncpy_from_user(char *dst, const char __user *src, size_t size)
{
	size_t done = 0;

	while (done < size) {
		u64 a = (u64)src + done;
		size_t k = MIN(size - done, PAGE_SIZE - (a & (PAGE_SIZE - 1)));
		const char *nul;

		k = MIN(k, 256UL);
		if (copy_from_user(dst + done, (const void *)a, k))
			return -EFAULT;
		nul = memchr(dst + done, 0, k);
		if (nul)
			return nul - dst;
		done += k;
	}
	return -ENAMETOOLONG;
}

/* An instruction that touches user memory; when that faults, [err] becomes [efault]. */
#define OR_EFAULT(insn)                                                                  \
	"1:\t" insn "\n\tjmp 3f\n2:\tmovl %[efault], %[err]\n3:\n\t" EXTABLE("1b", "2b")

int user_cmpxchg32(u32 __user *p, u32 expect, u32 value, u32 *old)
{
	int err = 0;

	if (!user_range_ok(p, 4))
		return -EFAULT;
	user_access_begin();
	__asm__ volatile(OR_EFAULT("lock cmpxchgl %[value], %[mem]")
			 : "+a"(expect), [mem] "+m"(*p), [err] "+r"(err)
			 : [value] "r"(value), [efault] "i"(-EFAULT)
			 : "memory", "cc");
	user_access_end();
	*old = expect;
	return err;
}

/* In one step: another CPU's program may read or write it at the same time. */
int get_user32(u32 *v, const void __user *p)
{
	int err = 0;
	u32 x = 0;

	if (!user_range_ok(p, 4))
		return -EFAULT;
	user_access_begin();
	__asm__ volatile(OR_EFAULT("movl %[mem], %[x]")
			 : [x] "+r"(x), [err] "+r"(err)
			 : [mem] "m"(*(const u32 *)p), [efault] "i"(-EFAULT)
			 : "memory");
	user_access_end();
	*v = x;
	return err;
}
int get_user64(u64 *v, const void __user *p)
{
	return copy_from_user(v, p, 8);
}
int put_user32(u32 v, void __user *p)
{
	int err = 0;

	if (!user_range_ok(p, 4))
		return -EFAULT;
	user_access_begin();
	__asm__ volatile(OR_EFAULT("movl %[v], %[mem]")
			 : [err] "+r"(err), [mem] "=m"(*(u32 *)p)
			 : [v] "r"(v), [efault] "i"(-EFAULT)
			 : "memory");
	user_access_end();
	return err;
}
int put_user64(u64 v, void __user *p)
{
	return copy_to_user(p, &v, 8);
}
