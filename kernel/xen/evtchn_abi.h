/* SPDX-License-Identifier: MIT */
/* The ioctl ABI of Linux's /dev/xen/evtchn. */
#ifndef NUB_XEN_EVTCHN_ABI_H
#define NUB_XEN_EVTCHN_ABI_H

#include <nub/types.h>

#include <asm/ioctl.h>

struct ioctl_evtchn_bind_interdomain {
	u32 remote_domain, remote_port;
};

#define EVTCHN_IOC(nr, size) _IOC(_IOC_NONE, 'E', nr, size)
#define IOCTL_EVTCHN_BIND_VIRQ EVTCHN_IOC(0, 4)
#define IOCTL_EVTCHN_BIND_INTERDOMAIN EVTCHN_IOC(1, 8)
#define IOCTL_EVTCHN_BIND_UNBOUND_PORT EVTCHN_IOC(2, 4)
#define IOCTL_EVTCHN_UNBIND EVTCHN_IOC(3, 4)
#define IOCTL_EVTCHN_NOTIFY EVTCHN_IOC(4, 4)
#define IOCTL_EVTCHN_RESET EVTCHN_IOC(5, 0)
#define IOCTL_EVTCHN_RESTRICT_DOMID EVTCHN_IOC(6, 2)

#endif
