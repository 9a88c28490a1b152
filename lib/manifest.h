/* SPDX-License-Identifier: MIT */
/* The image's manifest: its kernels, ramdisks, checksums, and its QEMU's answers. */
#ifndef STUBDOM_MANIFEST_H
#define STUBDOM_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define MANIFEST_VERSION 1
#define MANIFEST_FILE "manifest.json"
/*
 * The number of what launcher, nub and agent say to each other in a replacement (abi/boot.h).
 * image/stubimage/build.py has it, too.  A launcher is as old as its guest's start; the
 * image that it is to take may be newer.
 */
#define MANIFEST_REPLACE 2

enum { MANIFEST_RAMDISKS_MAX = 64, MANIFEST_FILES_MAX = MANIFEST_RAMDISKS_MAX + 2 };

struct manifest_file {
	char *path;	  /* absolute, for messages; of another member */
	const char *name; /* its last part, in the image's folder */
	unsigned long long bytes;
	char sha256[65]; /* 64 hexadecimal digits, or "" if the manifest has no such */
};

struct manifest_kernel {
	char *name;	/* "linux", "nub" */
	char *path;	/* absolute */
	char **ramdisk; /* absolute paths, in order, NULL-terminated */
	size_t n_ramdisk;
	unsigned long long ramdisk_bytes; /* of all of them together */
	char *disk; /* absolute path of the root's disk; NULL: the root is in the ramdisk */
	char *cmdline;
	/* With its agent it can take a guest over, and leave one, in our way. */
	bool replace;
	/* The kernel's, its ramdisks', the disk's, in order. */
	struct manifest_file *files;
	size_t n_files; /* MANIFEST_FILES_MAX at most */
};

/* Owns everything it points to; manifest_free releases it. */
struct manifest {
	char *dir;
	int fd; /* of manifest_load: the image's folder, O_PATH; else -1 */
	struct manifest_kernel *kernels;
	size_t n_kernels;
	char *qemu_path; /* in the image */
	char *qemu_version;
	char *version_text; /* its output for -version */
	char *help_text;    /* its output for -help */
	json_t *probe;	    /* { greeting, commands: { name: reply } } */
	json_t *schema;	    /* of its answers and events: an array of SchemaInfo */
	json_t *machines;   /* { name or alias: name }; NULL: it is not said */
	unsigned long long root_bytes;
	unsigned memory_mb; /* that nub and QEMU need; 0: as the distribution's */
};

/*
 * Reads DIR/manifest.json.  The folder stays open: its files belong to this manifest,
 * although another image may be put in its place.  ERR_HOST: not there, damaged, or of
 * another version; the message names the member and says how to rebuild the image.
 */
int manifest_load(const char *dir, struct manifest *out, struct err *err);

/* The same from text; paths are made absolute with dir. */
int manifest_parse(const char *dir, const char *text, size_t len, struct manifest *out,
		   struct err *err);

/* NULL: the image has no such kernel. */
const struct manifest_kernel *manifest_find_kernel(const struct manifest *manifest,
						   const char *name);

/* Room for the mark of a kernel with so many files. */
#define MANIFEST_MARK_MAX 256

/*
 * A short text that differs for two images whose kernels or ramdisks differ: the first
 * digits of each file's SHA-256.
 */
void manifest_mark(const struct manifest_kernel *kernel, char mark[MANIFEST_MARK_MAX]);

void manifest_free(struct manifest *manifest);

#endif
