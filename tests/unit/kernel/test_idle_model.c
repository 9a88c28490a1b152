/* SPDX-License-Identifier: MIT */
/* A model of going idle (kernel/xen/idle.c, event.c) beside Xen (evtchn_2l_set_pending, do_poll,
 * evtchn_check_pollers) and a remote end.  All interleavings of their single accesses are tried.
 * From each state the end of the last round can be reached.  No event is there without an
 * interrupt or a look at it.
 *
 * The kernel asks the remote end twice by a late notification and waits for the answer to each.
 * Another port has one event at any time.  Variants with one step left out must be caught. */
#include "unit.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { PORTS = 2, ANSWER = 0, OTHER = 1, ROUNDS = 2, ALL = 3 };
enum { STATES_MAX = 1 << 16 };

/* Where the kernel is; interrupts are off. */
enum {
	K_ASK,
	K_WORK,
	K_UPCALL,
	K_WORDS,
	K_TAKE,
	K_HOLD,
	K_CHOOSE,
	K_SEND,
	K_POLL,
	K_CHECK,
	K_BLOCKED,
	K_RELEASE,
	K_LOOK,
	K_SCAN,
	K_IDLE,
	K_DONE
};
/* Where each sender of an event is: its pending bit, its mask and word, the pollers. */
enum { S_READY, S_MASK, S_WORD, S_POLLERS };

enum variant {
	AS_IT_IS,
	NO_SECOND_LOOK, /* Xen does not look at the ports once it has noted the poll */
	NO_SCAN,	/* events that came while held are not looked for */
	SCAN_FIRST,	/* they are looked for before the masks are opened */
	NO_LATE,	/* the promised notification stays when the kernel polls */
	VARIANTS
};

struct state {
	/* Shared with Xen; a bit a port in the first two. */
	uint8_t pending, mask, word, upcall;
	uint8_t k, then, held, bits, woken, late, answered; /* the kernel's */
	uint8_t polling, runnable;			    /* Xen's notes */
	uint8_t s[PORTS], to_send[PORTS];
};

static enum variant variant;
static struct state seen[STATES_MAX];
static uint32_t slots[2 * STATES_MAX];
static bool ends[STATES_MAX]; /* the last round may be reached from it */
static size_t n_seen;

/* Its number; a new one comes to the end of the list. */
static size_t number_of(const struct state *s)
{
	const uint8_t *bytes = (const uint8_t *)s;
	uint64_t h = 1469598103934665603u;
	size_t at;

	for (size_t i = 0; i < sizeof(*s); i++)
		h = (h ^ bytes[i]) * 1099511628211u;
	for (at = h % (2 * STATES_MAX); slots[at]; at = (at + 1) % (2 * STATES_MAX))
		if (!memcmp(&seen[slots[at] - 1], s, sizeof(*s)))
			return slots[at] - 1;
	assert_true(n_seen < STATES_MAX);
	seen[n_seen] = *s;
	slots[at] = (uint32_t)++n_seen;
	return n_seen - 1;
}

static void hear(struct state *s)
{
	if (s->late) {
		s->late = 0;
		s->to_send[ANSWER]++;
	}
}

/* The handler reads all that is there, and wakes the thread that waits. */
static void deliver(struct state *s, unsigned port)
{
	if (port == ANSWER)
		s->woken = 1;
}

static void take_bit(struct state *s, uint8_t next)
{
	unsigned port = s->bits & 1 ? 0 : 1;

	if (!s->bits) {
		s->k = next;
		return;
	}
	s->bits &= (uint8_t)~(1u << port);
	if (s->pending & 1u << port) {
		s->pending &= (uint8_t)~(1u << port);
		deliver(s, port);
	}
}

static void poll_ends(struct state *s)
{
	s->k = variant == SCAN_FIRST ? K_SCAN : K_RELEASE;
	s->bits = s->pending & (uint8_t)~s->held;
}

static void step_idle(struct state *s)
{
	switch (s->k) {
	case K_UPCALL: /* event_poll() */
		s->k = s->upcall ? K_WORDS : s->then;
		s->upcall = 0;
		break;
	case K_WORDS:
		s->bits = s->word ? s->pending & (uint8_t)~s->mask : 0;
		s->word = 0;
		s->k = K_TAKE;
		break;
	case K_TAKE:
		take_bit(s, K_UPCALL);
		break;
	case K_HOLD: /* event_hold_list() */
		s->held = s->mask;
		s->mask = ALL;
		s->k = K_CHOOSE;
		break;
	case K_CHOOSE:
		s->k = s->woken ? K_RELEASE : K_SEND;
		break;
	case K_SEND: /* the multicall's first half */
		if (variant != NO_LATE)
			hear(s);
		s->k = K_POLL;
		break;
	case K_POLL: /* do_poll() */
		s->polling = 1;
		s->runnable = 0;
		s->k = K_CHECK;
		break;
	case K_CHECK:
		if (s->runnable || s->upcall ||
		    (variant != NO_SECOND_LOOK && s->pending & (uint8_t)~s->held)) {
			s->polling = 0;
			poll_ends(s);
		} else {
			s->k = K_BLOCKED;
		}
		break;
	case K_RELEASE: /* event_release() */
		s->mask = s->held;
		s->k = variant == NO_SCAN || variant == SCAN_FIRST ? K_IDLE : K_LOOK;
		break;
	case K_LOOK:
		s->bits = s->pending & (uint8_t)~s->mask;
		s->k = K_SCAN;
		break;
	}
}

