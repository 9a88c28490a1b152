/* SPDX-License-Identifier: MIT */
/* Futexes: sleepers in a hash by (address space or file, address). */
#include "futex.h"

#include <nub/clock.h>
#include <nub/deadline.h>
#include <nub/errno.h>
#include <nub/futex.h>
#include <nub/mm.h>
#include <nub/process.h>
#include <nub/sched.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include <linux/futex.h>

#include "../linux/sys.h"

#define BUCKETS 64

static struct list buckets[BUCKETS];

struct list *futex_bucket(const struct futex_key *k)
{
	u64 h = ((u64)k->owner >> 4 ^ k->addr >> 2) * 0x9e3779b97f4a7c15ULL;
	struct list *b = &buckets[h >> 58];

	if (!b->next)
		list_init(b);
	return b;
}

/* Linux finds a shared word by its page: there must be one, and it must be readable. */
static bool has_page(const struct vma *v, u64 addr)
{
	if (!(v->flags & (VM_READ | VM_WRITE | VM_EXEC)))
		return false;
	return !v->file || !file_is_regular(v->file) ||
	       (v->pgoff << PAGE_SHIFT) + (addr - v->start) <
		       ALIGN_UP(v->file->inode->size, PAGE_SIZE);
}

int futex_key_make(u64 addr, bool shared, struct futex_key *k)
{
	struct mm *mm = current->proc->mm;

	if (addr & 3)
		return -EINVAL;
	if (!user_range_ok((void *)addr, 4))
		return -EFAULT;
	k->owner = mm;
	k->addr = addr;
	if (shared) {
		struct vma *v = vma_find(mm, addr);

		if (!v || v->start > addr || !has_page(v, addr))
			return -EFAULT;
		if (v->flags & VM_SHARED && v->file && v->file->inode) {
			k->owner = v->file->inode;
			k->addr = (v->pgoff << PAGE_SHIFT) + (addr - v->start);
		}
	}
	return 0;
}

void futex_wake_sleeper(struct futex_sleeper *s)
{
	list_del(&s->link);
	s->woken = true;
	thread_wake(s->thread);
}

static int wake_key(const struct futex_key *k, int count, u32 bitset)
{
	struct list *b = futex_bucket(k);
	struct futex_sleeper *s, *next;
	int n = 0;

	list_for_each_safe(s, next, b, link) {
		if (!futex_key_equal(&s->key, k))
			continue;
		if (s->pi)
			return -EINVAL; /* only its owner can wake it */
		if (!(s->bitset & bitset))
			continue;
		if (n >= count)
			break;
		futex_wake_sleeper(s);
		n++;
	}
	return n;
}

int futex_wake_addr(u32 __user *addr, int count, u32 bitset, bool shared)
{
	struct futex_key k;
	int err = futex_key_make((u64)addr, shared, &k);

	if (!bitset)
		return -EINVAL;
	return err ? err : wake_key(&k, count, bitset);
}

static int futex_wait(u32 __user *addr, u32 expect, u64 deadline, u32 bitset, bool shared)
{
	struct futex_sleeper s = {.thread = current, .bitset = bitset};
	u32 v;
	int err;

	if (!bitset)
		return -EINVAL;
	err = futex_key_make((u64)addr, shared, &s.key);
	if (!err)
		err = get_user32(&v, addr);
	if (err)
		return err;
	if (v != expect)
		return -EAGAIN;
	list_add_tail(futex_bucket(&s.key), &s.link);
	for (;;) {
		err = thread_sleep(deadline, true);
		if (s.woken)
			return 0;
		if (err)
			break;
	}
	list_del(&s.link);
	return err;
}

static int futex_requeue(u32 __user *from, u32 __user *to, int wake, int move,
			 bool shared, const u32 *expect)
{
	struct futex_key kf, kt;
	struct futex_sleeper *s, *next;
	struct list *bf, *bt;
	int err, n = 0;
	u32 v;

	if (wake < 0 || move < 0)
		return -EINVAL;
	err = futex_key_make((u64)from, shared, &kf);
	if (!err)
		err = futex_key_make((u64)to, shared, &kt);
	if (!err && expect) {
		err = get_user32(&v, from);
		if (!err && v != *expect)
			err = -EAGAIN;
	}
	if (err)
		return err;
	bf = futex_bucket(&kf);
	bt = futex_bucket(&kt);
	list_for_each_safe(s, next, bf, link) {
		if (!futex_key_equal(&s->key, &kf))
			continue;
		if (s->pi)
			return -EINVAL;
		if (n < wake) {
			futex_wake_sleeper(s);
		} else if (n - wake < move) {
			/* Within one queue it stays where it is, or this would find it
			 * again at the end, and again. */
			s->key = kt;
			if (bf != bt) {
				list_del(&s->link);
				list_add_tail(bt, &s->link);
			}
		} else {
			break;
		}
		n++;
	}
	return n;
}

static int op_apply(u32 opcode, u32 old, s32 oparg, u32 *new)
{
	switch (opcode) {
	case FUTEX_OP_SET:
		*new = (u32)oparg;
		return 0;
	case FUTEX_OP_ADD:
		*new = old + (u32)oparg;
		return 0;
	case FUTEX_OP_OR:
		*new = old | (u32)oparg;
		return 0;
	case FUTEX_OP_ANDN:
		*new = old & ~(u32)oparg;
		return 0;
	case FUTEX_OP_XOR:
		*new = old ^ (u32)oparg;
		return 0;
	default:
		return -ENOSYS;
	}
}

