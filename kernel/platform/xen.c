/* SPDX-License-Identifier: MIT */
/* Xen as the platform: the operations that fill in for a machine. */
#include "../drivers/blkfront.h"
#include "../drivers/netfront.h"
#include "../drivers/pcifront.h"
#include "../drivers/rootdisk.h"
#include "../xen/core.h"
#include "../xen/event.h"
#include "../xen/grant.h"
#include "../xen/hypercall.h"
#include "../xen/idle.h"
#include "../xen/xenbus.h"

#include <nub/platform.h>

#include <xen/sched.h>

static void xen_init(void)
{
	xen_share_page();
	event_init();
	xen_clock_init();
	xen_console_init();
	grant_init();
	xen_store_init();
}

static void xen_devices(void)
{
	static const struct xenbus_driver *const drivers[] = {
		&blkfront_driver, &netfront_driver, &pcifront_driver, NULL};

	xen_dev_privcmd_init();
	xen_dev_evtchn_init();
	xen_dev_gntdev_init();
	xen_dev_gntalloc_init();
	xen_dev_xenbus_init();
	rootdisk_init();
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
	if (!xen_find())
		return NULL;
	xen_console_early();
	return &platform_xen;
}
