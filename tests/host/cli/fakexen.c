/* SPDX-License-Identifier: MIT */
/* Preloaded into stubdom by its tests: xenstore as a tree of files, Xen's word on
 * domains. */
#include <dirent.h>
#include <errno.h>
#include <libxl.h>
#include <libxl_utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xenstore.h>

/* $FAKEXEN/<path> is a node's value; $FAKEXEN/local/domain/N there: domain N lives. */
static char *node_path(const char *path, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s", getenv("FAKEXEN"), path);
	return buf;
}

struct xs_handle *xs_open(unsigned long flags)
{
	errno = ENOENT;
	return getenv("FAKEXEN") ? (struct xs_handle *)strdup("") : NULL;
}

void xs_close(struct xs_handle *xs)
{
	free(xs);
}

void *xs_read(struct xs_handle *xs, xs_transaction_t t, const char *path, unsigned *len)
{
	char where[4096];
	FILE *f = fopen(node_path(path, where, sizeof(where)), "r");
	char *value;
	size_t size;

	if (!f)
		return NULL;
	value = calloc(1, 65536);
	size = value ? fread(value, 1, 65535, f) : 0;
	if (len)
		*len = (unsigned)size;
	fclose(f);
	return value;
}

char **xs_directory(struct xs_handle *xs, xs_transaction_t t, const char *path,
		    unsigned *num)
{
	const struct dirent *entry;
	char where[4096];
	/* One allocation, as xs_directory's callers free it. */
	char **list = calloc(1, 65536);
	char *at = (char *)(list + 256);
	DIR *d = opendir(node_path(path, where, sizeof(where)));

	*num = 0;
	if (!d || !list) {
		free(list);
		return NULL;
	}
	while ((entry = readdir(d)) && *num < 256) {
		if (*entry->d_name == '.')
			continue;
		list[(*num)++] = strcpy(at, entry->d_name);
		at += strlen(at) + 1;
	}
	closedir(d);
	return list;
}

bool xs_write(struct xs_handle *xs, xs_transaction_t t, const char *path,
	      const void *data, unsigned int len)
{
	char where[4096];
	FILE *f = fopen(node_path(path, where, sizeof(where)), "w");
	bool good = f && fwrite(data, 1, len, f) == len;

	return f && !fclose(f) && good;
}

/* A stub domain with $FAKEXEN/local/domain/N/answers has answered the question. */
/* $FAKEXEN-rights/<path with '+' for '/'> holds "ID RIGHTS..."; without it: dom0's alone. */
struct xs_permissions *xs_get_permissions(struct xs_handle *xs, xs_transaction_t t,
					  const char *path, unsigned int *num)
{
	struct xs_permissions *perms = calloc(16, sizeof(*perms));
	char where[4096], name[512];
	FILE *f;

	snprintf(name, sizeof(name), "%s", path);
	for (char *p = name; *p; p++)
		*p = *p == '/' ? '+' : *p;
	snprintf(where, sizeof(where), "%s-rights/%s", getenv("FAKEXEN"), name);
	f = fopen(where, "r");
	*num = f ? 0 : 1;
	while (f && *num < 16) {
		unsigned rights;

		if (fscanf(f, "%u %u", &perms[*num].id, &rights) != 2)
			break;
		perms[(*num)++].perms = (unsigned)rights;
	}
	if (f)
		fclose(f);
	return perms;
}

bool xs_watch(struct xs_handle *xs, const char *path, const char *token)
{
	static const char answer[] = "/data/stubdom-live/answer";
	const size_t domain = strlen(path) - strlen(answer);
	char where[4096], from[4096], to[4096];

	node_path(path, where, sizeof(where));
	snprintf(from, sizeof(from), "%.*s/control/stubdom-ask",
		 (int)(strlen(getenv("FAKEXEN")) + domain), where);
	snprintf(to, sizeof(to), "%.*s/answers",
		 (int)(strlen(getenv("FAKEXEN")) + domain), where);
	return access(to, F_OK) || symlink(from, where) == 0 || errno == EEXIST;
}

int xs_fileno(struct xs_handle *xs)
{
	return -1; /* never ready */
}

char **xs_check_watch(struct xs_handle *xs)
{
	return NULL;
}

bool xs_rm(struct xs_handle *xs, xs_transaction_t t, const char *path)
{
	char where[4096];

	return remove(node_path(path, where, sizeof(where))) == 0;
}

