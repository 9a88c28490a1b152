/* SPDX-License-Identifier: MIT */
/* Checks that a topology makes sense for a guest, before anything is built. */
#include "topology_check.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

enum { NO_BRIDGE = -1 };

/* The state of one interface after some of the statements. */
struct state {
	bool created;
	int bridge; /* the bridge it is a member of, or NO_BRIDGE */
	bool stp;
};

struct check {
	const struct topology *topology;
	const char *name;
	unsigned n_taps;
	const struct topology_xenif *xenifs;
	size_t n_xenifs;
	struct state *states; /* one row of TOPOLOGY_IF_MAX + 1 for each kind */
	struct err *err;
};

static struct state *state_of(const struct check *c, struct topology_if interface)
{
	return &c->states[interface.kind * (TOPOLOGY_IF_MAX + 1) + interface.n];
}

static const struct topology_xenif *find_xenif(const struct check *c, unsigned n)
{
	for (size_t i = 0; i < c->n_xenifs; i++)
		if (c->xenifs[i].n == n)
			return &c->xenifs[i];
	return NULL;
}

static int complain(const struct check *c, const struct topology_stmt *stmt,
		    struct topology_if interface, const char *what)
{
	char name[TOPOLOGY_NAME_SIZE];

	return err_set(c->err, ERR_USAGE, "%s:%u:%u: %s %s", c->name, stmt->line,
		       stmt->column, topology_if_name(interface, name), what);
}

static int check_exists(const struct check *c, const struct topology_stmt *stmt,
			struct topology_if interface)
{
	if (interface.kind == TOPOLOGY_TAP && interface.n >= c->n_taps)
		return complain(c, stmt, interface,
				"is not there: the guest has fewer emulated NICs");
	if (interface.kind == TOPOLOGY_XENIF && !find_xenif(c, interface.n))
		return complain(c, stmt, interface,
				"is not there: the guest has fewer vifs");
	if (interface.kind != TOPOLOGY_XENIF && stmt->op != TOPOLOGY_CREATE &&
	    !state_of(c, interface)->created)
		return complain(
			c, stmt, interface,
			"is used before it is created: expected 'ifconfig ... create' above");
	return 0;
}

static int check_add(const struct check *c, const struct topology_stmt *stmt)
{
	struct state *member = state_of(c, stmt->member);

	if (member->bridge != NO_BRIDGE)
		return complain(c, stmt, stmt->member,
				"is in a bridge already: an interface has one place");
	member->bridge = (int)stmt->subject.n;
	return 0;
}

static int check_stmt(const struct check *c, const struct topology_stmt *stmt)
{
	const bool has_member = stmt->op == TOPOLOGY_ADD || stmt->op == TOPOLOGY_DELETE;
	struct state *subject = state_of(c, stmt->subject);

	if (check_exists(c, stmt, stmt->subject) < 0 ||
	    (has_member && check_exists(c, stmt, stmt->member) < 0))
		return -1;
	switch (stmt->op) {
	case TOPOLOGY_CREATE:
		if (subject->created)
			return complain(c, stmt, stmt->subject, "is created twice");
		subject->created = true;
		return 0;
	case TOPOLOGY_ADD:
		return check_add(c, stmt);
	case TOPOLOGY_DELETE:
		if (state_of(c, stmt->member)->bridge != (int)stmt->subject.n)
			return complain(c, stmt, stmt->member, "is not in that bridge");
		state_of(c, stmt->member)->bridge = NO_BRIDGE;
		return 0;
	case TOPOLOGY_STP_ON:
	case TOPOLOGY_STP_OFF:
		subject->stp = stmt->op == TOPOLOGY_STP_ON;
		return 0;
	case TOPOLOGY_UP:
	case TOPOLOGY_DOWN:
	case TOPOLOGY_MTU:
		return 0;
	}
	return 0;
}

/* The statement that put the interface where it ended up. */
static const struct topology_stmt *last_add(const struct check *c,
					    struct topology_if member)
{
	const struct topology_stmt *found = NULL;

	for (size_t i = 0; i < c->topology->n; i++) {
		const struct topology_stmt *stmt = &c->topology->stmts[i];

		if (stmt->op == TOPOLOGY_ADD && stmt->member.kind == member.kind &&
		    stmt->member.n == member.n)
			found = stmt;
	}
	return found;
}

/* Frames that leave by one of the two come back by the other, for ever. */
static int check_loops(const struct check *c)
{
	for (size_t i = 0; i < c->n_xenifs; i++) {
		const struct topology_if a = {TOPOLOGY_XENIF, c->xenifs[i].n};
		const int bridge = state_of(c, a)->bridge;

		for (size_t k = 0; k < i; k++) {
			const struct topology_if b = {TOPOLOGY_XENIF, c->xenifs[k].n};

			if (bridge == NO_BRIDGE || state_of(c, b)->bridge != bridge ||
			    !c->xenifs[i].network || !c->xenifs[k].network ||
			    strcmp(c->xenifs[i].network, c->xenifs[k].network) != 0)
				continue;
			if (state_of(c, (struct topology_if){TOPOLOGY_BRIDGE,
							     (unsigned)bridge})
				    ->stp)
				continue;
			return complain(c, last_add(c, a), a,
					"closes a loop: the bridge has another way into "
					"the same network; leave it out, or turn on stp");
		}
	}
	return 0;
}

static int check_all(const struct check *c)
{
	char name[TOPOLOGY_NAME_SIZE];

	for (size_t i = 0; i < c->topology->n; i++)
		if (check_stmt(c, &c->topology->stmts[i]) < 0)
			return -1;
	for (unsigned n = 0; n < c->n_taps; n++) {
		const struct topology_if tap = {TOPOLOGY_TAP, n};

		if (!state_of(c, tap)->created)
			return err_set(c->err, ERR_USAGE,
				       "%s: %s is left unwired: expected 'ifconfig %s "
				       "create', and a bridge if it is to be connected",
				       c->name, topology_if_name(tap, name), name);
	}
	return check_loops(c);
}

int topology_check(const struct topology *topology, const char *name, unsigned n_taps,
		   const struct topology_xenif *xenifs, size_t n_xenifs, struct err *err)
{
	enum { STATES = 3 * (TOPOLOGY_IF_MAX + 1) };
	cleanup_free struct state *states = calloc(STATES, sizeof(*states));
	const struct check c = {.topology = topology,
				.name = name,
				.n_taps = n_taps,
				.xenifs = xenifs,
				.n_xenifs = n_xenifs,
				.states = states,
				.err = err};

	if (!states)
		return err_set(err, ERR_HOST, "out of memory");
	for (size_t i = 0; i < STATES; i++)
		states[i].bridge = NO_BRIDGE;
	return check_all(&c);
}
