/* SPDX-License-Identifier: MIT */
/*
 * Finding Xen, the shared page, and the platform operations that fill in for a
 * machine.
 */
#include "core.h"
#include "event.h"
#include "grant.h"
#include "hypercall.h"
#include "xenbus.h"

#include "../drivers/blkfront.h"
#include "../drivers/netfront.h"

#include <arch/cpu.h>
#include <arch/pgtable.h>
#include <nub/page.h>
#include <nub/panic.h>
#include <nub/platform.h>
#include <nub/printk.h>

#include <xen/arch-x86/cpuid.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>

struct shared_info *xen_shared;
u32 xen_version;
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

static void shared_info_init(void)
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

static void xen_init(void)
{
	shared_info_init();
	event_init();
	xen_clock_init();
	xen_console_init();
	grant_init();
	xen_store_init();
}

static void xen_devices(void)
{
	static const struct xenbus_driver *const drivers[] = {&blkfront_driver,
							      &netfront_driver, NULL};

	xen_dev_privcmd_init();
	xen_dev_evtchn_init();
	xen_dev_gntdev_init();
	xen_dev_gntalloc_init();
	xen_dev_xenbus_init();
	xenbus_start(drivers);
}

static void xen_stop(enum stop_kind kind) __noreturn;
static void xen_stop(enum stop_kind kind)
{
	struct sched_shutdown s = {
		.reason = kind == STOP_POWEROFF ? SHUTDOWN_poweroff
			  : kind == STOP_REBOOT ? SHUTDOWN_reboot
						: SHUTDOWN_crash,
	};

	xen_console_flush();
	for (;;)
		xen_sched_op(SCHEDOP_shutdown, &s);
}

static const struct platform_ops platform_xen = {
	.name = "Xen PVH",
	.console_write = xen_console_write,
	.init = xen_init,
	.devices = xen_devices,
	.timer_program = xen_timer_program,
	.idle = event_idle,
	.return_work = event_send_late,
	.cpu_count = xen_cpu_count,
	.cpu_start = xen_cpu_start,
	.cpu_init = xen_cpu_init,
	.cpu_kick = xen_cpu_kick,
	.relax = xen_cpu_relax,
	.report = xen_report,
	.stop = xen_stop,
};

const struct platform_ops *platform_xen_probe(void)
{
	u32 base = cpuid_base(), r[4];

	if (!base)
		return NULL;
	cpuid(0, 0, r);
	/* GenuineIntel, CentaurHauls and Shanghai have VMX; AMD and Hygon have SVM. */
	xen_use_vmcall = r[1] != 0x68747541 /* Auth */ && r[1] != 0x6f677948 /* Hygo */;
	cpuid(base + 1, 0, r);
	xen_version = r[0];
	cpuid(base, 0, r);
	if (r[0] >= base + 4) {
		cpuid(base + 4, 0, r);
		if (r[0] & XEN_HVM_CPUID_DOMID_PRESENT)
			xen_domid = (domid_t)r[2];
	}
	xen_console_early();
	return &platform_xen;
}
