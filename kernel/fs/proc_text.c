/* SPDX-License-Identifier: MIT */
/* The texts of /proc that are made when they are opened. */
#include "proc.h"

#include <arch/cpu.h>
#include <nub/clock.h>
#include <nub/cmdline.h>
#include <nub/errno.h>
#include <nub/mm.h>
#include <nub/ondisk.h>
#include <nub/page.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/smp.h>
#include <nub/string.h>
#include <nub/vfs.h>

#include <stdarg.h>

void proc_emit(struct text *t, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = MIN((size_t)vsnprintf(line, sizeof(line), fmt, ap), sizeof(line) - 1);
	va_end(ap);
	if (t->used + n > t->room) {
		size_t room = MAX(t->room * 2, 1024UL);
		char *b = krealloc(t->buf, t->used, room);

		if (!b)
			return;
		t->buf = b;
		t->room = room;
	}
	memcpy(t->buf + t->used, line, n);
	t->used += n;
}

static void gen_meminfo(struct text *t, struct process *p, const struct thread *m)
{
	struct page_stats *s = &page_stats;

	proc_emit(
		t,
		"MemTotal:       %8lu kB\nMemFree:        %8lu kB\nMemAvailable:   %8lu kB\n",
		s->total * 4, s->free * 4, (s->free + file_renewable()) * 4);
	proc_emit(
		t,
		"Buffers:        %8u kB\nCached:         %8lu kB\nSwapTotal:      %8u kB\n"
		"SwapFree:       %8u kB\nAnonPages:      %8lu kB\nSlab:           %8lu kB\n"
		"KernelStack:    %8lu kB\nPageTables:     %8lu kB\nNubKernel:      %8lu kB\n"
		"NubDropped:     %8lu\nNubDiskReads:   %8lu\nNubDiskRead:    %8lu kB\n"
		"HugePages_Total:       0\nHugepagesize:       2048 kB\n",
		0, s->cache * 4, 0, 0, s->anon * 4, s->slab * 4, s->stacks * 4,
		s->tables * 4, page_kernel_own() * 4, s->reclaims, ondisk_stats.reads,
		ondisk_stats.pages * 4);
}

static void gen_cpuinfo(struct text *t, struct process *p, const struct thread *m)
{
	u32 r[4];

	cpuid(1, 0, r);
	for (unsigned k = 0; k < smp_count; k++)
		proc_emit(
			t,
			"processor\t: %u\nvendor_id\t: nub\ncpu family\t: %u\nmodel\t\t: "
			"%u\nmodel name\t: virtual CPU\nflags\t\t: fpu tsc cx8 cmov mmx fxsr sse sse2%s\n\n",
			k, r[0] >> 8 & 15, r[0] >> 4 & 15, cpu.xsave ? " xsave" : "");
}

static void gen_uptime(struct text *t, struct process *p, const struct thread *m)
{
	u64 cs = clock_now() / 10000000;

	proc_emit(t, "%lu.%02lu 0.00\n", cs / 100, cs % 100);
}

static void gen_loadavg(struct text *t, struct process *p, const struct thread *m)
{
	proc_emit(t, "0.00 0.00 0.00 1/1 1\n");
}

static void gen_stat(struct text *t, struct process *p, const struct thread *m)
{
	proc_emit(t, "cpu  0 0 0 0 0 0 0 0 0 0\n");
	for (unsigned k = 0; k < smp_count; k++)
		proc_emit(t, "cpu%u 0 0 0 0 0 0 0 0 0 0\n", k);
	proc_emit(t, "btime %lu\n", (clock_real() - clock_now()) / NS_PER_SEC);
}

static void gen_cmdline(struct text *t, struct process *p, const struct thread *m)
{
	proc_emit(t, "%s\n", cmdline_get());
}

static void gen_mounts(struct text *t, struct process *p, const struct thread *m)
{
	proc_emit(
		t,
		"rootfs / rootfs rw 0 0\nproc /proc proc rw 0 0\nsysfs /sys sysfs rw 0 0\n"
		"devtmpfs /dev devtmpfs rw 0 0\n");
}

static void gen_filesystems(struct text *t, struct process *p, const struct thread *m)
{
	proc_emit(t, "nodev\tproc\nnodev\tsysfs\nnodev\ttmpfs\nnodev\tdevtmpfs\n");
}

static void gen_version(struct text *t, struct process *p, const struct thread *m)
{
	proc_emit(t, "Linux version 6.12.0-nub\n");
}

static void gen_maps(struct text *t, struct process *p, const struct thread *m)
{
	struct mm *mm = p->mm;
	char path[256];

	for (unsigned i = 0; mm && i < mm->count; i++) {
		struct vma *v = mm->vmas[i];
		const char *name = "";

		path[0] = 0;
		if (v->file && v->file->dent)
			dent_path(v->file->dent, path, sizeof(path));
		if (path[0])
			name = path;
		else if (v->flags & VM_STACK)
			name = "[stack]";
		else if (v->flags & VM_KERNEL)
			name = "[vdso]";
		else if (v->start < mm->brk && v->end > mm->brk_start)
			name = "[heap]";
		proc_emit(t, "%08lx-%08lx %c%c%c%c %08lx 00:01 %-10lu%s%s\n", v->start,
			  v->end, v->flags & VM_READ ? 'r' : '-',
			  v->flags & VM_WRITE ? 'w' : '-', v->flags & VM_EXEC ? 'x' : '-',
			  v->flags & VM_SHARED ? 's' : 'p',
			  v->ops ? v->pgoff << PAGE_SHIFT : 0,
			  v->file && v->file->inode ? v->file->inode->ino : 0,
			  *name ? "    " : "", name);
	}
}

