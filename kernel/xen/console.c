/* SPDX-License-Identifier: MIT */
/* The Xen console ring: the kernel and the tty print to it, xenconsoled reads it. */
#include "core.h"
#include "event.h"
#include "hypercall.h"
#include "xs_ring.h"

#include <arch/cpu.h>
#include <arch/pgtable.h>
#include <nub/page.h>
#include <nub/printk.h>
#include <nub/string.h>
#include <nub/tty.h>

#include <xen/hvm/params.h>
#include <xen/io/console.h>
#include <xen/sched.h>

/* The time for which a full ring is waited for before output is dropped: about a second
 * of a 2 GHz counter.  The clock may not work yet, or any more. */
#define PATIENCE_TSC (2ULL << 30)

static struct xs_ring out, in;
static struct xencons_interface *page;
static u64 page_pfn;
static u32 port;
static bool mapped; /* in the kernel's own page tables */
static bool stuck;  /* nobody reads: do not wait again before there is room */

static void ring_setup(void *va)
{
	page = va;
	out = (struct xs_ring){page->out, sizeof(page->out), &page->out_prod,
			       &page->out_cons, page->out_prod};
	in = (struct xs_ring){page->in, sizeof(page->in), &page->in_prod, &page->in_cons,
			      page->in_cons};
}

/* The tables of the boot code map the low 4 GiB directly; the kernel's own only RAM. */
void xen_console_early(void)
{
	page_pfn = xen_param(HVM_PARAM_CONSOLE_PFN);
	port = (u32)xen_param(HVM_PARAM_CONSOLE_EVTCHN);
	if (page_pfn && page_pfn < 1UL << 20)
		ring_setup(phys_to_virt(page_pfn << PAGE_SHIFT));
}

static bool usable(void)
{
	void *va;

	if (!page_pfn)
		return false;
	if (mapped || !kernel_pml4)
		return page;
	/* The tables are being replaced: between the two there is no console. */
	page = NULL;
	if ((read_cr3() & PTE_ADDR) != virt_to_phys(kernel_pml4))
		return false;
	va = xen_map_frames(page_pfn, 1);
	mapped = true;
	if (va)
		ring_setup(va);
	return page;
}

static void notify(void)
{
	event_notify(port);
}

void xen_console_write(const char *s, size_t n)
{
	u64 start;

	if (!usable())
		return;
	start = rdtsc();
	while (n) {
		int done = xs_ring_write(&out, s, n);

		if (done < 0)
			return;
		s += done;
		n -= (size_t)done;
		if (done) {
			stuck = false;
			start = rdtsc();
			continue;
		}
		if (stuck)
			break;
		notify();
		xen_sched_op(SCHEDOP_yield, NULL);
		stuck = rdtsc() - start > PATIENCE_TSC;
	}
	notify();
}

void xen_console_flush(void)
{
	u64 start = rdtsc();

	if (!usable())
		return;
	while (*out.cons != out.own && rdtsc() - start < PATIENCE_TSC)
		xen_sched_op(SCHEDOP_yield, NULL);
}

static void console_event(u32 p, void *arg)
{
	char buf[64];
	bool any = false;
	int n;

	while (usable() && (n = xs_ring_read(&in, buf, sizeof(buf))) > 0) {
		any = true;
		for (int i = 0; i < n; i++)
			tty_input((u8)buf[i]);
	}
	if (any)
		notify();
}

void xen_console_init(void)
{
	if (usable() && port)
		event_adopt(port, console_event, NULL);
}
