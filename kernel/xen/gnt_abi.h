/* SPDX-License-Identifier: MIT */
/* The ioctl ABIs of Linux's /dev/xen/gntdev and /dev/xen/gntalloc. */
#ifndef NUB_XEN_GNT_ABI_H
#define NUB_XEN_GNT_ABI_H

#include <nub/types.h>

#include <asm/ioctl.h>

struct gntdev_map {
	u32 count, pad;
	u64 index; /* out */
		   /* struct { u32 domid, ref; } refs[count] behind it */
};
struct gntdev_unmap {
	u64 index;
	u32 count, pad;
};
struct gntdev_offset {
	u64 vaddr;
	u64 offset;	/* out */
	u32 count, pad; /* out */
};
struct gnt_notify {
	u64 index;
	u32 action, port;
};
struct gntdev_copy_seg {
	union {
		void *virt;
		struct {
			u32 ref;
			u16 offset, domid;
		} foreign;
	} source, dest;
	u16 len, flags;
	s16 status;
};
struct gntdev_copy {
	u32 count;
	struct gntdev_copy_seg *segs;
};
struct gntalloc_alloc {
	u16 domid, flags;
	u32 count;
	u64 index; /* out */
		   /* u32 refs[count] behind it, out */
};
struct gntalloc_dealloc {
	u64 index;
	u32 count, pad;
};

_Static_assert(sizeof(struct gntdev_copy_seg) == 24, "gntdev ABI");
_Static_assert(sizeof(struct gntdev_copy) == 16, "gntdev ABI");

#define GNT_IOC(nr, size) _IOC(_IOC_NONE, 'G', nr, size)
/* The size in the number is that of the struct with one entry behind it. */
#define IOCTL_GNTDEV_MAP_GRANT_REF GNT_IOC(0, 24)
#define IOCTL_GNTDEV_UNMAP_GRANT_REF GNT_IOC(1, 16)
#define IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR GNT_IOC(2, 24)
#define IOCTL_GNTDEV_SET_MAX_GRANTS GNT_IOC(3, 4)
#define IOCTL_GNTALLOC_ALLOC_GREF GNT_IOC(5, 24)
#define IOCTL_GNTALLOC_DEALLOC_GREF GNT_IOC(6, 16)
#define IOCTL_GNT_SET_UNMAP_NOTIFY GNT_IOC(7, 16)
#define IOCTL_GNTDEV_GRANT_COPY GNT_IOC(8, 16)

#define GNT_NOTIFY_CLEAR_BYTE 1
#define GNT_NOTIFY_SEND_EVENT 2

#endif
