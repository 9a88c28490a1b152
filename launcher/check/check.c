/* SPDX-License-Identifier: MIT */
/* Looks at what a plan names in dom0, before any domain exists. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/container.h"
#include "cleanup.h"
#include "plan/plan.h"
#include "topology.h"
#include "topology_check.h"
#include "xalloc.h"

enum { TOPOLOGY_BYTES_MAX = 65536, SECTOR = 512, PAGE = 4096 };

/* Opens it; *size is its size, also of a block device. */
static int open_source(const char *path, bool block_too, int *fd, off_t *size,
		       bool *block, struct err *err)
{
	struct stat st;

	/* Not blocking: the path may be a fifo, which the check below refuses. */
	*fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (*fd < 0)
		return err_errno(err, ERR_HOST, errno, "%s", path);
	if (fstat(*fd, &st) < 0)
		return err_errno(err, ERR_HOST, errno, "%s", path);
	*block = S_ISBLK(st.st_mode);
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_HOST, "%s: is a directory; name a file%s", path,
			       block_too ? " or a block device" : "");
	if (!S_ISREG(st.st_mode) && !(block_too && *block))
		return err_set(err, ERR_HOST, "%s: is no regular file%s", path,
			       block_too ? " and no block device" : "");
	*size = lseek(*fd, 0, SEEK_END);
	if (*size < 0)
		return err_errno(err, ERR_HOST, errno, "%s", path);
	if (*size == 0)
		return err_set(err, ERR_HOST, "%s: is empty (0 bytes)", path);
	return 0;
}

/* A container: what its header says, and whether its file may be written as it is. */
static int check_container(struct plan_disk *disk, int fd, off_t size, bool block,
			   struct container *container, struct err *err)
{
	if (!container_format_known(disk->format)) {
		if (disk->readonly || block)
			return 0;
		return err_set(
			err, ERR_HOST,
			"%s: a writable %s file would have to grow at its end, which a "
			"disk of the stub domain cannot; convert it (qemu-img convert "
			"-O qcow2, or raw), or put it on a block device",
			disk->target, disk->format);
	}
	if (container_read(fd, disk->target, disk->format, container, err) < 0)
		return -1;
	disk->has_backing = container->backing[0];
	if (block)
		return 0;
	/* A whole number of sectors, or the last bytes would be cut off. */
	if (!disk->readonly)
		disk->grow_to = container->bytes > (unsigned long long)size
					? (container->bytes + PAGE - 1) / PAGE * PAGE
					: ((unsigned long long)size + SECTOR - 1) /
						  SECTOR * SECTOR;
	else if (size % SECTOR)
		return err_set(err, ERR_HOST,
			       "%s: its last %d bytes are no whole sector and would not "
			       "be seen; make it longer (truncate -s %%512 FILE)",
			       disk->target, (int)(size % SECTOR));
	return 0;
}

int plan_check_disk(struct plan *plan, struct plan_disk *disk,
		    struct container *container, struct err *err)
{
	bool raw = !disk->format || strcmp(disk->format, "raw") == 0;
	cleanup_fd int fd = -1;
	off_t size;
	bool block;

	memset(container, 0, sizeof(*container));
	if (open_source(disk->target, true, &fd, &size, &block, err) < 0)
		return -1;
	if (!disk->readonly && access(disk->target, W_OK) < 0)
		return err_errno(
			err, ERR_HOST, errno,
			"%s: cannot be written (make it writable, or read-only in "
			"the guest's configuration)",
			disk->target);
	if (size < SECTOR)
		return err_set(err, ERR_HOST, "%s: smaller than one sector of %d bytes",
			       disk->target, SECTOR);
	if (!raw)
		return check_container(disk, fd, size, block, container, err);
	if (size % SECTOR)
		plan_note(plan,
			  "%s: the last %d bytes are no whole sector and are not seen",
			  disk->target, (int)(size % SECTOR));
	return 0;
}

/* One disk of the command line, and what it stands on. */
static int check_disk(struct plan *plan, size_t i, struct err *err)
{
	struct container container;

	if (plan_check_disk(plan, &plan->disks[i], &container, err) < 0 ||
	    (container.backing[0] && plan_add_backing(plan, i, &container, err) < 0))
		return err_prefix(err, "disk of %s", plan->disks[i].use);
	return 0;
}

