/* SPDX-License-Identifier: MIT */
/* Reads and checks the image's manifest.json. */
#include "manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "xalloc.h"

enum {
	MANIFEST_BYTES_MAX = 16 << 20,
	MANIFEST_KERNELS_MAX = 64,
	MANIFEST_MEMORY_MAX_MB = 1 << 20,
};

#define REBUILD "rebuild the image"

static int get_string(const json_t *obj, const char *where, const char *key, char **out,
		      struct err *err)
{
	const json_t *v = json_object_get(obj, key);

	if (!json_is_string(v) || json_string_length(v) == 0)
		return err_set(err, ERR_HOST,
			       "%s.%s: expected a string that is not empty; " REBUILD,
			       where, key);
	*out = xstrdup(json_string_value(v));
	return 0;
}

static int get_bytes(const json_t *obj, const char *where, const char *key,
		     unsigned long long *out, struct err *err)
{
	const json_t *v = json_object_get(obj, key);

	if (!json_is_integer(v) || json_integer_value(v) <= 0 ||
	    json_integer_value(v) > (1LL << 40))
		return err_set(err, ERR_HOST,
			       "%s.%s: expected a number of bytes; " REBUILD, where, key);
	*out = (unsigned long long)json_integer_value(v);
	return 0;
}

static bool is_sum(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

/* A file of the image: a plain name in its directory, listed under "files". */
static int get_file(const struct manifest *m, const json_t *files, const char *where,
		    const json_t *name, struct manifest_file *out, struct err *err)
{
	const char *sum;
	const char *s = json_string_value(name);
	const json_t *entry;

	if (!s || s[0] == '\0' || s[0] == '.' || strchr(s, '/'))
		return err_set(err, ERR_HOST, "%s: expected a plain file name; " REBUILD,
			       where);
	entry = json_object_get(files, s);
	if (!json_is_object(entry))
		return err_set(err, ERR_HOST, "%s: '%s' is not listed in files; " REBUILD,
			       where, s);
	sum = json_string_value(json_object_get(entry, "sha256"));
	snprintf(out->sha256, sizeof(out->sha256), "%s", sum && is_sum(sum) ? sum : "");
	if (get_bytes(entry, s, "bytes", &out->bytes, err) < 0)
		return -1;
	out->path = xasprintf("%s/%s", m->dir, s);
	out->name = out->path + strlen(m->dir) + 1;
	return 0;
}

/* Takes the file's path over, into *path. */
static int add_file(const struct manifest *m, const json_t *files, const char *where,
		    const json_t *name, struct manifest_kernel *kernel, char **path,
		    struct err *err)
{
	struct manifest_file *file;

	kernel->files = xgrow(kernel->files, kernel->n_files, sizeof(*kernel->files));
	file = &kernel->files[kernel->n_files];
	*file = (struct manifest_file){0};
	if (get_file(m, files, where, name, file, err) < 0)
		return -1;
	kernel->n_files++;
	*path = file->path;
	return 0;
}

static int parse_kernel(const struct manifest *m, const json_t *files, const char *name,
			const json_t *v, struct manifest_kernel *out, struct err *err)
{
	const json_t *ramdisk = json_object_get(v, "ramdisk");
	cleanup_free char *where = xasprintf("kernels.%s", name);
	const json_t *item;
	size_t i;

	out->name = xstrdup(name);
	out->ramdisk = xgrow(NULL, 0, sizeof(*out->ramdisk));
	out->ramdisk[0] = NULL;
	if (add_file(m, files, where, json_object_get(v, "file"), out, &out->path, err) <
	    0)
		return -1;
	/* May be empty: a kernel need not have options. */
	if (!json_is_string(json_object_get(v, "cmdline")))
		return err_set(err, ERR_HOST, "%s.cmdline: expected a string; " REBUILD,
			       where);
	out->cmdline = xstrdup(json_string_value(json_object_get(v, "cmdline")));
	/* Of another kind: 0. */
	out->replace =
		json_integer_value(json_object_get(v, "replace")) == MANIFEST_REPLACE;
	if (!json_is_array(ramdisk) || json_array_size(ramdisk) == 0 ||
	    json_array_size(ramdisk) > MANIFEST_RAMDISKS_MAX)
		return err_set(err, ERR_HOST,
			       "%s.ramdisk: expected a list of file names; " REBUILD,
			       where);
	json_array_foreach(ramdisk, i, item) {
		char *path = NULL;

		if (add_file(m, files, where, item, out, &path, err) < 0)
			return -1;
		out->ramdisk = xgrow(out->ramdisk, i + 1, sizeof(*out->ramdisk));
		out->ramdisk[i] = path;
		out->ramdisk[i + 1] = NULL;
		out->n_ramdisk = i + 1;
		out->ramdisk_bytes += out->files[out->n_files - 1].bytes;
	}
	item = json_object_get(v, "disk");
	return item ? add_file(m, files, where, item, out, &out->disk, err) : 0;
}

static int parse_kernels(struct manifest *m, json_t *root, struct err *err)
{
	json_t *kernels = json_object_get(root, "kernels");
	const json_t *files = json_object_get(root, "files");
	const char *name;
	json_t *v;

	if (!json_is_object(kernels) || json_object_size(kernels) == 0 ||
	    json_object_size(kernels) > MANIFEST_KERNELS_MAX)
		return err_set(err, ERR_HOST,
			       "kernels: expected an object with a member; " REBUILD);
	json_object_foreach(kernels, name, v) {
		struct manifest_kernel *k;

		m->kernels = xgrow(m->kernels, m->n_kernels, sizeof(*m->kernels));
		k = &m->kernels[m->n_kernels++];
		memset(k, 0, sizeof(*k));
		if (parse_kernel(m, files, name, v, k, err) < 0)
			return -1;
	}
	return 0;
}

static int parse_qemu(struct manifest *m, const json_t *qemu, struct err *err)
{
	json_t *probe = json_object_get(qemu, "probe");
	json_t *commands = json_object_get(probe, "commands");
	json_t *schema = json_object_get(qemu, "schema");
	json_t *machines = json_object_get(qemu, "machines");
	const json_t *memory = json_object_get(qemu, "memory_mb");
	const char *name;
	json_t *reply;

	if (get_string(qemu, "qemu", "path", &m->qemu_path, err) < 0 ||
	    get_string(qemu, "qemu", "version", &m->qemu_version, err) < 0 ||
	    get_string(qemu, "qemu", "version_text", &m->version_text, err) < 0 ||
	    get_string(qemu, "qemu", "help_text", &m->help_text, err) < 0)
		return -1;
	if (!json_is_object(json_object_get(json_object_get(probe, "greeting"), "QMP")) ||
	    !json_is_object(commands))
		return err_set(
			err, ERR_HOST,
			"qemu.probe: expected greeting.QMP and commands; " REBUILD);
	json_object_foreach(commands, name, reply) {
		if (!json_object_get(reply, "return"))
			return err_set(
				err, ERR_HOST,
				"qemu.probe.commands.%s: expected a reply with a member return; " REBUILD,
				name);
	}
	if (!json_is_array(schema) || json_array_size(schema) == 0)
		return err_set(
			err, ERR_HOST,
			"qemu.schema: expected a list that is not empty; " REBUILD);
	m->probe = json_incref(probe);
	if (machines && !json_is_object(machines))
		return err_set(err, ERR_HOST,
			       "qemu.machines: expected an object; " REBUILD);
	if (memory && (!json_is_integer(memory) || json_integer_value(memory) <= 0 ||
		       json_integer_value(memory) > MANIFEST_MEMORY_MAX_MB))
		return err_set(err, ERR_HOST,
			       "qemu.memory_mb: expected a number of MiB; " REBUILD);
	m->memory_mb = (unsigned)json_integer_value(memory);
	m->schema = json_incref(schema);
	m->machines = json_incref(machines);
	return 0;
}

static int parse_root(struct manifest *m, json_t *root, struct err *err)
{
	const json_t *version = json_object_get(root, "version");

	if (!json_is_integer(version) || json_integer_value(version) != MANIFEST_VERSION)
		return err_set(
			err, ERR_HOST,
			"version: expected %d, the only one this program reads; " REBUILD,
			MANIFEST_VERSION);
	if (parse_kernels(m, root, err) < 0 ||
	    parse_qemu(m, json_object_get(root, "qemu"), err) < 0)
		return -1;
	return get_bytes(json_object_get(root, "root"), "root", "bytes", &m->root_bytes,
			 err);
}

int manifest_parse(const char *dir, const char *text, size_t len, struct manifest *out,
		   struct err *err)
{
	cleanup_json json_t *root = NULL;
	json_error_t why;

	*out = (struct manifest){.fd = -1};
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!root)
		return err_set(err, ERR_HOST,
			       "%s/" MANIFEST_FILE ": line %d: %s; " REBUILD, dir,
			       why.line, why.text);
	out->dir = xstrdup(dir);
	if (parse_root(out, root, err) < 0) {
		manifest_free(out);
		return err_prefix(err, "%s/" MANIFEST_FILE, dir);
	}
	return 0;
}

