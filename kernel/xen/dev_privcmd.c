/* SPDX-License-Identifier: MIT */
/* /dev/xen/privcmd: hypercalls, device-model operations and foreign memory for QEMU. */
#include "calltrace.h"
#include "core.h"
#include "event.h"
#include "firewall.h"
#include "foreign.h"
#include "gfn.h"
#include "hold.h"
#include "hypercall.h"
#include "idle.h"
#include "lent.h"
#include "level.h"
#include "privcmd_abi.h"
#include "store.h"

#include <abi/boot.h>
#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/mm.h>
#include <nub/platform.h>
#include <nub/process.h>
#include <nub/sched.h>
#include <nub/signal.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include <xen/hvm/dm_op.h>
#include <xen/memory.h>

/*
 * hypercalls.tbl lists the calls that pass.  Arguments are copied, checked as copied
 * (firewall.c) and copied back: Xen never gets an address that a program gave.
 */

#define DM_OP_BUF_SIZE 4096u
#define DM_OP_SMALL 64u
#define MULTICALL_MAX 32u
/* Of an ioreq server: its buffered requests, and a page for each 128 virtual CPUs. */
#define SERVER_FRAMES_MAX 33u
#define TAKE_LOOK_NS NS_PER_MSEC
#define PROMISE_MIN 64u /* frames in a row: QEMU's map cache asks for 256 and more */

struct privcmd {
	domid_t dom; /* DOMID_INVALID: not restricted */
};

/* May sleep. */
static bool allowed(const struct file *f, domid_t dom)
{
	const struct privcmd *p = f->priv;

	return (p->dom == DOMID_INVALID || p->dom == dom) &&
	       firewall_peer(dom, PEER_TARGET);
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
	calltrace_note("mmapbatch", 0, 0, c->num);
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
		gfn_map(c->dom, frames, foreign_gfn(v) + first + done, part, errs);
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
	/* The pages of an ioreq server, and no other resource of the guest's. */
	if (c.type != XENMEM_resource_ioreq_server)
		return -EPERM;
	calltrace_note("mmap_resource ioreq_server", c.idx, 0, c.num);
	if (!c.addr && !c.num) {
		ret = xen_resource_size(c.dom, c.type, c.id);
		if (ret < 0)
			return ret;
		return put_user64((u64)ret,
				  (u8 *)arg +
					  offsetof(struct privcmd_mmap_resource, num));
	}
	if (c.num > SERVER_FRAMES_MAX || c.idx > SERVER_FRAMES_MAX - c.num)
		return -EINVAL;
	v = foreign_find(c.addr, c.num, &first);
	if (IS_ERR(v))
		return PTR_ERR(v);
	ret = gfn_map_resource(c.dom, c.type, c.id, c.idx, foreign_gfn(v) + first,
			       (u32)c.num);
	if (ret)
		return ret;
	ret = foreign_show(v, first, (u32)c.num, NULL);
	if (!ret)
		find_requests(v, first, &c);
	return ret;
}

/* A line of an interrupt controller's, which is set in vain at worst: no error comes back. */
static bool sets_level(u32 op)
{
	return op == XEN_DMOP_set_pci_intx_level || op == XEN_DMOP_set_isa_irq_level;
}

/* Whether frame numbers of the target mean something else after this operation. */
static bool moves_frames(u32 op)
{
	return op == XEN_DMOP_relocate_memory;
}

/* A device-model operation in kernel memory: no address of a program's reaches Xen. */
struct dm_call {
	const struct call_rule *rule;
	struct {
		u32 op, pad;
		u8 arg[DM_OP_ARG_MAX] __aligned(8);
	} op;
	void *second;
	u8 small[DM_OP_SMALL];
	struct privcmd_dm_op_buf ubufs[2];
};

