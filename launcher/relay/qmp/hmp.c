/* SPDX-License-Identifier: MIT */
/* QEMU's human monitor by way of QMP: commands that name a file of dom0's. */
#include "relay/qmp/hmp.h"

#include <stddef.h>
#include <string.h>

#define SEES_NONE "Error: QEMU in the stub domain sees no file of dom0"
#define NO_FILES SEES_NONE "; "

static const char no_files[] = SEES_NONE "\r\n";
static const char logged[] = NO_FILES "its log is on 'stubdom log GUEST'\r\n";
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
static const char stream[] =
	"Error: it may name a backing file; use the QMP command block-stream\r\n";

static const char length[] =
	"Error: on this monitor nobody makes dom0's file longer; use "
	"'xl qemu-monitor-command GUEST COMMAND'\r\n";
static const char memory[] =
	"Error: QEMU does not know the memory of a guest of Xen; use 'xl save' and "
	"'xl restore'\r\n";

struct refused {
	const char *command;
	const char *refusal;
};

static const struct refused table[] = {
	{"block_stream", stream},      {"change", media},
	{"chardev-add", outside},      {"chardev-change", outside},
	{"closefd", outside},	       {"drive_add", disks},
	{"drive_backup", images},      {"drive_mirror", images},
	{"dump-guest-memory", dump},   {"dumpdtb", no_files},
	{"gdbserver", outside},	       {"getfd", outside},
	{"logfile", logged},	       {"memsave", written},
	{"migrate", outside},	       {"migrate_incoming", outside},
	{"migrate_recover", outside},  {"nbd_server_add", outside},
	{"nbd_server_start", outside}, {"netdev_add", outside},
	{"object_add", outside},       {"pmemsave", written},
	{"screendump", picture},       {"snapshot_blkdev", images},
	{"wavcapture", no_files},
};

static const struct refused alone[] = {
	{"block_resize", length},
	{"loadvm", memory},
	{"savevm", memory},
	{"snapshot_blkdev_internal", length},
};

static bool word_is(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(text, word, len) == 0;
}

static const char *look_up(const struct refused *rows, size_t n, const char *word,
			   size_t len)
{
	for (size_t i = 0; i < n; i++) {
		if (word_is(word, len, rows[i].command))
			return rows[i].refusal;
	}
	return NULL;
}

const char *qmp_hmp_refusal(const char *line)
{
	const char *word = line + strspn(line, " \t");
	size_t len = strcspn(word, " \t");
	const char *next = word + len + strspn(word + len, " \t");

	/* The screen's password: no file. */
	if (word_is(word, len, "change") && word_is(next, strcspn(next, " \t"), "vnc"))
		return NULL;
	return look_up(table, sizeof(table) / sizeof(table[0]), word, len);
}

const char *qmp_hmp_refusal_alone(const char *line)
{
	const char *word = line + strspn(line, " \t");
	const char *refusal = look_up(alone, sizeof(alone) / sizeof(alone[0]), word,
				      strcspn(word, " \t"));

	return refusal ? refusal : qmp_hmp_refusal(line);
}

bool qmp_hmp_releases(const char *line)
{
	const char *word = line + strspn(line, " \t");
	size_t len = strcspn(word, " \t");

	return word_is(word, len, "eject") || word_is(word, len, "drive_del");
}
