/* SPDX-License-Identifier: MIT */
/* Checks of the host: the hypervisor, dom0's way to it, and its back ends. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"
#include "plan/deprecation.h"

void doctor_check_xen(const struct doctor_host *host, struct doctor_report *report)
{
	char type[64];
	char major[64];
	char minor[64];
	char version[160];

	if (doctor_read_line(host, "/sys/hypervisor/type", type, sizeof(type)) < 0 ||
	    strcmp(type, "xen") != 0) {
		doctor_add(
			report, DOCTOR_FAIL,
			"install xen-system-amd64 and boot the Xen entry of the boot menu",
			"this machine does not run under Xen");
		return;
	}
	if (doctor_read_line(host, "/sys/hypervisor/version/major", major,
			     sizeof(major)) < 0 ||
	    doctor_read_line(host, "/sys/hypervisor/version/minor", minor,
			     sizeof(minor)) < 0) {
		doctor_add(report, DOCTOR_FAIL, "mount sysfs on /sys",
			   "the version of Xen cannot be read");
		return;
	}
	snprintf(version, sizeof(version), "%s.%s", major, minor);
	if (version_compare(version, DOCTOR_XEN_FOR_PVH) < 0)
		doctor_add(report, DOCTOR_WARN,
			   "upgrade Xen to " DOCTOR_XEN_FOR_PVH
			   " or later, or set 'type = pv' in stubdom.conf",
			   "Xen %s: a PVH stub domain cannot map its guest's memory",
			   version);
	else
		doctor_add(report, DOCTOR_OK, NULL, "Xen %s", version);
}

void doctor_check_dom0(const struct doctor_host *host, struct doctor_report *report)
{
	char text[256];

	if (doctor_read_line(host, "/proc/xen/capabilities", text, sizeof(text)) < 0)
		doctor_add(report, DOCTOR_FAIL, "mount -t xenfs xenfs /proc/xen",
			   "/proc/xen/capabilities cannot be read");
	else if (!strstr(text, "control_d"))
		doctor_add(report, DOCTOR_FAIL, "run this in dom0",
			   "this is not the control domain");
	else
		doctor_add(report, DOCTOR_OK, NULL, "this is the control domain");
}

static const struct {
	const char *path;
	int mode;
	enum doctor_status missing;
	const char *what_for;
	const char *remedy;
} devices[] = {
	{"/dev/xen/privcmd", R_OK | W_OK, DOCTOR_FAIL, "creating domains",
	 "modprobe xen-privcmd, as root"},
	{"/dev/xen/evtchn", R_OK | W_OK, DOCTOR_FAIL, "channels",
	 "modprobe xen-evtchn, as root"},
	{"/dev/xen/gntdev", R_OK | W_OK, DOCTOR_FAIL, "channels",
	 "modprobe xen-gntdev, as root"},
	{"/sys/bus/xen-backend/drivers/vbd", F_OK, DOCTOR_WARN,
	 "the image's root, guests' disks", "modprobe xen-blkback"},
	{"/sys/bus/xen-backend/drivers/vif", F_OK, DOCTOR_WARN, "guests' networks",
	 "modprobe xen-netback"},
	{"/dev/loop-control", R_OK | W_OK, DOCTOR_WARN,
	 "the image's root, disks that are files", "modprobe loop"},
};

void doctor_check_devices(const struct doctor_host *host, struct doctor_report *report)
{
	size_t n = sizeof(devices) / sizeof(devices[0]);
	size_t good = 0;

	for (size_t i = 0; i < n; i++) {
		char path[4096];

		doctor_path(host, devices[i].path, path, sizeof(path));
		if (access(path, devices[i].mode) == 0)
			good++;
		else
			doctor_add(report, devices[i].missing, devices[i].remedy,
				   "%s: %s (needed for %s)", devices[i].path,
				   strerror(errno), devices[i].what_for);
	}
	if (good == n)
		doctor_add(report, DOCTOR_OK, NULL,
			   "privcmd, event channels, grants and back ends are there");
}
