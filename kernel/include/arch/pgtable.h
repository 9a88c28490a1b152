/* SPDX-License-Identifier: MIT */
/* Page tables: four levels, shared kernel half. */
#ifndef ARCH_PGTABLE_H
#define ARCH_PGTABLE_H

#include <nub/types.h>

#define PTE_P 1UL
#define PTE_W 2UL
#define PTE_U 4UL
#define PTE_PWT 8UL
#define PTE_PCD 0x10UL
#define PTE_A 0x20UL
#define PTE_D 0x40UL
#define PTE_PS 0x80UL
#define PTE_G 0x100UL
#define PTE_NOREF 0x200UL /* ours: the frame is not reference counted */
#define PTE_NX (1UL << 63)
#define PTE_ADDR 0x000ffffffffff000UL

#define SIZE_2M (1UL << 21) /* that one page table maps */

extern u64 *kernel_pml4;
/* The value of CR3: reading it can be an exit. */
extern u64 *pgtable_active;
void pgtable_activate(u64 *pml4);

/* Slot of the 4 KiB entry for va; makes tables if `make`. NULL: none or no memory. */
u64 *pt_slot(u64 *pml4, u64 va, bool make);
/* First address above va that may have an entry, when pt_slot(va) finds no table. */
u64 pt_skip(u64 *pml4, u64 va);
/* Kernel mapping of one page in the vmap area or the kernel image: 0 or -ENOMEM. */
int kmap_page(u64 va, paddr_t pa, u64 flags);
void kunmap_page(u64 va);
/* Room in the vmap area, page granular, with an unmapped guard page before and after. */
u64 vmap_reserve(u64 pages);
void vmap_release(u64 va, u64 pages);
/* Maps device memory uncached. */
void *vmap_device(paddr_t pa, u64 size);
/* Boot: final kernel tables with W^X and the direct map of all RAM up to `end`. */
void pgtable_init(paddr_t end);
/* A user pml4 with the kernel half; NULL: no memory. */
u64 *pgtable_create(void);
/* Frees the tables of [start,end) where whole tables fit (pages are unmapped already). */
void pgtable_free_range(u64 *pml4, u64 start, u64 end, u64 floor, u64 ceiling);
void pgtable_destroy(u64 *pml4);
void tlb_flush_page(u64 va);
void tlb_flush_all(void);
void tlb_flush_global(void); /* the kernel's entries as well */

#endif
