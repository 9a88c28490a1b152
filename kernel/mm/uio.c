/* SPDX-License-Identifier: MIT */
/* Moving bytes through a uio cursor. */
#include <nub/errno.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uaccess.h>
#include <nub/uio.h>

#define IOV_MAX 1024 /* Linux's UIO_MAXIOV */

void uio_user(struct uio *u, void __user *p, size_t n)
{
	u->one = (struct uio_vec){(u64)p, n};
	u->vec = &u->one;
	u->count = 1;
	u->kernel = false;
	u->off = 0;
	u->left = n;
}

void uio_kernel(struct uio *u, void *p, size_t n)
{
	uio_user(u, p, n);
	u->kernel = true;
}

enum direction { PUT, GET };

static size_t move(struct uio *u, u8 *buf, size_t n, enum direction d)
{
	size_t done = 0;

	while (done < n && u->left) {
		size_t k = MIN(n - done, u->vec->len - u->off), bad = 0;
		void *p = (void *)(u->vec->base + u->off);

		if (u->kernel)
			d == PUT ? memcpy(p, buf + done, k) : memcpy(buf + done, p, k);
		else
			bad = d == PUT ? copy_to_user_partial(p, buf + done, k)
				       : copy_from_user_partial(buf + done, p, k);
		k -= bad;
		done += k;
		u->off += k;
		u->left -= k;
		if (bad)
			break;
		if (u->off == u->vec->len && u->count > 1) {
			u->vec++;
			u->count--;
			u->off = 0;
		}
	}
	return done;
}

size_t uio_put(struct uio *u, const void *src, size_t n)
{
	return move(u, (u8 *)(u64)src, n, PUT);
}

size_t uio_get(struct uio *u, void *dst, size_t n)
{
	return move(u, dst, n, GET);
}

size_t uio_zero(struct uio *u, size_t n)
{
	static const u8 zero[512];
	size_t done = 0;

	while (done < n && u->left) {
		size_t k = uio_put(u, zero, MIN(n - done, sizeof(zero)));

		if (!k)
			break;
		done += k;
	}
	return done;
}

int iovec_import(const void *uvec, u64 count, struct uio *u, struct uio_vec **vec)
{
	u64 total = 0;

	*vec = NULL;
	if (count > IOV_MAX)
		return -EINVAL;
	if (!count) {
		uio_user(u, NULL, 0);
		return 0;
	}
	if (count > 1) {
		*vec = kmalloc(count * sizeof(**vec));
		if (!*vec)
			return -ENOMEM;
	}
	u->vec = *vec ? *vec : &u->one;
	if (copy_from_user((void *)(u64)u->vec, uvec, count * sizeof(**vec)))
		return -EFAULT;
	for (u64 i = 0; i < count; i++) {
		if ((s64)u->vec[i].len < 0 ||
		    __builtin_add_overflow(total, u->vec[i].len, &total) ||
		    (s64)total < 0)
			return -EINVAL;
		if (!user_range_ok((void *)u->vec[i].base, u->vec[i].len))
			return -EFAULT;
	}
	u->count = (unsigned)count;
	u->kernel = false;
	u->off = 0;
	u->left = total;
	return 0;
}
