/* SPDX-License-Identifier: MIT */
/* /proc and /sys: the nodes that the programs open, made when they are looked at. */
#include "proc.h"

#include <nub/errno.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/smp.h>
#include <nub/string.h>
#include <nub/vfs.h>

/* --- files of text, generated at open --- */

struct proc_node {
	proc_generator gen;
	proc_setter set;
	int pid; /* a thread's; 0: not of a process */
};

static ssize_t text_read(struct file *f, struct uio *u, u64 *pos)
{
	struct text *t = f->priv;
	size_t n, k;

	if (*pos >= t->used)
		return 0;
	n = MIN(t->used - *pos, u->left);
	k = uio_put(u, t->buf + *pos, n);
	*pos += k;
	return k || !n ? (ssize_t)k : -EFAULT;
}

static ssize_t text_write(struct file *f, struct uio *u, u64 *pos)
{
	struct proc_node *n = f->inode->priv;
	struct process *p = n->pid ? process_of(n->pid) : NULL;
	char value[32] = "";
	size_t size = u->left;
	int err;

	if (!n->set)
		return -EINVAL;
	if (!p)
		return -ESRCH;
	if (uio_get(u, value, MIN(size, sizeof(value) - 1)) <
	    MIN(size, sizeof(value) - 1))
		return -EFAULT;
	err = n->set(p, thread_find(n->pid), value);
	return err ? err : (ssize_t)size;
}

static void text_release(struct file *f)
{
	struct text *t = f->priv;

	kfree(t->buf);
	kfree(t);
}

static const struct file_ops text_ops = {
	.read = text_read,
	.write = text_write,
	.release = text_release,
	.seekable = true,
};

static int text_open(struct inode *ino, struct file *f)
{
	struct proc_node *n = ino->priv;
	struct process *p = n->pid ? process_of(n->pid) : NULL;
	struct text *t;

	if (n->pid && !p)
		return -ESRCH;
	t = kzalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	n->gen(t, p, n->pid ? thread_find(n->pid) : NULL);
	f->ops = &text_ops;
	f->priv = t;
	return 0;
}

static void node_release(struct inode *ino)
{
	kfree(ino->priv);
}

static const struct inode_ops text_inode_ops = {.open = text_open,
						.release = node_release};

/* --- links --- */

static ssize_t put_path(struct dent *d, char *buf, size_t size)
{
	int n = dent_path(d, buf, size);

	if (n < 0)
		return n;
	if (!d->linked && d != root_dent && (size_t)n + 10 < size) {
		memcpy(buf + n, " (deleted)", 11);
		n += 10;
	}
	return n;
}

enum link_kind { LINK_EXE, LINK_CWD, LINK_ROOT, LINK_FD, LINK_SELF };

struct link_node {
	enum link_kind kind;
	int pid, fd;
};

static struct fdtable *files_of(const struct process *p)
{
	if (!p || list_empty(&p->threads))
		return NULL;
	return list_first(&p->threads, struct thread, link)->files;
}

static struct file *link_file(const struct link_node *l)
{
	struct fdtable *files = files_of(process_of(l->pid));

	return files ? fd_get_in(files, l->fd) : NULL;
}

static struct dent *link_dent(const struct link_node *l)
{
	struct process *p = process_of(l->pid);
	struct file *f;
	struct dent *d;

	switch (l->kind) {
	case LINK_EXE:
		d = p ? p->exe : NULL;
		break;
	case LINK_CWD:
		d = p && p->fs ? p->fs->cwd : NULL;
		break;
	case LINK_FD:
		f = link_file(l);
		d = f && f->dent ? dent_get(f->dent) : NULL;
		if (f)
			file_put(f);
		return d;
	default:
		d = root_dent;
		break;
	}
	return d ? dent_get(d) : NULL;
}

static ssize_t link_readlink(struct inode *ino, char *buf, size_t size)
{
	struct link_node *l = ino->priv;
	struct dent *d;
	struct file *f;
	ssize_t n = -ENOENT;

	if (l->kind == LINK_SELF)
		return snprintf(buf, size, "%d", current->proc->pid);
	d = link_dent(l);
	if (d) {
		n = put_path(d, buf, size);
		dent_put(d);
		return n;
	}
	f = l->kind == LINK_FD ? link_file(l) : NULL;
	if (f) {
		u32 mode = f->inode ? f->inode->mode & S_IFMT : 0;

		n = snprintf(buf, size,
			     mode == S_IFIFO	? "pipe:[%lu]"
			     : mode == S_IFSOCK ? "socket:[%lu]"
						: "anon_inode:[%lu]",
			     f->inode ? f->inode->ino : 0);
		file_put(f);
	}
	return n;
}