bool xs_is_domain_introduced(struct xs_handle *xs, unsigned int domid)
{
	char path[64];
	char where[4096];
	struct stat st;

	snprintf(path, sizeof(path), "/local/domain/%u", domid);
	return stat(node_path(path, where, sizeof(where)), &st) == 0;
}

int libxl_ctx_alloc(libxl_ctx **ctx, int version, unsigned flags, xentoollog_logger *log)
{
	*ctx = (libxl_ctx *)strdup("");
	return 0;
}

int libxl_ctx_free(libxl_ctx *ctx)
{
	free(ctx);
	return 0;
}

int libxl_domain_info(libxl_ctx *ctx, libxl_dominfo *info, uint32_t domid)
{
	info->current_memkb = 200 * 1024;
	info->shared_memkb = 0;
	info->max_memkb = 256 * 1024;
	info->cpu_time = 1500000000;
	info->vcpu_online = 1;
	info->domain_type = LIBXL_DOMAIN_TYPE_PVH;
	return xs_is_domain_introduced(NULL, domid) ? 0 : ERROR_DOMAIN_NOTFOUND;
}

/* Domain 7 is an HVM guest with a stub domain, 9 one without; 11 is about to go. */
libxl_dominfo *libxl_list_domain(libxl_ctx *ctx, int *n)
{
	static const struct {
		uint32_t domid;
		libxl_domain_type type;
	} domains[] = {{0, LIBXL_DOMAIN_TYPE_PV},
		       {11, LIBXL_DOMAIN_TYPE_HVM},
		       {9, LIBXL_DOMAIN_TYPE_HVM},
		       {8, LIBXL_DOMAIN_TYPE_PVH},
		       {7, LIBXL_DOMAIN_TYPE_HVM}};
	libxl_dominfo *list = calloc(5, sizeof(*list));

	for (*n = 0; list && *n < 5; (*n)++) {
		list[*n].domid = domains[*n].domid;
		list[*n].domain_type = domains[*n].type;
	}
	return list;
}

void libxl_dominfo_list_free(libxl_dominfo *list, int n)
{
	free(list);
}

char *libxl_domid_to_name(libxl_ctx *ctx, uint32_t domid)
{
	char path[64];
	unsigned len;

	snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
	return xs_read(NULL, XBT_NULL, path, &len);
}

/* $FAKEXEN_MACHINE: the words "hvm" and "iommu", and the free memory in MiB. */
int libxl_get_physinfo(libxl_ctx *ctx, libxl_physinfo *info)
{
	const char *machine = getenv("FAKEXEN_MACHINE");

	info->cap_hvm = machine && strstr(machine, "hvm");
	info->cap_hap = info->cap_hvm;
	info->cap_hvm_directio = machine && strstr(machine, "iommu");
	return 0;
}

/* Xen's log, in pieces as it comes: with "intremap" or "forges" in $FAKEXEN_MACHINE it
 * tells.  A domain's words are in it as well. */
libxl_xen_console_reader *libxl_xen_console_read_start(libxl_ctx *ctx, int clear)
{
	return calloc(1, 1);
}

int libxl_xen_console_read_line(libxl_ctx *ctx, libxl_xen_console_reader *cr, char **line)
{
	const char *machine = getenv("FAKEXEN_MACHINE");
	static char first[] = "(d4) Interrupt remapping enabled\n"
			      "(XEN) I/O virtualisation enabled\n(XEN) Interrupt rem";
	static char on[] = "apping enabled\n", off[] = "apping disabled\n";
	static char other[] = "(XEN) d3 has gone\n(d4) Interrupt remapping enabled\n"
			      "(d4) (XEN) Interrupt remapping enabled\n";
	static int pieces;

	switch (pieces++) {
	case 0:
		*line = strstr(machine, "intremap") || strstr(machine, "forges") ? first
										 : other;
		return 1;
	case 1:
		*line = strstr(machine, "intremap") ? on
			: strstr(machine, "forges") ? off
						    : other;
		return 1;
	}
	return 0;
}

void libxl_xen_console_read_finish(libxl_ctx *ctx, libxl_xen_console_reader *cr)
{
	free(cr);
}

int libxl_get_free_memory(libxl_ctx *ctx, uint64_t *memkb)
{
	const char *machine = getenv("FAKEXEN_MACHINE");
	const char *digits = machine ? strpbrk(machine, "0123456789") : NULL;

	*memkb = digits ? strtoull(digits, NULL, 10) * 1024 : 0;
	return 0;
}
