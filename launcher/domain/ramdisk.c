/* SPDX-License-Identifier: MIT */
/* The stub domain's ramdisk: the image's files and the boot contract, in memory. */
#include "domain/ramdisk.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "boot_contract.h"
#include "cleanup.h"
#include "cpio.h"

enum { PAGE = 4096 };

/* The contract borrows the plan's strings: only the arrays are allocated here. */
static int fill_contract(const struct plan *plan, const struct manifest *manifest,
			 const struct manifest_kernel *kernel, struct boot_contract *boot,
			 struct err *err)
{
	static char no_mac[] = "", root[] = STUBDOM_ROOT_DISK;

	*boot = (struct boot_contract){
		.guest_domid = plan->guest_domid,
		.guest_name = plan->guest_name,
		.qemu_path = manifest->qemu_path,
		.argv = plan->qemu,
		.n_argv = plan->n_qemu,
		.topology = plan->topology,
		.n_topology = plan->n_topology,
		.disks = calloc(plan->n_disks + 2, sizeof(*boot->disks)),
		.n_disks = plan->n_disks,
		.nics = calloc(plan->n_nics + 1, sizeof(*boot->nics)),
		.n_nics = plan->n_nics,
		.channels = calloc(plan->n_channels + 1, sizeof(*boot->channels)),
		.n_channels = plan->n_channels,
	};
	if (!boot->disks || !boot->nics || !boot->channels)
		return err_set(err, ERR_HOST, "out of memory");
	for (size_t i = 0; i < plan->n_disks; i++)
		boot->disks[i] = (struct boot_disk){
			.dev = plan->disks[i].dev,
			.readonly = plan->disks[i].readonly,
		};
	if (kernel->disk)
		boot->disks[boot->n_disks++] =
			(struct boot_disk){.dev = root, .readonly = true};
	for (size_t i = 0; i < plan->n_nics; i++)
		boot->nics[i] = (struct boot_nic){
			.tap = plan->nics[i].tap,
			.xenif = plan->nics[i].xenif,
			.mac = plan->nics[i].mac ? plan->nics[i].mac : no_mac,
		};
	for (size_t i = 0; i < plan->n_channels; i++)
		boot->channels[i] = (struct boot_channel){
			.name = plan->channels[i].name,
			.kind = plan->channels[i].kind,
			.path = plan->channels[i].stub_path,
		};
	return 0;
}

char *domain_contract_text(const struct plan *plan, const struct manifest *manifest,
			   const struct manifest_kernel *kernel, struct err *err)
{
	struct boot_contract boot;
	char *text = NULL;

	if (fill_contract(plan, manifest, kernel, &boot, err) == 0) {
		text = boot_contract_format(&boot);
		if (!text)
			err_set(err, ERR_HOST,
				"the boot contract cannot be written: an argument is not "
				"UTF-8, or memory ran out");
	}
	free(boot.disks);
	free(boot.nics);
	free(boot.channels);
	return text;
}

/* "boot/kernel" needs an entry for "boot" before it. */
static int add_parent(struct cpio *cpio, const char *name, char made[64], struct err *err)
{
	const char *slash = strrchr(name, '/');
	size_t len = slash ? (size_t)(slash - name) : 0;

	if (len == 0 || len >= 64)
		return 0;
	if (strlen(made) == len && memcmp(made, name, len) == 0)
		return 0;
	memcpy(made, name, len);
	made[len] = '\0';
	return cpio_add_dir(cpio, made, 0755, err);
}

static int add_archive(int fd, const struct plan *plan, const struct manifest *manifest,
		       const struct manifest_kernel *kernel, struct err *err)
{
	cleanup_free char *text = domain_contract_text(plan, manifest, kernel, err);
	char made[64] = "";
	struct cpio cpio;

	if (!text)
		return -1;
	cpio_begin(&cpio, fd);
	if (cpio_add_bytes(&cpio, STUBDOM_BOOT_FILE, 0600, text, strlen(text), err) < 0)
		return -1;
	for (size_t i = 0; i < plan->n_files; i++) {
		const struct plan_file *file = &plan->files[i];

		if (add_parent(&cpio, file->name, made, err) < 0 ||
		    cpio_add_file(&cpio, file->name, 0600, file->source, err) < 0)
			return -1;
	}
	return cpio_end(&cpio, err);
}

int domain_ramdisk_make(const struct plan *plan, const struct manifest *manifest,
			const struct manifest_kernel *kernel,
			const struct image_files *files, struct err *err)
{
	static const char zeros[PAGE];
	int fd = memfd_create("stubdom-ramdisk", MFD_CLOEXEC);
	uint64_t bytes = 0;

	if (fd < 0)
		return err_errno(err, ERR_HOST, errno, "making a file in memory");
	for (size_t i = 0; i < kernel->n_ramdisk; i++) {
		/* The first file is the kernel. */
		if (cpio_copy_file(fd, files->fd[1 + i], kernel->ramdisk[i], &bytes,
				   err) < 0)
			goto fail;
	}
	/* Files of the next archive are to begin on pages (cpio.h). */
	if (bytes % PAGE && write(fd, zeros, PAGE - bytes % PAGE) < 0) {
		err_errno(err, ERR_HOST, errno, "writing the ramdisk");
		goto fail;
	}
	if (add_archive(fd, plan, manifest, kernel, err) == 0)
		return fd;
fail:
	close(fd);
	return err_prefix(err, "the stub domain's ramdisk");
}
