/* SPDX-License-Identifier: MIT */
/* Unpacks newc archives (several may follow each other) into the tree. File data stay in
 * the ramdisk; only names and inodes are made. */
#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/ondisk.h>
#include <nub/packed.h>
#include <nub/printk.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/vfs.h>

#define HEADER 110
#define MAX_LINKS 256

enum {
	F_INO,
	F_MODE,
	F_UID,
	F_GID,
	F_NLINK,
	F_MTIME,
	F_SIZE,
	F_DEVMAJ,
	F_DEVMIN,
	F_RMAJ,
	F_RMIN,
	F_NAMELEN,
	F_CHECK,
	F_COUNT
};

static bool parse_hex(const u8 *s, u32 *v)
{
	*v = 0;
	for (int i = 0; i < 8; i++) {
		u8 c = s[i] | 32;

		if (s[i] >= '0' && s[i] <= '9')
			*v = *v << 4 | (u32)(s[i] - '0');
		else if (c >= 'a' && c <= 'f')
			*v = *v << 4 | (u32)(c - 'a' + 10);
		else
			return false;
	}
	return true;
}

/* Hard links: the archive repeats (device, inode); the last repetition has the data. */
static struct {
	u32 ino, dev;
	struct inode *inode; /* counted: a later entry may take its name away */
} links[MAX_LINKS];
static unsigned nlinks;

static struct inode *link_find(const u32 f[F_COUNT])
{
	for (unsigned i = 0; i < nlinks; i++)
		if (links[i].ino == f[F_INO] && links[i].dev == f[F_DEVMIN])
			return links[i].inode;
	return NULL;
}

static void links_forget(void)
{
	while (nlinks)
		inode_put(links[--nlinks].inode);
}

enum kind { PLAIN, PACKED, ON_DISK };

static void file_data(struct inode *ino, const u32 f[F_COUNT], const u8 *data,
		      enum kind kind)
{
	/* Another name of the file may have had data, of another kind. */
	ino->base = NULL;
	ino->stored = ino->packed = 0;
	ino->on_disk = false;
	if (kind == ON_DISK) {
		inode_set_on_disk(ino, (const struct ondisk_extent *)data,
				  f[F_SIZE] / sizeof(struct ondisk_extent), f[F_CHECK]);
		return;
	}
	ino->base = data;
	ino->base_size = ino->size = kind == PACKED ? f[F_CHECK] : f[F_SIZE];
	if (kind == PACKED)
		inode_set_packed(ino, f[F_SIZE], f[F_CHECK]);
}

static void entry_add(const char *name, const u32 f[F_COUNT], const u8 *data,
		      enum kind kind)
{
	char path[PATH_MAX];
	struct inode *ino;
	struct dent *d, *dir;
	char *slash;

	while (*name == '/' || (name[0] == '.' && name[1] == '/'))
		name++;
	if (!*name || !strcmp(name, "."))
		return;
	strlcpy(path, name, sizeof(path));
	if (S_ISDIR(f[F_MODE])) {
		d = tree_make(path, f[F_MODE], NULL, NULL);
		d->inode->mode = f[F_MODE];
		dent_put(d);
		return;
	}
	slash = strrchr(path, '/');
	if (slash)
		*slash = 0;
	dir = slash ? tree_make(path, S_IFDIR | 0755, NULL, NULL) : dent_get(root_dent);
	name = slash ? slash + 1 : path;
	d = dent_lookup(dir, name);
	if (d) {
		dent_unlink(d); /* a later archive replaces */
		dent_put(d);
	}
	ino = f[F_NLINK] > 1 && S_ISREG(f[F_MODE]) ? link_find(f) : NULL;
	if (ino) {
		inode_get(ino)->nlink++;
	} else {
		ino = inode_create(f[F_MODE]);
		if (ino && f[F_NLINK] > 1 && S_ISREG(f[F_MODE]) && nlinks < MAX_LINKS) {
			links[nlinks].ino = f[F_INO];
			links[nlinks].dev = f[F_DEVMIN];
			links[nlinks++].inode = inode_get(ino);
		}
	}
	if (ino) {
		ino->uid = f[F_UID];
		ino->gid = f[F_GID];
		ino->atime = ino->mtime = ino->ctime = (s64)(f[F_MTIME] * NS_PER_SEC);
		if (S_ISLNK(f[F_MODE])) {
			ino->link = kmalloc(f[F_SIZE] + 1UL);
			if (ino->link) {
				memcpy(ino->link, data, f[F_SIZE]);
				ino->link[f[F_SIZE]] = 0;
			}
			ino->size = f[F_SIZE];
		} else if (S_ISREG(f[F_MODE]) && f[F_SIZE]) {
			file_data(ino, f, data, kind);
		}
		ino->rdev = (u64)f[F_RMAJ] << 8 | f[F_RMIN];
	}
	d = dent_create(dir, name, ino);
	if (d) {
		dent_link(d);
		dent_put(d);
	} else {
		printk("cpio: no memory for %s\n", name);
	}
	dent_put(dir);
}

/* By its magic; -1: it has none. */
static int kind_of(const u8 *header)
{
	return !memcmp(header, "070701", 6)	  ? PLAIN
	       : !memcmp(header, PACKED_MAGIC, 6) ? PACKED
	       : !memcmp(header, ONDISK_MAGIC, 6) ? ON_DISK
						  : -1;
}

/* The data are what such an entry can have. */
static bool data_ok(int kind, const u32 f[F_COUNT], const u8 *data)
{
	switch (kind) {
	case PACKED:
		return S_ISREG(f[F_MODE]) && packed_valid(f[F_SIZE], f[F_CHECK]);
	case ON_DISK:
		return S_ISREG(f[F_MODE]) &&
		       ondisk_valid((const struct ondisk_extent *)data, f[F_SIZE],
				    f[F_CHECK]);
	default:
		return true;
	}
}

static void unpack(const u8 *data, size_t size)
{
	u64 pos = 0;

	while (pos + HEADER <= size) {
		u64 name_at, data_at, next;
		u32 f[F_COUNT];
		bool ok = true;
		int kind;

		if (!data[pos]) {
			pos++; /* padding between archives */
			continue;
		}
		kind = kind_of(data + pos);
		if (kind < 0) {
			printk("cpio: bad header at %#lx, the rest is ignored\n", pos);
			return;
		}
		for (int i = 0; i < F_COUNT; i++)
			ok &= parse_hex(data + pos + 6 + i * 8, &f[i]);
		name_at = pos + HEADER;
		data_at = ALIGN_UP(name_at + f[F_NAMELEN], 4UL);
		next = ALIGN_UP(data_at + f[F_SIZE], 4UL);
		if (!ok || !f[F_NAMELEN] || data_at + f[F_SIZE] > size ||
		    !data_ok(kind, f, data + data_at) ||
		    strnlen((const char *)data + name_at, f[F_NAMELEN]) == f[F_NAMELEN]) {
			printk("cpio: damaged entry at %#lx, the rest is ignored\n", pos);
			return;
		}
		pos = next;
		if (!strcmp((const char *)data + name_at, "TRAILER!!!")) {
			links_forget();
			continue;
		}
		if (strnlen((const char *)data + name_at, PATH_MAX) < PATH_MAX)
			entry_add((const char *)data + name_at, f, data + data_at,
				  (enum kind)kind);
	}
}

void cpio_unpack(const u8 *data, size_t size)
{
	unpack(data, size);
	links_forget();
}
