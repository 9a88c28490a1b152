/* SPDX-License-Identifier: MIT */
/* Hypercalls: the calling convention and one typed wrapper for each that we use. */
#ifndef NUB_XEN_HYPERCALL_H
#define NUB_XEN_HYPERCALL_H

#include <nub/types.h>

#include <xen/xen.h>

/*
 * xen_hypercall is a few instructions in hypercall.S that pick vmcall or vmmcall.  There
 * is no hypercall page: no page of ours is written by Xen and executed by us.  Pointers
 * in arguments are linear addresses of the current address space; their pages must be
 * present.  Returns what Xen returns: negative errno on failure.
 */
static inline long hypercall5(u64 op, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
	register u64 r10 __asm__("r10") = a4;
	register u64 r8 __asm__("r8") = a5;
	long ret;

	__asm__ volatile("call xen_hypercall"
			 : "=a"(ret), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
			 : "a"(op)
			 : "memory", "rcx", "r9", "r11", "cc");
	return ret;
}

static inline long hypercall3(u64 op, u64 a1, u64 a2, u64 a3)
{
	register u64 r10 __asm__("r10");
	register u64 r8 __asm__("r8");
	long ret;

	__asm__ volatile("call xen_hypercall"
			 : "=a"(ret), "+D"(a1), "+S"(a2), "+d"(a3), "=r"(r10), "=r"(r8)
			 : "a"(op)
			 : "memory", "rcx", "r9", "r11", "cc");
	return ret;
}

static inline long xen_event_channel_op(int cmd, void *arg)
{
	return hypercall3(__HYPERVISOR_event_channel_op, (u64)cmd, (u64)arg, 0);
}
static inline long xen_memory_op(u64 cmd, void *arg)
{
	return hypercall3(__HYPERVISOR_memory_op, cmd, (u64)arg, 0);
}
static inline long xen_hvm_op(int cmd, void *arg)
{
	return hypercall3(__HYPERVISOR_hvm_op, (u64)cmd, (u64)arg, 0);
}
static inline long xen_sched_op(int cmd, void *arg)
{
	return hypercall3(__HYPERVISOR_sched_op, (u64)cmd, (u64)arg, 0);
}
static inline long xen_vcpu_op(int cmd, unsigned vcpu, void *arg)
{
	return hypercall3(__HYPERVISOR_vcpu_op, (u64)cmd, vcpu, (u64)arg);
}
static inline long xen_grant_table_op(unsigned cmd, void *ops, unsigned count)
{
	return hypercall3(__HYPERVISOR_grant_table_op, cmd, (u64)ops, count);
}
static inline long xen_version_op(int cmd, void *arg)
{
	return hypercall3(__HYPERVISOR_xen_version, (u64)cmd, (u64)arg, 0);
}
static inline long xen_dm_op(domid_t dom, unsigned nbufs, void *bufs)
{
	return hypercall3(__HYPERVISOR_dm_op, dom, nbufs, (u64)bufs);
}
static inline long xen_multicall(multicall_entry_t *calls, unsigned count)
{
	return hypercall3(__HYPERVISOR_multicall, (u64)calls, count, 0);
}

#endif
