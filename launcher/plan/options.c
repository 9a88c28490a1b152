/* SPDX-License-Identifier: MIT */
/* Every QEMU option that libxl 4.17-4.21, libvirt or a device_model_args writes. */
#include "plan/options.h"

#include <string.h>

#define CONFINED "the stub domain is the confinement, and stronger than this"
#define NO_SCREEN                                                                        \
	"the stub domain has no screen; use VNC (vnc=1 in the guest's configuration)"
#define NO_PASSTHROUGH                                                                   \
	"it gives the guest something of dom0's that the stub domain cannot reach; "     \
	"take "                                                                          \
	"it out of the guest's configuration, or run this guest with QEMU in dom0"
#define OWN_CONFIG                                                                       \
	"the stub domain's QEMU takes its configuration from the command line only; "    \
	"write "                                                                         \
	"the options out"
#define USE_NETDEV "write -netdev type=tap,... and -device MODEL,netdev=..."
#define NO_STATE_FILE "restoring goes through the toolstack, which writes -incoming fd:N"

/* Sorted by name, as strcmp does: option_find searches by halves. */
const struct qemu_option qemu_options[] = {
	{"D", true, OPTION_DROP, NULL, "QEMU's log goes to stubdom-dm's standard error"},
	{"L", true, OPTION_DROP, NULL, "the image has QEMU's firmware where QEMU looks"},
	{"M", true, OPTION_MACHINE, "type", NULL},
	{"S", false, OPTION_PAUSED, NULL, NULL},
	{"accel", true, OPTION_ACCEL, "accel", NULL},
	{"acpitable", true, OPTION_REFUSE, NULL,
	 "its table is a file of dom0; use acpi_firmware in the guest's configuration"},
	{"action", true, OPTION_KEEP, NULL, NULL},
	{"add-fd", true, OPTION_REFUSE, NULL,
	 "a descriptor of dom0 cannot be handed to the stub domain; name the file in -drive"},
	{"append", true, OPTION_KEEP, NULL, NULL},
	{"audio", true, OPTION_CHECKED, "driver", NULL},
	{"audiodev", true, OPTION_CHECKED, "driver", NULL},
	{"bios", true, OPTION_BARE_NAME, NULL, NULL},
	{"blockdev", true, OPTION_BLOCKDEV, "driver", NULL},
	{"boot", true, OPTION_CHECKED, "order", NULL},
	{"cdrom", true, OPTION_DISK_FILE, "index=2,media=cdrom", NULL},
	{"chardev", true, OPTION_CHARDEV, "backend", NULL},
	{"chroot", true, OPTION_DROP, NULL, CONFINED},
	{"compat", true, OPTION_KEEP, NULL, NULL},
	{"cpu", true, OPTION_KEEP, NULL, NULL},
	{"d", true, OPTION_KEEP, NULL, NULL},
	{"daemonize", false, OPTION_REFUSE, NULL,
	 "stubdom-dm stays in the foreground, as the toolstack expects; leave it out"},
	{"debugcon", true, OPTION_PORT, "debugcon", NULL},
	{"device", true, OPTION_DEVICE, "driver", NULL},
	{"dfilter", true, OPTION_KEEP, NULL, NULL},
	{"display", true, OPTION_DISPLAY, "type", NULL},
	{"drive", true, OPTION_DRIVE, "", NULL},
	{"dtb", true, OPTION_REFUSE, NULL,
	 "no machine for Xen HVM guests reads a device tree; leave it out"},
	{"dump-vmstate", true, OPTION_REFUSE, NULL,
	 "it writes a file of dom0; run QEMU itself for this"},
	{"echr", true, OPTION_KEEP, NULL, NULL},
	{"enable-kvm", false, OPTION_REFUSE, NULL, "the guest runs on Xen; leave it out"},
	{"enable-sync-profile", false, OPTION_KEEP, NULL, NULL},
	{"fda", true, OPTION_DISK_FILE, "index=0,if=floppy", NULL},
	{"fdb", true, OPTION_DISK_FILE, "index=1,if=floppy", NULL},
	{"fsdev", true, OPTION_REFUSE, NULL, NO_PASSTHROUGH},
	{"full-screen", false, OPTION_REFUSE, NULL, NO_SCREEN},
	{"fw_cfg", true, OPTION_CHECKED, "name", NULL},
	{"gdb", true, OPTION_REFUSE, NULL,
	 "QEMU's gdb stub does not know Xen guests; use gdbsx in dom0"},
	{"global", true, OPTION_CHECKED, "", NULL},
	{"hda", true, OPTION_DISK_FILE, "index=0,media=disk", NULL},
	{"hdb", true, OPTION_DISK_FILE, "index=1,media=disk", NULL},
	{"hdc", true, OPTION_DISK_FILE, "index=2,media=disk", NULL},
	{"hdd", true, OPTION_DISK_FILE, "index=3,media=disk", NULL},
	{"icount", true, OPTION_CHECKED, "shift", NULL},
	{"incoming", true, OPTION_INCOMING, NULL, NULL},
	{"initrd", true, OPTION_FILE, "boot/initrd", NULL},
	{"iscsi", true, OPTION_REFUSE, NULL,
	 "the stub domain has no network of its own; log in to the target in dom0 and name its block device"},
	{"k", true, OPTION_BARE_NAME, NULL, NULL},
	{"kernel", true, OPTION_FILE, "boot/kernel", NULL},
	{"loadvm", true, OPTION_REFUSE, NULL, NO_STATE_FILE},
	{"m", true, OPTION_CHECKED, "size", NULL},
	{"machine", true, OPTION_MACHINE, "type", NULL},
	{"mem-path", true, OPTION_REFUSE, NULL,
	 "the guest's memory is Xen's and not a file; leave it out"},
	{"mem-prealloc", false, OPTION_DROP, NULL, "the guest's memory is Xen's"},
	{"mon", true, OPTION_CHECKED, "chardev", NULL},
	{"monitor", true, OPTION_PORT, "compat_monitor", NULL},
	{"msg", true, OPTION_KEEP, NULL, NULL},
	{"mtdblock", true, OPTION_REFUSE, NULL, "write -drive if=mtd,file=..."},
	{"name", true, OPTION_NAME, "guest", NULL},
	{"net", true, OPTION_NET, NULL, USE_NETDEV},
	{"netdev", true, OPTION_NETDEV, "type", NULL},
	{"nic", true, OPTION_NET, NULL, USE_NETDEV},
	{"no-acpi", false, OPTION_REWRITE, "-machine acpi=off", NULL},
	{"no-fd-bootchk", false, OPTION_REWRITE, "-machine fd-bootchk=off", NULL},
	{"no-hpet", false, OPTION_REWRITE, "-machine hpet=off", NULL},
	{"no-reboot", false, OPTION_KEEP, NULL, NULL},
	{"no-shutdown", false, OPTION_KEEP, NULL, NULL},
	{"no-user-config", false, OPTION_KEEP, NULL, NULL},
	{"nodefaults", false, OPTION_KEEP, NULL, NULL},
	{"nodefconfig", false, OPTION_DROP, NULL, "QEMU no longer has such a file"},
	{"nographic", false, OPTION_KEEP, NULL, NULL},
	{"numa", true, OPTION_KEEP, NULL, NULL},
	{"object", true, OPTION_DEVICE, "qom-type", NULL},
	{"only-migratable", false, OPTION_KEEP, NULL, NULL},
	{"option-rom", true, OPTION_BARE_NAME, NULL, NULL},
	{"overcommit", true, OPTION_KEEP, NULL, NULL},
	{"parallel", true, OPTION_PORT, "parallel", NULL},
	{"pflash", true, OPTION_DISK_FILE, "if=pflash,format=raw", NULL},
	{"pidfile", true, OPTION_REFUSE, NULL,
	 "QEMU's process is not in dom0; use the process id of stubdom-dm"},
	{"plugin", true, OPTION_REFUSE, NULL,
	 "a plug-in of dom0 is not in the stub domain; leave it out"},
	{"preconfig", false, OPTION_REFUSE, NULL,
	 "no toolstack for Xen uses it; leave it out"},
	{"qmp", true, OPTION_PORT, "compat_monitor", NULL},
	{"qmp-pretty", true, OPTION_PORT, "compat_monitor", NULL},
	{"readconfig", true, OPTION_REFUSE, NULL, OWN_CONFIG},
	{"rtc", true, OPTION_CHECKED, "base", NULL},
	{"run-with", true, OPTION_DROP, NULL, CONFINED},
	{"runas", true, OPTION_DROP, NULL, CONFINED},
	{"s", false, OPTION_REFUSE, NULL,
	 "QEMU's gdb stub does not know Xen guests; use gdbsx in dom0"},
	{"sandbox", true, OPTION_DROP, NULL, CONFINED},
	{"sd", true, OPTION_DISK_FILE, "if=sd", NULL},
	{"sdl", false, OPTION_REFUSE, NULL, NO_SCREEN},
	{"seed", true, OPTION_KEEP, NULL, NULL},
	{"serial", true, OPTION_PORT, "serial", NULL},
	{"set", true, OPTION_CHECKED, "", NULL},
	{"shim", true, OPTION_REFUSE, NULL,
	 "no machine for Xen HVM guests boots through a shim; leave it out"},
	{"smbios", true, OPTION_CHECKED, "", NULL},
	{"smp", true, OPTION_KEEP, NULL, NULL},
	{"snapshot", false, OPTION_REFUSE, NULL,
	 "the stub domain has no room for the changes; give the guest a copy of its disk"},
	{"soundhw", true, OPTION_REFUSE, NULL,
	 "QEMU has dropped it; write -device (intel-hda and hda-duplex, AC97, ES1370 or sb16)"},
	{"spice", true, OPTION_REFUSE, NULL,
	 "SPICE is not carried out of the stub domain; use VNC (spice=0, vnc=1)"},
	{"stubdom", true, OPTION_STUBDOM, "", NULL},
	{"tpmdev", true, OPTION_REFUSE, NULL, NO_PASSTHROUGH},
	{"trace", true, OPTION_CHECKED, "enable", NULL},
	{"usb", false, OPTION_KEEP, NULL, NULL},
	{"usbdevice", true, OPTION_USBDEVICE, NULL, NO_PASSTHROUGH},
	{"uuid", true, OPTION_KEEP, NULL, NULL},
	{"vga", true, OPTION_KEEP, NULL, NULL},
	{"virtfs", true, OPTION_REFUSE, NULL, NO_PASSTHROUGH},
	{"vnc", true, OPTION_VNC, "vnc", NULL},
	{"watchdog-action", true, OPTION_KEEP, NULL, NULL},
	{"win2k-hack", false, OPTION_KEEP, NULL, NULL},
	{"writeconfig", true, OPTION_REFUSE, NULL, OWN_CONFIG},
	{"xen-attach", false, OPTION_REFUSE, NULL,
	 "a stub domain is for the device model of an HVM guest; the back ends of PV and PVH "
	 "guests need QEMU in dom0"},
	{"xen-create", false, OPTION_REFUSE, NULL, "QEMU has dropped it; leave it out"},
	{"xen-domid", true, OPTION_DOMID, NULL, NULL},
	{"xen-domid-restrict", false, OPTION_DROP, NULL,
	 "a stub domain has power over its guest only, with this or without"},
};

const size_t n_qemu_options = sizeof(qemu_options) / sizeof(qemu_options[0]);

const struct qemu_option *option_find(const char *arg)
{
	size_t low = 0;
	size_t high = n_qemu_options;

	if (arg[0] != '-')
		return NULL;
	arg += arg[1] == '-' ? 2 : 1;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(arg, qemu_options[middle].name);

		if (order == 0)
			return &qemu_options[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const char *option_class_text(enum option_class class)
{
	static const char *const texts[] = {
#define X(id, text) [OPTION_##id] = text,
		OPTION_CLASSES(X)
#undef X
	};

	return (size_t)class < sizeof(texts) / sizeof(texts[0]) ? texts[class] : "?";
}
