/* SPDX-License-Identifier: MIT */
/* QEMU's locks on disk images. */
#include "domain/disk_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

/*
 * A user of permission n locks byte PERM+n.  To deny n to others, it locks SHARED+n
 * (QEMU, block/file-posix.c).
 */
enum { PERM = 100, SHARED = 200, READ = 0, WRITE = 1, RESIZE = 3 };

static int set(int fd, int byte, short type)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	return fcntl(fd, F_OFD_SETLK, &lock);
}

/* 1: another open file has this byte. */
static int is_taken(int fd, int byte)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return -1;
	return lock.l_type != F_UNLCK;
}

int disk_lock(int fd, bool readonly, struct err *err)
{
	/* A reader leaves others the permission to resize, as QEMU's do. */
	static const int writer[] = {PERM + READ, PERM + WRITE, SHARED + WRITE,
				     SHARED + RESIZE, -1};
	static const int reader[] = {PERM + READ, SHARED + WRITE, -1};
	static const int writer_meets[] = {SHARED + READ, SHARED + WRITE, PERM + WRITE,
					   PERM + RESIZE, -1};
	static const int reader_meets[] = {SHARED + READ, PERM + WRITE, -1};
	const int *mine = readonly ? reader : writer;
	const int *theirs = readonly ? reader_meets : writer_meets;
	int rc = 0;

	/* First lock, then look: of two at once both may fail, never both succeed. */
	for (size_t i = 0; mine[i] >= 0 && rc == 0; i++)
		rc = set(fd, mine[i], F_RDLCK);
	for (size_t i = 0; theirs[i] >= 0 && rc == 0; i++)
		rc = is_taken(fd, theirs[i]);
	if (rc == 0)
		return 0;
	if (rc < 0 && (errno == EAGAIN || errno == EACCES))
		rc = 1; /* locked whole, by some other program's convention */
	if (rc < 0)
		err_errno(err, ERR_HOST, errno, "locking it");
	for (size_t i = 0; mine[i] >= 0; i++)
		set(fd, mine[i], F_UNLCK);
	return rc;
}
