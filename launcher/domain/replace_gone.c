/* SPDX-License-Identifier: MIT */
/* Devices that a guest's PV drivers have taken from its QEMU (the unplug protocol). */
#include "domain/replace_gone.h"

#include <stdio.h>
#include <string.h>

#include "decimal.h"
#include "qemu_opt.h"
#include "xalloc.h"

enum {
	CLASS_NETWORK = 0x0200, /* of PCI */
	IDE_UNITS = 4,
	IDE_NAME_MAX = 24,
};

/* A copy of a member of an option's value; NULL: it has no such. */
static char *get(const char *value, const char *member)
{
	struct qemu_opts opts;
	struct err ignored;
	char *text;

	if (!value || qemu_opts_parse(value, "driver", true, &opts, &ignored) < 0)
		return NULL;
	text = xstrdup_null(qemu_opts_get(&opts, member));
	qemu_opts_free(&opts);
	return text;
}

static bool has(const char *value, const char *member, const char *wanted)
{
	char *text = get(value, member);
	bool same = text && strcmp(text, wanted) == 0;

	free(text);
	return same;
}

/* QEMU's name of a hard disk on the first IDE controller; false: the drive is none. */
static bool name_ide_disk(const char *value, char name[IDE_NAME_MAX])
{
	char *index = get(value, "index"), *media = get(value, "media");
	unsigned n;
	bool is = has(value, "if", "ide") && index &&
		  decimal_parse_unsigned(index, 0, IDE_UNITS - 1, &n) == 0 &&
		  (!media || strcmp(media, "disk") == 0);

	if (is)
		snprintf(name, IDE_NAME_MAX, "ide%u-hd%u", n / 2, n % 2);
	free(index);
	free(media);
	return is;
}

static bool has_block(const json_t *blocks, const char *name)
{
	size_t i;
	json_t *block;

	json_array_foreach(blocks, i, block) {
		const char *device = json_string_value(json_object_get(block, "device"));

		if (device && strcmp(device, name) == 0)
			return true;
	}
	return false;
}

static size_t count_inserted(const json_t *blocks)
{
	size_t i, n = 0;
	json_t *block;

	json_array_foreach(blocks, i, block) {
		n += json_object_get(block, "inserted") != NULL;
	}
	return n;
}

static int find_drives(const struct plan *plan, const json_t *blocks,
		       struct replace_gone *out, struct err *err)
{
	size_t wanted = 0, drive = 0;
	char name[IDE_NAME_MAX];

	for (size_t i = 0; i < plan->n_disks; i++)
		wanted += !plan->disks[i].pv_only;
	for (size_t i = 0; i < plan->n_qemu; i++) {
		if (!plan_is_option(plan, i, "-drive"))
			continue;
		if (drive < REPLACE_GONE_MAX && name_ide_disk(plan->qemu[i + 1], name) &&
		    !has_block(blocks, name)) {
			out->drives |= UINT64_C(1) << drive;
			wanted--;
		}
		drive++;
	}
	if (count_inserted(blocks) == wanted)
		return 0;
	return err_set(err, ERR_GUEST,
		       "QEMU has other disks than at the guest's start: some were added "
		       "or taken away, and the new QEMU could not be given the same");
}

/* The id of the -device on top of a NIC's back end; *at: where it stands. */
static char *find_id(const struct plan *plan, const struct plan_nic *nic, size_t *at)
{
	for (size_t i = 0; nic->netdev && i < plan->n_qemu; i++) {
		*at = i;
		if (plan_is_option(plan, i, "-device") &&
		    has(plan->qemu[i + 1], "netdev", nic->netdev))
			return get(plan->qemu[i + 1], "id");
	}
	return NULL;
}

