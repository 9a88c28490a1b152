/* SPDX-License-Identifier: MIT */
/* From the boot protocol to the first program. */
#include <arch/cpu.h>
#include <arch/pgtable.h>
#include <nub/clock.h>
#include <nub/cmdline.h>
#include <nub/mm.h>
#include <nub/netdev.h>
#include <nub/page.h>
#include <nub/panic.h>
#include <nub/platform.h>
#include <nub/printk.h>
#include <nub/proc.h>
#include <nub/process.h>
#include <nub/random.h>
#include <nub/report.h>
#include <nub/sched.h>
#include <nub/shadow.h>
#include <nub/slab.h>
#include <nub/smp.h>
#include <nub/socket.h>
#include <nub/string.h>
#include <nub/syscall.h>
#include <nub/tty.h>
#include <nub/vfs.h>

#include <xen/arch-x86/hvm/start_info.h>
#include <xen/xen.h>

#define MAX_RANGES 32

extern char kernel_start[], kernel_end[];
extern u64 __stack_chk_guard;
/* boot_tables.S, entry.S */
extern char boot_stack[];
extern const char trap_stubs[];
extern const u64 syscall_entries[CPUS_MAX];

const struct platform_ops *__attribute__((weak)) platform_xen_probe(void)
{
	return NULL;
}

/* The kernel that tests use has one that does something (kernel/test/crash.c). */
void test_start(void);
void __attribute__((weak)) test_start(void)
{
}

void kernel_main(paddr_t start_info);

struct range {
	paddr_t start, end;
};

/* The ranges that the allocator must not get, and the RAM that there is. */
static struct range ram[MAX_RANGES], used[8];
static unsigned nram, nused;
static struct range ramdisk;

static void __init range_add_used(paddr_t start, paddr_t end)
{
	ASSERT(nused < ARRAY_SIZE(used));
	used[nused++] =
		(struct range){ALIGN_DOWN(start, PAGE_SIZE), ALIGN_UP(end, PAGE_SIZE)};
}

static void __init boot_info_read(paddr_t pa)
{
	const struct hvm_start_info *si = phys_to_virt(pa);
	const struct hvm_memmap_table_entry *map;
	const struct hvm_modlist_entry *mod;

	if (si->magic != XEN_HVM_START_MAGIC_VALUE)
		panic("no PVH start info (magic %#x)", si->magic);
	if (si->cmdline_paddr)
		cmdline_set(phys_to_virt(si->cmdline_paddr));
	if (si->version < 1 || !si->memmap_paddr)
		panic("start info without a memory map");
	map = phys_to_virt(si->memmap_paddr);
	for (u32 i = 0; i < si->memmap_entries && nram < MAX_RANGES; i++) {
		if (map[i].type != XEN_HVM_MEMMAP_TYPE_RAM)
			continue;
		/* The first megabyte is left to firmware tables. */
		ram[nram].start = MAX(ALIGN_UP(map[i].addr, PAGE_SIZE), 0x100000UL);
		ram[nram].end = ALIGN_DOWN(map[i].addr + map[i].size, PAGE_SIZE);
		if (ram[nram].start < ram[nram].end)
			nram++;
	}
	mod = phys_to_virt(si->modlist_paddr);
	if (si->nr_modules)
		ramdisk = (struct range){mod[0].paddr, mod[0].paddr + mod[0].size};
	range_add_used((paddr_t)(kernel_start - KERNEL_BASE),
		       (paddr_t)(kernel_end - KERNEL_BASE));
	if (ramdisk.start < ramdisk.end)
		range_add_used(ramdisk.start, ramdisk.end);
}

static bool __init overlaps_used(paddr_t start, paddr_t end, paddr_t *next)
{
	for (unsigned i = 0; i < nused; i++) {
		if (start < used[i].end && used[i].start < end) {
			*next = used[i].end;
			return true;
		}
	}
	return false;
}

/* Boot-time memory below 4 GiB, which the entry code has mapped. */
static paddr_t __init early_alloc(u64 size)
{
	for (unsigned i = 0; i < nram; i++) {
		paddr_t at = ram[i].start, next = 0;

		while (at + size <= MIN(ram[i].end, 1UL << 32)) {
			if (!overlaps_used(at, at + size, &next)) {
				range_add_used(at, at + size);
				return at;
			}
			at = next;
		}
	}
	panic("no room for the page frame table");
}

