/* SPDX-License-Identifier: MIT */
/* Starts, ends and deaths of stub domains, for systemd's journal. */
#include "domain/tell.h"

#include <stdio.h>
#include <stdlib.h>

#include "journal.h"
#include "xalloc.h"

/* The fields that each entry has; more of its own may follow. */
enum { EVENT, GUEST, GUEST_DOMID, KERNEL, OWN, N_FIELDS = OWN + 3 };

/* NULL: the plan's. */
static char *name_now;

void tell_name(const char *guest)
{
	free(name_now);
	name_now = xstrdup(guest);
}

static void send(const struct plan *plan, enum journal_priority priority,
		 const char *event, const char *message, struct journal_field *fields)
{
	char domid[16];

	snprintf(domid, sizeof(domid), "%u", plan->guest_domid);
	fields[EVENT] = (struct journal_field){"STUBDOM_EVENT", event};
	fields[GUEST] = (struct journal_field){"STUBDOM_GUEST",
					       name_now ? name_now : plan->guest_name};
	fields[GUEST_DOMID] = (struct journal_field){"STUBDOM_GUEST_DOMID", domid};
	fields[KERNEL] = (struct journal_field){"STUBDOM_KERNEL",
						stubopt_kernel_name(plan->kernel)};
	journal_send(JOURNAL_SOCKET, priority, message, fields);
}

void tell_start(const struct plan *plan, uint32_t stub)
{
	char domid[16], message[256];
	struct journal_field fields[N_FIELDS] = {[OWN] = {"STUBDOM_DOMID", domid}};

	snprintf(domid, sizeof(domid), "%u", stub);
	snprintf(message, sizeof(message),
		 "%.100s, domain %u, runs the device model of domain %u", plan->name,
		 stub, plan->guest_domid);
	send(plan, JOURNAL_INFO, "start", message, fields);
}

void tell_end(const struct plan *plan, const struct err *err)
{
	char message[256], status[16];
	struct journal_field fields[N_FIELDS] = {0};

	if (err) {
		snprintf(status, sizeof(status), "%d", err->code);
		fields[OWN] = (struct journal_field){"STUBDOM_STATUS", status};
		send(plan, JOURNAL_ERR, "failure", err->msg, fields);
		return;
	}
	snprintf(message, sizeof(message), "%.100s has ended", plan->name);
	send(plan, JOURNAL_INFO, "end", message, fields);
}

void tell_death(const struct plan *plan, const char *why, const char *action,
		const char *crash)
{
	char message[1200];
	struct journal_field fields[N_FIELDS] = {[OWN] = {"STUBDOM_ACTION", action},
						 {"STUBDOM_CRASH", crash}};

	snprintf(message, sizeof(message), "the device model of domain %u has died (%s)",
		 plan->guest_domid, why);
	send(plan, JOURNAL_ERR, "death", message, fields);
}
