/* SPDX-License-Identifier: MIT */
/* Files: open files and their operations, inodes, the name tree, descriptor tables. */
#ifndef NUB_VFS_H
#define NUB_VFS_H

#include <nub/list.h>
#include <nub/mutex.h>
#include <nub/radix.h>
#include <nub/sched.h>
#include <nub/types.h>
#include <nub/uio.h>

#include <asm/poll.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

struct file;
struct inode;
struct dent;
struct vma;
struct page;
struct process;

/* Operations of an open file. Absent ones give the errno in brackets.
 * Blocking is the operation's own business: it honours O_NONBLOCK in f->flags. */
struct file_ops {
	/* Bytes moved or negative errno. *pos is for seekable files only. [EINVAL] */
	ssize_t (*read)(struct file *f, struct uio *u, u64 *pos);
	ssize_t (*write)(struct file *f, struct uio *u, u64 *pos);
	/* POLL* bits that hold now; *wq gets the queue that is woken when they change,
	 * or stays NULL when they never do. [always readable and writable] */
	unsigned (*poll)(struct file *f, struct waitq **wq);
	long (*ioctl)(struct file *f, unsigned cmd, u64 arg); /* [ENOTTY] */
	/* Sets v->ops, v->priv, v->flags; v->file is counted by the caller. [ENODEV] */
	int (*mmap)(struct file *f, struct vma *v);
	/* fsync, fdatasync. [0 if seekable, else EINVAL] */
	int (*fsync)(struct file *f);
	/* Makes a hole in the content; may sleep. [EINVAL] */
	int (*punch)(struct file *f, u64 off, u64 end);
	/* At the last reference. */
	void (*release)(struct file *f);
	int (*fcntl)(struct file *f, unsigned cmd, u64 arg); /* commands we do not know */
	/* Bytes that the kernel holds for it and that go with its last reference. [0] */
	u64 (*held)(const struct file *f);
	bool seekable;
};

struct file {
	int refs;
	u32 flags; /* O_* */
	const struct file_ops *ops;
	struct inode *inode; /* counted, may be NULL */
	struct dent *dent;   /* counted, may be NULL */
	u64 pos;
	struct mutex pos_lock; /* of regular files: while a call uses pos */
	bool writer;	       /* counted in inode->writers */
	void *priv;
	struct list epitems;	      /* epoll entries that watch this file */
	void (*gone)(struct file *f); /* theirs, at the last reference; NULL: none yet */
};

/* Behaviour of a kind of inode that differs from the plain in-memory tree. */
struct inode_ops {
	/* A dynamic directory: makes an entry (counted) or -ENOENT. */
	struct dent *(*lookup)(struct dent *dir, const char *name);
	/* The n-th dynamic entry's name; false: no more. */
	bool (*entry)(struct dent *dir, unsigned n, char *name, size_t size, u32 *mode);
	/* Text of a dynamic link, -errno or length. */
	ssize_t (*readlink)(struct inode *ino, char *buf, size_t size);
	/* A link that leads straight to an object (/proc/self/fd/N). */
	struct dent *(*follow)(struct inode *ino);
	/* Sets f->ops, f->priv at open. */
	int (*open)(struct inode *ino, struct file *f);
	void (*release)(struct inode *ino);
};

struct inode {
	int refs;
	u32 mode; /* S_IF* and permission bits */
	u32 nlink;
	u32 uid, gid;
	u64 ino;
	u64 rdev;
	u64 size;
	s64 atime, mtime, ctime;     /* real-time ns */
	const struct inode_ops *ops; /* may be NULL */
	void *priv;		     /* of the ops: bound socket, pseudo-file, ... */
	/* Regular files: bytes of the ramdisk that nobody changed yet, and own pages. */
	const u8 *base;
	u64 base_size;	    /* how many of them still hold */
	u64 stored, packed; /* not 0: base is `stored` bytes packed from `packed`
				(packed.h) */
	bool on_disk;	    /* base is NULL, and its bytes are on the root's disk */
	const struct ondisk_extent *extents; /* there (ondisk.h) */
	u32 n_extents;
	struct list reclaim;   /* of packed ones and those on disk: file_reclaim() */
	bool changed;	       /* own pages may differ from base */
	struct lockset *locks; /* NULL: nobody has ever locked it; empty in the end */
	struct mutex lock;     /* while the content or the size is being changed */
	struct radix pages;    /* struct page * */
	u64 npages;
	u32 seals;     /* F_SEAL_*; ~0: sealing not allowed */
	s32 writers;   /* open for writing; below 0: that many run it */
	bool linkable; /* without a name, but link() may give it one (O_TMPFILE) */
	char *link;    /* symbolic links */
};