static size_t count_nics(const json_t *pci, const char *id)
{
	size_t i, k, n = 0;
	json_t *bus, *device;

	json_array_foreach(pci, i, bus) {
		json_array_foreach(json_object_get(bus, "devices"), k, device) {
			const json_t *class = json_object_get(
				json_object_get(device, "class_info"), "class");
			const char *is =
				json_string_value(json_object_get(device, "qdev_id"));

			n += json_integer_value(class) == CLASS_NETWORK &&
			     (!id || (is && strcmp(is, id) == 0));
		}
	}
	return n;
}

static bool is_pci(const struct plan_nic *nic)
{
	return nic->model && strcmp(nic->model, "ne2k_isa") != 0 &&
	       strcmp(nic->model, "usb-net") != 0;
}

/* A PCI device behind it has taken the next slot. */
static bool is_last(const struct plan *plan, size_t at)
{
	static const char *const no_slot[] = {"ide-", "scsi-", "usb-"};

	for (size_t i = at + 1; i < plan->n_qemu; i++) {
		const char *value = plan->qemu[i + 1];
		bool slot = plan_is_option(plan, i, "-device");
		char *netdev = slot ? get(value, "netdev") : NULL;

		for (size_t k = 0; slot && k < sizeof(no_slot) / sizeof(no_slot[0]); k++)
			slot = strncmp(value, no_slot[k], strlen(no_slot[k])) != 0;
		slot = slot && !netdev;
		free(netdev);
		if (slot)
			return false;
	}
	return true;
}

static int find_nics(const struct plan *plan, const json_t *pci, struct replace_gone *out,
		     struct err *err)
{
	size_t wanted = 0, left = 0;
	bool keeps_slots = true;

	for (size_t i = 0; i < plan->n_nics; i++) {
		size_t at = 0;
		char *id = is_pci(&plan->nics[i]) ? find_id(plan, &plan->nics[i], &at)
						  : NULL;

		wanted += is_pci(&plan->nics[i]);
		if (id && i < REPLACE_GONE_MAX && count_nics(pci, id) == 0) {
			out->nics |= UINT64_C(1) << i;
			keeps_slots = keeps_slots && is_last(plan, at);
			wanted--;
		} else {
			left += is_pci(&plan->nics[i]);
		}
		free(id);
	}
	if (count_nics(pci, NULL) != wanted)
		return err_set(err, ERR_GUEST,
			       "QEMU has other network interfaces than at the guest's "
			       "start: some were added or taken away, and the new QEMU "
			       "could not be given the same");
	if (out->nics && (left > 0 || !keeps_slots))
		return err_set(err, ERR_GUEST,
			       "emulated interfaces were taken away, and other devices "
			       "would be elsewhere on the PCI bus of the new QEMU");
	return 0;
}

int replace_gone_find(const struct plan *plan, const json_t *blocks, const json_t *pci,
		      struct replace_gone *out, struct err *err)
{
	*out = (struct replace_gone){0};
	if (find_drives(plan, blocks, out, err) < 0)
		return -1;
	return find_nics(plan, pci, out, err);
}

static bool is_nic(const struct plan *plan, const struct replace_gone *gone,
		   const char *value, const char *member)
{
	for (size_t i = 0; i < plan->n_nics && i < REPLACE_GONE_MAX; i++)
		if ((gone->nics & UINT64_C(1) << i) && plan->nics[i].netdev &&
		    has(value, member, plan->nics[i].netdev))
			return true;
	return false;
}

bool replace_gone_drops(const struct plan *plan, const struct replace_gone *gone,
			size_t i)
{
	size_t drive = 0;

	if (plan_is_option(plan, i, "-device"))
		return is_nic(plan, gone, plan->qemu[i + 1], "netdev");
	if (plan_is_option(plan, i, "-netdev"))
		return is_nic(plan, gone, plan->qemu[i + 1], "id");
	if (!plan_is_option(plan, i, "-drive"))
		return false;
	for (size_t k = 0; k < i; k++)
		drive += plan_is_option(plan, k, "-drive");
	return drive < REPLACE_GONE_MAX && (gone->drives & UINT64_C(1) << drive);
}