int manifest_load(const char *dir, struct manifest *out, struct err *err)
{
	cleanup_free char *path = xasprintf("%s/" MANIFEST_FILE, dir);
	cleanup_free char *text = xalloc_check(malloc(MANIFEST_BYTES_MAX));
	cleanup_fd int folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_file FILE *f = NULL;
	size_t len;
	int fd;

	*out = (struct manifest){.fd = -1};
	fd = folder < 0 ? -1 : openat(folder, MANIFEST_FILE, O_RDONLY | O_CLOEXEC);
	f = fd < 0 ? NULL : xalloc_check(fdopen(fd, "r"));
	if (!f)
		return err_set(err, ERR_HOST,
			       "%s: %s; build the image, or say where it is with "
			       "-stubdom image=DIR",
			       path, strerror(errno));
	len = fread(text, 1, MANIFEST_BYTES_MAX, f);
	if (ferror(f))
		return err_errno(err, ERR_HOST, errno, "%s", path);
	if (len == MANIFEST_BYTES_MAX)
		return err_set(err, ERR_HOST, "%s: %d bytes or more; " REBUILD, path,
			       MANIFEST_BYTES_MAX);
	if (manifest_parse(dir, text, len, out, err) < 0)
		return -1;
	out->fd = folder;
	folder = -1;
	return 0;
}

