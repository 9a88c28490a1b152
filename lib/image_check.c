/* SPDX-License-Identifier: MIT */
/* Checks that the image is as its builder made it, and root's alone. */
#include "image_check.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/facts.h"
#include "cleanup.h"
#include "log.h"
#include "trusted_path.h"
#include "xalloc.h"

enum { CHUNK = 1 << 18, STAMP_MAX = 160 };

#define REBUILD "make the image anew (stubdom image build)"

int image_check_owner(const char *dir, struct err *err)
{
	cleanup_free char *manifest = xasprintf("%s/" MANIFEST_FILE, dir);

	if (access(manifest, F_OK) < 0)
		return 0; /* manifest_load says what to do */
	if (trusted_path_check(dir, err) < 0 || trusted_path_check(manifest, err) < 0)
		return err_prefix(err, "the image");
	return 0;
}

/* The marks of the file that was summed up: place, size, times. */
static void make_stamp(const struct stat *st, char out[STAMP_MAX])
{
	snprintf(out, STAMP_MAX, "%llu %llu %lld %lld.%09ld %lld.%09ld\n",
		 (unsigned long long)st->st_dev, (unsigned long long)st->st_ino,
		 (long long)st->st_size, (long long)st->st_mtim.tv_sec,
		 st->st_mtim.tv_nsec, (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

static bool was_right(const char *path, const char *stamp)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[STAMP_MAX + 1] = "";
	ssize_t n = fd >= 0 ? read(fd, text, STAMP_MAX) : -1;

	return n > 0 && strcmp(text, stamp) == 0;
}

/* Only a saving: a start that cannot keep it sums up again next time. */
static void keep(const char *dir, const char *path, const char *stamp)
{
	cleanup_free char *made = xasprintf("%s.XXXXXX", path);
	cleanup_fd int fd = -1;

	mkdir(STUBDOM_RUN_DIR, 0700);
	mkdir(dir, 0700);
	fd = mkostemp(made, O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, stamp, strlen(stamp)) != (ssize_t)strlen(stamp) ||
	    rename(made, path) < 0)
		unlink(made);
}

int image_sum_up(int fd, const char *path, char text[65], struct err *err)
{
	cleanup_free uint8_t *chunk = xalloc_check(malloc(CHUNK));
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx sum;
	ssize_t n;

	sha256_init(&sum);
	while ((n = read(fd, chunk, CHUNK)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, ERR_HOST, errno, "%s", path);
		sha256_update(&sum, (size_t)n, chunk);
	}
	sha256_digest(&sum, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return 0;
}

static int check_content(int fd, const struct manifest_file *file, const char *sums,
			 struct err *err)
{
	cleanup_free char *kept = xasprintf("%s/%s", sums, file->sha256);
	char stamp[STAMP_MAX], text[65];
	struct stat st;

	if (trusted_path_check_open(fd, file->path, err) < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return err_errno(err, ERR_HOST, errno, "%s", file->path);
	if (!S_ISREG(st.st_mode) || (unsigned long long)st.st_size != file->bytes)
		return err_set(err, ERR_HOST,
			       "%s: %lld bytes, the manifest says %llu; " REBUILD,
			       file->path, (long long)st.st_size, file->bytes);
	make_stamp(&st, stamp);
	if (file->sha256[0] && was_right(kept, stamp))
		return 0;
	if (image_sum_up(fd, file->path, text, err) < 0)
		return -1;
	if (strcmp(text, file->sha256) != 0)
		return err_set(
			err, ERR_HOST,
			"%s: not the content that the manifest says (sha256); " REBUILD,
			file->path);
	keep(sums, kept, stamp);
	return 0;
}

static int check_files(int folder, const struct manifest_kernel *kernel, const char *sums,
		       struct image_files *out, struct err *err)
{
	if (kernel->n_files > MANIFEST_FILES_MAX)
		return err_set(err, ERR_HOST, "%zu files are too many", kernel->n_files);
	if (trusted_path_check_open(folder, "its folder", err) < 0)
		return -1;
	for (size_t i = 0; i < kernel->n_files; i++) {
		const struct manifest_file *file = &kernel->files[i];
		int fd = openat(folder, file->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

		if (fd < 0)
			return err_set(err, ERR_HOST, "%s: %s; " REBUILD, file->path,
				       strerror(errno));
		out->fd[out->n++] = fd;
		if (check_content(fd, file, sums, err) < 0)
			return -1;
	}
	return 0;
}

int image_check_kernel(int folder, const struct manifest_kernel *kernel, const char *sums,
		       struct image_files *out, struct err *err)
{
	struct image_files files = {0};
	int rc = check_files(folder, kernel, sums, &files, err);

	if (rc == 0 && out)
		*out = files;
	else
		image_files_close(&files);
	return rc == 0 ? 0 : err_prefix(err, "the image");
}

void image_files_close(struct image_files *files)
{
	while (files->n > 0)
		close(files->fd[--files->n]);
}
