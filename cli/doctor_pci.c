/* SPDX-License-Identifier: MIT */
/* Checks of the host: what keeps a PCI device to the guest that has it. */
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "xen_ctx.h"

#define PERMISSIVE "/sys/bus/pci/drivers/pciback/permissive"

/* Words of Xen's own (xen/drivers/passthrough/iommu.c), in its log since it started. */
#define REMAPPING "Interrupt remapping "
#define ON REMAPPING "enabled"
#define OFF REMAPPING "disabled"
/* Before each line of Xen's.  Domains write to the log as well, behind "(d5) ". */
#define OWN "(XEN) "

enum { NAMES_MAX = 16, LINE_MAX_BYTES = 256 };

/*
 * pciback was told so for a guest of before.  It forgets when it loses the device.
 */
static void check_permissive(const struct doctor_host *host, struct doctor_report *report)
{
	char path[4096], name[16], remedy[128];
	FILE *list = fopen(doctor_path(host, PERMISSIVE, path, sizeof(path)), "re");

	for (int n = 0; list && n < NAMES_MAX && fscanf(list, "%15s", name) == 1; n++) {
		snprintf(remedy, sizeof(remedy),
			 "xl pci-assignable-remove %s; xl pci-assignable-add %s", name,
			 name);
		doctor_add(report, DOCTOR_WARN, remedy,
			   "PCI device %s is permissive: the next guest that gets it "
			   "writes to all its registers",
			   name);
	}
	if (list)
		fclose(list);
}

/* Whether the line says ON or OFF: 1, 0, or -1 if neither. */
static int read_remapping(const char *line)
{
	if (strncmp(line, OWN, strlen(OWN)) != 0)
		return -1;
	return strstr(line, ON) ? 1 : strstr(line, OFF) ? 0 : -1;
}

/* The same of the log.  It comes in pieces, which do not end where lines do. */
static int find_remapping(libxl_ctx *ctx)
{
	libxl_xen_console_reader *reader = libxl_xen_console_read_start(ctx, 0);
	char line[LINE_MAX_BYTES] = "";
	size_t len = 0;
	int found = -1;
	char *piece;

	if (!reader)
		return -1;
	while (found < 0 && libxl_xen_console_read_line(ctx, reader, &piece) == 1) {
		for (; *piece && found < 0; piece++) {
			if (*piece == '\n') {
				line[len] = '\0';
				found = read_remapping(line);
				len = 0;
			} else if (len < sizeof(line) - 1) {
				line[len++] = *piece;
			}
		}
	}
	libxl_xen_console_read_finish(ctx, reader);
	return found;
}

static void check_remapping(libxl_ctx *ctx, struct doctor_report *report)
{
	int found = find_remapping(ctx);

	if (found > 0)
		doctor_add(
			report, DOCTOR_OK, NULL,
			"interrupt remapping is on: a PCI device cannot forge interrupts");
	else if (found == 0)
		doctor_add(
			report, DOCTOR_WARN,
			"turn it on in the firmware's settings, take iommu=no-intremap off "
			"Xen's command line, or give no PCI device to a guest",
			"interrupt remapping is off: a guest's PCI device can forge "
			"interrupts");
	else
		doctor_add(
			report, DOCTOR_NOTE, NULL,
			"Xen's log does not say any more whether interrupt remapping is on");
}

void doctor_check_pci(const struct doctor_host *host, struct doctor_report *report)
{
	libxl_physinfo info;
	struct xen_ctx xen;
	struct err ignored;

	check_permissive(host, report);
	if (!host->live)
		return;
	libxl_physinfo_init(&info);
	/* doctor_check_hardware tells of what fails here. */
	if (xen_ctx_open(&xen, &ignored) == 0 &&
	    libxl_get_physinfo(xen.libxl, &info) == 0 && info.cap_hvm_directio)
		check_remapping(xen.libxl, report);
	xen_ctx_close(&xen);
	libxl_physinfo_dispose(&info);
}
