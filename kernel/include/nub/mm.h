/* SPDX-License-Identifier: MIT */
/* User address spaces: mappings, faults, mmap and its kin. */
#ifndef NUB_MM_H
#define NUB_MM_H

#include <arch/pgtable.h>
#include <nub/list.h>
#include <nub/types.h>

struct file;
struct inode;
struct page;
struct vma;

enum vma_flag {
	VM_READ = 1,
	VM_WRITE = 2,
	VM_EXEC = 4,
	VM_SHARED = 8,
	VM_STACK = 0x10, /* grows down */
	VM_PFN = 0x20,	 /* frames without reference counts: devices, foreign memory */
	VM_FIXED_SIZE = 0x40, /* cannot be split, moved or resized (device mappings) */
	VM_DONTFORK = 0x80,
	VM_MAYNOTWRITE =
		0x100,	   /* mprotect may not add PROT_WRITE (read-only descriptor) */
	VM_KERNEL = 0x200, /* vDSO */
	VM_NORESERVE = 0x400,
	VM_WIPEONFORK = 0x800, /* empty in children */
};

/* The source of a mapping's memory. All of it runs without sleeping. */
struct vma_ops {
	/* Frame for page `index` of the mapped object (file offset / PAGE_SIZE).
	 * Fills *pfn; for a counted page a reference is passed to the caller.
	 * 0, -EFAULT (SIGSEGV), -ENXIO (SIGBUS) or -ENOMEM. */
	int (*fault)(struct vma *v, u64 index, bool write, u64 *pfn);
	/* Frames that are at hand without allocation, for fault-around; may be NULL. */
	bool (*resident)(struct vma *v, u64 index, u64 *pfn);
	/* The page's bytes, for a private copy at its first write; may be NULL. Errors as
	 * of fault. */
	int (*copy)(struct vma *v, u64 index, void *to);
	void (*open)(struct vma *v);  /* copied by fork or split */
	void (*close)(struct vma *v); /* after its pages are unmapped */
};

struct vma {
	u64 start, end; /* page aligned */
	u32 flags;
	struct file *file;	   /* counted, may be NULL */
	u64 pgoff;		   /* object page of start */
	const struct vma_ops *ops; /* NULL: anonymous */
	void *priv;		   /* of the ops */
};

struct mm {
	struct list link; /* all of them */
	int refs;
	u64 *pml4;
	struct vma **vmas; /* sorted by address */
	unsigned count, room;
	unsigned
		found; /* where vma_find() looks first: what it found last, or anything */
	u64 brk_start, brk;
	u64 mmap_base;
	u64 stack_top;
	u64 vdso;
	u64 arg_start, arg_end, env_start, env_end;
	u64 rss;		  /* mapped pages */
	u64 total;		  /* pages of all mappings */
	u32 barriers;		  /* MEMBARRIER_CMD_REGISTER_* that it has asked for */
	u64 stack_max, total_max; /* RLIMIT_STACK in bytes, RLIMIT_AS in pages */
};

/* Boot. `reclaim` is called when memory is short: it frees what can be had again, if that
 * is worth while, and says whether it has. */
void mm_init(bool (*reclaim)(void));
struct mm *mm_create(void);
/* RLIMIT_STACK and RLIMIT_AS of its process, in bytes. */
void mm_set_limits(struct mm *mm, u64 stack, u64 space);
struct mm *mm_fork(struct mm *from);
void mm_put(struct mm *mm);
/* Its page tables are what the CPU uses from here on; NULL: the kernel's alone. */
static inline void mm_activate(const struct mm *mm)
{
	u64 *pml4 = mm ? mm->pml4 : kernel_pml4;

	if (pgtable_active != pml4)
		pgtable_activate(pml4);
}

/* First mapping that ends above addr; NULL: none. */
struct vma *vma_find(struct mm *mm, u64 addr);
/* Index in mm->vmas of the same; mm->count: none. */
unsigned vma_find_index(struct mm *mm, u64 addr);
/* It would promise far more memory than there is. */
bool mm_overcommits(u64 len, u32 vmflags);
/* Maps; returns the address or negative errno. `file` NULL: anonymous and private. The
 * mmap(2) call has checked the arguments: prot as VM_* bits, len and addr page aligned. */
s64 mm_map(struct mm *mm, u64 addr, u64 len, u32 vmflags, bool fixed, struct file *file,
	   u64 pgoff);
/* A mapping of a kernel object that is no file (the vDSO). */
s64 mm_map_special(struct mm *mm, u64 addr, u64 len, u32 vmflags,
		   const struct vma_ops *ops, void *priv);
/* The place for a mapping of len bytes; 0: nowhere. */
u64 mm_find_gap(struct mm *mm, u64 len);
int mm_unmap(struct mm *mm, u64 addr, u64 len);
int mm_protect(struct mm *mm, u64 addr, u64 len, u32 prot);
s64 mm_remap(struct mm *mm, u64 addr, u64 old_len, u64 new_len, u32 flags, u64 new_addr);
int mm_advise(struct mm *mm, u64 addr, u64 len, int advice);
u64 mm_brk(struct mm *mm, u64 brk);
/*
 * Drops the page-table entries of [start,end) of one mapping; its pages lose a
 * reference.
 */
void mm_zap(struct mm *mm, struct vma *v, u64 start, u64 end);
/* Every mapping of `inode` forgets pages from `first` on (truncate). */
void mm_zap_inode(struct inode *inode, u64 first);
/* The same for the inode's own pages [first,end) only: private copies of them stay. */
void mm_unmap_inode(struct inode *inode, u64 first, u64 end);
/* Only pages that nobody has used since they were mapped, or since the last call. */
void mm_unmap_unused(struct inode *inode);
/* Somebody has it mapped shared, and might write to it there. */
bool mm_writes_inode(const struct inode *inode);
/* Enters a frame for a VM_PFN mapping now (ioctls that map eagerly): 0 or -ENOMEM. */
int mm_insert_pfn(struct mm *mm, struct vma *v, u64 addr, u64 pfn, bool write);

enum fault_kind { FAULT_READ = 0, FAULT_WRITE = 1, FAULT_EXEC = 2 };
/* 0: done, or -EFAULT (no mapping), -EACCES (protection), -ENXIO (SIGBUS), -ENOMEM; what
 * mm_fault_again() takes: not yet. */
int mm_fault(struct mm *mm, u64 addr, enum fault_kind kind);
/* A page that has to be read is not there for now (nub/ondisk.h): sleeps a moment and says
 * true. */
bool mm_fault_again(int err);

#endif
