/* SPDX-License-Identifier: MIT */
/* Writes cpio archives in the "newc" form that kernels read as initramfs. */
#include "cpio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

enum {
	BLOCK = 512,
	PAGE = 4096,
	HEADER = 110,
	COPY_CHUNK = 1 << 20,
	NAME_MAX_BYTES = 255,
	NAME_FIELD_MAX = 4096, /* PATH_MAX */
};

static int write_all(int fd, const void *data, size_t len, struct err *err)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, ERR_HOST, errno, "writing the ramdisk");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int put(struct cpio *cpio, const void *data, size_t len, struct err *err)
{
	if (write_all(cpio->fd, data, len, err) < 0)
		return -1;
	cpio->offset += len;
	return 0;
}

static int put_zeros(struct cpio *cpio, size_t n, struct err *err)
{
	static const char zeros[PAGE];

	return n ? put(cpio, zeros, n, err) : 0;
}

static int pad(struct cpio *cpio, unsigned to, struct err *err)
{
	size_t over = cpio->offset % to;

	return put_zeros(cpio, over ? to - over : 0, err);
}

static bool name_safe(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= NAME_MAX_BYTES && name[0] != '/' && !strstr(name, "..");
}

/* name_size: of the name's field, which may have more than one NUL at its end. */
static int entry(struct cpio *cpio, const char *name, size_t name_size, unsigned mode,
		 uint64_t size, struct err *err)
{
	char text[111];

	/* The size field has 8 hexadecimal digits. */
	if (size > UINT32_MAX)
		return err_set(err, ERR_HOST, "%s: over 4 GiB, too large for a ramdisk",
			       name);
	cpio->inode++;
	/* magic ino mode uid gid nlink mtime filesize dev(2) rdev(2) namesize check */
	snprintf(text, sizeof(text),
		 "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		 cpio->inode, mode, 0u, 0u, S_ISDIR(mode) ? 2u : 1u, 0u, (unsigned)size,
		 0u, 0u, 0u, 0u, (unsigned)name_size, 0u);
	if (put(cpio, text, HEADER, err) < 0 ||
	    put(cpio, name, strlen(name) + 1, err) < 0 ||
	    put_zeros(cpio, name_size - strlen(name) - 1, err) < 0)
		return -1;
	return pad(cpio, 4, err);
}

static int header(struct cpio *cpio, const char *name, unsigned mode, uint64_t size,
		  struct err *err)
{
	return entry(cpio, name, strlen(name) + 1, mode, size, err);
}

/* The size of a name's field that puts the data behind it on a page. */
static size_t aligned_name_size(const struct cpio *cpio, const char *name)
{
	size_t least = strlen(name) + 1;

	return least + -(cpio->offset + HEADER + least) % PAGE;
}

/*
 * A file whose data begin on a page is used by nub where it is, and need not be copied.
 * Linux skips what has a name field of more than PATH_MAX.
 */
static int page_header(struct cpio *cpio, const char *name, unsigned mode, uint64_t size,
		       struct err *err)
{
	if (size < PAGE)
		return header(cpio, name, mode, size, err);
	if (aligned_name_size(cpio, name) > NAME_FIELD_MAX &&
	    entry(cpio, ".", PAGE / 2 + 2, S_IFDIR | 0755, 0, err) < 0)
		return -1;
	return entry(cpio, name, aligned_name_size(cpio, name), mode, size, err);
}

void cpio_begin(struct cpio *cpio, int fd)
{
	*cpio = (struct cpio){.fd = fd};
}

int cpio_add_dir(struct cpio *cpio, const char *name, unsigned mode, struct err *err)
{
	if (!name_safe(name))
		return err_set(err, ERR_HOST, "'%s': not a name for a ramdisk", name);
	return header(cpio, name, S_IFDIR | (mode & 07777), 0, err);
}

int cpio_add_bytes(struct cpio *cpio, const char *name, unsigned mode, const void *data,
		   size_t len, struct err *err)
{
	if (!name_safe(name))
		return err_set(err, ERR_HOST, "'%s': not a name for a ramdisk", name);
	if (header(cpio, name, S_IFREG | (mode & 07777), len, err) < 0 ||
	    put(cpio, data, len, err) < 0)
		return -1;
	return pad(cpio, 4, err);
}

static int copy_fd(int to, int from, const char *source, uint64_t *bytes, struct err *err)
{
	cleanup_free char *chunk = malloc(COPY_CHUNK);

	if (!chunk)
		return err_set(err, ERR_HOST, "out of memory");
	for (;;) {
		ssize_t n = read(from, chunk, COPY_CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, ERR_HOST, errno, "%s", source);
		if (n == 0)
			return 0;
		if (write_all(to, chunk, (size_t)n, err) < 0)
			return -1;
		*bytes += (uint64_t)n;
	}
}

int cpio_copy_file(int fd, int from, const char *source, uint64_t *bytes, struct err *err)
{
	if (lseek(from, 0, SEEK_SET) < 0)
		return err_errno(err, ERR_HOST, errno, "%s", source);
	return copy_fd(fd, from, source, bytes, err);
}

int cpio_add_file(struct cpio *cpio, const char *name, unsigned mode, const char *source,
		  struct err *err)
{
	cleanup_fd int from = open(source, O_RDONLY | O_CLOEXEC);
	uint64_t bytes = 0;
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return err_errno(err, ERR_HOST, errno, "%s", source);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_HOST, "%s: not a regular file", source);
	if (!name_safe(name))
		return err_set(err, ERR_HOST, "'%s': not a name for a ramdisk", name);
	if (page_header(cpio, name, S_IFREG | (mode & 07777), (uint64_t)st.st_size, err) <
		    0 ||
	    copy_fd(cpio->fd, from, source, &bytes, err) < 0)
		return -1;
	cpio->offset += bytes;
	if (bytes != (uint64_t)st.st_size)
		return err_set(err, ERR_HOST, "%s: changed its size while it was read",
			       source);
	return pad(cpio, 4, err);
}

int cpio_end(struct cpio *cpio, struct err *err)
{
	if (header(cpio, "TRAILER!!!", 0, 0, err) < 0)
		return -1;
	return pad(cpio, BLOCK, err);
}