static struct dent *link_follow(struct inode *ino)
{
	struct link_node *l = ino->priv;
	struct dent *d;

	if (l->kind == LINK_SELF) {
		char name[16];
		struct dent *proc = dent_lookup(root_dent, "proc");

		snprintf(name, sizeof(name), "%d", current->proc->pid);
		d = proc ? dent_lookup(proc, name) : NULL;
		if (proc)
			dent_put(proc);
	} else {
		d = link_dent(l);
	}
	return d ? d : ERR_PTR(-ENOENT);
}

static const struct inode_ops link_ops = {
	.readlink = link_readlink,
	.follow = link_follow,
	.release = node_release,
};

/* --- directories --- */

static struct dent *node(struct dent *dir, const char *name, u32 mode,
			 const struct inode_ops *ops, void *priv)
{
	struct inode *ino = priv ? inode_create(mode) : NULL;

	if (!ino) {
		kfree(priv);
		return ERR_PTR(-ENOMEM);
	}
	ino->ops = ops;
	ino->priv = priv;
	return dent_create(dir, name, ino);
}

static struct dent *make_link(struct dent *dir, const char *name, enum link_kind kind,
			      int pid, int fd)
{
	struct link_node *l = kzalloc(sizeof(*l));

	if (l)
		*l = (struct link_node){kind, pid, fd};
	return node(dir, name, S_IFLNK | 0777, &link_ops, l);
}

static struct dent *make_text(struct dent *dir, const struct proc_text *text, int pid)
{
	struct proc_node *n = kzalloc(sizeof(*n));

	if (n)
		*n = (struct proc_node){text->gen, text->set, pid};
	return node(dir, text->name, S_IFREG | 0644, &text_inode_ops, n);
}

static struct dent *make_dir(struct dent *dir, const char *name,
			     const struct inode_ops *ops, int pid)
{
	int *p = kmalloc(sizeof(*p));

	if (p)
		*p = pid;
	return node(dir, name, S_IFDIR | 0555, ops, p);
}

static int dir_pid(struct dent *d)
{
	return *(int *)d->inode->priv;
}

static bool number(const char *s, int *v)
{
	const char *end;
	u64 n = strtou64(s, &end);

	if (*end || end == s || n > 0x7fffffff || *s == '0')
		return *s == '0' && !s[1] ? (*v = 0, true) : false;
	*v = (int)n;
	return true;
}

static struct dent *fd_lookup(struct dent *dir, const char *name)
{
	struct fdtable *files = files_of(process_of(dir_pid(dir)));
	struct file *f;
	int fd;

	if (!files || !number(name, &fd))
		return ERR_PTR(-ENOENT);
	f = fd_get_in(files, fd);
	if (!f)
		return ERR_PTR(-ENOENT);
	file_put(f);
	return make_link(dir, name, LINK_FD, dir_pid(dir), fd);
}

static bool fd_entry(struct dent *dir, unsigned n, char *name, size_t size, u32 *mode)
{
	struct fdtable *files = files_of(process_of(dir_pid(dir)));
	int fd = -1;

	if (!files)
		return false;
	for (unsigned i = 0; i <= n; i++) {
		fd = fd_next(files, fd + 1);
		if (fd < 0)
			return false;
	}
	snprintf(name, size, "%d", fd);
	*mode = S_IFLNK;
	return true;
}

static const struct inode_ops fd_dir_ops = {
	.lookup = fd_lookup,
	.entry = fd_entry,
	.release = node_release,
};

static const struct inode_ops pid_dir_ops;

static struct dent *task_lookup(struct dent *dir, const char *name)
{
	struct thread *t;
	int tid;

	if (!number(name, &tid))
		return ERR_PTR(-ENOENT);
	t = thread_find(tid);
	if (!t || t->proc != process_of(dir_pid(dir)))
		return ERR_PTR(-ENOENT);
	return make_dir(dir, name, &pid_dir_ops, tid);
}

static bool task_entry(struct dent *dir, unsigned n, char *name, size_t size, u32 *mode)
{
	struct process *p = process_of(dir_pid(dir));
	struct thread *t;

	if (!p)
		return false;
	list_for_each(t, &p->threads, link) {
		if (n--)
			continue;
		snprintf(name, size, "%d", t->tid);
		*mode = S_IFDIR;
		return true;
	}
	return false;
}

