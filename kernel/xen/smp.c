/* SPDX-License-Identifier: MIT */
/* More vCPUs: starting one, its timer, interrupts for it. All other events stay with the
 * first; any vCPU may run their handlers. */
#include "core.h"
#include "event.h"
#include "hypercall.h"

#include <arch/pgtable.h>
#include <nub/page.h>
#include <nub/smp.h>

#include <xen/hvm/hvm_vcpu.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

/* Access bits of flat 32-bit segments and of a busy task (hvm_vcpu.h has the layout). */
#define AR_CODE 0xc9b
#define AR_DATA 0xc93
#define AR_TASK 0x8b

static int kick_port[CPUS_MAX];

/* The event interrupts; its vCPU is in the kernel then, and nothing more is wanted. */
static void kicked(u32 port, void *arg)
{
}

unsigned xen_cpu_count(void)
{
	unsigned n = 1;

	while (n < CPUS_MAX && xen_vcpu_op(VCPUOP_is_up, n, NULL) >= 0)
		n++;
	return n;
}

int xen_cpu_start(unsigned k, paddr_t entry)
{
	/* Static: too large for a kernel stack; CPUs start one at a time. */
	static struct vcpu_hvm_context context;
	int port;
	long err;

	if (!kick_port[0]) {
		port = event_bind_ipi(0, kicked, NULL);
		if (port < 0)
			return port;
		kick_port[0] = port;
	}
	port = event_bind_ipi(k, kicked, NULL);
	if (port < 0)
		return port;
	kick_port[k] = port;
	port = xen_clock_bind(k);
	if (port < 0)
		return port;
	context = (struct vcpu_hvm_context){
		.mode = VCPU_HVM_MODE_32B,
		.cpu_regs.x86_32 =
			{
				.eip = (u32)entry,
				.eflags = 2,
				.cr0 = 0x11, /* PE, ET */
				.cs_limit = ~0u,
				.ds_limit = ~0u,
				.ss_limit = ~0u,
				.es_limit = ~0u,
				.tr_limit = 0x67,
				.cs_ar = AR_CODE,
				.ds_ar = AR_DATA,
				.ss_ar = AR_DATA,
				.es_ar = AR_DATA,
				.tr_ar = AR_TASK,
			},
	};
	err = xen_vcpu_op(VCPUOP_initialise, k, &context);
	if (!err)
		err = xen_vcpu_op(VCPUOP_up, k, NULL);
	return (int)err;
}

void xen_cpu_init(unsigned k)
{
	xen_shared->vcpu_info[k].evtchn_upcall_mask = 0;
	xen_vcpu_op(VCPUOP_stop_periodic_timer, k, NULL);
}

void xen_cpu_kick(unsigned k)
{
	event_notify((u32)kick_port[k]);
}

void xen_cpu_relax(void)
{
	xen_sched_op(SCHEDOP_yield, NULL);
}
