/* SPDX-License-Identifier: MIT */
/* Programs' questions about the system, and its end. */
#include "sys.h"

#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/page.h>
#include <nub/platform.h>
#include <nub/printk.h>
#include <nub/process.h>
#include <nub/random.h>
#include <nub/string.h>
#include <nub/uaccess.h>

#include <linux/random.h>
#include <linux/reboot.h>
#include <linux/sysinfo.h>

#define PER_LINUX 0

static char hostname[65] = "stubdom";

long sys_uname(void *buf)
{
	char u[6][65] = {"Linux", "", "6.12.0-nub", "#1 nub", "x86_64", "(none)"};

	strlcpy(u[1], hostname, sizeof(u[1]));
	return copy_to_user(buf, u, sizeof(u));
}

long sys_sethostname(const char *name, u64 len)
{
	char new[65] = {0};

	if (len > 64)
		return -EINVAL;
	if (copy_from_user(new, name, len))
		return -EFAULT;
	memcpy(hostname, new, sizeof(new));
	return 0;
}

long sys_sysinfo(void *buf)
{
	struct sysinfo s = {0};
	struct process *p;

	s.uptime = (long)(clock_now() / NS_PER_SEC);
	s.totalram = page_stats.total * PAGE_SIZE;
	s.freeram = page_stats.free * PAGE_SIZE;
	s.mem_unit = 1;
	list_for_each(p, &process_list, link)
		s.procs = (u16)(s.procs + p->nthreads);
	return copy_to_user(buf, &s, sizeof(s));
}

long sys_getrandom(void *buf, u64 count, u32 flags)
{
	u8 tmp[256];
	u64 done = 0;

	if ((flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	count = MIN(count, 0x7fffffffUL);
	while (done < count) {
		size_t n = MIN(count - done, sizeof(tmp));

		random_bytes(tmp, n);
		if (copy_to_user((u8 *)buf + done, tmp, n))
			return done ? (long)done : -EFAULT;
		done += n;
		sched_point();
	}
	return (long)done;
}

long sys_personality(u64 persona)
{
	return (u32)persona == 0xffffffff || persona == PER_LINUX ? 0 : -EINVAL;
}

long sys_restart_syscall(void)
{
	return -EINTR;
}

long sys_reboot(int m1, int m2, u32 cmd, void *arg)
{
	if ((u32)m1 != LINUX_REBOOT_MAGIC1 ||
	    ((u32)m2 != LINUX_REBOOT_MAGIC2 && (u32)m2 != LINUX_REBOOT_MAGIC2A &&
	     (u32)m2 != LINUX_REBOOT_MAGIC2B && (u32)m2 != LINUX_REBOOT_MAGIC2C))
		return -EINVAL;
	switch (cmd) {
	case LINUX_REBOOT_CMD_CAD_ON:
	case LINUX_REBOOT_CMD_CAD_OFF:
		return 0;
	case LINUX_REBOOT_CMD_POWER_OFF:
	case LINUX_REBOOT_CMD_HALT:
		printk("nub: power off\n");
		platform->stop(STOP_POWEROFF);
	case LINUX_REBOOT_CMD_RESTART:
	case LINUX_REBOOT_CMD_RESTART2:
		printk("nub: restart\n");
		platform->stop(STOP_REBOOT);
	default:
		return -EINVAL;
	}
}
