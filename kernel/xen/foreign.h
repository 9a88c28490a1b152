/* SPDX-License-Identifier: MIT */
/* Mappings of /dev/xen/privcmd: frames of other domains in a program's address space. */
#ifndef NUB_XEN_FOREIGN_H
#define NUB_XEN_FOREIGN_H

#include <nub/mm.h>

#include <xen/xen.h>

/* Makes v, a mapping of privcmd, one that foreign frames can be put into. */
void foreign_init(struct vma *v);
/* The mapping of the running program that covers [addr, addr + n pages), and the first
 * page's place in it. None of these pages has a frame yet. Or -EINVAL, -ENOMEM. */
struct vma *foreign_find(u64 addr, u64 n, u32 *first);
/* First of the frame numbers that back it. */
u64 foreign_gfn(const struct vma *v);
/* Pages first..first+n-1 have their frames at foreign_gfn() + first.. now, but where
 * errs[i] (errs may be NULL) is not 0. 0 or -ENOMEM. */
int foreign_show(struct vma *v, u32 first, u32 n, const int *errs);
/* The whole mapping is to show frames theirs, theirs + 1, ... of dom. Each is mapped when
 * it is first touched; one that dom does not have then takes writes and reads as zeroes.
 * Pages that the program had in an equal mapping just before are there already. */
void foreign_promise(struct vma *v, domid_t dom, u64 theirs);
/* Maps every promised page now and forgets the kept runs: the frame numbers are about to
 * mean something else. */
void foreign_settle(void);
/* Page `page` of v is the target's struct shared_iopage (xen/hvm/ioreq.h). */
void foreign_requests(struct vma *v, u32 page);
/* The program is about to tell Xen that it has answered. If to a request that takes
 * mappings back (IOREQ_TYPE_INVALIDATE), the kept runs are forgotten, and promised pages
 * are mapped anew when they are touched. */
void foreign_answered(void);

#endif
