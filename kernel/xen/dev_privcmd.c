/* SPDX-License-Identifier: MIT */
/* /dev/xen/privcmd: hypercalls, device-model operations and foreign memory for QEMU. */
#include "core.h"
#include "event.h"
#include "foreign.h"
#include "gfn.h"
#include "hypercall.h"
#include "privcmd_abi.h"

#include <arch/cpu.h>
#include <nub/errno.h>
#include <nub/mm.h>
#include <nub/printk.h>
#include <nub/process.h>
#include <nub/sched.h>
#include <nub/slab.h>
#include <nub/smp.h>
#include <nub/string.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include <xen/event_channel.h>
#include <xen/hvm/dm_op.h>
#include <xen/memory.h>

/*
 * Which domain may be touched is Xen's to decide: it lets this domain act on its target
 * and on no other.  What we add is RESTRICT, by which QEMU narrows a descriptor, and that
 * nothing but foreign and resource mappings ever changes our own frames.
 */

#define DM_OP_BUFS_MAX 16u
#define DM_OP_BUF_SIZE 4096u
#define MULTICALL_MAX 32u
#define PROMISE_MIN 64u /* frames in a row: QEMU's map cache asks for 256 and more */

struct privcmd {
	domid_t dom; /* DOMID_INVALID: not restricted */
};

static bool allowed(const struct file *f, domid_t dom)
{
	const struct privcmd *p = f->priv;

	return p->dom == DOMID_INVALID || p->dom == dom;
}

static int privcmd_mmap(struct file *f, struct vma *v)
{
	if (!(v->flags & VM_SHARED))
		return -EINVAL;
	foreign_init(v);
	return 0;
}

/*
 * Whether the list is the numbers from *first on, one after the other: 1, 0 or
 * -EFAULT.
 */
static int is_run(const struct privcmd_mmapbatch_v2 *c, xen_pfn_t *first)
{
	xen_pfn_t frames[64];

	for (u32 done = 0; done < c->num;) {
		u32 part = MIN(c->num - done, (u32)ARRAY_SIZE(frames));

		if (copy_from_user(frames, c->arr + done, part * sizeof(frames[0])))
			return -EFAULT;
		if (!done)
			*first = frames[0];
		for (u32 i = 0; i < part; i++)
			if (frames[i] != *first + done + i)
				return 0;
		done += part;
	}
	return 1;
}

static long promise_batch(struct vma *v, const struct privcmd_mmapbatch_v2 *c, u64 theirs,
			  bool v1)
{
	static const int no_errs[64];

	for (u32 done = 0; done < c->num && !v1;) {
		u32 part = MIN(c->num - done, (u32)ARRAY_SIZE(no_errs));

		if (copy_to_user(c->err + done, no_errs, part * sizeof(no_errs[0])))
			return -EFAULT;
		done += part;
	}
	foreign_promise(v, c->dom, theirs);
	return 0;
}

/* A batch at a time through kernel memory; version 1 marks errors in the frame list,
 * version 2 in a list of its own. */
static long mmapbatch(struct file *f, const struct privcmd_mmapbatch_v2 *c, bool v1)
{
	static xen_pfn_t frames[256];
	static int errs[256];
	xen_pfn_t theirs;
	struct vma *v;
	u32 first;
	long ret = 0;

	if (!allowed(f, c->dom))
		return -EPERM;
	v = foreign_find(c->addr, c->num, &first);
	if (IS_ERR(v))
		return PTR_ERR(v);
	if (c->num >= PROMISE_MIN && c->num == (v->end - v->start) >> PAGE_SHIFT) {
		int run = is_run(c, &theirs);

		if (run)
			return run < 0 ? run : promise_batch(v, c, theirs, v1);
	}
	for (u32 done = 0; done < c->num;) {
		u32 part = MIN(c->num - done, (u32)ARRAY_SIZE(frames));
		int err;

		if (copy_from_user(frames, c->arr + done, part * sizeof(frames[0])))
			return -EFAULT;
		foreign_map(c->dom, frames, foreign_gfn(v) + first + done, part, errs);
		err = foreign_show(v, first + done, part, errs);
		if (err)
			return err;
		for (u32 i = 0; i < part; i++) {
			if (errs[i] == -ENOENT)
				ret = -ENOENT;
			if (errs[i])
				frames[i] |= errs[i] == -ENOENT
						     ? PRIVCMD_MMAPBATCH_PAGED_ERROR
						     : PRIVCMD_MMAPBATCH_MFN_ERROR;
		}
		if (v1 ? copy_to_user((void *)(c->arr + done), frames,
				      part * sizeof(frames[0]))
		       : copy_to_user(c->err + done, errs, part * sizeof(errs[0])))
			return -EFAULT;
		done += part;
	}
	return ret;
}

static long ioctl_mmapbatch_v2(struct file *f, void __user *arg)
{
	struct privcmd_mmapbatch_v2 c;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	return mmapbatch(f, &c, false);
}

