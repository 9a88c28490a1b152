/* SPDX-License-Identifier: MIT */
/* Page-table primitives and the final kernel address space. */
#include <arch/cpu.h>
#include <arch/pgtable.h>
#include <nub/errno.h>
#include <nub/page.h>
#include <nub/panic.h>
#include <nub/smp.h>
#include <nub/string.h>

#define SIZE_1G (1UL << 30)

extern char kernel_start[], text_end[], rodata_start[], rodata_end[], data_start[],
	kernel_end[];

u64 *kernel_pml4, *pgtable_active;

static u64 *table_alloc(void)
{
	struct page *p = page_alloc(0, ALLOC_ZERO);

	if (!p)
		return NULL;
	page_stats.tables++;
	return page_to_virt(p);
}

static void table_free(u64 *t)
{
	page_stats.tables--;
	page_free(virt_to_page(t), 0);
}

static u64 *table_next(u64 *entry, bool make)
{
	u64 *t;

	if (*entry & PTE_P)
		return phys_to_virt(*entry & PTE_ADDR);
	if (!make)
		return NULL;
	t = table_alloc();
	if (t)
		*entry = virt_to_phys(t) | PTE_P | PTE_W | PTE_U;
	return t;
}

u64 *pt_slot(u64 *pml4, u64 va, bool make)
{
	u64 *t = pml4;

	for (int shift = 39; shift > 12; shift -= 9) {
		t = table_next(&t[va >> shift & 511], make);
		if (!t)
			return NULL;
	}
	return &t[va >> 12 & 511];
}

u64 pt_skip(u64 *pml4, u64 va)
{
	u64 *t = pml4;

	for (int shift = 39; shift > 12; shift -= 9) {
		t = table_next(&t[va >> shift & 511], false);
		if (!t)
			return ALIGN_DOWN(va, 1UL << shift) + (1UL << shift);
	}
	return va;
}

void pgtable_activate(u64 *pml4)
{
	pgtable_active = pml4;
	write_cr3(virt_to_phys(pml4));
}

void tlb_flush_page(u64 va)
{
	invlpg(va);
}

void tlb_flush_all(void)
{
	pgtable_activate(pgtable_active);
}

void tlb_flush_global(void)
{
	u64 cr4 = read_cr4();

	write_cr4(cr4 & ~CR4_PGE);
	write_cr4(cr4);
}

int kmap_page(u64 va, paddr_t pa, u64 flags)
{
	u64 *slot = pt_slot(kernel_pml4, va, true);

	if (!slot)
		return -ENOMEM;
	*slot = pa | flags | PTE_P;
	tlb_flush_page(va);
	return 0;
}

void kunmap_page(u64 va)
{
	u64 *slot = pt_slot(kernel_pml4, va, false);

	if (slot) {
		*slot = 0;
		tlb_flush_page(va);
		/* Kernel code runs on no other CPU now: each looks when it takes the
		 * lock. */
		cpus[cpu_self].kernel_tlb = ++kernel_tlb;
	}
}

/* --- vmap area: a bitmap of 64 MiB, one bit a page --- */

#define VMAP_PAGES 16384
static u64 vmap_bits[VMAP_PAGES / 64];

static bool vmap_test(u64 i)
{
	return vmap_bits[i / 64] >> (i % 64) & 1;
}

u64 vmap_reserve(u64 pages)
{
	u64 run = 0;

	for (u64 i = 0; i < VMAP_PAGES; i++) {
		run = vmap_test(i) ? 0 : run + 1;
		if (run < pages + 2)
			continue;
		for (u64 j = i - run + 2; j < i; j++)
			vmap_bits[j / 64] |= 1ULL << (j % 64);
		return VMAP_BASE + (i - run + 2) * PAGE_SIZE;
	}
	return 0;
}

void vmap_release(u64 va, u64 pages)
{
	u64 first = (va - VMAP_BASE) / PAGE_SIZE;

	for (u64 j = first; j < first + pages; j++)
		vmap_bits[j / 64] &= ~(1ULL << (j % 64));
}

