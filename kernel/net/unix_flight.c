/* SPDX-License-Identifier: MIT */
/* Descriptors in flight: files that messages hold. Their number is bounded. Letting go of
 * them needs no more stack however they are nested. Sockets that hold each other with
 * nobody outside are found and freed. */
#include "socket.h"
#include "unix.h"

#include <nub/errno.h>
#include <nub/slab.h>

/* Linux allows each user as many as RLIMIT_NOFILE. */
#define FILES_MAX FD_MAX

static struct list flying = LIST_INIT(flying); /* sockets in flight, by usock.flight */
static u32 n_files;
static struct list doomed = LIST_INIT(doomed); /* messages to be let go of */
static bool draining;

static struct usock *usock_of(struct file *f)
{
	struct socket *s = socket_of(f);

	return s && s->family == AF_UNIX ? (struct usock *)s : NULL;
}

/* Each act on sockets may look for what only each other hold. A look visits all that is in
 * flight. So that N acts do not cost N times N visits, acts pay for the next look. */
#define VISITS_PER_ACT 128
static u32 visits; /* of the last look */
static u32 acts;   /* since then */

static void collect(void);

int flight_start(struct umsg *m, struct file *const *files, unsigned n)
{
	if (n_files + n > FILES_MAX)
		collect();
	if (n_files + n > FILES_MAX)
		return -ETOOMANYREFS;
	m->fds = kcalloc(n, sizeof(*m->fds));
	if (!m->fds)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		struct usock *u = usock_of(files[i]);

		m->fds[i] = file_get(files[i]);
		if (u && !u->in_flight++) {
			u->file = files[i];
			list_add_tail(&flying, &u->flight);
		}
	}
	m->nfds = n;
	n_files += n;
	return 0;
}

void flight_end(struct umsg *m)
{
	for (unsigned i = 0; i < m->nfds; i++) {
		struct usock *u = usock_of(m->fds[i]);

		if (u && !--u->in_flight)
			list_del(&u->flight);
	}
	n_files -= m->nfds;
	m->nfds = 0;
}

/* A socket that goes with the last message that holds it frees its own messages, and so
 * on. They queue up here instead of on the stack. */
static void drain(void)
{
	if (draining)
		return;
	draining = true;
	while (!list_empty(&doomed)) {
		struct umsg *m = list_first(&doomed, struct umsg, link);
		unsigned n = m->nfds;

		list_del(&m->link);
		umsg_uncharge(m);
		flight_end(m);
		for (unsigned i = 0; i < n; i++)
			file_put(m->fds[i]);
		kfree(m->fds);
		kfree(m);
	}
	draining = false;
}

void umsg_free(struct umsg *m)
{
	if (likely(!m->fds)) {
		umsg_uncharge(m);
		kfree(m);
		return;
	}
	list_add_tail(&doomed, &m->link);
	drain();
}

/* --- sockets that only each other hold --- */

static void each_in(struct list *messages, void (*fn)(struct usock *held))
{
	struct umsg *m;

	list_for_each(m, messages, link) {
		visits += 1 + m->nfds;
		for (unsigned i = 0; i < m->nfds; i++) {
			struct usock *u = usock_of(m->fds[i]);

			if (u)
				fn(u);
		}
	}
}

/* Calls fn for each socket that u's messages hold, as often as they do. */
static void each_held(struct usock *u, void (*fn)(struct usock *held))
{
	struct usock *c;

	each_in(&u->rx, fn);
	list_for_each(c, &u->pending, pending_link)
		each_in(&c->rx, fn);
}

static void one_less(struct usock *u)
{
	u->outside--;
}

static struct list reached = LIST_INIT(reached);

static void reach(struct usock *u)
{
	if (!u->suspect)
		return;
	u->suspect = false;
	list_del(&u->flight);
	list_add_tail(&reached, &u->flight);
}

static void doom_messages(struct usock *u, struct list *messages)
{
	struct umsg *m, *next;

	list_for_each_safe(m, next, messages, link) {
		if (!m->nfds)
			continue;
		list_del(&m->link);
		u->rx_count--;
		list_add_tail(&doomed, &m->link);
	}
}

static void collect(void)
{
	struct list seen = LIST_INIT(seen);
	struct usock *u, *next, *c;

	if (list_empty(&flying) || draining)
		return;
	acts = 0;
	visits = 0;
	/* Nobody but messages holds it. */
	list_for_each(u, &flying, flight) {
		u->suspect = u->file->refs == (int)u->in_flight;
		u->outside = u->in_flight;
		visits++;
	}
	/* Counts those of these messages that are not in other suspects' queues. */
	list_for_each(u, &flying, flight)
		if (u->suspect)
			each_held(u, one_less);
	list_for_each_safe(u, next, &flying, flight)
		if (u->suspect && u->outside)
			reach(u);
	/* A socket that a reached one holds is reached. */
	while (!list_empty(&reached)) {
		u = list_first(&reached, struct usock, flight);
		list_del(&u->flight);
		list_add_tail(&seen, &u->flight);
		each_held(u, reach);
	}
	list_for_each(u, &flying, flight) {
		if (!u->suspect)
			continue;
		doom_messages(u, &u->rx);
		list_for_each(c, &u->pending, pending_link)
			doom_messages(c, &c->rx);
	}
	list_for_each_safe(u, next, &seen, flight) {
		list_del(&u->flight);
		list_add_tail(&flying, &u->flight);
	}
	drain();
}

void flight_collect(void)
{
	if (++acts >= visits / VISITS_PER_ACT)
		collect();
}