/* Reads the operation; its second buffer is to be freed in any case. */
static long dm_call_read(struct dm_call *d, const struct privcmd_dm_op *c)
{
	const size_t head = offsetof(typeof(d->op), arg);
	const struct call_rule *rule;
	u64 second;

	if (copy_from_user(d->ubufs, c->ubufs, c->num * sizeof(d->ubufs[0])))
		return -EFAULT;
	for (u32 i = 0; i < c->num; i++)
		if (d->ubufs[i].size > DM_OP_BUF_SIZE)
			return -E2BIG;
	if (d->ubufs[0].size < head || copy_from_user(&d->op, d->ubufs[0].uptr, head))
		return -EFAULT;
	rule = d->rule = firewall_dm_op(d->op.op);
	if (!rule)
		return -EPERM;
	if (d->op.pad || c->num != 1u + (rule->second != SECOND_NONE))
		return -EINVAL;
	if (d->ubufs[0].size < head + rule->size ||
	    copy_from_user(d->op.arg, (u8 *)d->ubufs[0].uptr + head, rule->size))
		return -EFAULT;
	second = rule->second == SECOND_NONE ? 0 : d->ubufs[1].size;
	if (second > rule->second_max)
		return -E2BIG;
	if (second > sizeof(d->small)) {
		d->second = kzalloc(second);
		if (!d->second)
			return -ENOMEM;
	}
	if (rule->second == SECOND_IN &&
	    copy_from_user(d->second, d->ubufs[1].uptr, second))
		return -EFAULT;
	calltrace_note(rule->name, 0, d->ubufs[0].size, second);
	return firewall_values(rule, d->op.arg, second);
}

/* Before dom0's word, and after it took that back, the guest is the other QEMU's. */
static bool may_take(void)
{
	char value[16];

	if (store_read(STUBDOM_XS_TAKE, value, sizeof(value)))
		return false;
	/* Ours, whose answer was late. */
	if (!strcmp(value, STUBDOM_TAKE_MINE))
		return true;
	return !store_write(STUBDOM_XS_TAKE, STUBDOM_TAKE_MINE);
}

/* launcher/domain/replace_take.c is the other side. */
static int wait_for_take(void)
{
	while (!may_take()) {
		if (current->die || current->proc->pending.set & SIGBIT(SIGKILL))
			return -EINTR;
		thread_sleep(clock_now() + TAKE_LOOK_NS, false);
	}
	return 0;
}

static long dm_call_make(struct dm_call *d, const struct privcmd_dm_op *c)
{
	const size_t head = offsetof(typeof(d->op), arg);
	struct xen_dm_op_buf bufs[2];
	bool takes;
	long ret;

	if (hold_takes(d->op.op) || level_is_set(d->op.op, d->op.arg))
		return 0;
	if (sets_level(d->op.op) &&
	    event_level_late(c->dom, &d->op, head + d->rule->size))
		return 0;
	if (return_work)
		event_send_late();
	takes = hold_ends(d->op.op, d->op.arg);
	if (takes && wait_for_take())
		return -EINTR;
	set_xen_guest_handle(bufs[0].h, &d->op);
	bufs[0].size = head + d->rule->size;
	set_xen_guest_handle(bufs[1].h, d->second);
	bufs[1].size = d->ubufs[1].size;
	if (moves_frames(d->op.op))
		foreign_settle();
	/* An interrupt for the guest, as a rule. */
	event_hold();
	ret = xen_dm_op(c->dom, c->num, bufs);
	if (!ret && hold_disables(d->op.op, d->op.arg)) {
		((struct xen_dm_op_set_ioreq_server_state *)d->op.arg)->enabled = 0;
		ret = xen_dm_op(c->dom, c->num, bufs);
	}
	event_release();
	if (ret < 0)
		return ret;
	if (takes)
		store_post(STUBDOM_XS_TAKEN, "1");
	if (d->rule->out &&
	    copy_to_user((u8 *)d->ubufs[0].uptr + head, d->op.arg, d->rule->size))
		return -EFAULT;
	if (d->rule->second == SECOND_OUT &&
	    copy_to_user(d->ubufs[1].uptr, d->second, d->ubufs[1].size))
		return -EFAULT;
	return ret;
}

