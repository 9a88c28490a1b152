/* SPDX-License-Identifier: MIT */
/* The ioctl ABI of Linux's /dev/xen/privcmd, with its sizes pinned. */
#ifndef NUB_XEN_PRIVCMD_ABI_H
#define NUB_XEN_PRIVCMD_ABI_H

#include <nub/types.h>

#include <xen/xen.h>

#include <asm/ioctl.h>

struct privcmd_hypercall {
	u64 op;
	u64 arg[5];
};

struct privcmd_mmapbatch {
	s32 num;
	domid_t dom;
	u64 addr;
	const xen_pfn_t __user *arr; /* the top nibble of a failed one is set */
};

struct privcmd_mmapbatch_v2 {
	u32 num;
	domid_t dom;
	u64 addr;
	const xen_pfn_t __user *arr;
	s32 __user *err;
};

struct privcmd_dm_op_buf {
	void __user *uptr;
	u64 size;
};

struct privcmd_dm_op {
	domid_t dom;
	u16 num;
	const struct privcmd_dm_op_buf __user *ubufs;
};

struct privcmd_mmap_resource {
	domid_t dom;
	u32 type, id, idx;
	u64 num, addr;
};

_Static_assert(sizeof(struct privcmd_hypercall) == 48, "privcmd ABI");
_Static_assert(sizeof(struct privcmd_mmapbatch) == 24, "privcmd ABI");
_Static_assert(sizeof(struct privcmd_mmapbatch_v2) == 32, "privcmd ABI");
_Static_assert(sizeof(struct privcmd_dm_op) == 16, "privcmd ABI");
_Static_assert(sizeof(struct privcmd_mmap_resource) == 32, "privcmd ABI");

#define PRIVCMD_MMAPBATCH_MFN_ERROR 0xf0000000u
#define PRIVCMD_MMAPBATCH_PAGED_ERROR 0x80000000u

#define PRIVCMD_IOC(nr, type) _IOC(_IOC_NONE, 'P', nr, sizeof(type))
#define IOCTL_PRIVCMD_HYPERCALL PRIVCMD_IOC(0, struct privcmd_hypercall)
#define IOCTL_PRIVCMD_MMAPBATCH PRIVCMD_IOC(3, struct privcmd_mmapbatch)
#define IOCTL_PRIVCMD_MMAPBATCH_V2 PRIVCMD_IOC(4, struct privcmd_mmapbatch_v2)
#define IOCTL_PRIVCMD_DM_OP PRIVCMD_IOC(5, struct privcmd_dm_op)
#define IOCTL_PRIVCMD_RESTRICT PRIVCMD_IOC(6, domid_t)
#define IOCTL_PRIVCMD_MMAP_RESOURCE PRIVCMD_IOC(7, struct privcmd_mmap_resource)

#endif