static int futex_wake_op(u32 __user *a1, u32 __user *a2, int n1, int n2, u32 op,
			 bool shared)
{
	u32 opcode = op >> 28 & 7, cmp = op >> 24 & 15;
	s32 oparg = (s32)(op << 8) >> 20, cmparg = (s32)(op << 20) >> 20;
	struct futex_key k1, k2;
	u32 old, new;
	bool hit;
	int err, n;

	if (op >> 28 & FUTEX_OP_OPARG_SHIFT)
		oparg = (s32)(1u << (oparg & 31));
	err = futex_key_make((u64)a1, shared, &k1);
	if (!err)
		err = futex_key_make((u64)a2, shared, &k2);
	if (!err)
		err = get_user32(&old, a2);
	/* Another CPU's program may write to it meanwhile: until nobody has. */
	for (u32 seen; !err; old = seen) {
		err = op_apply(opcode, old, oparg, &new);
		if (!err)
			err = user_cmpxchg32(a2, old, new, &seen);
		if (!err && seen == old)
			break;
	}
	if (err)
		return err;
	n = wake_key(&k1, n1, ~0u);
	switch (cmp) {
	case FUTEX_OP_CMP_EQ:
		hit = (s32)old == cmparg;
		break;
	case FUTEX_OP_CMP_NE:
		hit = (s32)old != cmparg;
		break;
	case FUTEX_OP_CMP_LT:
		hit = (s32)old < cmparg;
		break;
	case FUTEX_OP_CMP_LE:
		hit = (s32)old <= cmparg;
		break;
	case FUTEX_OP_CMP_GT:
		hit = (s32)old > cmparg;
		break;
	case FUTEX_OP_CMP_GE:
		hit = (s32)old >= cmparg;
		break;
	default:
		return -ENOSYS;
	}
	if (hit)
		n += wake_key(&k2, n2, ~0u);
	return n;
}

long sys_futex(u32 *addr, int op, u32 val, u64 timeout, u32 *addr2, u32 val3)
{
	int cmd = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
	bool shared = !(op & FUTEX_PRIVATE_FLAG);
	u64 deadline = NEVER;
	long err;

	if (op & FUTEX_CLOCK_REALTIME && cmd != FUTEX_WAIT_BITSET &&
	    cmd != FUTEX_LOCK_PI2)
		return -ENOSYS;
	if ((cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_LOCK_PI ||
	     cmd == FUTEX_LOCK_PI2) &&
	    timeout) {
		err = deadline_from_user(
			(void *)timeout, cmd != FUTEX_WAIT,
			op & FUTEX_CLOCK_REALTIME || cmd == FUTEX_LOCK_PI, &deadline);
		if (err)
			return err;
	}
	switch (cmd) {
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return futex_lock_pi(addr, deadline, shared, false);
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi(addr, NEVER, shared, true);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(addr, shared);
	case FUTEX_WAIT:
		val3 = FUTEX_BITSET_MATCH_ANY;
		/* fall through */
	case FUTEX_WAIT_BITSET:
		err = futex_wait(addr, val, deadline, val3, shared);
		if (err == -ERESTARTSYS && timeout && cmd == FUTEX_WAIT)
			return wait_interrupted(deadline);
		return err;
	case FUTEX_WAKE:
		return futex_wake_addr(addr, (int)val < 1 ? 1 : (int)val,
				       FUTEX_BITSET_MATCH_ANY, shared);
	case FUTEX_WAKE_BITSET:
		return futex_wake_addr(addr, (int)val < 1 ? 1 : (int)val, val3, shared);
	case FUTEX_REQUEUE:
		return futex_requeue(addr, addr2, (int)val, (int)timeout, shared, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(addr, addr2, (int)val, (int)timeout, shared, &val3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(addr, addr2, (int)val, (int)timeout, val3, shared);
	default:
		return -ENOSYS;
	}
}

static void robust_one(struct thread *t, u64 entry, s64 offset, bool pi)
{
	u32 __user *p = (u32 *)(entry + (u64)offset);
	u32 v, old;

	if ((u64)p & 3 || get_user32(&v, p))
		return;
	while ((v & FUTEX_TID_MASK) == (u32)t->tid) {
		u32 next = (v & FUTEX_WAITERS) | FUTEX_OWNER_DIED;

		if (user_cmpxchg32(p, v, next, &old))
			return;
		if (old == v) {
			if (v & FUTEX_WAITERS && !pi) {
				futex_wake_addr(p, 1, ~0u, false);
				futex_wake_addr(p, 1, ~0u, true);
			}
			return;
		}
		v = old;
	}
}

void futex_exit_robust(struct thread *t)
{
	u64 head = t->robust_head, entry, pending, next;
	struct robust_list_head list;
	s64 offset;

	futex_exit_pi(t);
	if (!head || copy_from_user(&list, (void *)head, sizeof(list)))
		return;
	entry = (u64)list.list.next;
	pending = (u64)list.list_op_pending;
	offset = list.futex_offset;
	for (int i = 0; i < ROBUST_LIST_LIMIT && (entry & ~1UL) != head; i++) {
		if (get_user64(&next, (void *)(entry & ~1UL)))
			break;
		if (entry != pending)
			robust_one(t, entry & ~1UL, offset, entry & 1);
		entry = next;
	}
	if (pending)
		robust_one(t, pending & ~1UL, offset, pending & 1);
}
