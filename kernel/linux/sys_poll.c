/* SPDX-License-Identifier: MIT */
/* poll and select. */
#include "sys.h"

#include <nub/clock.h>
#include <nub/deadline.h>
#include <nub/errno.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#define SELECT_MAX 1024
#define IN_SET (POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR)
#define OUT_SET (POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR)
#define EX_SET POLLPRI

struct entry {
	struct file *file; /* counted, NULL: none */
	unsigned events;
	unsigned revents;
	struct waiter waiter;
};

/* Asks all; in the first round also joins the queues. */
static int scan(struct entry *e, unsigned n, bool join)
{
	int ready = 0;

	for (unsigned i = 0; i < n; i++, e++) {
		struct waitq *wq;

		if (!e->file) {
			ready += e->revents != 0;
			continue;
		}
		e->revents = file_poll(e->file, &wq) & (e->events | POLLERR | POLLHUP);
		if (join && wq)
			waitq_add(wq, &e->waiter);
		ready += e->revents != 0;
	}
	return ready;
}

static int wait_any(struct entry *e, unsigned n, u64 deadline)
{
	int ready, err = 0;

	for (unsigned i = 0; i < n; i++) {
		list_init(&e[i].waiter.link);
		e[i].waiter.thread = current;
	}
	ready = scan(e, n, true);
	while (!ready && !err) {
		err = thread_sleep(deadline, true);
		ready = scan(e, n, false);
	}
	for (unsigned i = 0; i < n; i++)
		waitq_remove(&e[i].waiter);
	if (ready)
		return ready;
	return err == -ETIMEDOUT ? 0 : err;
}

static void put_all(struct entry *e, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (e[i].file)
			file_put(e[i].file);
	kfree(e);
}

struct user_pollfd {
	s32 fd;
	s16 events, revents;
};

static long do_poll(void *ufds, u32 n, u64 deadline)
{
	struct user_pollfd pf;
	struct entry *e;
	long r;

	if (n > fd_limit())
		return -EINVAL;
	current->poll_until = deadline;
	e = kcalloc(MAX(n, 1u), sizeof(*e));
	if (!e)
		return -ENOMEM;
	for (u32 i = 0; i < n; i++) {
		if (copy_from_user(&pf, (struct user_pollfd *)ufds + i, sizeof(pf))) {
			put_all(e, n);
			return -EFAULT;
		}
		e[i].events = (u16)pf.events;
		if (pf.fd < 0)
			continue;
		e[i].file = fd_get(pf.fd);
		if (!e[i].file)
			e[i].revents = POLLNVAL;
	}
	r = wait_any(e, n, deadline);
	for (u32 i = 0; r >= 0 && i < n; i++) {
		s16 rev = (s16)e[i].revents;

		if (copy_to_user(&((struct user_pollfd *)ufds)[i].revents, &rev, 2))
			r = -EFAULT;
	}
	put_all(e, n);
	return r;
}

long sys_poll(void *fds, u32 n, int timeout)
{
	u64 deadline = timeout < 0 ? NEVER : clock_now() + (u64)timeout * NS_PER_MSEC;
	long r;

	if (timeout > 0 && current->restart_deadline) {
		deadline = current->restart_deadline;
		current->restart_deadline = 0;
	}
	r = do_poll(fds, n, deadline);
	if (r == -ERESTARTSYS)
		r = wait_interrupted(timeout > 0 ? deadline : 0);
	return r;
}

/* Linux writes the time that is left back; glibc hides it in ppoll, not in select. */
static void write_back(void *uts, u64 deadline, bool timeval)
{
	u64 now = clock_now();
	struct ktimespec ts = timespec_from_ns(deadline > now ? deadline - now : 0);

	if (timeval)
		ts.nsec /= (s64)NS_PER_USEC;
	copy_to_user(uts, &ts, sizeof(ts));
}

long sys_ppoll(void *fds, u32 n, void *timeout, const void *mask, u64 size)
{
	u64 deadline = NEVER;
	long r = 0;

	if (timeout)
		r = deadline_from_user(timeout, false, false, &deadline);
	if (!r)
		r = sigmask_temporary(mask, size);
	if (r)
		return r;
	r = do_poll(fds, n, deadline);
	if (r == -ERESTARTSYS)
		r = -ERESTARTNOHAND;
	if (timeout)
		write_back(timeout, deadline, false);
	return r;
}