const struct manifest_kernel *manifest_find_kernel(const struct manifest *manifest,
						   const char *name)
{
	for (size_t i = 0; i < manifest->n_kernels; i++) {
		if (strcmp(manifest->kernels[i].name, name) == 0)
			return &manifest->kernels[i];
	}
	return NULL;
}

void manifest_mark(const struct manifest_kernel *kernel, char mark[MANIFEST_MARK_MAX])
{
	size_t used = 0;

	mark[0] = '\0';
	for (size_t i = 0; i < kernel->n_files && used + 18 < MANIFEST_MARK_MAX; i++)
		used += (size_t)snprintf(mark + used, MANIFEST_MARK_MAX - used, "%s%.16s",
					 i ? "-" : "", kernel->files[i].sha256);
}

void manifest_free(struct manifest *manifest)
{
	for (size_t i = 0; i < manifest->n_kernels; i++) {
		struct manifest_kernel *k = &manifest->kernels[i];

		for (size_t j = 0; j < k->n_ramdisk; j++)
			free(k->ramdisk[j]);
		free(k->ramdisk);
		free(k->name);
		free(k->path);
		free(k->disk);
		free(k->cmdline);
		free(k->files);
	}
	free(manifest->kernels);
	if (manifest->dir && manifest->fd >= 0)
		close(manifest->fd);
	free(manifest->dir);
	free(manifest->qemu_path);
	free(manifest->qemu_version);
	free(manifest->version_text);
	free(manifest->help_text);
	json_decref(manifest->probe);
	json_decref(manifest->schema);
	json_decref(manifest->machines);
	*manifest = (struct manifest){.fd = -1};
}