/* A name in the tree. */
struct dent {
	int refs;
	struct dent *parent;	       /* counted; the root's is itself, uncounted */
	struct inode *inode;	       /* counted */
	struct list children, sibling; /* linked: counted by the parent */
	bool linked;
	u32 hash;
	u64 seq; /* of linking, unique and rising: the position in listings */
	char name[];
};

extern struct dent *root_dent;

/* --- inodes and the tree (fs/tree.c, fs/regular.c) --- */
struct inode *inode_create(u32 mode);
/* Somebody opens it for writing, or runs it; they exclude each other: 0 or -ETXTBSY. */
int inode_writer_get(struct inode *ino);
void inode_writer_put(struct inode *ino);
int inode_runner_get(struct inode *ino);
void inode_runner_put(struct inode *ino);
void inode_put(struct inode *ino);
static inline struct inode *inode_get(struct inode *ino)
{
	ino->refs++;
	return ino;
}
struct dent *dent_create(struct dent *parent, const char *name, struct inode *ino);
static inline struct dent *dent_get(struct dent *d)
{
	d->refs++;
	return d;
}
void dent_put(struct dent *d);
struct dent *dent_lookup(struct dent *dir, const char *name); /* counted, or NULL */
void dent_link(struct dent *d); /* into its parent's children */
void dent_unlink(struct dent *d);
int dent_path(struct dent *d, char *buf, size_t size); /* length or -ENAMETOOLONG */
/*
 * Makes path's directories as needed, and the last component in place of one that is there.
 * A directory that is there stays.  NULL without memory.
 */
struct dent *tree_try(const char *path, u32 mode, const struct inode_ops *ops,
		      void *priv);
/* Boot: the same, and panics without memory. */
struct dent *tree_make(const char *path, u32 mode, const struct inode_ops *ops,
		       void *priv);
/* A small read-only file with fixed text. */
struct dent *tree_text(const char *path, const char *text);

extern const struct file_ops regular_file_ops;
#define FILE_MAX (1UL << 40) /* bytes of a regular file */
/* The page of a regular file, with a reference; allocates holes when asked to. */
int inode_page(struct inode *ino, u64 index, bool alloc, bool write, struct page **out);
/* May sleep: takes the inode's lock. */
int inode_truncate(struct inode *ino, u64 size);
/* fallocate(2) without the checks of its arguments: `mode` is FALLOC_FL_KEEP_SIZE, 0, or
 * PUNCH_HOLE with KEEP_SIZE. */
int inode_allocate(struct inode *ino, int mode, u64 off, u64 end);
/* Boot: the inode's base is packed (packed.h). */
void inode_set_packed(struct inode *ino, u64 stored, u64 size);
/* Boot: the inode's bytes are on the root's disk (ondisk.h). */
void inode_set_on_disk(struct inode *ino, const struct ondisk_extent *extents, u32 n,
		       u64 size);
/* Packed ones and those on the root's disk, by inode.reclaim, in the archive's order. */
extern struct list file_renewables;
/* The pages that can be dropped, since their bytes can be had again. */
u64 file_renewable(void);
/* For mm_init: drops them, if they are worth it. */
bool file_reclaim(void);
/* flags: MFD_*. */
struct file *memfd_create_file(const char *name, unsigned flags);
/* Behind shared anonymous memory. */
struct file *memory_file(u64 size);

