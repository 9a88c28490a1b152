/* SPDX-License-Identifier: MIT */
/* The installed image: its manifest, and whether it is whole and up to date. */
#include "image.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "image_check.h"
#include "manifest.h"
#include "plan/deprecation.h"
#include "trusted_path.h"

enum { OUTPUT_MAX = 64 << 20 };

#define MAKE "make the image with 'stubdom image build'"

int image_open(const char *dir, struct err *err)
{
	int folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0)
		err_set(err, ERR_HOST, "%s: %s; " MAKE, dir, strerror(errno));
	return folder;
}

json_t *image_load(const char *dir, struct err *err)
{
	cleanup_fd int folder = image_open(dir, err);

	return folder < 0 ? NULL : image_load_at(folder, dir, err);
}

json_t *image_load_at(int folder, const char *dir, struct err *err)
{
	cleanup_fd int fd = openat(folder, MANIFEST_FILE, O_RDONLY | O_CLOEXEC);
	cleanup_free char *path = NULL;
	cleanup_file FILE *f = NULL;
	json_error_t why = {.text = "no memory"};
	json_t *manifest;
	json_t *version;

	if (asprintf(&path, "%s/" MANIFEST_FILE, dir) < 0) {
		path = NULL;
		err_set(err, ERR_HOST, "out of memory");
		return NULL;
	}
	if (fd < 0) {
		err_set(err, ERR_HOST, "%s: %s; " MAKE, path, strerror(errno));
		return NULL;
	}
	f = fdopen(fd, "r");
	if (f)
		fd = -1;
	/* Not json_loadfd: it reads byte by byte. */
	manifest = f ? json_loadf(f, JSON_REJECT_DUPLICATES, &why) : NULL;
	if (!manifest) {
		err_set(err, ERR_HOST, "%s: line %d: %s; " MAKE, path, why.line,
			why.text);
		return NULL;
	}
	version = json_object_get(manifest, "version");
	if (json_is_integer(version) && json_integer_value(version) == MANIFEST_VERSION)
		return manifest;
	json_decref(manifest);
	err_set(err, ERR_HOST,
		"%s: not of version %d; make the image anew with 'stubdom image build'",
		path, MANIFEST_VERSION);
	return NULL;
}

static int add_problem(struct image_problems *problems, struct err *err, const char *fmt,
		       ...) __attribute__((format(printf, 3, 4)));

static int add_problem(struct image_problems *problems, struct err *err, const char *fmt,
		       ...)
{
	char **lines = reallocarray(problems->lines, problems->n + 1, sizeof(*lines));
	va_list ap;
	int n;

	if (!lines)
		return err_set(err, ERR_HOST, "out of memory");
	problems->lines = lines;
	va_start(ap, fmt);
	n = vasprintf(&lines[problems->n], fmt, ap);
	va_end(ap);
	if (n < 0)
		return err_set(err, ERR_HOST, "out of memory");
	problems->n++;
	return 0;
}

/* The content, and who could change it. */
static int check_deeply(int fd, const char *path, const char *want,
			struct image_problems *problems, struct err *err)
{
	struct err why;
	char sum[65];

	if (trusted_path_check_open(fd, path, &why) < 0 &&
	    add_problem(problems, err, "%s", why.msg) < 0)
		return -1;
	if (image_sum_up(fd, path, sum, &why) < 0)
		return add_problem(problems, err, "%s", why.msg);
	if (strcmp(sum, want) == 0)
		return 0;
	return add_problem(problems, err, "%s: not the content that the manifest says",
			   path);
}

/* The open folder, and its name. */
struct place {
	int folder;
	const char *dir;
};

static int check_file(struct place place, const char *name, const json_t *entry, int deep,
		      struct image_problems *problems, struct err *err)
{
	const char *sum = json_string_value(json_object_get(entry, "sha256"));
	json_int_t bytes = json_integer_value(json_object_get(entry, "bytes"));
	cleanup_free char *path = NULL;
	cleanup_fd int fd = -1;
	struct stat st;

	if (strchr(name, '/') || *name == '.' || !sum || strlen(sum) != 64)
		return add_problem(problems, err, "%s: a bad entry in the manifest",
				   name);
	if (asprintf(&path, "%s/%s", place.dir, name) < 0) {
		path = NULL;
		return err_set(err, ERR_HOST, "out of memory");
	}
	fd = openat(place.folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return add_problem(problems, err, "%s: %s", path, strerror(errno));
	if (st.st_size != bytes)
		return add_problem(problems, err,
				   "%s: %lld bytes, the manifest says %lld", path,
				   (long long)st.st_size, (long long)bytes);
	return deep ? check_deeply(fd, path, sum, problems, err) : 0;
}

int image_check_files(const json_t *manifest, int folder, const char *dir, int deep,
		      struct image_problems *problems, struct err *err)
{
	struct place place = {folder, dir};
	json_t *files = json_object_get(manifest, "files");
	const char *name;
	struct err why;
	json_t *entry;