void *vmap_device(paddr_t pa, u64 size)
{
	u64 off = pa & (PAGE_SIZE - 1);
	u64 pages = (off + size + PAGE_SIZE - 1) / PAGE_SIZE;
	u64 va = vmap_reserve(pages);

	if (!va)
		return NULL;
	for (u64 i = 0; i < pages; i++)
		if (kmap_page(va + i * PAGE_SIZE,
			      ALIGN_DOWN(pa, PAGE_SIZE) + i * PAGE_SIZE,
			      PTE_W | PTE_NX | PTE_PCD | PTE_PWT | PTE_G))
			return NULL;
	return (void *)(va + off);
}

/* --- boot --- */

static u64 kernel_page_flags(u64 va)
{
	if (va < (u64)text_end)
		return PTE_G;
	if (va < (u64)rodata_end)
		return PTE_G | PTE_NX;
	return PTE_G | PTE_NX | PTE_W;
}

static void boot_map(u64 va, paddr_t pa, u64 flags)
{
	if (kmap_page(va, pa, flags))
		panic("no memory for the kernel's page tables");
}

/* The direct map: large pages, except over the kernel image, whose text and constants
 * must not be writable through it either. */
static void direct_map(paddr_t end)
{
	paddr_t k0 = ALIGN_DOWN((u64)kernel_start - KERNEL_BASE, SIZE_2M);
	paddr_t k1 = ALIGN_UP((u64)kernel_end - KERNEL_BASE, SIZE_2M);
	u64 *pdpt = table_next(&kernel_pml4[DIRECT_MAP >> 39 & 511], true);

	for (paddr_t pa = 0; pa < end;) {
		u64 *pud = &pdpt[(pa + DIRECT_MAP) >> 30 & 511], *pd;

		if (cpu.page1g && !(pa & (SIZE_1G - 1)) && pa + SIZE_1G <= end && pa) {
			*pud = pa | PTE_P | PTE_W | PTE_NX | PTE_G | PTE_PS;
			pa += SIZE_1G;
			continue;
		}
		pd = table_next(pud, true);
		if (pa < k0 || pa >= k1) {
			pd[pa >> 21 & 511] = pa | PTE_P | PTE_W | PTE_NX | PTE_G | PTE_PS;
			pa += SIZE_2M;
			continue;
		}
		for (u64 i = 0; i < 512; i++, pa += PAGE_SIZE) {
			u64 kva = pa + KERNEL_BASE;
			bool ro = kva >= (u64)kernel_start && kva < (u64)rodata_end;

			boot_map(DIRECT_MAP + pa, pa, PTE_NX | PTE_G | (ro ? 0 : PTE_W));
		}
	}
}

void pgtable_init(paddr_t end)
{
	kernel_pml4 = table_alloc();
	if (!kernel_pml4 || !table_next(&kernel_pml4[VMAP_BASE >> 39 & 511], true) ||
	    !table_next(&kernel_pml4[DIRECT_MAP >> 39 & 511], true))
		panic("no memory for the kernel's page tables");
	direct_map(end);
	for (u64 va = (u64)kernel_start; va < (u64)kernel_end; va += PAGE_SIZE)
		boot_map(va, va - KERNEL_BASE, kernel_page_flags(va));
	pgtable_activate(kernel_pml4);
}

u64 *pgtable_create(void)
{
	u64 *t = table_alloc();

	if (t)
		memcpy(t + 256, kernel_pml4 + 256, 2048);
	return t;
}

/* Frees the tables below `t` that lie wholly within [floor, ceiling) and are touched by
 * [start, end).  `shift` is the size of one entry of `t`. */
static void free_level(u64 *t, int shift, u64 base, u64 start, u64 end, u64 floor,
		       u64 ceiling)
{
	u64 size = 1UL << shift;
	u64 first = start > base ? (start - base) >> shift : 0;

	for (u64 i = first; i < 512; i++) {
		u64 va = base + (i << shift);
		u64 *next;

		if (va >= end)
			break;
		if (!(t[i] & PTE_P))
			continue;
		next = phys_to_virt(t[i] & PTE_ADDR);
		if (shift > 21)
			free_level(next, shift - 9, va, start, end, floor, ceiling);
		if (va >= floor && va + size <= ceiling) {
			t[i] = 0;
			table_free(next);
		}
	}
}

void pgtable_free_range(u64 *pml4, u64 start, u64 end, u64 floor, u64 ceiling)
{
	free_level(pml4, 39, 0, start, end, floor, ceiling);
}

void pgtable_destroy(u64 *pml4)
{
	free_level(pml4, 39, 0, 0, 1UL << 47, 0, 1UL << 47);
	table_free(pml4);
}