static long ioctl_dm_op(struct file *f, void __user *arg)
{
	struct privcmd_dm_op c;
	struct dm_call d;
	long ret;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	/* libxendevicemodel asks so whether there is such a call, of no domain. */
	if (!c.num)
		return 0;
	if (!allowed(f, c.dom))
		return -EPERM;
	if (c.num > ARRAY_SIZE(d.ubufs))
		return -E2BIG;
	memset(d.small, 0, sizeof(d.small));
	d.second = d.small;
	ret = dm_call_read(&d, &c);
	if (!ret)
		ret = dm_call_make(&d, &c);
	if (d.second != d.small)
		kfree(d.second);
	return ret;
}

/* The frame list goes through kernel memory a piece at a time.  As Xen does, it returns
 * how many frames have memory now, if not all; an error if none. */
static long populate(struct xen_memory_reservation *r)
{
	static xen_pfn_t frames[256];
	const xen_pfn_t __user *list = (const void *)r->extent_start.p;
	const u64 n = r->nr_extents;
	u64 done = 0;

	calltrace_note("frames to populate", 0, 0, n);
	foreign_settle();
	set_xen_guest_handle(r->extent_start, frames);
	while (done < n) {
		u64 part = MIN(n - done, (u64)ARRAY_SIZE(frames));
		long ret;

		if (copy_from_user(frames, list + done, part * sizeof(frames[0])))
			return done ? (long)done : -EFAULT;
		r->nr_extents = part;
		ret = xen_memory_op(XENMEM_populate_physmap, r);
		if (ret < 0)
			return done ? (long)done : ret;
		done += (u64)ret;
		if ((u64)ret != part)
			break;
	}
	return (long)done;
}

/* The operation: an argument, or the first word of domctl's structure. */
static int user_op(const struct privcmd_hypercall *c, u64 *op)
{
	u32 first;

	*op = c->arg[0];
	if (c->op != __HYPERVISOR_domctl || !lent_any())
		return 0;
	if (copy_from_user(&first, (void *)c->arg[0], sizeof(first)))
		return -EFAULT;
	*op = first;
	return 0;
}

static long make_call(const struct call_rule *rule, void *arg)
{
	switch (rule->hypercall) {
	case __HYPERVISOR_memory_op:
		return populate(arg);
	case __HYPERVISOR_domctl:
		/* As checked: the program's own may say another one by now. */
		memcpy(arg, &rule->op, sizeof(rule->op));
		return hypercall3(rule->hypercall, (u64)arg, 0, 0);
	default:
		return hypercall3(rule->hypercall, rule->op, (u64)arg, 0);
	}
}

static long user_hypercall(const struct privcmd_hypercall *c)
{
	u8 arg[CALL_ARG_MAX] __aligned(8);
	const struct call_rule *rule;
	void __user *from;
	domid_t dom;
	long ret;
	u64 op;

	ret = user_op(c, &op);
	if (ret)
		return ret;
	rule = firewall_call(c->op, op);
	if (!rule)
		return -EPERM;
	from = (void *)c->arg[rule->hypercall == __HYPERVISOR_domctl ? 0 : 1];
	if (copy_from_user(arg, from, rule->size))
		return -EFAULT;
	memcpy(&dom, arg + rule->domid_at, sizeof(dom));
	if (!firewall_peer(dom, PEER_TARGET))
		return -EPERM;
	ret = firewall_values(rule, arg, 0);
	if (ret)
		return ret;
	calltrace_note(rule->name, 0, rule->size, 0);
	ret = make_call(rule, arg);
	if (!ret && rule->hypercall == __HYPERVISOR_physdev_op)
		lent_note_pirq(rule->op, arg);
	if (!ret && rule->out && copy_to_user(from, arg, rule->size))
		return -EFAULT;
	return ret;
}

/* libxenctrl wraps memory operations so, for results that do not fit in an int. */
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
	calltrace_note("restrict", 0, 0, 0);
	return 0;
}

static long privcmd_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	void __user *p = (void __user *)arg;

	if (cmd != IOCTL_PRIVCMD_DM_OP && return_work)
		event_send_late();
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
	calltrace_init();
	hold_init();
	chrdev_register("xen/privcmd", 10, 120, privcmd_open);
}