static void __init give_free(paddr_t start, paddr_t end)
{
	while (start < end) {
		paddr_t stop = end, next;

		if (overlaps_used(start, start + PAGE_SIZE, &next)) {
			start = next;
			continue;
		}
		for (unsigned i = 0; i < nused; i++)
			if (used[i].start > start && used[i].start < stop)
				stop = used[i].start;
		page_add_range(start, stop);
		start = stop;
	}
}

static void __init memory_init(void)
{
	paddr_t top = 0, low_top;
	u64 bytes;

	for (unsigned i = 0; i < nram; i++)
		top = MAX(top, ram[i].end);
	top = MIN(top, 512UL << 30);
	page_frames = top >> PAGE_SHIFT;
	bytes = ALIGN_UP(page_frames * sizeof(struct page), PAGE_SIZE);
	page_table = phys_to_virt(early_alloc(bytes));
	page_stats.image =
		(bytes + (u64)ALIGN_UP(kernel_end - kernel_start, PAGE_SIZE)) >>
		PAGE_SHIFT;
	page_stats.ramdisk = (ramdisk.end - ramdisk.start) >> PAGE_SHIFT;
	for (u64 i = 0; i < page_frames; i++)
		page_table[i] = (struct page){.ref = 1, .flags = PG_FIXED};
#ifdef NUB_CHECKED
	shadow_init(phys_to_virt(early_alloc(shadow_bytes(page_frames))), page_frames);
#endif
	/* First the mapped memory, so that tables for the rest can be made. */
	low_top = MIN(top, 1UL << 32);
	for (unsigned i = 0; i < nram; i++)
		give_free(MIN(ram[i].start, low_top), MIN(ram[i].end, low_top));
	pgtable_init(top);
	kunmap_page((u64)boot_stack - PAGE_SIZE); /* the boot tables: now a guard page */
	for (unsigned i = 0; i < nram; i++)
		give_free(MAX(ram[i].start, low_top), MIN(MAX(ram[i].end, low_top), top));
}

static void __init ramdisk_unpack(void)
{

	if (ramdisk.start == ramdisk.end)
		panic("no ramdisk was given");
	cpio_unpack(phys_to_virt(ramdisk.start), ramdisk.end - ramdisk.start);
}

#define MAX_ENV 16

/*
 * Words NAME=value of the command line, with a capital first, go to PID 1, as on
 * Linux.
 */
static void __init env_from_cmdline(char *envp[MAX_ENV + 1], unsigned n)
{
	static char copy[2048];
	char *p = copy;

	strlcpy(copy, cmdline_get(), sizeof(copy));
	while (*p && n < MAX_ENV) {
		char *end = strchr(p, ' ');

		if (end)
			*end = 0;
		if (*p >= 'A' && *p <= 'Z' && strchr(p, '='))
			envp[n++] = p;
		p = end ? end + 1 : p + strlen(p);
	}
	envp[n] = NULL;
}

static void __init start_init(void)
{
	static char path[128] = "/init";
	char *argv[] = {path, NULL};
	char *envp[MAX_ENV + 1] = {"HOME=/", "TERM=linux",
				   "PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
	int err;

	cmdline_option("rdinit", path, sizeof(path));
	cmdline_option("init", path, sizeof(path));
	env_from_cmdline(envp, 3);
	err = process_start_init(path, argv, envp);
	if (err)
		panic("cannot start %s: error %d", path, -err);
	test_start();
	thread_start(current);
	sched_start();
}

__attribute__((no_stack_protector)) void kernel_main(paddr_t start_info)
{
	const struct platform_ops *xen;

	platform = &platform_pc;
	xen = platform_xen_probe();
	if (xen)
		platform = xen;
	thread_user_start = thread_start_user;
	cpu_init(trap_stubs, syscall_entries);
	boot_info_read(start_info);
	memory_init();
	random_init();
	__stack_chk_guard = random_u64() & ~0xffUL; /* a NUL stops string overruns */
	mm_init(file_reclaim);
	sched_init();
	platform->init();
	vfs_init();
	ramdisk_unpack();
	dev_init();
	tap_init();
	tty_init();
	if (platform->devices)
		platform->devices();
	smp_start();
	proc_init();
	net_proc_init();
	unix_init();
	syscall_init();
	report_init();
	printk("nub: %s, %lu MiB, boot %lu ms\n", platform->name, page_stats.total >> 8,
	       clock_now() / NS_PER_MSEC);
	start_init();
}
