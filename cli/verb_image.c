/* SPDX-License-Identifier: MIT */
/* stubdom image: builds, verifies and shows the stub domains' image. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "image.h"
#include "verb.h"

#define BUILDER LIBEXECDIR "/build-image"

static int build(int argc, char **argv, struct err *err)
{
	cleanup_free char **args = calloc((size_t)argc + 2, sizeof(*args));

	if (!args)
		return err_set(err, ERR_HOST, "out of memory");
	args[0] = (char *)BUILDER;
	memcpy(args + 1, argv, (size_t)argc * sizeof(*args));
	execv(BUILDER, args);
	return err_errno(err, ERR_HOST, errno, BUILDER);
}

/* Prints and counts them. */
static size_t report(struct image_problems *problems)
{
	size_t n = problems->n;

	for (size_t i = 0; i < n; i++)
		puts(problems->lines[i]);
	image_problems_free(problems);
	return n;
}

/* Only such a QEMU says how much memory it needs (lib/manifest.h). */
static bool is_slim(const json_t *manifest)
{
	return json_object_get(json_object_get(manifest, "qemu"), "memory_mb");
}

static int verify(const char *dir, struct err *err)
{
	cleanup_fd int folder = image_open(dir, err);
	cleanup_json json_t *manifest =
		folder < 0 ? NULL : image_load_at(folder, dir, err);
	const bool is_default = strcmp(dir, IMAGEDIR) == 0;
	struct image_problems problems;
	size_t n_files;
	size_t n_packages;

	if (!manifest)
		return -1;
	if (image_check_files(manifest, folder, dir, 1, &problems, err) < 0) {
		image_problems_free(&problems);
		return -1;
	}
	n_files = report(&problems);
	if (image_check_packages(manifest, &problems, err) < 0) {
		image_problems_free(&problems);
		return -1;
	}
	n_packages = report(&problems);
	if (n_files + n_packages > 0)
		return err_set(err, VERB_NO,
			       "%s is %s; 'stubdom image build%s%s%s' remedies", dir,
			       n_files > 0 ? "damaged" : "not up to date",
			       is_slim(manifest) ? " --profile slim" : "",
			       is_default ? "" : " --output ", is_default ? "" : dir);
	printf("%s: as its manifest says, up to date with the installed packages\n", dir);
	return 0;
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "?";
}

static void show(const json_t *manifest, const char *dir)
{
	json_t *qemu = json_object_get(manifest, "qemu");
	json_t *root = json_object_get(manifest, "root");
	const char *name;
	json_t *value;
	size_t i;

	printf("%-10s %s\n%-10s %s (%s)\n%-10s %.1f MB in %lld files\n", "image", dir,
	       "QEMU", text(qemu, "version"), text(qemu, "path"), "root",
	       (double)json_integer_value(json_object_get(root, "bytes")) / 1e6,
	       (long long)json_integer_value(json_object_get(root, "files")));
	json_object_foreach(json_object_get(manifest, "kernels"), name, value)
		printf("%-10s %s: %s, \"%s\"\n", "kernel", name, text(value, "file"),
		       text(value, "cmdline"));
	json_object_foreach(json_object_get(manifest, "files"), name, value)
		printf("%-10s %s, %.1f MB, sha256 %.16s...\n", "file", name,
		       (double)json_integer_value(json_object_get(value, "bytes")) / 1e6,
		       text(value, "sha256"));
	json_array_foreach(json_object_get(manifest, "packages"), i, value)
		printf("%-10s %s %s %s\n", "package", text(value, "name"),
		       text(value, "version"), text(value, "arch"));
}

static int load_and_show(const char *dir, bool as_json, struct err *err)
{
	cleanup_json json_t *manifest = image_load(dir, err);

	if (!manifest)
		return -1;
	if (as_json) {
		json_dumpf(manifest, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		show(manifest, dir);
	}
	return 0;
}

int verb_image(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {{"json", no_argument, NULL, 'j'},
					      {"directory", required_argument, NULL, 'd'},
					      {0}};
	const char *dir = IMAGEDIR;
	bool as_json = false;
	const char *what;
	int c;

	if (argc > 1 && strcmp(argv[1], "build") == 0)
		return build(argc - 2, argv + 2, err);
	while ((c = verb_getopt(argc, argv, "d:", names, err)) != -1) {
		if (c == '?')
			return -1;
		if (c == 'd')
			dir = optarg;
		else
			as_json = true;
	}
	what = optind + 1 == argc ? argv[optind] : "";
	if (strcmp(what, "verify") == 0 && !as_json)
		return verify(dir, err);
	if (strcmp(what, "show") == 0)
		return load_and_show(dir, as_json, err);
	return verb_usage_error(argv[0], err, "expected build, verify or show");
}
