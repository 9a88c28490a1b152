/* SPDX-License-Identifier: MIT */
/* The way of each QMP command to the stub domain's QEMU. */
#include "relay/qmp/table.h"

#include <string.h>

static const char files[] =
	"it names a file of dom0, which QEMU in its own domain cannot open";
static const char descriptors[] =
	"a descriptor of dom0 has no meaning in the stub domain; "
	"files and disks are taken by add-fd";
static const char dump[] = "it would fill the stub domain's memory; use 'xl dump-core'";
static const char links[] = "it connects to something outside the stub domain";
static const char host_devices[] = "it gives QEMU a device of the host";
static const char images[] = "block jobs between images of dom0 are not carried";
static const char header[] =
	"QEMU would write a file's name of the stub domain into the disk; "
	"use qemu-img while no guest has it";
static const char screens[] =
	"the relay has the screens; where they listen is in the guest's configuration";

static const struct qmp_command table[] = {
	{"add-fd", QMP_FDS, NULL},
	{"add_client", QMP_REFUSE, descriptors},
	{"block-commit", QMP_REFUSE, images},
	{"block-export-add", QMP_REFUSE, links},
	{"block-stream", QMP_STREAMS, header},
	{"block_resize", QMP_GROWS, NULL},
	{"blockdev-add", QMP_OPENS, NULL},
	{"blockdev-backup", QMP_REFUSE, images},
	{"blockdev-change-medium", QMP_OPENS, NULL},
	{"blockdev-create", QMP_REFUSE, files},
	{"blockdev-del", QMP_RELEASE, NULL},
	{"blockdev-mirror", QMP_REFUSE, images},
	{"blockdev-remove-medium", QMP_RELEASE, NULL},
	{"blockdev-snapshot", QMP_REFUSE, images},
	{"blockdev-snapshot-internal-sync", QMP_GROWS, NULL},
	{"blockdev-snapshot-sync", QMP_REFUSE, files},
	{"change-backing-file", QMP_REFUSE, header},
	{"chardev-add", QMP_REFUSE, links},
	{"chardev-change", QMP_REFUSE, links},
	{"closefd", QMP_REFUSE, descriptors},
	{"cont", QMP_RUNS, NULL},
	{"device_add", QMP_LENDS, NULL},
	{"display-update", QMP_REFUSE, screens},
	{"drive-backup", QMP_REFUSE, files},
	{"drive-mirror", QMP_REFUSE, files},
	{"dump-guest-memory", QMP_REFUSE, dump},
	{"dump-skeys", QMP_REFUSE, files},
	{"dumpdtb", QMP_REFUSE, files},
	{"eject", QMP_RELEASE, NULL},
	{"getfd", QMP_REFUSE, descriptors},
	{"human-monitor-command", QMP_GROWS, NULL},
	{"memsave", QMP_WRITES, NULL},
	{"migrate", QMP_REFUSE, links},
	{"migrate-incoming", QMP_REFUSE, links},
	{"migrate-recover", QMP_REFUSE, links},
	{"nbd-server-add", QMP_REFUSE, links},
	{"nbd-server-start", QMP_REFUSE, links},
	{"netdev_add", QMP_REFUSE, host_devices},
	{"object-add", QMP_REFUSE, host_devices},
	{"pmemsave", QMP_WRITES, NULL},
	{"qmp_capabilities", QMP_AGREES, NULL},
	{"query-chardev", QMP_ANSWER_CHARDEV, NULL},
	{"query-fdsets", QMP_FDS, NULL},
	{"query-pci", QMP_RETURNS, NULL},
	{"query-vnc", QMP_ANSWER_VNC, NULL},
	{"remove-fd", QMP_FDS, NULL},
	{"screendump", QMP_WRITES, NULL},
	{"transaction", QMP_REFUSE, images},
	{"xen-load-devices-state", QMP_REFUSE, files},
	{"xen-save-devices-state", QMP_SAVES, NULL},
	{"xen-set-global-dirty-log", QMP_TRACKS, NULL},
};

const struct qmp_command *qmp_table_find(const char *name)
{
	static const struct qmp_command pass = {"", QMP_PASS, NULL};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	}
	return &pass;
}
