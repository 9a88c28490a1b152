/* SPDX-License-Identifier: MIT */
/* Finding Xen, the page that it shares with us, parameters, frames that it gives. */
#include "core.h"

#include "hypercall.h"

#include <arch/cpu.h>
#include <arch/pgtable.h>
#include <nub/page.h>
#include <nub/panic.h>

#include <xen/arch-x86/cpuid.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>

struct shared_info *xen_shared;
domid_t xen_domid = DOMID_SELF;

/* The place of Xen's shared page: a page of our image, whose own frame is given up. */
static u8 shared_page[PAGE_SIZE] __aligned(4096);

u64 xen_param(unsigned index)
{
	struct xen_hvm_param p = {.domid = DOMID_SELF, .index = index};

	return xen_hvm_op(HVMOP_get_param, &p) ? 0 : p.value;
}

void *xen_map_frames(u64 pfn, unsigned n)
{
	u64 va = vmap_reserve(n);

	if (!va)
		return NULL;
	for (unsigned i = 0; i < n; i++)
		if (kmap_page(va + i * PAGE_SIZE, (pfn + i) << PAGE_SHIFT,
			      PTE_W | PTE_NX | PTE_G))
			return NULL;
	return (void *)va;
}

void xen_unmap_frames(void *va, unsigned n)
{
	if (!va)
		return;
	for (unsigned i = 0; i < n; i++)
		kunmap_page((u64)va + i * PAGE_SIZE);
	vmap_release((u64)va, n);
}

/* Xen's CPUID leaves start at 0x40000000, or higher when it shows Viridian's as well. */
static u32 cpuid_base(void)
{
	for (u32 leaf = 0x40000000; leaf < 0x40010000; leaf += 0x100) {
		u32 r[4];

		cpuid(leaf, 0, r);
		if (r[1] == XEN_CPUID_SIGNATURE_EBX && r[2] == XEN_CPUID_SIGNATURE_ECX &&
		    r[3] == XEN_CPUID_SIGNATURE_EDX)
			return leaf;
	}
	return 0;
}

/* Of the vendors those with SVM; the others (GenuineIntel, CentaurHauls, Shanghai) have
 * VMX. EBX of CPUID leaf 0 is the first four letters. */
#define VENDOR_AUTHENTICAMD 0x68747541 /* "Auth" */
#define VENDOR_HYGONGENUINE 0x6f677948 /* "Hygo" */

bool xen_find(void)
{
	u32 base = cpuid_base(), r[4];

	if (!base)
		return false;
	cpuid(0, 0, r);
	xen_use_vmcall = r[1] != VENDOR_AUTHENTICAMD && r[1] != VENDOR_HYGONGENUINE;
	cpuid(base, 0, r);
	if (r[0] >= base + 4) {
		cpuid(base + 4, 0, r);
		if (r[0] & XEN_HVM_CPUID_DOMID_PRESENT)
			xen_domid = (domid_t)r[2];
	}
	return true;
}

void xen_share_page(void)
{
	struct xen_add_to_physmap a = {
		.domid = DOMID_SELF,
		.space = XENMAPSPACE_shared_info,
		.gpfn = virt_to_phys(shared_page) >> PAGE_SHIFT,
	};
	long err = xen_memory_op(XENMEM_add_to_physmap, &a);

	if (err)
		panic("xen: no shared info page (%ld)", err);
	xen_shared = (struct shared_info *)shared_page;
}
