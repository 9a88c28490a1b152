/* SPDX-License-Identifier: MIT */
/* Descriptor tables. */
#include <nub/errno.h>
#include <nub/locks.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/vfs.h>

struct fdtable {
	int refs;
	int room;
	struct file **files;
	u8 *cloexec;
};

struct fdtable *fdtable_create(void)
{
	struct fdtable *t = kzalloc(sizeof(*t));

	if (t)
		t->refs = 1;
	return t;
}

static int grow(struct fdtable *t, int want)
{
	int room = t->room ? t->room : 32;
	struct file **files;
	u8 *cloexec;

	if (want < t->room)
		return 0;
	if (want >= FD_MAX)
		return -EMFILE;
	while (room <= want)
		room *= 2;
	files = kcalloc((size_t)room, sizeof(*files));
	cloexec = kzalloc((size_t)room);
	if (!files || !cloexec) {
		kfree(files);
		kfree(cloexec);
		return -ENOMEM;
	}
	if (t->room) {
		memcpy(files, t->files, (size_t)t->room * sizeof(*files));
		memcpy(cloexec, t->cloexec, (size_t)t->room);
	}
	kfree(t->files);
	kfree(t->cloexec);
	t->files = files;
	t->cloexec = cloexec;
	t->room = room;
	return 0;
}

struct fdtable *fdtable_copy(struct fdtable *from)
{
	struct fdtable *t = fdtable_create();

	if (!t || (from->room && grow(t, from->room - 1))) {
		kfree(t);
		return NULL;
	}
	for (int i = 0; i < from->room; i++) {
		if (!from->files[i])
			continue;
		t->files[i] = file_get(from->files[i]);
		t->cloexec[i] = from->cloexec[i];
	}
	return t;
}

struct fdtable *fdtable_get(struct fdtable *t)
{
	t->refs++;
	return t;
}

/* A process loses its locks of a file with any descriptor of that file. */
static void descriptor_put(struct fdtable *t, struct file *f)
{
	if (f->inode && unlikely(f->inode->locks))
		locks_owner_gone(f->inode, t);
	file_put(f);
}

void fdtable_put(struct fdtable *t)
{
	if (--t->refs)
		return;
	for (int i = 0; i < t->room; i++)
		if (t->files[i])
			descriptor_put(t, t->files[i]);
	kfree(t->files);
	kfree(t->cloexec);
	kfree(t);
}

u64 fdtable_held(const struct fdtable *t)
{
	u64 sum = (u64)t->room * (sizeof(*t->files) + 1);

	for (int i = 0; i < t->room; i++) {
		const struct file *f = t->files[i];

		if (f)
			sum += sizeof(*f) + (f->ops->held ? f->ops->held(f) : 0);
	}
	return sum;
}

int fdtable_unshare(void)
{
	struct fdtable *t = current->files, *own;

	if (t->refs == 1)
		return 0;
	own = fdtable_copy(t);
	if (!own)
		return -ENOMEM;
	fdtable_put(t);
	current->files = own;
	return 0;
}

void fdtable_close_on_exec(void)
{
	struct fdtable *t = current->files;

	for (int i = 0; i < t->room; i++) {
		struct file *f = t->files[i];

		if (!f || !t->cloexec[i])
			continue;
		t->files[i] = NULL;
		descriptor_put(t, f);
	}
}

struct file *fd_get_in(struct fdtable *t, int fd)
{
	if (fd < 0 || fd >= t->room || !t->files[fd])
		return NULL;
	return file_get(t->files[fd]);
}

struct file *fd_get_any(int fd)
{
	return fd_get_in(current->files, fd);
}

struct file *fd_get(int fd)
{
	const struct fdtable *t = current->files;
	struct file *f = (unsigned)fd < (unsigned)t->room ? t->files[fd] : NULL;

	return f && likely(!(f->flags & O_PATH)) ? file_get(f) : NULL;
}

u64 fd_limit(void)
{
	return MIN(process_limit(current->proc, RLIMIT_NOFILE), (u64)FD_MAX);
}

int fd_install_from(struct file *f, int from, bool cloexec)
{
	struct fdtable *t = current->files;
	int fd = from, err;

	while (fd < t->room && t->files[fd])
		fd++;
	err = (u64)fd < fd_limit() ? grow(t, fd) : -EMFILE;
	if (err) {
		file_put(f);
		return err;
	}
	t->files[fd] = f;
	t->cloexec[fd] = cloexec;
	return fd;
}

int fd_close(int fd)
{
	struct fdtable *t = current->files;
	struct file *f;

	if (fd < 0 || fd >= t->room || !t->files[fd])
		return -EBADF;
	f = t->files[fd];
	t->files[fd] = NULL;
	descriptor_put(t, f);
	return 0;
}

int fd_dup_to(int from, int to, bool cloexec)
{
	struct fdtable *t = current->files;
	struct file *f, *old;
	int err;

	if (to < 0 || (u64)to >= fd_limit())
		return -EBADF;
	f = fd_get_any(from);
	if (!f)
		return -EBADF;
	err = grow(t, to);
	if (err) {
		file_put(f);
		return err;
	}
	old = t->files[to];
	t->files[to] = f;
	t->cloexec[to] = cloexec;
	if (old)
		descriptor_put(t, old);
	return to;
}

int fd_get_cloexec(int fd)
{
	return current->files->cloexec[fd];
}

int fd_set_cloexec(int fd, bool on)
{
	current->files->cloexec[fd] = on;
	return 0;
}

int fd_next(struct fdtable *t, int fd)
{
	for (; fd < t->room; fd++)
		if (t->files[fd])
			return fd;
	return -1;
}
