/* SPDX-License-Identifier: MIT */
/* The memory of a stub domain that is dead, kept before Xen takes it back. */
#include "domain/core.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <xenforeignmemory.h>

#include "cleanup.h"
#include "crash_dir.h"
#include "log.h"

enum {
	PAGE = 4096,   /* Xen's, whatever dom0's is */
	BATCH = 256,   /* pages that are mapped at once */
	SPARE_MB = 64, /* that stay free on dom0's disk */
	LOW_MB = 3072, /* of a PVH domain's memory, in one piece; more is above 4 GiB */
};

static void core_path(const struct plan *plan, char out[sizeof(STUBDOM_CRASHDIR) + 40])
{
	char name[CRASH_CORE_NAME_MAX];

	crash_dir_name_core(plan->guest_domid, name);
	snprintf(out, sizeof(STUBDOM_CRASHDIR) + 40, STUBDOM_CRASHDIR "/%s", name);
}

/* The one of the family whose memory is still there. */
static int find_stub(struct domain_host *host, const libxl_uuid *uuid,
		     xc_domaininfo_t *info)
{
	uint32_t domid;

	for (uint32_t from = 1; domain_host_find(host, uuid, from, &domid) == 0;
	     from = domid + 1)
		if (domain_host_life(host, domid) != DOMAIN_LIFE_GONE &&
		    domain_host_look(host, domid, info))
			return 0;
	return -1;
}

static bool has_room(unsigned long long bytes)
{
	struct statvfs disk;

	return statvfs(STUBDOM_CRASHDIR, &disk) == 0 &&
	       (unsigned long long)disk.f_bavail * disk.f_frsize >=
		       bytes + ((unsigned long long)SPARE_MB << 20);
}

/* Its one segment begins at the file's second page. */
static int write_header(int fd, uint64_t pages)
{
	struct {
		Elf64_Ehdr file;
		Elf64_Phdr memory;
	} head = {
		.file = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
				     ELFDATA2LSB, EV_CURRENT},
			 .e_type = ET_CORE,
			 .e_machine = EM_X86_64,
			 .e_version = EV_CURRENT,
			 .e_phoff = sizeof(Elf64_Ehdr),
			 .e_ehsize = sizeof(Elf64_Ehdr),
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_phnum = 1},
		.memory = {.p_type = PT_LOAD,
			   .p_flags = PF_R | PF_W | PF_X,
			   .p_offset = PAGE,
			   .p_filesz = pages * PAGE,
			   .p_memsz = pages * PAGE,
			   .p_align = PAGE},
	};

	return pwrite(fd, &head, sizeof(head), 0) == sizeof(head) &&
			       ftruncate(fd, (off_t)(pages + 1) * PAGE) == 0
		       ? 0
		       : -1;
}

/* A page that is missing or empty stays a hole of the file. */
static int write_batch(int fd, xenforeignmemory_handle *memory, uint32_t domid,
		       uint64_t first, size_t n)
{
	static const char empty[PAGE];
	xen_pfn_t frames[BATCH];
	int errors[BATCH], rc = 0;
	char page[PAGE], *map;

	for (size_t i = 0; i < n; i++)
		frames[i] = first + i;
	map = xenforeignmemory_map(memory, domid, PROT_READ, n, frames, errors);
	if (!map)
		return 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (errors[i])
			continue;
		memcpy(page, map + i * PAGE, PAGE);
		if (memcmp(page, empty, PAGE) != 0 &&
		    pwrite(fd, page, PAGE, (off_t)(first + i + 1) * PAGE) != PAGE)
			rc = -1;
	}
	xenforeignmemory_unmap(memory, map, n);
	return rc;
}

static int write_memory(int fd, uint32_t domid, uint64_t pages)
{
	xenforeignmemory_handle *memory = xenforeignmemory_open(NULL, 0);
	int rc = memory ? write_header(fd, pages) : -1;
	int error;

	for (uint64_t at = 0; at < pages && rc == 0; at += BATCH)
		rc = write_batch(fd, memory, domid, at,
				 pages - at < BATCH ? pages - at : BATCH);
	error = errno;
	if (memory)
		xenforeignmemory_close(memory);
	errno = error;
	return rc;
}

/* Xen's own format takes a hypercall for each of the million frames below 4 GiB. */
static int write_core(struct domain_host *host, const struct plan *plan, uint32_t domid,
		      uint64_t pages, const char *path)
{
	cleanup_fd int fd = -1;

	/* A PV domain's frames are anywhere in the host's memory. */
	if (plan->type == STUBOPT_TYPE_PV)
		return xc_domain_dumpcore(host->xc, domid, path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -1 : write_memory(fd, domid, pages);
}

void domain_core_take(struct domain_host *host, const struct plan *plan,
		      const libxl_uuid *uuid)
{
	const uint64_t low = (uint64_t)LOW_MB << 20;
	char path[sizeof(STUBDOM_CRASHDIR) + 40];
	xc_domaininfo_t info;
	struct err err;
	uint64_t bytes;

	if (crash_dir_make(STUBDOM_CRASHDIR, &err) < 0) {
		log_warn("no core is kept: %s", err.msg);
		return;
	}
	if (find_stub(host, uuid, &info) < 0) {
		log_warn("no core is kept: %s is gone, and its memory with it",
			 plan->name);
		return;
	}
	bytes = info.max_pages * PAGE < low ? info.max_pages * PAGE : low;
	if (!has_room(bytes)) {
		log_warn("no core is kept: " STUBDOM_CRASHDIR " has no room for %llu MiB",
			 (unsigned long long)bytes >> 20);
		return;
	}
	core_path(plan, path);
	unlink(path); /* of an attempt before */
	xc_domain_pause(host->xc, info.domain);
	if (write_core(host, plan, info.domain, bytes / PAGE, path) < 0) {
		log_warn("no core is kept: reading the memory of %s: %s", plan->name,
			 strerror(errno));
		unlink(path);
	}
}

void domain_core_drop(const struct plan *plan)
{
	char path[sizeof(STUBDOM_CRASHDIR) + 40];

	core_path(plan, path);
	unlink(path);
}