	*problems = (struct image_problems){0};
	if (json_object_size(files) == 0)
		return add_problem(problems, err, "the manifest names no files");
	if (deep && image_check_owner(dir, &why) < 0 &&
	    add_problem(problems, err, "%s", why.msg) < 0)
		return -1;
	json_object_foreach(files, name, entry)
		if (check_file(place, name, entry, deep, problems, err) < 0)
			return -1;
	return 0;
}

struct package {
	char status[32]; /* "installed", "config-files", ... */
	char name[128];
	char version[128];
	char arch[32];
};

/* The next line's package; NULL at the end, else where to go on. */
static const char *next_package(const char *at, struct package *out)
{
	while (*at) {
		int n = sscanf(at, "%31s %127s %127s %31s", out->status, out->name,
			       out->version, out->arch);

		at += strcspn(at, "\n");
		at += *at == '\n';
		if (n == 4 && strcmp(out->status, "installed") == 0)
			return at;
	}
	return NULL;
}

/* Whether it is installed as it is; `other` is another version that is, or "". */
static int find_package(const char *installed, const char *name, const char *version,
			const char *arch, char *other, size_t size)
{
	struct package p;

	*other = '\0';
	while ((installed = next_package(installed, &p))) {
		if (strcmp(p.name, name) != 0 || (arch && strcmp(p.arch, arch) != 0))
			continue;
		if (strcmp(p.version, version) == 0)
			return 1;
		snprintf(other, size, "%s", p.version);
	}
	return 0;
}

/* A kernel is upgraded by a package of another name: linux-image-RELEASE. */
static int check_newer_kernel(const char *installed, const char *name,
			      struct image_problems *problems, struct err *err)
{
	static const char prefix[] = "linux-image-";
	static const char suffix[] = "-amd64";
	const size_t skip = sizeof(prefix) - 1;
	struct package p;

	if (strncmp(name, prefix, skip) != 0)
		return 0;
	while ((installed = next_package(installed, &p))) {
		size_t len = strlen(p.name);

		if (strncmp(p.name, prefix, skip) == 0 &&
		    isdigit((unsigned char)p.name[skip]) && len > sizeof(suffix) &&
		    strcmp(p.name + len - (sizeof(suffix) - 1), suffix) == 0 &&
		    version_compare(p.name + skip, name + skip) > 0)
			return add_problem(problems, err,
					   "%s is installed, the image has %s", p.name,
					   name);
	}
	return 0;
}

int image_compare_packages(const json_t *manifest, const char *installed,
			   struct image_problems *problems, struct err *err)
{
	json_t *packages = json_object_get(manifest, "packages");
	json_t *package;
	size_t i;

	*problems = (struct image_problems){0};
	json_array_foreach(packages, i, package) {
		const char *name = json_string_value(json_object_get(package, "name"));
		const char *version =
			json_string_value(json_object_get(package, "version"));
		const char *arch = json_string_value(json_object_get(package, "arch"));
		char other[128];
		int rc = 0;

		if (!name || !version)
			rc = add_problem(problems, err, "a bad entry in the manifest");
		else if (find_package(installed, name, version, arch, other,
				      sizeof(other)))
			rc = check_newer_kernel(installed, name, problems, err);
		else if (*other)
			rc = add_problem(problems, err,
					 "%s: %s is installed, the image has %s", name,
					 other, version);
		else
			rc = add_problem(problems, err,
					 "%s: not installed any more, the image has %s",
					 name, version);
		if (rc < 0)
			return -1;
	}
	return 0;
}

int image_check_packages(const json_t *manifest, struct image_problems *problems,
			 struct err *err)
{
	char *argv[] = {(char *)"dpkg-query", (char *)"-W",
			(char *)"-f=${db:Status-Status} ${Package} ${Version} "
				"${Architecture}\\n",
			NULL};
	cleanup_free char *installed = NULL;
	int status;

	*problems = (struct image_problems){0};
	status = child_output(argv, OUTPUT_MAX, 1, &installed, err);
	if (status < 0)
		return -1;
	if (status > 0)
		return err_set(err, ERR_HOST, "dpkg-query failed (exit status %d)",
			       status);
	return image_compare_packages(manifest, installed, problems, err);
}

void image_problems_free(struct image_problems *problems)
{
	for (size_t i = 0; i < problems->n; i++)
		free(problems->lines[i]);
	free(problems->lines);
	*problems = (struct image_problems){0};
}
