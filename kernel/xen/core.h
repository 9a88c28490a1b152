/* SPDX-License-Identifier: MIT */
/* Common code of the Xen parts of the kernel: the shared page, parameters, shared
 * frames. */
#ifndef NUB_XEN_CORE_H
#define NUB_XEN_CORE_H

#include <nub/types.h>

#include <xen/xen.h>

extern u8 xen_use_vmcall;	       /* hypercall.S */
extern struct shared_info *xen_shared; /* NULL until xen_share_page */
extern domid_t xen_domid;	       /* ours; DOMID_SELF when Xen does not say */

/* Whether this is a domain of Xen's; if so, sets the other three above. */
bool xen_find(void);
/* Has Xen put its shared page where xen_shared says; panics if it does not. */
void xen_share_page(void);
/* Value of an HVM parameter of ours, 0 when there is none. */
u64 xen_param(unsigned index);
/* A cached kernel mapping of n frames from pfn on; NULL: no room. */
void *xen_map_frames(u64 pfn, unsigned n);
void xen_unmap_frames(void *va, unsigned n); /* NULL is fine */

/* console.c */
void xen_console_early(void);
void xen_console_init(void);
void xen_console_write(const char *s, size_t n);
void xen_console_flush(void);
/* clock.c */
void xen_clock_init(void);
void xen_timer_program(u64 when_ns);
/* The same instant in Xen's system time. */
u64 xen_time(u64 when_ns);
/* Takes Xen's word on the clock now, then runs the timers that are due. */
void xen_timer_run(void);
/* The timer's port of one vCPU, or negative errno. */
int xen_clock_bind(unsigned vcpu);
/* smp.c: platform_ops */
unsigned xen_cpu_count(void);
int xen_cpu_start(unsigned k, paddr_t entry);
void xen_cpu_init(unsigned k);
void xen_cpu_kick(unsigned k);
void xen_cpu_relax(void);
/* store.c */
void xen_store_init(void);
void xen_report(const char *line);
/* dev_*.c: the nodes below /dev/xen */
void xen_dev_privcmd_init(void);
void xen_dev_evtchn_init(void);
/* Sends an event if the port is a program's (/dev/xen/evtchn), not the kernel's. */
void evtchn_notify_program(u32 port);
void xen_dev_gntdev_init(void);
void xen_dev_gntalloc_init(void);
void xen_dev_xenbus_init(void);

#endif
