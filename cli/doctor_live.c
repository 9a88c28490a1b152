/* SPDX-License-Identifier: MIT */
/* Checks of the host: what only a running one can answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenstore.h>

#include "check/uid.h"
#include "doctor.h"
#include "guest.h"
#include "plan/stubopt.h"
#include "xen_ctx.h"

/*
 * The memory of a stub domain with Debian's kernel, and room for the guest's own needs.
 */
enum { FREE_MB_WANTED = 512 };

void doctor_check_root(const struct doctor_host *host, struct doctor_report *report)
{
	if (geteuid() != 0)
		doctor_add(report, DOCTOR_WARN, "run 'stubdom doctor' as root",
			   "not root: some checks cannot see what they should");
}

void doctor_check_xenstore(const struct doctor_host *host, struct doctor_report *report)
{
	struct xs_handle *xs = xs_open(0);
	char *domid = NULL;
	unsigned len;

	if (xs) {
		domid = xs_read(xs, XBT_NULL, "domid", &len);
		xs_close(xs);
	}
	if (domid && strcmp(domid, "0") == 0)
		doctor_add(report, DOCTOR_OK, NULL, "xenstore answers");
	else if (domid)
		doctor_add(report, DOCTOR_FAIL, "run this in dom0",
			   "xenstore says that this is domain %s", domid);
	else
		doctor_add(report, DOCTOR_FAIL,
			   "systemctl start xen; a reboot, if xenstored has ended",
			   "xenstore does not answer: %s", strerror(errno));
	free(domid);
}

static void check_physinfo(libxl_ctx *ctx, struct doctor_report *report)
{
	libxl_physinfo info;
	uint64_t free_kb;

	libxl_physinfo_init(&info);
	if (libxl_get_physinfo(ctx, &info) != 0) {
		doctor_add(report, DOCTOR_FAIL, "see 'xl dmesg'",
			   "Xen does not tell what the machine can do");
		return;
	}
	if (!info.cap_hvm)
		doctor_add(report, DOCTOR_FAIL,
			   "turn on VT-x or AMD-V in the firmware's settings",
			   "no HVM: hardware virtualisation is off");
	else
		doctor_add(report, DOCTOR_OK, NULL, "HVM%s",
			   info.cap_hap ? ", with hardware assisted paging" : "");
	if (info.cap_hvm_directio)
		doctor_add(report, DOCTOR_OK, NULL, "IOMMU is on");
	else
		doctor_add(
			report, DOCTOR_NOTE, NULL,
			"no IOMMU: stub domains do without, PCI pass-through would not");
	if (libxl_get_free_memory(ctx, &free_kb) == 0 && free_kb / 1024 < FREE_MB_WANTED)
		doctor_add(report, DOCTOR_WARN,
			   "give dom0 less memory: dom0_mem= on Xen's command line",
			   "%llu MB of memory are free; a stub domain takes 40 and more, "
			   "one with Linux 250",
			   (unsigned long long)free_kb / 1024);
	libxl_physinfo_dispose(&info);
}

void doctor_check_hardware(const struct doctor_host *host, struct doctor_report *report)
{
	struct xen_ctx xen;
	struct err ignored;

	if (xen_ctx_open(&xen, &ignored) == 0)
		check_physinfo(xen.libxl, report);
	else
		doctor_add(report, DOCTOR_FAIL, "mend the failed checks above first",
			   "libxl cannot reach the hypervisor");
	xen_ctx_close(&xen);
}

void doctor_check_user(const struct doctor_host *host, struct doctor_report *report)
{
	struct stubopt options;
	char path[4096], where[4096];
	struct err err;

	snprintf(path, sizeof(path), "%s/stubdom.conf", host->conf);
	doctor_path(host, path, where, sizeof(where));
	stubopt_init(&options);
	/* doctor_check_config tells of a wrong file. */
	stubopt_read_file(&options, where, &err);
	if (relay_uids_check(options.uid_base, &err) < 0)
		doctor_add(report, DOCTOR_FAIL, "set uid-base=, see stubdom.conf(5)",
			   "%s", err.msg);
	else
		doctor_add(report, DOCTOR_OK, NULL,
			   "each guest's relay has a user of its own (%u and up)",
			   options.uid_base);
	stubopt_free(&options);
}

static void check_guest(const struct guest *guest, struct doctor_report *report)
{
	const char *state = guest_state(guest);
	char remedy[128];

	if (strcmp(state, "guest gone") == 0) {
		snprintf(remedy, sizeof(remedy),
			 guest->stub_alive ? "xl destroy %u"
					   : "xenstore-rm /local/domain/0/stubdom/%u",
			 guest->stub_alive ? guest->stub_domid : guest->domid);
		doctor_add(report, DOCTOR_WARN, remedy,
			   "guest %u is gone, %s of it is left over", guest->domid,
			   guest->stub_alive ? "the stub domain" : "the record");
	} else if (strcmp(state, "unserved") == 0 || strcmp(state, "stub gone") == 0 ||
		   strcmp(state, "failed") == 0) {
		snprintf(remedy, sizeof(remedy), "see 'stubdom log %u'; xl destroy %u",
			 guest->domid, guest->domid);
		doctor_add(report, DOCTOR_WARN, remedy, "guest %u (%.64s): %s%s%.200s",
			   guest->domid, guest->name ? guest->name : "?", state,
			   guest->error ? ": " : "", guest->error ? guest->error : "");
	} else if (strcmp(state, "silent") == 0) {
		snprintf(remedy, sizeof(remedy),
			 "ask again with 'stubdom status %u'; see 'stubdom log %u'",
			 guest->domid, guest->domid);
		doctor_add(report, DOCTOR_WARN, remedy,
			   "guest %u (%.64s): its QEMU does not answer QMP", guest->domid,
			   guest->name ? guest->name : "?");
	}
}

static void count_older(const struct guest_list *list, struct doctor_report *report)
{
	unsigned n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += list->guests[i].stub_alive && guest_image_is_older(&list->guests[i]);
	if (n > 0)
		doctor_add(
			report, DOCTOR_WARN, "stubdom replace --all",
			"guests that run an older image than their next start takes: %u",
			n);
}

void doctor_check_leftovers(const struct doctor_host *host, struct doctor_report *report)
{
	struct guest_list list;
	struct err err;
	size_t before = report->n;

	if (guest_list_read(&list, &err) < 0)
		return; /* doctor_check_xenstore has told */
	for (size_t i = 0; i < list.n; i++)
		check_guest(&list.guests[i], report);
	if (report->n == before)
		doctor_add(report, DOCTOR_OK, NULL,
			   "nothing is left over of other guests");
	count_older(&list, report);
	guest_list_free(&list);
}