static int check_file(struct plan_file *file, struct err *err)
{
	cleanup_fd int fd = -1;
	off_t size;
	bool block;

	if (open_source(file->source, false, &fd, &size, &block, err) < 0)
		return -1;
	file->bytes = (unsigned long long)size;
	return 0;
}

/* The agent gets the statements only, a line each. */
static void add_topology_lines(struct plan *plan, char *text)
{
	plan->topology = xgrow(plan->topology, 0, sizeof(char *));
	plan->topology[0] = NULL;
	for (char *line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n")) {
		size_t len;

		line[strcspn(line, "#")] = '\0';
		line += strspn(line, " \t");
		len = strlen(line);
		while (len > 0 && strchr(" \t", line[len - 1]))
			line[--len] = '\0';
		if (len == 0)
			continue;
		plan->topology =
			xgrow(plan->topology, plan->n_topology + 1, sizeof(char *));
		plan->topology[plan->n_topology++] = xstrdup(line);
		plan->topology[plan->n_topology] = NULL;
	}
}

/* nub's bridges have no spanning tree. */
static int check_stp(const struct plan *plan, const struct topology *topology,
		     struct err *err)
{
	for (size_t i = 0; i < topology->n; i++) {
		const struct topology_stmt *stmt = &topology->stmts[i];

		if (stmt->op == TOPOLOGY_STP_ON && plan->kernel == STUBOPT_KERNEL_NUB)
			return err_set(
				err, ERR_USAGE,
				"%s:%u:%u: found 'stp', expected a bridge without: "
				"only kernel=linux has the spanning tree",
				plan->topology_file, stmt->line, stmt->column);
	}
	return 0;
}

/* Whether the statements fit this guest's interfaces and its stub domain's kernel. */
static int check_topology(const struct plan *plan, const char *text, struct err *err)
{
	cleanup_free struct topology_xenif *xenifs =
		xalloc_check(calloc(plan->n_nics + 1, sizeof(*xenifs)));
	struct topology topology;
	int rc;

	for (size_t i = 0; i < plan->n_nics; i++)
		xenifs[i] = (struct topology_xenif){.n = plan->nics[i].xenif,
						    .network = plan->nics[i].bridge};
	if (topology_parse(text, plan->topology_file, &topology, err) < 0)
		return -1;
	rc = topology_check(&topology, plan->topology_file, (unsigned)plan->n_nics,
			    xenifs, plan->n_nics, err);
	if (rc == 0)
		rc = check_stp(plan, &topology, err);
	topology_free(&topology);
	return rc;
}

static int read_topology(struct plan *plan, struct err *err)
{
	cleanup_free char *text = xalloc_check(malloc(TOPOLOGY_BYTES_MAX + 1));
	cleanup_file FILE *f = fopen(plan->topology_file, "re");
	size_t len;

	if (!f)
		return err_errno(err, ERR_HOST, errno, "%s", plan->topology_file);
	len = fread(text, 1, TOPOLOGY_BYTES_MAX + 1, f);
	if (ferror(f))
		return err_errno(err, ERR_HOST, errno, "%s", plan->topology_file);
	if (len > TOPOLOGY_BYTES_MAX || memchr(text, '\0', len))
		return err_set(err, ERR_HOST, "%s: no text, or longer than %d bytes",
			       plan->topology_file, TOPOLOGY_BYTES_MAX);
	text[len] = '\0';
	if (check_topology(plan, text, err) < 0)
		return -1;
	add_topology_lines(plan, text);
	return 0;
}

int plan_check(struct plan *plan, struct err *err)
{
	size_t given = plan->n_disks;

	for (size_t i = 0; i < given; i++) {
		if (check_disk(plan, i, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < plan->n_files; i++) {
		if (check_file(&plan->files[i], err) < 0)
			return err_prefix(err, "%s", plan->files[i].name);
	}
	if (plan->topology_file && !plan->topology && read_topology(plan, err) < 0)
		return err_prefix(err, "topology");
	return 0;
}
