/* SPDX-License-Identifier: MIT */
/* Late calls go out once, in their order, and with the poll if there is one. */
#include "unit.h"

#define strlcpy nub_strlcpy
#include <nub/string.h>
#undef strlcpy

#define xen_multicall real_multicall
#define xen_sched_op real_sched_op
#include "../../../kernel/xen/hypercall.h"
#undef xen_multicall
#undef xen_sched_op
#include <xen/event_channel.h>
#include <xen/hvm/dm_op.h>
#include <xen/sched.h>

enum { GUEST_PORT = 3, DISK_PORT = 4, GUEST = 7 };

/* Letters: L and l a level of 1 and 0, g and d a port's event, p a poll; a blank before each
 * hypercall. */
static char said[64];

static void say(char c)
{
	const size_t n = strlen(said);

	assert_true(n + 1 < sizeof(said));
	said[n] = c;
}

static long xen_sched_op(int cmd, void *arg)
{
	assert_int_equal(cmd, SCHEDOP_poll);
	say(' ');
	say('p');
	return 0;
}

static void say_level(const multicall_entry_t *call)
{
	const struct xen_dm_op_buf *buf = (const void *)call->args[2];
	const struct xen_dm_op *op = buf->h.p;

	assert_int_equal(call->args[0], GUEST);
	assert_int_equal(call->args[1], 1);
	assert_int_equal(op->op, XEN_DMOP_set_isa_irq_level);
	assert_int_equal(op->u.set_isa_irq_level.isa_irq, 14);
	say(op->u.set_isa_irq_level.level ? 'L' : 'l');
}

static long xen_multicall(multicall_entry_t *calls, unsigned count)
{
	say(' ');
	for (unsigned i = 0; i < count; i++) {
		const struct evtchn_send *send = (const void *)calls[i].args[1];

		switch (calls[i].op) {
		case __HYPERVISOR_dm_op:
			say_level(&calls[i]);
			break;
		case __HYPERVISOR_event_channel_op:
			assert_int_equal(calls[i].args[0], EVTCHNOP_send);
			say(send->port == GUEST_PORT ? 'g' : 'd');
			break;
		default:
			assert_int_equal(calls[i].op, __HYPERVISOR_sched_op);
			say('p');
		}
	}
	return 0;
}

#include "../../../kernel/xen/idle.c"

u8 return_work, smp_on;
bool in_irq, need_resched;
u64 timer_next, timer_programmed;
static struct thread thread = {.poll_until = ~0ULL};
struct thread *current = &thread;
static unsigned held;

u64 clock_now(void)
{
	return 1000;
}

u64 xen_time(u64 when)
{
	return when;
}

void xen_timer_run(void)
{
}

void timer_program_next(void)
{
}

void event_poll(void)
{
}

unsigned event_hold_list(evtchn_port_t *list, unsigned max)
{
	list[0] = 1;
	return 1;
}

void event_hold(void)
{
	held++;
}

void event_release(void)
{
}

void event_mask(u32 port)
{
}

void event_unmask(u32 port)
{
}

int event_notify(u32 port)
{
	say(' ');
	say(port == GUEST_PORT ? 'g' : 'd');
	return 0;
}

static bool level(unsigned to)
{
	struct xen_dm_op op = {.op = XEN_DMOP_set_isa_irq_level};

	op.u.set_isa_irq_level.isa_irq = 14;
	op.u.set_isa_irq_level.level = (u8)to;
	/* As a program gives it: no longer than it must be. */
	return event_level_late(GUEST, &op,
				offsetof(struct xen_dm_op, u) +
					sizeof(op.u.set_isa_irq_level));
}

static void expect(const char *what)
{
	assert_string_equal(said, what);
	memset(said, 0, sizeof(said));
}

static void test_with_the_poll(void **state)
{
	event_notify_late(GUEST_PORT);
	assert_int_equal(return_work, 2);
	event_idle();
	expect(" gp");
	assert_int_equal(return_work, 0);
	/* A register's read lowers the line, and is answered: the guest goes on behind both. */
	assert_true(level(0));
	event_notify_late(GUEST_PORT);
	expect("");
	event_idle();
	expect(" lgp");
	event_notify_soon(DISK_PORT);
	assert_int_equal(return_work, 1);
	event_idle();
	expect(" dp");
	assert_true(level(1));
	event_notify_late(GUEST_PORT);
	event_notify_soon(DISK_PORT);
	event_idle();
	expect(" Lgdp");
	event_idle();
	expect(" p");
}

static void test_without_a_poll(void **state)
{
	held = 0;
	assert_true(level(1));
	event_notify_late(GUEST_PORT);
	event_send_late();
	expect(" Lg");
	assert_int_equal(return_work, 0);
	assert_int_equal(held, 1);
	/* Anywhere: no event is looked at. */
	event_notify_soon(DISK_PORT);
	event_send_now();
	expect(" d");
	assert_int_equal(held, 1);
	event_send_now();
	expect("");
	/* A fault's read of the root's disk keeps nobody waiting. */
	event_notify_late(GUEST_PORT);
	event_wait(DISK_PORT, 2000);
	expect(" g p");
}

static void test_two_of_a_kind(void **state)
{
	assert_true(level(1));
	assert_true(level(0));
	expect(" L");
	event_notify_late(GUEST_PORT);
	event_notify_late(GUEST_PORT);
	expect(" lg");
	event_notify_soon(DISK_PORT);
	event_notify_soon(DISK_PORT);
	expect(" d");
	event_idle();
	expect(" gdp");
}

static void test_at_once(void **state)
{
	/* A timer of the program's runs before it waits. */
	thread.poll_until = clock_now() + 10;
	assert_false(level(1));
	event_notify_late(GUEST_PORT);
	expect(" g");
	smp_on = 1;
	thread.poll_until = ~0ULL;
	assert_false(level(1));
	event_notify_late(GUEST_PORT);
	event_notify_soon(DISK_PORT);
	expect(" g d");
	smp_on = 0;
	/* An interrupt handler's thread is not the one that sleeps. */
	in_irq = true;
	event_notify_soon(DISK_PORT);
	expect(" d");
	in_irq = false;
	assert_int_equal(return_work, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_with_the_poll),
		cmocka_unit_test(test_without_a_poll),
		cmocka_unit_test(test_two_of_a_kind),
		cmocka_unit_test(test_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
