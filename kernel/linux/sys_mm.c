/* SPDX-License-Identifier: MIT */
/* Memory calls. */
#include "sys.h"

#include <nub/errno.h>
#include <nub/mm.h>
#include <nub/process.h>
#include <nub/smp.h>
#include <nub/uaccess.h>
#include <nub/uapi.h>
#include <nub/vfs.h>

#include <linux/membarrier.h>
#include <linux/mman.h>

#define MAP_KNOWN                                                                        \
	(MAP_TYPE | MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_ANONYMOUS | MAP_NORESERVE |    \
	 MAP_POPULATE | MAP_LOCKED | MAP_STACK | MAP_DENYWRITE | MAP_EXECUTABLE |        \
	 MAP_NONBLOCK | MAP_HUGE_MASK << MAP_HUGE_SHIFT)

static u32 prot_flags(int prot)
{
	return (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) |
	       (prot & PROT_EXEC ? VM_EXEC : 0);
}

static long file_access(struct file *f, int prot, bool shared, u32 *flags)
{
	unsigned mode = f->flags & O_ACCMODE;

	if (f->flags & O_PATH)
		return -EBADF;
	if (mode == O_WRONLY)
		return -EACCES;
	if (shared && mode == O_RDONLY) {
		if (prot & PROT_WRITE)
			return -EACCES;
		*flags |= VM_MAYNOTWRITE;
	}
	return 0;
}

static long map_check(u64 addr, u64 len, int flags)
{
	int type = flags & MAP_TYPE;

	if (!len)
		return -EINVAL;
	if (type != MAP_PRIVATE && type != MAP_SHARED &&
	    (type != MAP_SHARED_VALIDATE || flags & MAP_ANONYMOUS))
		return -EINVAL;
	if (type == MAP_SHARED_VALIDATE && flags & ~MAP_KNOWN)
		return -EOPNOTSUPP;
	if (len > USER_TOP)
		return -ENOMEM;
	return flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) && addr & ~PAGE_MASK ? -EINVAL
									      : 0;
}