static long ioctl_mmapbatch_v1(struct file *f, void __user *arg)
{
	struct privcmd_mmapbatch old;
	struct privcmd_mmapbatch_v2 c;

	if (copy_from_user(&old, arg, sizeof(old)))
		return -EFAULT;
	if (old.num <= 0)
		return -EINVAL;
	c = (struct privcmd_mmapbatch_v2){
		.num = (u32)old.num, .dom = old.dom, .addr = old.addr, .arr = old.arr};
	return mmapbatch(f, &c, true);
}

/* The frame of an ioreq server that has the first 128 virtual CPUs' requests. */
static void find_requests(struct vma *v, u32 first, const struct privcmd_mmap_resource *c)
{
	const u64 frame = XENMEM_resource_ioreq_server_frame_ioreq(0);

	if (frame >= c->idx && frame - c->idx < c->num)
		foreign_requests(v, first + (u32)(frame - c->idx));
}

static long ioctl_mmap_resource(struct file *f, void __user *arg)
{
	struct privcmd_mmap_resource c;
	struct vma *v;
	u32 first;
	long ret;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	if (!allowed(f, c.dom))
		return -EPERM;
	if (!c.addr && !c.num) {
		ret = resource_size(c.dom, c.type, c.id);
		if (ret < 0)
			return ret;
		return put_user64((u64)ret,
				  (u8 *)arg +
					  offsetof(struct privcmd_mmap_resource, num));
	}
	if (c.num > 1u << 16)
		return -EINVAL;
	v = foreign_find(c.addr, c.num, &first);
	if (IS_ERR(v))
		return PTR_ERR(v);
	ret = resource_map(c.dom, c.type, c.id, c.idx, foreign_gfn(v) + first,
			   (u32)c.num);
	if (ret)
		return ret;
	ret = foreign_show(v, first, (u32)c.num, NULL);
	if (!ret && c.type == XENMEM_resource_ioreq_server)
		find_requests(v, first, &c);
	return ret;
}

/* Whether frame numbers of the target mean something else after this operation. */
static bool moves_frames(const void *op, size_t size)
{
	u32 number;

	if (size < sizeof(number))
		return false;
	memcpy(&number, op, sizeof(number));
	return number == XEN_DMOP_relocate_memory;
}

/*
 * Buffers go through kernel memory: user pages need not be present or pinned then, and
 * Xen reads no user address with the kernel's rights.
 */
static long ioctl_dm_op(struct file *f, void __user *arg)
{
	struct privcmd_dm_op_buf ubufs[DM_OP_BUFS_MAX];
	struct xen_dm_op_buf xbufs[DM_OP_BUFS_MAX];
	struct privcmd_dm_op c;
	u8 small[256], *mem = small;
	size_t total = 0, at = 0;
	long ret;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	if (!allowed(f, c.dom))
		return -EPERM;
	if (!c.num)
		return 0;
	if (c.num > DM_OP_BUFS_MAX)
		return -E2BIG;
	if (copy_from_user(ubufs, c.ubufs, c.num * sizeof(ubufs[0])))
		return -EFAULT;
	for (u32 i = 0; i < c.num; i++) {
		if (ubufs[i].size > DM_OP_BUF_SIZE)
			return -E2BIG;
		total += ALIGN_UP(ubufs[i].size, 8UL);
	}
	if (total > sizeof(small)) {
		mem = kmalloc(total);
		if (!mem)
			return -ENOMEM;
	}
	ret = -EFAULT;
	for (u32 i = 0; i < c.num; i++) {
		if (copy_from_user(mem + at, ubufs[i].uptr, ubufs[i].size))
			goto out;
		set_xen_guest_handle(xbufs[i].h, mem + at);
		xbufs[i].size = ubufs[i].size;
		at += ALIGN_UP(ubufs[i].size, 8UL);
	}
	if (moves_frames(mem, ubufs[0].size))
		foreign_settle();
	/* An interrupt for the guest, as a rule. */
	event_hold();
	ret = xen_dm_op(c.dom, c.num, xbufs);
	event_release();
	if (ret < 0)
		goto out;
	at = 0;
	for (u32 i = 0; i < c.num; i++) {
		if (copy_to_user(ubufs[i].uptr, mem + at, ubufs[i].size))
			ret = -EFAULT;
		at += ALIGN_UP(ubufs[i].size, 8UL);
	}
out:
	if (mem != small)
		kfree(mem);
	return ret;
}

/* Operations that could change our own memory or privileges stay with the kernel. */
static bool hypercall_allowed(const struct privcmd_hypercall *c)
{
	switch (c->op) {
	case __HYPERVISOR_xen_version:
	case __HYPERVISOR_hvm_op:
	case __HYPERVISOR_dm_op:
	case __HYPERVISOR_domctl:
	case __HYPERVISOR_sysctl:
	case __HYPERVISOR_physdev_op:
		return true;
	case __HYPERVISOR_event_channel_op:
		return c->arg[0] == EVTCHNOP_status;
	case __HYPERVISOR_sched_op:
		return c->arg[0] == 4; /* SCHEDOP_remote_shutdown */
	case __HYPERVISOR_memory_op:
		/* Each of these has the domain as its first or second field; Xen checks
		 * that it is our target. On ourselves they would change our frames. */
		return c->arg[0] != XENMEM_acquire_resource;
	}
	return false;
}

