/* SPDX-License-Identifier: MIT */
/* The abilities of this program, measured on lines of QEMU's, and of this host. */
#include "feature.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "pci_lent.h"
#include "plan/deprecation.h"
#include "plan/plan.h"
#include "plan/stubopt.h"

enum { WORDS_MAX = 4 };

/* A line of this kind has a plan, or it is refused and the error says why. */
static const struct {
	const char *name;
	const char *text;
	const char *words[WORDS_MAX + 1];
} abilities[] = {
	{"disk",
	 "emulated disks in files and block devices",
	 {"-drive", "file=/disk,format=qcow2,if=ide"}},
	{"cdrom",
	 "CD drives",
	 {"-drive", "file=/cd,format=raw,if=ide,media=cdrom,readonly=on"}},
	{"floppy", "floppies", {"-fda", "/floppy"}},
	{"network",
	 "emulated NICs",
	 {"-device", "e1000,netdev=n,mac=00:16:3e:00:00:01", "-netdev",
	  "tap,id=n,ifname=vif1.0-emu,script=no,downscript=no"}},
	{"direct-boot", "the boot of a kernel without a disk", {"-kernel", "/kernel"}},
	{"serial", "serial ports", {"-serial", "pty"}},
	{"parallel", "parallel ports", {"-parallel", "file:/out"}},
	{"qmp", "QMP", {"-qmp", "unix:/qmp,server=on,wait=off"}},
	{"monitor", "QEMU's human monitor", {"-monitor", "unix:/hmp,server=on,wait=off"}},
	{"restore",
	 "a guest that is restored or comes by migration",
	 {"-incoming", "fd:9"}},
	{"vnc", "screens by VNC", {"-vnc", "127.0.0.1:0,to=99"}},
	{"vnc-password", "VNC with a password", {"-vnc", "127.0.0.1:0,password=on"}},
	{"vnc-websocket", "VNC by websocket", {"-vnc", "127.0.0.1:0,websocket=on"}},
	{"usb", "emulated USB devices", {"-usb", "-device", "usb-tablet"}},
	{"sound", "emulated sound cards", {"-device", "AC97"}},
	{"bridge-backend",
	 "interfaces on a bridge that QEMU's line names",
	 {"-netdev", "bridge,id=n,br=br0"}},
	{"usb-passthrough",
	 "USB devices of the host",
	 {"-usb", "-device", "usb-host,hostbus=1,hostaddr=1"}},
	{"spice", "screens by SPICE", {"-spice", "port=5900"}},
	{"sdl", "a window of SDL on dom0's screen", {"-sdl"}},
};

enum { N_ABILITIES = sizeof(abilities) / sizeof(abilities[0]) };

const char *feature_state_name(enum feature_state state)
{
	static const char *const names[] = {"yes", "no", "unknown"};

	return names[state];
}

static void say(struct feature *feature, enum feature_state state, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void say(struct feature *feature, enum feature_state state, const char *fmt, ...)
{
	va_list ap;

	feature->state = state;
	va_start(ap, fmt);
	vsnprintf(feature->why, sizeof(feature->why), fmt, ap);
	va_end(ap);
}

/* The message without the place on the made-up line. */
static const char *reason(const char *message)
{
	const char *after =
		strncmp(message, "argument ", 9) == 0 ? strstr(message, "': ") : NULL;

	return after ? after + 3 : message;
}

static void measure(const char *const *words, struct feature *feature)
{
	char *argv[6 + WORDS_MAX + 1] = {(char *)"stubdom-dm", (char *)"-xen-domid",
					 (char *)"1",	       (char *)"-nodefaults",
					 (char *)"-machine",   (char *)"xenfv"};
	struct stubopt options;
	struct args args = {0};
	struct plan plan;
	struct err err;
	int argc = 6;

	while (*words)
		argv[argc++] = (char *)*words++;
	stubopt_init(&options);
	if (args_split(argc, argv, &args, &err) == 0 &&
	    plan_build(&args, &options, &plan, &err) == 0) {
		say(feature, FEATURE_YES, "%s", "");
		plan_free(&plan);
	} else {
		say(feature, FEATURE_NO, "%s", reason(err.msg));
	}
	args_free(&args);
	stubopt_free(&options);
}

static void find_kernel(const struct feature_host *host, const char *name,
			struct feature *feature)
{
	if (!host->manifest)
		say(feature, FEATURE_UNKNOWN, "%s", host->why_no_image);
	else if (json_object_get(json_object_get(host->manifest, "kernels"), name))
		say(feature, FEATURE_YES, "%s", "");
	else
		say(feature, FEATURE_NO, "the image has no kernel '%s'", name);
}

static void find_kernel_nub(const struct feature_host *host, struct feature *feature)
{
	find_kernel(host, "nub", feature);
}

/* PV stub domains run Linux only. */
static void find_kernel_linux(const struct feature_host *host, struct feature *feature)
{
	find_kernel(host, "linux", feature);
}

static void find_xen(const struct feature_host *host, const char *needed,
		     struct feature *feature)
{
	const struct doctor_host at = {.root = host->root};
	char major[32], minor[32], version[80];

	if (doctor_read_line(&at, "/sys/hypervisor/version/major", major, sizeof(major)) <
		    0 ||
	    doctor_read_line(&at, "/sys/hypervisor/version/minor", minor, sizeof(minor)) <
		    0) {
		say(feature, FEATURE_UNKNOWN, "this machine does not run under Xen");
		return;
	}
	snprintf(version, sizeof(version), "%s.%s", major, minor);
	if (version_compare(version, needed) < 0)
		say(feature, FEATURE_NO, "Xen %s is older than %s", version, needed);
	else
		say(feature, FEATURE_YES, "%s", "");
}

static void find_pvh(const struct feature_host *host, struct feature *feature)
{
	find_xen(host, DOCTOR_XEN_FOR_PVH, feature);
}

static void find_pci(const struct feature_host *host, struct feature *feature)
{
	char needed[32];

	snprintf(needed, sizeof(needed), "%d.%d", PCI_XEN_MAJOR, PCI_XEN_MINOR);
	find_kernel(host, "nub", feature);
	if (feature->state == FEATURE_YES)
		find_xen(host, needed, feature);
}

static const struct {
	const char *name;
	const char *text;
	void (*find)(const struct feature_host *host, struct feature *feature);
} parts[] = {
	{"kernel-nub", "stub domains on nub", find_kernel_nub},
	{"kernel-linux", "stub domains on Linux", find_kernel_linux},
	{"type-pvh", "PVH stub domains", find_pvh},
	{"type-pv", "PV stub domains", find_kernel_linux},
	{"pci-passthrough",
	 "PCI devices of a host with an IOMMU, in PVH stub domains on nub", find_pci},
};

enum { N_PARTS = sizeof(parts) / sizeof(parts[0]) };

_Static_assert(N_ABILITIES + N_PARTS <= FEATURES_MAX, "a report holds all features");

size_t features_find(const struct feature_host *host, struct feature *out)
{
	size_t n = 0;

	for (size_t i = 0; i < N_PARTS; i++, n++) {
		out[n] = (struct feature){.name = parts[i].name, .text = parts[i].text};
		parts[i].find(host, &out[n]);
	}
	for (size_t i = 0; i < N_ABILITIES; i++, n++) {
		out[n] = (struct feature){.name = abilities[i].name,
					  .text = abilities[i].text};
		measure(abilities[i].words, &out[n]);
	}
	return n;
}
