/* SPDX-License-Identifier: MIT */
/* Devices, objects and the machine: kept, unless they need something of dom0's. */
#include <fnmatch.h>
#include <string.h>

#include "decimal.h"
#include "plan/builder.h"
#include "xalloc.h"

#define IN_DOM0                                                                          \
	"take it out of the guest's configuration, or run this guest with QEMU in dom0"

#define SILENT_ID "stubdom-silent"

enum { VRAM_MAX_MB = 512 };

static const struct {
	const char *pattern; /* of the driver's or object's name */
	const char *why;
} refused[] = {
	{"vfio-*", "the stub domain has no PCI device of dom0's; " IN_DOM0},
	{"xen-pci-passthrough", "a PCI device comes by pci= or xl pci-attach"},
	{"xen-igd-*", "the stub domain has no PCI device of dom0's; " IN_DOM0},
	{"igd-passthrough-*", "the stub domain has no PCI device of dom0's; " IN_DOM0},
	{"kvm-pci-assign", "the stub domain has no PCI device of dom0's; " IN_DOM0},
	{"pci-assign", "the stub domain has no PCI device of dom0's; " IN_DOM0},
	{"x-pci-proxy-dev", "its other half is a process of dom0; " IN_DOM0},
	{"vhost-*", "its other half is the kernel or a process of dom0; " IN_DOM0},
	{"usb-host", "the stub domain has no USB device of dom0's; " IN_DOM0},
	{"usb-redir", "USB redirection needs SPICE, which is not carried; " IN_DOM0},
	{"usb-mtp", "it shows a directory of dom0; " IN_DOM0},
	{"u2f-passthru", "the stub domain has no USB device of dom0's; " IN_DOM0},
	{"virtio-9p*", "it shows a directory of dom0; " IN_DOM0},
	{"virtio-input-host*", "it is an input device of dom0; " IN_DOM0},
	{"scsi-block", "SCSI commands to a device of dom0 are not carried; use scsi-hd"},
	{"scsi-generic",
	 "SCSI commands to a device of dom0 are not carried; use scsi-hd"},
	{"ivshmem-doorbell", "its memory is a process's of dom0; " IN_DOM0},
	{"tpm-*", "no TPM is carried to the stub domain; " IN_DOM0},
	{"loader", "it loads a file of dom0; use -kernel and -initrd"},
	{"memory-backend-file",
	 "the guest's memory is Xen's and not a file; leave it out"},
	{"colo-compare", "COLO is not carried to the stub domain; " IN_DOM0},
	{"filter-mirror", "COLO is not carried to the stub domain; " IN_DOM0},
	{"filter-redirector", "COLO is not carried to the stub domain; " IN_DOM0},
	{"filter-rewriter", "COLO is not carried to the stub domain; " IN_DOM0},
	{"input-linux", "it is an input device of dom0; " IN_DOM0},
	{"can-host-*", "it is an interface of dom0; " IN_DOM0},
	{"pr-manager-helper", "its helper is a process of dom0; " IN_DOM0},
};

static void add_vram(struct build *b, const struct qemu_opts *opts)
{
	static const char *const keys[] = {"vgamem_mb", "vram_size_mb", "ram_size_mb"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		unsigned n;

		/* QEMU itself takes no more. */
		if (decimal_parse_unsigned(qemu_opts_get(opts, keys[i]), 0, VRAM_MAX_MB,
					   &n) == 0)
			b->plan->vram_mb += n;
	}
}

/*
 * QEMU 10 refuses a sound device without a back end, and no toolstack for Xen names one.
 * The guest's sound goes nowhere, as it does without a desktop in dom0.
 */
static void give_silence(struct build *b, const char *driver, struct qemu_opts *opts)
{
	static const char *const patterns[] = {
		"hda-*", "AC97", "ac97",    "ES1370",	 "es1370",	 "sb16",
		"adlib", "gus",	 "cs4231a", "usb-audio", "virtio-sound*"};
	bool sounds = false;

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		sounds |= fnmatch(patterns[i], driver, 0) == 0;
	if (!sounds || qemu_opts_get(opts, "audiodev"))
		return;
	if (!b->silent) {
		build_emit_pair(b, "-audiodev", "none,id=" SILENT_ID);
		plan_note(b->plan, "%s: the guest's sound goes nowhere", driver);
		b->silent = true;
	}
	qemu_opts_set(opts, "audiodev", SILENT_ID);
}

static int carry_device(struct build *b, const struct arg *arg, struct qemu_opts *opts,
			struct err *err)
{
	const char *driver = qemu_opts_get(opts, arg->option->detail);

	if (!driver)
		return err_set(err, ERR_USAGE, "%s is missing", arg->option->detail);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (fnmatch(refused[i].pattern, driver, 0) == 0)
			return err_set(err, ERR_USAGE, "%s", refused[i].why);
	}
	if (build_check_values(opts, err) < 0)
		return -1;
	add_vram(b, opts);
	if (fnmatch("virtio-blk*", driver, 0) == 0)
		plan_note(b->plan,
			  "%s: QEMU 10 may abort under Xen with such a disk "
			  "(docs/upstream-bugs.md); virtio-scsi-pci and scsi-hd do not",
			  driver);
	if (strcmp(arg->option->name, "device") == 0)
		give_silence(b, driver, opts);
	build_emit_opts(b, arg->text, opts);
	return 0;
}

int build_device(struct build *b, const struct arg *arg, struct err *err)
{
	struct qemu_opts opts;
	int rc;

	if (qemu_opts_parse(arg->value, arg->option->detail, true, &opts, err) < 0)
		return -1;
	rc = carry_device(b, arg, &opts, err);
	qemu_opts_free(&opts);
	return rc;
}

static bool is_hvm_machine(const char *type)
{
	static const char *const patterns[] = {"xenfv", "xenfv-*", "pc", "pc-*", "q35"};

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		if (fnmatch(patterns[i], type, 0) == 0)
			return true;
	}
	return false;
}

static int check_machine(const struct qemu_opts *opts, struct err *err)
{
	const char *type = qemu_opts_get(opts, "type");
	const char *accel = qemu_opts_get(opts, "accel");

	if (type && !is_hvm_machine(type))
		return err_set(
			err, ERR_USAGE,
			"'%.64s' is no machine for a Xen HVM guest; use xenfv or pc",
			type);
	if (accel && strcmp(accel, "xen") != 0)
		return err_set(err, ERR_USAGE, "the guest runs on Xen; write accel=xen");
	if (qemu_opts_get_bool(opts, "igd-passthru", false) == 1)
		return err_set(err, ERR_USAGE,
			       "the stub domain has no PCI device of dom0's; " IN_DOM0);
	return build_check_values(opts, err);
}

int build_machine(struct build *b, const struct arg *arg, struct err *err)
{
	struct qemu_opts opts;
	int rc;

	if (qemu_opts_parse(arg->value, "type", true, &opts, err) < 0)
		return -1;
	rc = check_machine(&opts, err);
	if (rc == 0)
		build_emit_pair(b, arg->text, arg->value);
	qemu_opts_free(&opts);
	return rc;
}
