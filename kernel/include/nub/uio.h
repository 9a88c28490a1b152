/* SPDX-License-Identifier: MIT */
/* A cursor over the memory of a read or write: user iovecs or one kernel buffer. */
#ifndef NUB_UIO_H
#define NUB_UIO_H

#include <nub/types.h>

struct uio_vec {
	u64 base, len;
};

struct uio {
	const struct uio_vec *vec;
	unsigned count;
	bool kernel;	    /* addresses are kernel addresses */
	u64 off;	    /* into vec[0] */
	u64 left;	    /* total bytes left */
	struct uio_vec one; /* storage for the single-buffer case */
};

void uio_user(struct uio *u, void __user *p, size_t n);
void uio_kernel(struct uio *u, void *p, size_t n);
/* Bytes moved; short only at a fault. 0 bytes moved of a non-zero wish means EFAULT. */
size_t uio_put(struct uio *u, const void *src, size_t n); /* kernel -> uio (read) */
size_t uio_get(struct uio *u, void *dst, size_t n);	  /* uio -> kernel (write) */
size_t uio_zero(struct uio *u, size_t n);
/* Copies an iovec in; *vec (may be NULL for short ones) is the caller's to free. */
int iovec_import(const void *uvec, u64 count, struct uio *u, struct uio_vec **vec);

#endif