static const char *name_of(const struct process *p, const struct thread *m)
{
	return m ? m->comm : p->comm;
}

static char state_of(const struct thread *m)
{
	if (!m)
		return 'Z';
	return m->state == THREAD_RUNNABLE ? 'R' : m->interruptible ? 'S' : 'D';
}

static u64 pages_of(const struct process *p)
{
	return p->mm ? p->mm->total : 0;
}

static u64 resident_of(const struct process *p)
{
	return p->mm ? p->mm->rss : 0;
}

static void gen_status(struct text *t, struct process *p, const struct thread *m)
{
	char state = state_of(m);

	proc_emit(t, "Name:\t%s\nState:\t%c (%s)\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\n",
		  name_of(p, m), state,
		  state == 'R'	 ? "running"
		  : state == 'S' ? "sleeping"
		  : state == 'D' ? "disk sleep"
				 : "zombie",
		  p->pid, m ? m->tid : p->pid, p->parent ? p->parent->pid : 0);
	proc_emit(t,
		  "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t64\nVmPeak:\t%8lu kB\n"
		  "VmSize:\t%8lu kB\nVmRSS:\t%8lu kB\nThreads:\t%d\n",
		  pages_of(p) * 4, pages_of(p) * 4, resident_of(p) * 4,
		  MAX(p->nthreads, 1));
}

static void gen_pid_stat(struct text *t, struct process *p, const struct thread *m)
{
	struct cpu_time own = process_cpu_time(p), child = p->child_time;

	proc_emit(
		t,
		"%d (%s) %c %d %d %d 0 -1 0 0 0 0 0 %lu %lu %lu %lu 20 0 %d 0 %lu %lu %lu\n",
		m ? m->tid : p->pid, name_of(p, m), state_of(m),
		p->parent ? p->parent->pid : 0, p->pgid, p->sid,
		(own.ns - own.sys_ns) / TICK_NS, own.sys_ns / TICK_NS,
		(child.ns - child.sys_ns) / TICK_NS, child.sys_ns / TICK_NS,
		MAX(p->nthreads, 1), p->start_ns / TICK_NS, pages_of(p) * PAGE_SIZE,
		resident_of(p));
}

static void gen_statm(struct text *t, struct process *p, const struct thread *m)
{
	proc_emit(t, "%lu %lu 0 0 0 %lu 0\n", pages_of(p), resident_of(p), pages_of(p));
}

static void gen_comm(struct text *t, struct process *p, const struct thread *m)
{
	proc_emit(t, "%s\n", name_of(p, m));
}

static int set_comm(struct process *p, struct thread *m, const char *value)
{
	if (m)
		strlcpy(m->comm, value, sizeof(m->comm));
	return 0;
}

static void gen_oom_score_adj(struct text *t, struct process *p, const struct thread *m)
{
	proc_emit(t, "%d\n", p->oom_score_adj);
}

static int set_oom_score_adj(struct process *p, struct thread *m, const char *value)
{
	bool minus = *value == '-';
	const char *end;
	u64 n = strtou64(value + minus, &end);

	if (end == value + minus || (*end && *end != '\n') || n > OOM_ADJ_MAX)
		return -EINVAL;
	p->oom_score_adj = minus ? -(s32)n : (s32)n;
	return 0;
}

static void gen_pid_cmdline(struct text *t, struct process *p, const struct thread *m)
{
	for (size_t i = 0; i < p->cmdline_len; i++)
		proc_emit(t, "%c", p->cmdline[i]);
}

static void gen_empty(struct text *t, struct process *p, const struct thread *m)
{
	proc_emit(t, "%s", "");
}

static void gen_zero(struct text *t, struct process *p, const struct thread *m)
{
	proc_emit(t, "0\n");
}

/* Not Linux's: the calls that programs really make. */
const struct proc_text proc_pid_texts[PROC_PID_TEXTS + 1] = {
	{"maps", gen_maps, NULL},
	{"status", gen_status, NULL},
	{"stat", gen_pid_stat, NULL},
	{"statm", gen_statm, NULL},
	{"comm", gen_comm, set_comm},
	{"cmdline", gen_pid_cmdline, NULL},
	{"mounts", gen_mounts, NULL},
	{"mountinfo", gen_empty, NULL},
	{"cgroup", gen_empty, NULL},
	{"oom_score_adj", gen_oom_score_adj, set_oom_score_adj},
	{"environ", gen_empty, NULL},
	{"auxv", gen_empty, NULL},
	{"loginuid", gen_zero, NULL},
	{"smaps", gen_empty, NULL},
	{NULL, NULL, NULL},
};

const struct proc_text proc_system_texts[] = {
	{"meminfo", gen_meminfo, NULL}, {"cpuinfo", gen_cpuinfo, NULL},
	{"uptime", gen_uptime, NULL},	{"loadavg", gen_loadavg, NULL},
	{"stat", gen_stat, NULL},	{"cmdline", gen_cmdline, NULL},
	{"mounts", gen_mounts, NULL},	{"filesystems", gen_filesystems, NULL},
	{"version", gen_version, NULL}, {NULL, NULL, NULL},
};