/* --- paths (fs/path.c) --- */
#define LOOKUP_NOFOLLOW 1u /* the last component's link is not followed */
#define LOOKUP_PARENT 2u   /* stop at the parent; the last name goes to `last` */
#define NAME_MAX 255
#define PATH_MAX 4096
/* dir NULL: the working directory. Counted result or ERR_PTR. */
struct dent *path_lookup(struct dent *dir, const char *path, unsigned flags,
			 char last[NAME_MAX + 1]);
/* Resolves dirfd and a user path; empty_ok: "" means dirfd itself (AT_EMPTY_PATH). */
struct dent *path_lookup_at(int dirfd, const char __user *upath, unsigned flags,
			    char last[NAME_MAX + 1], bool empty_ok);
/* One that will be in `dir`: umask, and the group of a set-group-ID directory. */
struct inode *inode_create_in(const struct dent *dir, u32 mode);
struct file *file_open(struct dent *start, const char *path, unsigned flags, u32 mode);
/* O_TMPFILE: a new file of the directory `path` that has no name yet. */
struct file *file_open_nameless(struct dent *start, const char *path, unsigned flags,
				u32 mode);
struct file *dent_open(struct dent *d, unsigned flags);

/* --- open files (fs/file.c) --- */
struct file *file_create(const struct file_ops *ops, unsigned flags, void *priv);
static inline struct file *file_get(struct file *f)
{
	f->refs++;
	return f;
}
void file_put(struct file *f);
static inline bool file_is_regular(const struct file *f)
{
	return f->inode && (f->inode->mode & 0170000) == 0100000; /* S_ISREG */
}
static inline bool file_readable(const struct file *f)
{
	return (f->flags & O_ACCMODE) != O_WRONLY;
}
static inline bool file_writable(const struct file *f)
{
	return (f->flags & O_ACCMODE) != O_RDONLY;
}
unsigned file_poll(struct file *f, struct waitq **wq);
ssize_t file_read(struct file *f, struct uio *u, u64 *pos);
ssize_t file_write(struct file *f, struct uio *u, u64 *pos);

/* --- descriptors (fs/fdtable.c) --- */
struct fdtable;
struct fdtable *fdtable_create(void);
struct fdtable *fdtable_copy(struct fdtable *t);
struct fdtable *fdtable_get(struct fdtable *t);
void fdtable_put(struct fdtable *t);
/* Bytes that the kernel holds for the file behind it (file_ops.held). */
u64 fdtable_held(const struct fdtable *t);
/* The current thread gets a table of its own: 0 or -ENOMEM. */
int fdtable_unshare(void);
void fdtable_close_on_exec(void);
/* Counted; NULL if it is closed or only names its file (O_PATH). */
struct file *fd_get(int fd);
/* The same with O_PATH: for the calls that need no more than the name. */
struct file *fd_get_any(int fd);
struct file *fd_get_in(struct fdtable *t, int fd);
/* Lowest free descriptor >= from now names f (takes the reference, also on failure). */
int fd_install_from(struct file *f, int from, bool cloexec);
static inline int fd_install(struct file *f, bool cloexec)
{
	return fd_install_from(f, 0, cloexec);
}
int fd_close(int fd);
int fd_dup_to(int from, int to, bool cloexec);
int fd_get_cloexec(int fd);
int fd_set_cloexec(int fd, bool on);
/* Next open descriptor >= fd, -1: none. */
int fd_next(struct fdtable *t, int fd);
#define FD_MAX 4096
/* One above the highest descriptor that may be made now. */
u64 fd_limit(void);

/* --- character devices --- */
/* Adds /dev/<name> (name may hold '/'); open sets f->ops and f->priv. */
int chrdev_register(const char *name, unsigned major, unsigned minor,
		    int (*open)(struct inode *ino, struct file *f));

void vfs_init(void);
void cpio_unpack(const u8 *data, size_t size);
void dev_init(void);

#endif