/* True for a memory operation on this domain itself. */
static bool memory_op_on_self(const struct privcmd_hypercall *c)
{
	domid_t dom = DOMID_SELF;
	u64 off = 0;

	if (c->op != __HYPERVISOR_memory_op)
		return false;
	switch (c->arg[0]) {
	case XENMEM_increase_reservation:
	case XENMEM_decrease_reservation:
	case XENMEM_populate_physmap:
		off = offsetof(struct xen_memory_reservation, domid);
		break;
	case XENMEM_current_reservation:
	case XENMEM_maximum_reservation:
	case XENMEM_maximum_gpfn:
	case XENMEM_maximum_ram_page:
		return false;
	}
	if (copy_from_user(&dom, (void *)(c->arg[1] + off), sizeof(dom)))
		return true;
	return dom == DOMID_SELF || dom == xen_domid;
}

static long user_hypercall(const struct privcmd_hypercall *c)
{
	long ret;

	/*
	 * What is looked at here is what Xen reads: no other CPU may change it
	 * meanwhile.
	 */
	if (c->op == __HYPERVISOR_memory_op)
		smp_barrier();
	if (!hypercall_allowed(c) || memory_op_on_self(c)) {
		printk_once("xen: hypercall %lu (%lu) of user space refused\n",
			    (unsigned long)c->op, (unsigned long)c->arg[0]);
		return -EPERM;
	}
	if (c->op == __HYPERVISOR_memory_op || c->op == __HYPERVISOR_dm_op)
		foreign_settle();
	/* Arguments point to user memory, which Xen may touch only while we may. */
	if (cpu_smap_on)
		__asm__ volatile("stac" ::: "memory");
	ret = hypercall5(c->op, c->arg[0], c->arg[1], c->arg[2], c->arg[3], c->arg[4]);
	if (cpu_smap_on)
		__asm__ volatile("clac" ::: "memory");
	return ret;
}

/* libxenctrl wraps memory operations so, for results that do not fit in an int. Each
 * entry is checked and made by itself: what Xen reads is what was checked. */
static long user_multicall(const struct privcmd_hypercall *c)
{
	multicall_entry_t *list = (multicall_entry_t *)c->arg[0];

	if (c->arg[1] > MULTICALL_MAX)
		return -E2BIG;
	for (u64 i = 0; i < c->arg[1]; i++) {
		struct privcmd_hypercall one;
		multicall_entry_t e;

		if (copy_from_user(&e, list + i, sizeof(e)))
			return -EFAULT;
		one.op = e.op;
		memcpy(one.arg, e.args, sizeof(one.arg));
		e.result = (xen_ulong_t)user_hypercall(&one);
		if (copy_to_user(&list[i].result, &e.result, sizeof(e.result)))
			return -EFAULT;
	}
	return 0;
}

static long ioctl_hypercall(struct file *f, void __user *arg)
{
	struct privcmd *p = f->priv;
	struct privcmd_hypercall c;

	if (p->dom != DOMID_INVALID)
		return -EPERM;
	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	return c.op == __HYPERVISOR_multicall ? user_multicall(&c) : user_hypercall(&c);
}

static long ioctl_restrict(struct file *f, void __user *arg)
{
	struct privcmd *p = f->priv;
	domid_t dom;

	if (copy_from_user(&dom, arg, sizeof(dom)))
		return -EFAULT;
	if (p->dom != DOMID_INVALID && p->dom != dom)
		return -EINVAL;
	p->dom = dom;
	return 0;
}

static long privcmd_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	void __user *p = (void __user *)arg;

	switch (cmd) {
	case IOCTL_PRIVCMD_HYPERCALL:
		return ioctl_hypercall(f, p);
	case IOCTL_PRIVCMD_MMAPBATCH:
		return ioctl_mmapbatch_v1(f, p);
	case IOCTL_PRIVCMD_MMAPBATCH_V2:
		return ioctl_mmapbatch_v2(f, p);
	case IOCTL_PRIVCMD_DM_OP:
		return ioctl_dm_op(f, p);
	case IOCTL_PRIVCMD_RESTRICT:
		return ioctl_restrict(f, p);
	case IOCTL_PRIVCMD_MMAP_RESOURCE:
		return ioctl_mmap_resource(f, p);
	}
	return -ENOTTY;
}

static void privcmd_release(struct file *f)
{
	kfree(f->priv);
}

static const struct file_ops privcmd_ops = {
	.ioctl = privcmd_ioctl,
	.mmap = privcmd_mmap,
	.release = privcmd_release,
};

static int privcmd_open(struct inode *ino, struct file *f)
{
	struct privcmd *p = kmalloc(sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->dom = DOMID_INVALID;
	f->ops = &privcmd_ops;
	f->priv = p;
	return 0;
}

void xen_dev_privcmd_init(void)
{
	chrdev_register("xen/privcmd", 10, 120, privcmd_open);
}
