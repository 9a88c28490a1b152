/* SPDX-License-Identifier: MIT */
/* Guest frames without memory of ours, where frames of other domains are put. */
#include "gfn.h"

#include "hypercall.h"

#include <nub/errno.h>
#include <nub/page.h>
#include <nub/slab.h>
#include <nub/string.h>

#include <xen/memory.h>

/*
 * The numbers come from right behind our RAM, lowest first.  So Xen's tables for them are
 * few (one page for 512 frames) and soon used again.  They stay below 3.75 GiB, where a
 * PVH domain keeps its special pages, or are above 4 GiB when RAM reaches that far.
 */
#define HOLE_END 0xf0000UL
#define HIGH_BASE 0x100000UL
#define POOL_FIRST 65536u /* frames that the bitmap covers at first: 256 MiB */
#define POOL_MAX (1u << 22)

static u64 *bits; /* 1: in use */
static u32 covered, limit;
static u64 base;

static bool grow(void)
{
	u32 n = covered ? MIN(covered * 2, limit) : POOL_FIRST;
	u64 *p;

	if (!covered) {
		base = ALIGN_UP(page_frames, 512UL) + 512;
		limit = base < HOLE_END ? (u32)MIN(HOLE_END - base, POOL_MAX) : POOL_MAX;
		limit = ALIGN_DOWN(limit, 64u);
		if (base >= HOLE_END)
			base = MAX(base, HIGH_BASE);
		n = MIN(n, limit);
	}
	if (n == covered)
		return false;
	p = krealloc(bits, covered / 8, n / 8);
	if (!p)
		return false;
	memset((u8 *)p + covered / 8, 0, (n - covered) / 8);
	bits = p;
	covered = n;
	return true;
}

static void mark(u32 first, u32 n, bool used)
{
	for (u32 i = first; i < first + n; i++) {
		if (used)
			bits[i / 64] |= 1UL << i % 64;
		else
			bits[i / 64] &= ~(1UL << i % 64);
	}
}

u64 gfn_alloc(u32 n)
{
	u32 run = 0, i = 0;

	if (!n || n > POOL_MAX)
		return 0;
	do {
		for (; i < covered; i++) {
			if (!(i % 64) && bits[i / 64] == ~0UL) {
				run = 0;
				i += 63;
				continue;
			}
			run = bits[i / 64] >> i % 64 & 1 ? 0 : run + 1;
			if (run == n) {
				mark(i + 1 - n, n, true);
				return base + i + 1 - n;
			}
		}
	} while (grow());
	return 0;
}

void gfn_free(u64 gfn, u32 n)
{
	mark((u32)(gfn - base), n, false);
}

/* Room for the arguments of one hypercall; the kernel is never preempted. */
#define BATCH 256u
static xen_ulong_t batch_idx[BATCH];
static xen_pfn_t batch_gfn[BATCH];
static int batch_err[BATCH];

u32 gfn_map(domid_t dom, const xen_pfn_t *theirs, u64 gfn, u32 n, int *errs)
{
	u32 failed = 0;

	for (u32 done = 0; done < n;) {
		u32 part = MIN(n - done, BATCH);
		struct xen_add_to_physmap_batch b = {
			.domid = DOMID_SELF,
			.space = XENMAPSPACE_gmfn_foreign,
			.size = (u16)part,
			.u.foreign_domid = dom,
		};
		long ret;

		for (u32 i = 0; i < part; i++) {
			batch_idx[i] = theirs[done + i];
			batch_gfn[i] = gfn + done + i;
			batch_err[i] = 0;
		}
		set_xen_guest_handle(b.idxs, batch_idx);
		set_xen_guest_handle(b.gpfns, batch_gfn);
		set_xen_guest_handle(b.errs, batch_err);
		ret = xen_memory_op(XENMEM_add_to_physmap_batch, &b);
		for (u32 i = 0; i < part; i++) {
			int err = ret < 0 ? (int)ret : batch_err[i];

			errs[done + i] = err;
			failed += err != 0;
		}
		done += part;
	}
	return failed;
}

#define UNMAP_BATCH 64u
static multicall_entry_t unmap_calls[UNMAP_BATCH];
static struct xen_remove_from_physmap unmap_args[UNMAP_BATCH];

void gfn_unmap(u64 gfn, u32 n)
{
	for (u32 done = 0; done < n;) {
		u32 part = MIN(n - done, UNMAP_BATCH);

		for (u32 i = 0; i < part; i++) {
			unmap_args[i] = (struct xen_remove_from_physmap){
				.domid = DOMID_SELF,
				.gpfn = gfn + done + i,
			};
			unmap_calls[i] = (multicall_entry_t){
				.op = __HYPERVISOR_memory_op,
				.args = {XENMEM_remove_from_physmap,
					 (xen_ulong_t)&unmap_args[i]},
			};
		}
		xen_multicall(unmap_calls, part);
		done += part;
	}
}

int gfn_map_resource(domid_t dom, u32 type, u32 id, u64 frame, u64 gfn, u32 n)
{
	struct xen_mem_acquire_resource r = {.domid = dom, .type = (u16)type, .id = id};
	long ret = 0;

	for (u32 done = 0; done < n && !ret;) {
		u32 part = MIN(n - done, BATCH);

		for (u32 i = 0; i < part; i++)
			batch_gfn[i] = gfn + done + i;
		r.nr_frames = part;
		r.frame = frame + done;
		set_xen_guest_handle(r.frame_list, batch_gfn);
		ret = xen_memory_op(XENMEM_acquire_resource, &r);
		done += part;
	}
	return (int)ret;
}

long xen_resource_size(domid_t dom, u32 type, u32 id)
{
	struct xen_mem_acquire_resource r = {.domid = dom, .type = (u16)type, .id = id};
	long ret = xen_memory_op(XENMEM_acquire_resource, &r);

	return ret < 0 ? ret : (long)r.nr_frames;
}
