/* SPDX-License-Identifier: MIT */
/* Checks of the host: known bugs of others, in the versions that are here. */
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "doctor.h"
#include "image.h"
#include "plan/deprecation.h"

enum component { XEN, IMAGE_LINUX, IMAGE_QEMU, COMPONENTS };

static const char *const component_names[] = {[XEN] = "Xen",
					      [IMAGE_LINUX] = "the image's Linux",
					      [IMAGE_QEMU] = "the image's QEMU"};

/* docs/upstream-bugs.md tells more of each. */
static const struct {
	enum component component;
	const char *from;   /* the first version that has it; NULL: all before */
	const char *before; /* the first that has it no more; NULL: none yet */
	enum doctor_status status;
	const char *text;
	const char *remedy;
} bugs[] = {
	{XEN, NULL, "4.17", DOCTOR_FAIL, "never tried with qemu-stubdom",
	 "upgrade Xen to 4.19 or later"},
	{IMAGE_LINUX, "6.12.78", NULL, DOCTOR_NOTE,
	 "locks privcmd to the target domain (XSA-482); the agent loads it with unrestricted=1",
	 NULL},
	{IMAGE_QEMU, NULL, "8.0", DOCTOR_WARN, "older than any that was tried",
	 "upgrade qemu-system-xen, then 'stubdom image build'"},
	{IMAGE_QEMU, "8.2", NULL, DOCTOR_NOTE,
	 "libxl's own stub domains (device_model_stubdomain_override=1) hang with it; "
	 "those of qemu-stubdom do not use it",
	 NULL},
};

static void read_versions(const struct doctor_host *host, char versions[COMPONENTS][128])
{
	cleanup_json json_t *manifest = NULL;
	const char *text;
	char major[32];
	char minor[32];
	char dir[4096];
	struct err err;

	memset(versions, 0, COMPONENTS * sizeof(versions[0]));
	if (doctor_read_line(host, "/sys/hypervisor/version/major", major,
			     sizeof(major)) == 0 &&
	    doctor_read_line(host, "/sys/hypervisor/version/minor", minor,
			     sizeof(minor)) == 0)
		snprintf(versions[XEN], sizeof(versions[XEN]), "%s.%s", major, minor);
	manifest = image_load(doctor_path(host, host->image, dir, sizeof(dir)), &err);
	if (!manifest)
		return; /* doctor_check_image has told */
	text = json_string_value(json_object_get(
		json_object_get(json_object_get(manifest, "kernels"), "linux"),
		"release"));
	snprintf(versions[IMAGE_LINUX], sizeof(versions[0]), "%s", text ? text : "");
	text = json_string_value(
		json_object_get(json_object_get(manifest, "qemu"), "version"));
	snprintf(versions[IMAGE_QEMU], sizeof(versions[0]), "%s", text ? text : "");
}

void doctor_check_bugs(const struct doctor_host *host, struct doctor_report *report)
{
	char versions[COMPONENTS][128];
	size_t before = report->n;

	read_versions(host, versions);
	for (size_t i = 0; i < sizeof(bugs) / sizeof(bugs[0]); i++) {
		const char *version = versions[bugs[i].component];

		if (!*version ||
		    (bugs[i].from && version_compare(version, bugs[i].from) < 0) ||
		    (bugs[i].before && version_compare(version, bugs[i].before) >= 0))
			continue;
		doctor_add(report, bugs[i].status, bugs[i].remedy, "%s %s: %s",
			   component_names[bugs[i].component], version, bugs[i].text);
	}
	if (report->n == before)
		doctor_add(report, DOCTOR_OK, NULL,
			   "no known bug in the versions that are here");
}