/* --- select --- */

typedef u64 fd_bits[SELECT_MAX / 64];

static int bits_in(fd_bits b, const void *u, int n)
{
	memset(b, 0, sizeof(fd_bits));
	return u ? copy_from_user(b, u, (size_t)(n + 63) / 64 * 8) : 0;
}

static int bits_out(const fd_bits b, void *u, int n)
{
	return u ? copy_to_user(u, b, (size_t)(n + 63) / 64 * 8) : 0;
}

static bool bit(const fd_bits b, int i)
{
	return b[i / 64] >> (i % 64) & 1;
}

static long do_select(int n, void *ur, void *uw, void *ux, u64 deadline)
{
	fd_bits in[3], out[3] = {{0}};
	struct entry *e;
	unsigned count = 0;
	int fds_max = MIN(n, SELECT_MAX), *fds;
	long r = 0, bits = 0;

	if (n < 0)
		return -EINVAL;
	if (bits_in(in[0], ur, fds_max) || bits_in(in[1], uw, fds_max) ||
	    bits_in(in[2], ux, fds_max))
		return -EFAULT;
	e = kcalloc((size_t)fds_max + 1, sizeof(*e));
	fds = kcalloc((size_t)fds_max + 1, sizeof(*fds));
	if (!e || !fds) {
		kfree(e);
		kfree(fds);
		return -ENOMEM;
	}
	for (int fd = 0; fd < fds_max && !r; fd++) {
		unsigned want = (bit(in[0], fd) ? IN_SET : 0) |
				(bit(in[1], fd) ? OUT_SET : 0) |
				(bit(in[2], fd) ? EX_SET : 0);

		if (!want)
			continue;
		e[count].events = want;
		fds[count] = fd;
		e[count].file = fd_get(fd);
		if (!e[count++].file)
			r = -EBADF;
	}
	if (!r)
		r = wait_any(e, count, deadline);
	if (r >= 0) {
		static const unsigned sets[3] = {IN_SET, OUT_SET, EX_SET};

		for (unsigned i = 0; i < count; i++) {
			for (int s = 0; s < 3; s++) {
				if (!bit(in[s], fds[i]) || !(e[i].revents & sets[s]))
					continue;
				out[s][fds[i] / 64] |= 1ULL << (fds[i] % 64);
				bits++;
			}
		}
		r = bits;
		if (bits_out(out[0], ur, fds_max) || bits_out(out[1], uw, fds_max) ||
		    bits_out(out[2], ux, fds_max))
			r = -EFAULT;
	}
	put_all(e, count);
	kfree(fds);
	return r == -ERESTARTSYS ? -ERESTARTNOHAND : r;
}

long sys_select(int n, void *r, void *w, void *x, void *timeout)
{
	u64 deadline = NEVER, ns;
	struct ktimespec tv;
	long ret;

	if (timeout) {
		if (copy_from_user(&tv, timeout, sizeof(tv)))
			return -EFAULT;
		if (tv.sec < 0 || tv.nsec < 0)
			return -EINVAL;
		tv.sec += tv.nsec / (s64)USEC_PER_SEC;
		tv.nsec = tv.nsec % (s64)USEC_PER_SEC * (s64)NS_PER_USEC;
		if (timespec_to_ns(&tv, &ns))
			return -EINVAL;
		deadline = clock_now() + ns;
	}
	ret = do_select(n, r, w, x, deadline);
	if (timeout)
		write_back(timeout, deadline, true);
	return ret;
}

long sys_pselect6(int n, void *r, void *w, void *x, void *timeout, const void *mask)
{
	struct {
		u64 mask, size;
	} m = {0, 8};
	u64 deadline = NEVER;
	long ret = 0;

	if (timeout)
		ret = deadline_from_user(timeout, false, false, &deadline);
	if (!ret && mask)
		ret = copy_from_user(&m, mask, sizeof(m));
	if (!ret && m.mask)
		ret = sigmask_temporary((void *)m.mask, m.size);
	if (ret)
		return ret;
	ret = do_select(n, r, w, x, deadline);
	if (timeout)
		write_back(timeout, deadline, false);
	return ret;
}
