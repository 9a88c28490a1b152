/* SPDX-License-Identifier: MIT */
/* Guest frames without memory of ours, where frames of other domains are put. */
#ifndef NUB_XEN_GFN_H
#define NUB_XEN_GFN_H

#include <nub/types.h>

#include <xen/xen.h>

/* n contiguous frame numbers that nothing backs, or 0 when there are none. */
u64 gfn_alloc(u32 n);
void gfn_free(u64 gfn, u32 n);

/* Puts n frames of dom at gfn..gfn+n-1; errs[i] gets 0 or the negative errno of each.
 * Returns how many failed. */
u32 gfn_map(domid_t dom, const xen_pfn_t *theirs, u64 gfn, u32 n, int *errs);
/* Takes frames out again, whether or not something is there. */
void gfn_unmap(u64 gfn, u32 n);
/*
 * A piece of a resource of dom (XENMEM_acquire_resource) at gfn..: 0 or negative
 * errno.
 */
int gfn_map_resource(domid_t dom, u32 type, u32 id, u64 frame, u64 gfn, u32 n);
/* Size of a resource in frames, or negative errno. */
long xen_resource_size(domid_t dom, u32 type, u32 id);

#endif
