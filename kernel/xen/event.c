/* SPDX-License-Identifier: MIT */
/* Event channels (two-level ABI): binding, delivery, masks. */
#include "event.h"

#include "core.h"
#include "hypercall.h"

#include <nub/errno.h>
#include <nub/irq.h>
#include <nub/printk.h>
#include <nub/slab.h>
#include <nub/smp.h>

#include <xen/event_channel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>

#define WORDS 64
#define PORTS (WORDS * 64u)

struct port {
	event_handler fn;
	void *arg;
};

/* By port; grows with the highest port that was bound. */
static struct port *ports;
static u32 nports;

static inline void bit_set(xen_ulong_t *words, u32 n)
{
	__atomic_fetch_or(&words[n / 64], 1UL << n % 64, __ATOMIC_SEQ_CST);
}
static inline bool bit_clear(xen_ulong_t *words, u32 n)
{
	return __atomic_fetch_and(&words[n / 64], ~(1UL << n % 64), __ATOMIC_SEQ_CST) >>
		       n % 64 &
	       1;
}

void event_mask(u32 port)
{
	bit_set(xen_shared->evtchn_mask, port);
}

bool event_take(u32 port)
{
	return bit_clear(xen_shared->evtchn_pending, port);
}

static void deliver(u32 port)
{
	if (port < nports && ports[port].fn)
		ports[port].fn(port, ports[port].arg);
	else
		event_mask(port);
}

static void deliver_word(unsigned w)
{
	xen_ulong_t bits =
		__atomic_load_n(&xen_shared->evtchn_pending[w], __ATOMIC_SEQ_CST) &
		~xen_shared->evtchn_mask[w];

	for (; bits; bits &= bits - 1) {
		u32 port = w * 64 + (u32)__builtin_ctzl(bits);

		if (event_take(port))
			deliver(port);
	}
}

void event_unmask(u32 port)
{
	bit_clear(xen_shared->evtchn_mask, port);
	/*
	 * Xen raises nothing for an event that came while masked: it is for us to
	 * look.
	 */
	if (event_take(port))
		deliver(port);
}

void event_poll(void)
{
	struct vcpu_info *v;
	xen_ulong_t words;

	if (!xen_shared)
		return;
	v = &xen_shared->vcpu_info[cpu_self];
	while (v->evtchn_upcall_pending) {
		v->evtchn_upcall_pending = 0;
		words = __atomic_exchange_n(&v->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
		while (words) {
			u32 w = (u32)__builtin_ctzl(words);

			words &= words - 1;
			deliver_word(w);
		}
	}
}

static xen_ulong_t held[WORDS];
static unsigned held_words;

unsigned event_hold_list(evtchn_port_t *list, unsigned max)
{
	unsigned n = 0;

	held_words = (nports + 63) / 64;
	for (unsigned w = 0; w < held_words; w++) {
		xen_ulong_t open;

		held[w] = __atomic_exchange_n(&xen_shared->evtchn_mask[w], ~0UL,
					      __ATOMIC_SEQ_CST);
		for (open = list ? ~held[w] : 0; open; open &= open - 1) {
			if (n < max)
				list[n] = w * 64 + (u32)__builtin_ctzl(open);
			n++;
		}
	}
	return n;
}

void event_hold(void)
{
	if (likely(!smp_on))
		event_hold_list(NULL, 0);
}

void event_release(void)
{
	bool was_irq = in_irq;

	if (unlikely(smp_on))
		return;
	for (unsigned w = 0; w < held_words; w++)
		__atomic_store_n(&xen_shared->evtchn_mask[w], held[w], __ATOMIC_SEQ_CST);
	in_irq = true;
	for (unsigned w = 0; w < held_words; w++)
		deliver_word(w);
	in_irq = was_irq;
}

static void upcall(void *arg)
{
	event_poll();
}

int event_adopt(u32 port, event_handler fn, void *arg)
{
	if (port >= PORTS)
		return -ENOSPC;
	if (port >= nports) {
		u32 n = ALIGN_UP(port + 1, 64u);
		struct port *p = krealloc(ports, nports * sizeof(*p), n * sizeof(*p));

		if (!p)
			return -ENOMEM;
		for (u32 i = nports; i < n; i++)
			p[i] = (struct port){NULL, NULL};
		ports = p;
		nports = n;
	}
	ports[port] = (struct port){fn, arg};
	event_unmask(port);
	return 0;
}

static int adopt_new(u32 port, event_handler fn, void *arg)
{
	int err = event_adopt(port, fn, arg);

	if (err) {
		event_close(port);
		return err;
	}
	return (int)port;
}

int event_bind_virq(unsigned virq, unsigned vcpu, event_handler fn, void *arg)
{
	struct evtchn_bind_virq b = {.virq = virq, .vcpu = vcpu};
	long err = xen_event_channel_op(EVTCHNOP_bind_virq, &b);

	return err ? (int)err : adopt_new(b.port, fn, arg);
}

int event_bind_ipi(unsigned vcpu, event_handler fn, void *arg)
{
	struct evtchn_bind_ipi b = {.vcpu = vcpu};
	long err = xen_event_channel_op(EVTCHNOP_bind_ipi, &b);

	return err ? (int)err : adopt_new(b.port, fn, arg);
}

int event_bind_interdomain(domid_t dom, u32 remote_port, event_handler fn, void *arg)
{
	struct evtchn_bind_interdomain b = {.remote_dom = dom,
					    .remote_port = remote_port};
	long err = xen_event_channel_op(EVTCHNOP_bind_interdomain, &b);

	return err ? (int)err : adopt_new(b.local_port, fn, arg);
}

int event_alloc_unbound(domid_t dom, event_handler fn, void *arg)
{
	struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = dom};
	long err = xen_event_channel_op(EVTCHNOP_alloc_unbound, &a);

	return err ? (int)err : adopt_new(a.port, fn, arg);
}

void event_close(u32 port)
{
	struct evtchn_close c = {.port = port};

	event_mask(port);
	if (port < nports)
		ports[port].fn = NULL;
	xen_event_channel_op(EVTCHNOP_close, &c);
	/* A late event must not be taken for one of the port's next owner. */
	event_take(port);
}

int event_notify(u32 port)
{
	struct evtchn_send s = {.port = port};

	return (int)xen_event_channel_op(EVTCHNOP_send, &s);
}

event_handler event_handler_of(u32 port)
{
	return port < nports ? ports[port].fn : NULL;
}

void event_init(void)
{
	/*
	 * A vector of our own, injected without the local APIC: nothing to
	 * acknowledge.
	 */
	struct xen_hvm_param p = {.domid = DOMID_SELF,
				  .index = HVM_PARAM_CALLBACK_IRQ,
				  .value = 2ULL << 56 | VECTOR_XEN};
	long err;

	for (unsigned i = 0; i < WORDS; i++)
		xen_shared->evtchn_mask[i] = ~0UL;
	irq_register(VECTOR_XEN, upcall, NULL);
	err = xen_hvm_op(HVMOP_set_param, &p);
	if (err)
		printk("xen: no event upcall (%ld)\n", err);
	xen_shared->vcpu_info[0].evtchn_upcall_mask = 0;
}
