/* SPDX-License-Identifier: MIT */
/* Checks of the host: which device model its guests get. */
#include "doctor.h"
#include "enable.h"
#include "host_guests.h"

static void check_guests(const struct doctor_host *host, struct doctor_report *report,
			 bool on)
{
	struct host_guests guests;
	struct err err;

	/* Why not, other checks say. */
	if (host_guests_read(host->conf, &guests, &err) < 0)
		return;
	for (size_t i = 0; i < guests.n; i++) {
		const struct host_guest *guest = &guests.list[i];
		bool next = guest->model == STUBOPT_MODEL_STUBDOM;

		if (guest->stub)
			doctor_add(report, DOCTOR_OK, NULL,
				   "guest '%.100s': QEMU in a stub domain", guest->name);
		else if (on && next)
			doctor_add(report, DOCTOR_NOTE,
				   "start it anew for a stub domain; if that changes "
				   "nothing, its configuration names QEMU",
				   "guest '%.100s': QEMU in dom0", guest->name);
		else
			doctor_add(report, DOCTOR_NOTE, NULL,
				   "guest '%.100s': QEMU in dom0%s", guest->name,
				   on ? ", by device-model = dom0" : "");
	}
	host_guests_free(&guests);
}

void doctor_check_enable(const struct doctor_host *host, struct doctor_report *report)
{
	enum enable_state state;
	struct err err;

	if (enable_look(&enable_host, &state, &err) < 0) {
		doctor_add(report, DOCTOR_WARN, NULL, "%s", err.msg);
		return;
	}
	if (state == ENABLE_ON)
		doctor_add(report, DOCTOR_OK, NULL, "%s", enable_state_text(state));
	else if (state == ENABLE_HALF)
		doctor_add(report, DOCTOR_FAIL, "run it again", "%s",
			   enable_state_text(state));
	else if (state == ENABLE_LOST)
		doctor_add(report, DOCTOR_FAIL, "apt install --reinstall qemu-system-xen",
			   "%s", enable_state_text(state));
	else
		doctor_add(report, DOCTOR_NOTE, NULL, "%s", enable_state_text(state));
	check_guests(host, report, state == ENABLE_ON);
}