long sys_mmap(u64 addr, u64 len, int prot, int flags, int fd, u64 off)
{
	struct mm *mm = current->proc->mm;
	u32 vm = prot_flags(prot);
	int type = flags & MAP_TYPE;
	struct file *f = NULL;
	bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
	s64 r;

	if (off & ~PAGE_MASK)
		return -EINVAL;
	if (type != MAP_PRIVATE)
		vm |= VM_SHARED;
	if (flags & MAP_NORESERVE)
		vm |= VM_NORESERVE;
	if (!(flags & MAP_ANONYMOUS)) {
		f = fd_get(fd);
		if (!f)
			return -EBADF;
	}
	r = map_check(addr, len, flags);
	if (!r && f)
		r = file_access(f, prot, type != MAP_PRIVATE, &vm);
	if (r) {
		if (f)
			file_put(f);
		return r;
	}
	len = ALIGN_UP(len, PAGE_SIZE);
	addr = ALIGN_DOWN(addr, PAGE_SIZE);
	if (flags & MAP_FIXED_NOREPLACE) {
		struct vma *v = vma_find(mm, addr);

		if (v && v->start < addr + len) {
			if (f)
				file_put(f);
			return -EEXIST;
		}
	}
	if (!f && type != MAP_PRIVATE) {
		/* Shared anonymous memory is a nameless file. */
		f = mm_overcommits(len, vm) ? ERR_PTR(-ENOMEM) : memory_file(len);
		if (IS_ERR(f))
			return PTR_ERR(f);
		off = 0;
	}
	r = mm_map(mm, addr, len, vm, fixed, f, off >> PAGE_SHIFT);
	if (f)
		file_put(f);
	if (r > 0 && flags & (MAP_POPULATE | MAP_LOCKED) && vm & (VM_READ | VM_WRITE))
		mm_advise(mm, (u64)r, len,
			  vm & VM_WRITE ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
	return r;
}

static int range_check(u64 addr, u64 *len)
{
	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (*len > USER_TOP)
		return -ENOMEM;
	*len = ALIGN_UP(*len, PAGE_SIZE);
	return addr > USER_TOP || addr + *len > USER_TOP ? -ENOMEM : 0;
}

long sys_mprotect(u64 addr, u64 len, int prot)
{
	int err = range_check(addr, &len);

	if (err || !len)
		return err;
	return mm_protect(current->proc->mm, addr, len, prot_flags(prot));
}

long sys_munmap(u64 addr, u64 len)
{
	if (range_check(addr, &len) || !len)
		return -EINVAL;
	return mm_unmap(current->proc->mm, addr, len);
}

long sys_brk(u64 addr)
{
	return (long)mm_brk(current->proc->mm, addr);
}

long sys_mremap(u64 addr, u64 old, u64 new, u32 flags, u64 to)
{
	if (addr & ~PAGE_MASK || !new)
		return -EINVAL;
	if (flags & MREMAP_FIXED && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (old > USER_TOP || new > USER_TOP)
		return -EINVAL;
	return mm_remap(current->proc->mm, addr, ALIGN_UP(old, PAGE_SIZE),
			ALIGN_UP(new, PAGE_SIZE), flags, to);
}

static long mapped(u64 addr, u64 len)
{
	for (u64 at = addr; at < addr + len;) {
		struct vma *v = vma_find(current->proc->mm, at);

		if (!v || v->start > at)
			return -ENOMEM;
		at = v->end;
	}
	return 0;
}

long sys_msync(u64 addr, u64 len, int flags)
{
	int err;

	if (flags & MS_ASYNC && flags & MS_SYNC)
		return -EINVAL;
	err = range_check(addr, &len);
	return err ? err : mapped(addr, len);
}

long sys_mincore(u64 addr, u64 len, void *vec)
{
	int err = range_check(addr, &len);
	u8 one = 1;

	if (!err)
		err = (int)mapped(addr, len);
	for (u64 i = 0; !err && i < len >> PAGE_SHIFT; i++)
		err = copy_to_user((u8 *)vec + i, &one, 1);
	return err;
}

long sys_madvise(u64 addr, u64 len, int advice)
{
	int err = range_check(addr, &len);

	if (err)
		return -EINVAL;
	return mm_advise(current->proc->mm, addr, len, advice);
}

long sys_mlock(u64 addr, u64 len)
{
	return sys_mlock2(addr, len, 0);
}

long sys_mlock2(u64 addr, u64 len, int flags)
{
	u64 start = ALIGN_DOWN(addr, PAGE_SIZE);

	len = ALIGN_UP(len + (addr - start), PAGE_SIZE);
	return mapped(start, len);
}

long sys_munlock(u64 addr, u64 len)
{
	return sys_mlock2(addr, len, 0);
}

long sys_mlockall(int flags)
{
	return flags && flags != MCL_ONFAULT ? 0 : -EINVAL;
}

long sys_munlockall(void)
{
	return 0;
}

long sys_memfd_create(const char *uname, u32 flags)
{
	char name[250];
	struct file *f;
	ssize_t n = strncpy_from_user(name, uname, sizeof(name));

	if (n == -ENAMETOOLONG)
		return -EINVAL;
	if (n < 0)
		return n;
	if (flags & MFD_EXEC && flags & MFD_NOEXEC_SEAL)
		return -EINVAL;
	f = memfd_create_file(name, flags);
	return IS_ERR(f) ? PTR_ERR(f) : fd_install(f, flags & MFD_CLOEXEC);
}

#define MEMBARRIER_PRIVATE                                                               \
	(MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE)
/* The others only register for one of these. */
#define MEMBARRIER_NOW                                                                   \
	(MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED | MEMBARRIER_PRIVATE)
_Static_assert(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED ==
			       MEMBARRIER_CMD_PRIVATE_EXPEDITED << 1 &&
		       MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE ==
			       MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE << 1,
	       "registrations are next to the barriers");
#define MEMBARRIER_ALL                                                                   \
	(MEMBARRIER_NOW | MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED |                     \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED |                                     \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE)

long sys_membarrier(int cmd, u32 flags, int cpu)
{
	struct mm *mm = current->proc->mm;

	if (cmd == MEMBARRIER_CMD_QUERY)
		return MEMBARRIER_ALL;
	if (cmd & MEMBARRIER_NOW) {
		/* Each private one needs the registration that is next to it. */
		if (cmd & MEMBARRIER_PRIVATE && !(mm->barriers & (u32)cmd << 1))
			return -EPERM;
		smp_barrier();
	} else {
		mm->barriers |= (u32)cmd;
	}
	return 0;
}
