/* SPDX-License-Identifier: MIT */
/* Checks of the host: the list of them and their report. */
#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *id;
	doctor_check_fn *run;
	bool live;
} checks[] = {
	{"root", doctor_check_root, true},
	{"xen", doctor_check_xen, false},
	{"fixes", doctor_check_fixes, false},
	{"dom0", doctor_check_dom0, false},
	{"devices", doctor_check_devices, false},
	{"xenstore", doctor_check_xenstore, true},
	{"hardware", doctor_check_hardware, true},
	{"pci", doctor_check_pci, false},
	{"launcher", doctor_check_launcher, false},
	{"image", doctor_check_image, false},
	{"enable", doctor_check_enable, true},
	{"user", doctor_check_user, true},
	{"permissions", doctor_check_permissions, false},
	{"config", doctor_check_config, false},
	{"bugs", doctor_check_bugs, false},
	{"leftovers", doctor_check_leftovers, true},
};

const char *doctor_status_name(enum doctor_status status)
{
	static const char *const names[] = {"ok", "note", "warn", "fail"};

	return names[status];
}

void doctor_add(struct doctor_report *report, enum doctor_status status,
		const char *remedy, const char *fmt, ...)
{
	struct doctor_finding *findings =
		reallocarray(report->findings, report->n + 1, sizeof(*findings));
	struct doctor_finding *finding;
	va_list ap;

	if (!findings) {
		report->check = NULL; /* doctor_run tells of it */
		return;
	}
	report->findings = findings;
	finding = &findings[report->n++];
	finding->check = report->check;
	finding->status = status;
	snprintf(finding->remedy, sizeof(finding->remedy), "%s", remedy ? remedy : "");
	va_start(ap, fmt);
	vsnprintf(finding->text, sizeof(finding->text), fmt, ap);
	va_end(ap);
}

char *doctor_path(const struct doctor_host *host, const char *path, char *buf,
		  size_t size)
{
	snprintf(buf, size, "%s%s", host->root, path);
	return buf;
}

int doctor_read_line(const struct doctor_host *host, const char *path, char *buf,
		     size_t size)
{
	char where[4096];
	FILE *f = fopen(doctor_path(host, path, where, sizeof(where)), "re");
	int rc = -1;

	if (!f)
		return -1;
	if (fgets(buf, (int)size, f)) {
		buf[strcspn(buf, "\n")] = '\0';
		rc = 0;
	}
	fclose(f);
	return rc;
}

int doctor_run(const struct doctor_host *host, struct doctor_report *report)
{
	*report = (struct doctor_report){0};
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (checks[i].live && !host->live)
			continue;
		report->check = checks[i].id;
		checks[i].run(host, report);
		if (!report->check)
			return -1;
	}
	return 0;
}

enum doctor_status doctor_worst(const struct doctor_report *report)
{
	enum doctor_status worst = DOCTOR_OK;

	for (size_t i = 0; i < report->n; i++)
		if (report->findings[i].status > worst)
			worst = report->findings[i].status;
	return worst;
}

void doctor_report_free(struct doctor_report *report)
{
	free(report->findings);
	*report = (struct doctor_report){0};
}