static const struct inode_ops task_dir_ops = {
	.lookup = task_lookup,
	.entry = task_entry,
	.release = node_release,
};

static struct dent *pid_lookup(struct dent *dir, const char *name)
{
	int pid = dir_pid(dir);

	for (unsigned i = 0; i < PROC_PID_TEXTS; i++)
		if (!strcmp(name, proc_pid_texts[i].name))
			return make_text(dir, &proc_pid_texts[i], pid);
	if (!strcmp(name, "exe"))
		return make_link(dir, name, LINK_EXE, pid, 0);
	if (!strcmp(name, "cwd"))
		return make_link(dir, name, LINK_CWD, pid, 0);
	if (!strcmp(name, "root"))
		return make_link(dir, name, LINK_ROOT, pid, 0);
	if (!strcmp(name, "fd"))
		return make_dir(dir, name, &fd_dir_ops, pid);
	if (!strcmp(name, "task"))
		return make_dir(dir, name, &task_dir_ops, pid);
	return ERR_PTR(-ENOENT);
}

static bool pid_entry(struct dent *dir, unsigned n, char *name, size_t size, u32 *mode)
{
	static const char *const others[] = {"exe", "cwd", "root", "fd", "task"};

	if (n < PROC_PID_TEXTS) {
		strlcpy(name, proc_pid_texts[n].name, size);
		*mode = S_IFREG;
		return true;
	}
	n -= PROC_PID_TEXTS;
	if (n >= ARRAY_SIZE(others))
		return false;
	strlcpy(name, others[n], size);
	*mode = n < 3 ? S_IFLNK : S_IFDIR;
	return true;
}

static const struct inode_ops pid_dir_ops = {
	.lookup = pid_lookup,
	.entry = pid_entry,
	.release = node_release,
};

static struct dent *proc_lookup(struct dent *dir, const char *name)
{
	int pid;

	if (!strcmp(name, "self") || !strcmp(name, "thread-self"))
		return make_link(dir, name, LINK_SELF, 0, 0);
	if (!number(name, &pid) || !process_of(pid))
		return ERR_PTR(-ENOENT);
	return make_dir(dir, name, &pid_dir_ops, pid);
}

static bool proc_entry(struct dent *dir, unsigned n, char *name, size_t size, u32 *mode)
{
	struct process *p;

	list_for_each(p, &process_list, link) {
		if (n--)
			continue;
		snprintf(name, size, "%d", p->pid);
		*mode = S_IFDIR;
		return true;
	}
	return false;
}

static const struct inode_ops proc_dir_ops = {.lookup = proc_lookup, .entry = proc_entry};

void proc_text_add(const char *name, proc_generator gen)
{
	char path[64];
	struct proc_node *n = kzalloc(sizeof(*n));

	if (!n)
		return;
	n->gen = gen;
	snprintf(path, sizeof(path), "/proc/%s", name);
	dent_put(tree_make(path, S_IFREG | 0444, &text_inode_ops, n));
}

void proc_init(void)
{
	dent_put(tree_make("/proc", S_IFDIR | 0555, &proc_dir_ops, NULL));
	for (const struct proc_text *p = proc_system_texts; p->name; p++)
		proc_text_add(p->name, p->gen);
	dent_put(tree_text("/proc/sys/vm/max_map_count", "65530\n"));
	dent_put(tree_text("/proc/sys/vm/overcommit_memory", "1\n"));
	dent_put(tree_text("/proc/sys/vm/mmap_min_addr", "65536\n"));
	dent_put(tree_text("/proc/sys/kernel/pid_max", "32768\n"));
	dent_put(tree_text("/proc/sys/kernel/osrelease", "6.12.0-nub\n"));
	dent_put(tree_text("/proc/sys/kernel/ostype", "Linux\n"));
	dent_put(tree_text("/proc/sys/kernel/ngroups_max", "65536\n"));
	{
		static char online[8]; /* the files' data */

		snprintf(online, sizeof(online), smp_count > 1 ? "0-%u\n" : "%u\n",
			 smp_count - 1);
		dent_put(tree_text("/sys/devices/system/cpu/online", online));
		dent_put(tree_text("/sys/devices/system/cpu/possible", online));
	}
	dent_put(tree_text("/sys/kernel/mm/transparent_hugepage/enabled",
			   "always madvise [never]\n"));
}