/* Returns false if the kernel can only wait. */
static bool step_kernel(struct state *s)
{
	switch (s->k) {
	case K_ASK: /* event_notify_late() */
		s->late = 1;
		s->k = K_WORK;
		break;
	case K_WORK: /* the way back from the next call, if that does not sleep: return_work */
		hear(s);
		s->k = K_IDLE;
		break;
	case K_BLOCKED:
		if (!s->runnable)
			return false;
		poll_ends(s);
		break;
	case K_SCAN:
		take_bit(s, variant == SCAN_FIRST && s->mask == ALL ? K_RELEASE : K_IDLE);
		break;
	case K_IDLE: /* schedule(): the thread runs, or idle again */
		if (s->woken) {
			s->woken = 0;
			s->answered++;
			s->k = s->answered == ROUNDS ? K_DONE : K_ASK;
			break;
		}
		s->then = K_HOLD;
		s->k = K_UPCALL;
		break;
	case K_DONE:
		return false;
	default:
		step_idle(s);
	}
	return true;
}

/* One step of a sender's, by evtchn_2l_set_pending(). */
static bool step_sender(struct state *s, unsigned port)
{
	const uint8_t bit = (uint8_t)(1u << port);

	switch (s->s[port]) {
	case S_READY:
		if (!s->to_send[port])
			return false;
		s->to_send[port]--;
		s->s[port] = s->pending & bit ? S_READY : S_MASK;
		s->pending |= bit;
		break;
	case S_MASK:
		s->s[port] = s->mask & bit || s->word ? S_POLLERS : S_WORD;
		if (s->s[port] == S_WORD)
			s->word = 1;
		break;
	case S_WORD:
		if (!s->upcall)
			s->runnable = 1;
		s->upcall = 1;
		s->s[port] = S_POLLERS;
		break;
	case S_POLLERS:
		if (s->polling) {
			s->polling = 0;
			s->runnable = 1;
		}
		s->s[port] = S_READY;
		break;
	}
	return true;
}

/* The program makes no other call, but sleeps at once. */
static bool skip_work(struct state *s)
{
	if (s->k != K_WORK)
		return false;
	s->k = K_IDLE;
	return true;
}

enum { MOVES = PORTS + 2 };

static bool move(struct state *s, unsigned who)
{
	return who < PORTS    ? step_sender(s, who)
	       : who == PORTS ? step_kernel(s)
			      : skip_work(s);
}

/* Whether a state that was not known to reach the end now does. */
static bool mark(size_t i)
{
	if (ends[i])
		return false;
	ends[i] = seen[i].k == K_DONE;
	for (unsigned who = 0; who < MOVES && !ends[i]; who++) {
		struct state s = seen[i];

		if (move(&s, who))
			ends[i] = ends[number_of(&s)];
	}
	return ends[i];
}

/* The kernel leaves the idle loop, and no interrupt will tell of an event that is there. */
static bool untold(const struct state *s)
{
	uint8_t there = s->pending & (uint8_t)~s->mask;

	if (s->k != K_IDLE || s->upcall)
		return false;
	for (unsigned port = 0; port < PORTS; port++)
		if (there & 1u << port && s->s[port] == S_READY)
			return !s->word;
	return false;
}

/* The number of states in which an event is untold, or from which the end is out of reach.
 * There all wait, or go round and round. */
static size_t lost_states(enum variant v)
{
	struct state first;
	size_t lost = 0;
	bool more = true;

	memset(&first, 0, sizeof(first));
	first.runnable = 1;
	first.k = K_ASK;
	first.to_send[OTHER] = 1;
	variant = v;
	n_seen = 0;
	memset(slots, 0, sizeof(slots));
	memset(ends, 0, sizeof(ends));
	number_of(&first);
	for (size_t i = 0; i < n_seen; i++) {
		for (unsigned who = 0; who < MOVES; who++) {
			struct state s = seen[i];

			if (move(&s, who))
				number_of(&s);
		}
	}
	while (more) {
		more = false;
		for (size_t i = n_seen; i-- > 0;)
			more |= mark(i);
	}
	for (size_t i = 0; i < n_seen; i++)
		lost += !ends[i] || untold(&seen[i]);
	return lost;
}

static void test_nothing_is_lost(void **state)
{
	assert_int_equal(lost_states(AS_IT_IS), 0);
	assert_true(n_seen > 1000);
	print_message("%zu states\n", n_seen);
}

static void test_each_step_is_needed(void **state)
{
	for (enum variant v = NO_SECOND_LOOK; v < VARIANTS; v++) {
		size_t n = lost_states(v);

		print_message("variant %d: %zu of %zu states are lost\n", (int)v, n,
			      n_seen);
		assert_true(n > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_lost),
		cmocka_unit_test(test_each_step_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
