/* SPDX-License-Identifier: MIT */
/* dom0's notes on a disk's file, in extended attributes. */
#include "check/mark.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"

enum { DEPTH_MAX = 4, FILES_MAX = 4096 };

/* xl's names for a guest in a migration mean the guest. */
static void plain_name(const char *name, char out[static 256])
{
	static const char *const tails[] = {"--incoming", "--migratedaway"};
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		size_t tail = strlen(tails[i]);

		if (len > tail && strcmp(name + len - tail, tails[i]) == 0)
			len -= tail;
	}
	snprintf(out, 256, "%.*s", (int)(len < 255 ? len : 255), name);
}

static void read_text(int fd, const char *attribute, char *out, size_t size)
{
	ssize_t n = fgetxattr(fd, attribute, out, size - 1);

	out[n > 0 ? n : 0] = '\0';
}

void disk_mark_read(int fd, struct disk_mark *out)
{
	char number[24];

	read_text(fd, DISK_MARK_GUEST, out->guest, sizeof(out->guest));
	read_text(fd, DISK_MARK_BYTES, number, sizeof(number));
	out->bytes = strtoull(number, NULL, 10);
}

int disk_mark_write(int fd, const char *guest, unsigned long long bytes)
{
	char name[256], number[24];

	plain_name(guest, name);
	if (fsetxattr(fd, DISK_MARK_GUEST, name, strlen(name), 0) < 0)
		return -1;
	if (!bytes)
		return 0;
	snprintf(number, sizeof(number), "%llu", bytes);
	if (fsetxattr(fd, DISK_MARK_BYTES, number, strlen(number), XATTR_CREATE) < 0 &&
	    errno != EEXIST)
		return -1;
	return 0;
}

struct search {
	const char *guest;
	struct disk_mark_found *out;
	unsigned files;
};

static void look_at(struct search *search, int dir, const char *where, const char *name)
{
	cleanup_fd int fd = openat(
		dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct disk_mark mark;

	if (fd < 0)
		return;
	disk_mark_read(fd, &mark);
	if (!mark.guest[0] || strcmp(mark.guest, search->guest) == 0)
		return;
	if (search->out->n++ > 0)
		return;
	snprintf(search->out->path, sizeof(search->out->path), "%.250s/%.250s", where,
		 name);
	snprintf(search->out->guest, sizeof(search->out->guest), "%s", mark.guest);
}

static void search_in(struct search *search, int fd, const char *where, int depth)
{
	const struct dirent *entry;
	DIR *dir = fdopendir(fd);

	if (!dir) {
		close(fd);
		return;
	}
	while ((entry = readdir(dir)) && search->files < FILES_MAX) {
		const char *name = entry->d_name;
		struct stat st;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		    fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		search->files++;
		if (S_ISREG(st.st_mode) && (st.st_mode & (S_IWUSR | S_IWGRP | S_IWOTH)))
			look_at(search, dirfd(dir), where, name);
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
			int sub = openat(dirfd(dir), name,
					 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			char path[512];

			snprintf(path, sizeof(path), "%.250s/%.250s", where, name);
			if (sub >= 0)
				search_in(search, sub, path, depth + 1);
		}
	}
	closedir(dir);
}

void disk_mark_find_others(const char *dir, const char *guest,
			   struct disk_mark_found *out)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[256];
	struct search search = {.guest = name, .out = out};

	*out = (struct disk_mark_found){0};
	plain_name(guest, name);
	if (fd >= 0)
		search_in(&search, fd, dir, 0);
}
