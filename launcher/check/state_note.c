/* SPDX-License-Identifier: MIT */
/* The name of a guest's machine, behind the state that its QEMU has saved. */
#include "check/state_note.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "plan/machine.h"
#include "xalloc.h"

#define MEMBER "qemu-stubdom"

enum {
	DESCRIPTION = 6, /* QEMU_VM_VMDESCRIPTION of its migration/savevm.h */
	HEAD = 5,
	NAME_MAX_LEN = 64,
};

static const char begin[] = "{\"" MEMBER "\":";

size_t state_note_make(const char *machine, char note[static STATE_NOTE_MAX])
{
	cleanup_json json_t *json = json_pack("{s:{s:s}}", MEMBER, "machine", machine);
	cleanup_free char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;

	if (len == 0 || len > STATE_NOTE_MAX - HEAD)
		return 0;
	note[0] = DESCRIPTION;
	for (unsigned i = 0; i < 4; i++)
		note[1 + i] = (char)(len >> (24 - 8 * i));
	memcpy(note + HEAD, text, len);
	return HEAD + len;
}

/* The last one: what is before it is QEMU's, and the guest may have a hand in that. */
static const char *find_text(const char *end, size_t len)
{
	const size_t size = sizeof(begin) - 1;

	for (size_t i = len >= size ? len - size + 1 : 0; i-- > 0;) {
		if (memcmp(end + i, begin, size) == 0)
			return end + i;
	}
	return NULL;
}

static size_t read_length(const char *at)
{
	size_t len = 0;

	for (unsigned i = 0; i < 4; i++)
		len = len << 8 | (unsigned char)at[i];
	return len;
}

/* As QEMU names its machines. */
static bool is_name(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._+";

	return text && text[0] && strlen(text) <= NAME_MAX_LEN &&
	       text[strspn(text, letters)] == '\0';
}

int state_note_read(const char *end, size_t len, char **machine, struct err *err)
{
	const char *text;
	size_t left;
	cleanup_json json_t *json = NULL;
	const char *name;

	*machine = NULL;
	/* QEMU's own last byte is a zero. */
	if (len == 0 || end[len - 1] != '}')
		return 0;
	text = find_text(end, len);
	if (!text)
		return 0;
	left = len - (size_t)(text - end);
	if (text - end >= HEAD && text[-HEAD] == DESCRIPTION &&
	    read_length(text - 4) == left)
		json = json_loadb(text, left, 0, NULL);
	name = json_string_value(
		json_object_get(json_object_get(json, MEMBER), "machine"));
	if (!is_name(name))
		return err_set(
			err, ERR_HOST,
			"the end of the guest's saved state, which names its machine, "
			"is damaged; restore another one, or start the guest anew");
	*machine = xstrdup(name);
	return 0;
}

/* The toolstack gives a file; of anything else the end is not known before it is read. */
static ssize_t read_end(int fd, char end[static STATE_NOTE_MAX])
{
	struct stat st;
	size_t len;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	len = st.st_size < STATE_NOTE_MAX ? (size_t)st.st_size : STATE_NOTE_MAX;
	return pread(fd, end, len, st.st_size - (off_t)len);
}

static int refuse(const struct plan *plan, const struct manifest *manifest,
		  const char *saved, struct err *err)
{
	cleanup_free char *type = plan_machine_type(plan);
	cleanup_free char *remedy =
		plan_machine_find(manifest, saved)
			? xasprintf(
				  "give 'device_model_args_hvm = [ \"-machine\", \"%s\" ]' in "
				  "the guest's configuration",
				  saved)
			: xstrdup("give '-stubdom image=DIR' with an image of a QEMU that has it");

	return err_set(
		err, ERR_HOST,
		"the guest was saved with QEMU's machine '%s'; QEMU %s of %.200s has "
		"'%.64s' by the name '%.64s', and would load the state wrongly; %s "
		"('xl restore CONFIG FILE' takes another configuration)",
		saved, manifest->qemu_version, manifest->dir, plan->machine, type,
		remedy);
}

int state_note_check(const struct plan *plan, const struct manifest *manifest,
		     struct err *err)
{
	for (size_t i = 0; i < plan->n_channels; i++) {
		const struct plan_channel *channel = &plan->channels[i];
		cleanup_free char *saved = NULL;
		char end[STATE_NOTE_MAX];
		ssize_t len;

		if (channel->kind != STUBDOM_CHANNEL_RESTORE)
			continue;
		len = read_end(channel->endpoint.fd, end);
		if (len < 0)
			return err_errno(err, ERR_HOST, errno,
					 "reading the guest's saved state");
		if (state_note_read(end, (size_t)len, &saved, err) < 0)
			return -1;
		if (saved && plan->machine && strcmp(saved, plan->machine) != 0)
			return refuse(plan, manifest, saved, err);
	}
	return 0;
}
