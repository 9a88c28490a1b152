/* SPDX-License-Identifier: MIT */
/* QEMU's human monitor by way of QMP: commands that name a file of dom0's. */
#include "relay/qmp/hmp.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define NO_FILES "Error: QEMU in the stub domain sees no file of dom0; "

static const char media[] =
	NO_FILES "change a disc with 'xl cd-insert GUEST VDEV FILE'\r\n";
static const char disks[] =
	NO_FILES "give a disk by QMP: add-fd, then blockdev-add of /dev/fdset/N\r\n";
static const char picture[] = NO_FILES "use 'stubdom screenshot GUEST FILE'\r\n";
static const char written[] =
	NO_FILES "use the QMP command of that name, with a descriptor of add-fd\r\n";
static const char dump[] = NO_FILES "use 'xl dump-core GUEST FILE'\r\n";
static const char images[] =
	"Error: block jobs between images of dom0 are not carried\r\n";
static const char outside[] =
	"Error: it connects to something outside the stub domain, which is not carried\r\n";

static const struct {
	const char *command;
	const char *refusal;
} table[] = {
	{"change", media},	     {"chardev-add", outside},
	{"chardev-change", outside}, {"closefd", outside},
	{"drive_add", disks},	     {"drive_backup", images},
	{"drive_mirror", images},    {"dump-guest-memory", dump},
	{"dumpdtb", written},	     {"getfd", outside},
	{"logfile", written},	     {"memsave", written},
	{"migrate", outside},	     {"nbd_server_start", outside},
	{"netdev_add", outside},     {"object_add", outside},
	{"pmemsave", written},	     {"screendump", picture},
	{"snapshot_blkdev", images}, {"wavcapture", written},
};

static bool word_is(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(text, word, len) == 0;
}

const char *qmp_hmp_refusal(const char *line)
{
	const char *word = line + strspn(line, " \t");
	size_t len = strcspn(word, " \t");
	const char *next = word + len + strspn(word + len, " \t");

	/* The screen's password: no file. */
	if (word_is(word, len, "change") && word_is(next, strcspn(next, " \t"), "vnc"))
		return NULL;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (word_is(word, len, table[i].command))
			return table[i].refusal;
	}
	return NULL;
}
