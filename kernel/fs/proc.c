/* SPDX-License-Identifier: MIT */
/* /proc and /sys: the nodes that the programs open, made when they are looked at. */
#include <arch/cpu.h>
#include <nub/clock.h>
#include <nub/cmdline.h>
#include <nub/errno.h>
#include <nub/mm.h>
#include <nub/page.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/vfs.h>

#include <stdarg.h>

struct text {
	char *buf;
	size_t used, room;
};

static void emit(struct text *t, const char *fmt, ...) __printf(2, 3);
static void emit(struct text *t, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = MIN((size_t)vsnprintf(line, sizeof(line), fmt, ap), sizeof(line) - 1);
	va_end(ap);
	if (t->used + n > t->room) {
		size_t room = MAX(t->room * 2, 1024UL);
		char *b = krealloc(t->buf, t->used, room);

		if (!b)
			return;
		t->buf = b;
		t->room = room;
	}
	memcpy(t->buf + t->used, line, n);
	t->used += n;
}

typedef void (*generator)(struct text *t, struct process *p);

/* --- files of text, generated at open --- */

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
	(void)f, (void)pos;
	return (ssize_t)u->left; /* settings that have no meaning here */
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

struct proc_node {
	generator gen;
	int pid; /* 0: not of a process */
};

static int text_open(struct inode *ino, struct file *f)
{
	struct proc_node *n = ino->priv;
	struct process *p = n->pid ? process_find(n->pid) : NULL;
	struct text *t;

	if (n->pid && (!p || !p->mm))
		return -ESRCH;
	t = kzalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	n->gen(t, p);
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

/* --- generators --- */

static void gen_meminfo(struct text *t, struct process *p)
{
	struct page_stats *s = &page_stats;

	(void)p;
	emit(t,
	     "MemTotal:       %8lu kB\nMemFree:        %8lu kB\nMemAvailable:   %8lu "
	     "kB\n",
	     s->total * 4, s->free * 4, s->free * 4);
	emit(t,
	     "Buffers:        %8u kB\nCached:         %8lu kB\nSwapTotal:      %8u kB\n"
	     "SwapFree:       %8u kB\nAnonPages:      %8lu kB\nSlab:           %8lu kB\n"
	     "PageTables:     %8lu kB\nHugePages_Total:       0\nHugepagesize:       "
	     "2048 kB\n",
	     0, s->cache * 4, 0, 0, s->anon * 4, s->slab * 4, s->tables * 4);
}

static void gen_cpuinfo(struct text *t, struct process *p)
{
	u32 r[4];

	(void)p;
	cpuid(1, 0, r);
	emit(t,
	     "processor\t: 0\nvendor_id\t: nub\ncpu family\t: %u\nmodel\t\t: %u\n"
	     "model name\t: virtual CPU\nflags\t\t: fpu tsc cx8 cmov mmx fxsr sse "
	     "sse2%s\n\n",
	     r[0] >> 8 & 15, r[0] >> 4 & 15, cpu.xsave ? " xsave" : "");
}

static void gen_uptime(struct text *t, struct process *p)
{
	u64 cs = clock_now() / 10000000;

	(void)p;
	emit(t, "%lu.%02lu 0.00\n", cs / 100, cs % 100);
}

static void gen_loadavg(struct text *t, struct process *p)
{
	(void)p;
	emit(t, "0.00 0.00 0.00 1/1 1\n");
}

static void gen_stat(struct text *t, struct process *p)
{
	(void)p;
	emit(t, "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\nbtime %lu\n",
	     (clock_real() - clock_now()) / NS_PER_SEC);
}

static void gen_cmdline(struct text *t, struct process *p)
{
	(void)p;
	emit(t, "%s\n", cmdline_get());
}

static void gen_mounts(struct text *t, struct process *p)
{
	(void)p;
	emit(t,
	     "rootfs / rootfs rw 0 0\nproc /proc proc rw 0 0\nsysfs /sys sysfs rw 0 0\n"
	     "devtmpfs /dev devtmpfs rw 0 0\n");
}

static void gen_filesystems(struct text *t, struct process *p)
{
	(void)p;
	emit(t, "nodev\tproc\nnodev\tsysfs\nnodev\ttmpfs\nnodev\tdevtmpfs\n");
}

static void gen_version(struct text *t, struct process *p)
{
	(void)p;
	emit(t, "Linux version 6.12.0-nub\n");
}

static void gen_maps(struct text *t, struct process *p)
{
	struct mm *mm = p->mm;
	char path[256];

	for (unsigned i = 0; i < mm->count; i++) {
		struct vma *v = mm->vmas[i];
		const char *name = "";

		path[0] = 0;
		if (v->file && v->file->dent)
			dent_path(v->file->dent, path, sizeof(path));
		if (path[0])
			name = path;
		else if (v->flags & VM_STACK)
			name = "[stack]";
		else if (v->flags & VM_KERNEL)
			name = "[vdso]";
		else if (v->start < mm->brk && v->end > mm->brk_start)
			name = "[heap]";
		emit(t, "%08lx-%08lx %c%c%c%c %08lx 00:01 %-10lu%s%s\n", v->start, v->end,
		     v->flags & VM_READ ? 'r' : '-', v->flags & VM_WRITE ? 'w' : '-',
		     v->flags & VM_EXEC ? 'x' : '-', v->flags & VM_SHARED ? 's' : 'p',
		     v->ops ? v->pgoff << PAGE_SHIFT : 0,
		     v->file && v->file->inode ? v->file->inode->ino : 0,
		     *name ? "    " : "", name);
	}
}

static void gen_status(struct text *t, struct process *p)
{
	struct thread *m = list_first(&p->threads, struct thread, link);

	emit(t, "Name:\t%s\nState:\tR (running)\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\n",
	     m->comm, p->pid, p->pid, p->parent ? p->parent->pid : 0);
	emit(t,
	     "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t64\nVmPeak:\t%8lu kB\n"
	     "VmSize:\t%8lu kB\nVmRSS:\t%8lu kB\nThreads:\t%d\n",
	     p->mm->total * 4, p->mm->total * 4, p->mm->rss * 4, p->nthreads);
}

static void gen_pid_stat(struct text *t, struct process *p)
{
	struct thread *m = list_first(&p->threads, struct thread, link);

	emit(t, "%d (%s) R %d %d %d 0 -1 0 0 0 0 0 %lu 0 0 0 20 0 %d 0 %lu %lu %lu\n",
	     p->pid, m->comm, p->parent ? p->parent->pid : 0, p->pgid, p->sid,
	     process_cpu_ns(p) / 10000000, p->nthreads, p->start_ns / 10000000,
	     p->mm->total * PAGE_SIZE, p->mm->rss);
}

static void gen_statm(struct text *t, struct process *p)
{
	emit(t, "%lu %lu 0 0 0 %lu 0\n", p->mm->total, p->mm->rss, p->mm->total);
}

static void gen_comm(struct text *t, struct process *p)
{
	emit(t, "%s\n", list_first(&p->threads, struct thread, link)->comm);
}

static void gen_pid_cmdline(struct text *t, struct process *p)
{
	for (size_t i = 0; i < p->cmdline_len; i++)
		emit(t, "%c", p->cmdline[i]);
}

static void gen_empty(struct text *t, struct process *p)
{
	(void)p;
	emit(t, "%s", "");
}

static void gen_zero(struct text *t, struct process *p)
{
	(void)p;
	emit(t, "0\n");
}

static const struct {
	const char *name;
	generator gen;
} pid_files[] = {
	{"maps", gen_maps},	{"status", gen_status},
	{"stat", gen_pid_stat}, {"statm", gen_statm},
	{"comm", gen_comm},	{"cmdline", gen_pid_cmdline},
	{"mounts", gen_mounts}, {"mountinfo", gen_empty},
	{"cgroup", gen_empty},	{"oom_score_adj", gen_zero},
	{"environ", gen_empty}, {"auxv", gen_empty},
	{"loginuid", gen_zero}, {"smaps", gen_empty},
};

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

static struct file *link_file(const struct link_node *l)
{
	struct process *p = process_find(l->pid);

	return p && p->files ? fd_get_in(p->files, l->fd) : NULL;
}

static struct dent *link_dent(const struct link_node *l)
{
	struct process *p = process_find(l->pid);
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

static struct dent *make_text(struct dent *dir, const char *name, generator gen, int pid)
{
	struct proc_node *n = kzalloc(sizeof(*n));

	if (n)
		*n = (struct proc_node){gen, pid};
	return node(dir, name, S_IFREG | 0644, &text_inode_ops, n);
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
	struct process *p = process_find(dir_pid(dir));
	struct file *f;
	int fd;

	if (!p || !p->files || !number(name, &fd))
		return ERR_PTR(-ENOENT);
	f = fd_get_in(p->files, fd);
	if (!f)
		return ERR_PTR(-ENOENT);
	file_put(f);
	return make_link(dir, name, LINK_FD, p->pid, fd);
}

static bool fd_entry(struct dent *dir, unsigned n, char *name, size_t size, u32 *mode)
{
	struct process *p = process_find(dir_pid(dir));
	int fd = -1;

	if (!p || !p->files)
		return false;
	for (unsigned i = 0; i <= n; i++) {
		fd = fd_next(p->files, fd + 1);
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
	if (!t || t->proc->pid != dir_pid(dir))
		return ERR_PTR(-ENOENT);
	return make_dir(dir, name, &pid_dir_ops, dir_pid(dir));
}

static bool task_entry(struct dent *dir, unsigned n, char *name, size_t size, u32 *mode)
{
	struct process *p = process_find(dir_pid(dir));
	struct thread *t;

	if (!p)
		return false;
	list_for_each(t, &p->threads, link)
	{
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

	for (unsigned i = 0; i < ARRAY_SIZE(pid_files); i++)
		if (!strcmp(name, pid_files[i].name))
			return make_text(dir, name, pid_files[i].gen, pid);
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

	(void)dir;
	if (n < ARRAY_SIZE(pid_files)) {
		strlcpy(name, pid_files[n].name, size);
		*mode = S_IFREG;
		return true;
	}
	n -= (unsigned)ARRAY_SIZE(pid_files);
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
	if (!number(name, &pid) || !process_find(pid))
		return ERR_PTR(-ENOENT);
	return make_dir(dir, name, &pid_dir_ops, pid);
}

static bool proc_entry(struct dent *dir, unsigned n, char *name, size_t size, u32 *mode)
{
	struct process *p;

	(void)dir;
	list_for_each(p, &process_list, link)
	{
		if (n--)
			continue;
		snprintf(name, size, "%d", p->pid);
		*mode = S_IFDIR;
		return true;
	}
	return false;
}

static const struct inode_ops proc_dir_ops = {.lookup = proc_lookup, .entry = proc_entry};

static void add_text(const char *path, generator gen)
{
	struct proc_node *n = kzalloc(sizeof(*n));

	if (!n)
		return;
	n->gen = gen;
	dent_put(tree_make(path, S_IFREG | 0444, &text_inode_ops, n));
}

void proc_init(void)
{
	dent_put(tree_make("/proc", S_IFDIR | 0555, &proc_dir_ops, NULL));
	add_text("/proc/meminfo", gen_meminfo);
	add_text("/proc/cpuinfo", gen_cpuinfo);
	add_text("/proc/uptime", gen_uptime);
	add_text("/proc/loadavg", gen_loadavg);
	add_text("/proc/stat", gen_stat);
	add_text("/proc/cmdline", gen_cmdline);
	add_text("/proc/mounts", gen_mounts);
	add_text("/proc/filesystems", gen_filesystems);
	add_text("/proc/version", gen_version);
	dent_put(tree_text("/proc/sys/vm/max_map_count", "65530\n"));
	dent_put(tree_text("/proc/sys/vm/overcommit_memory", "1\n"));
	dent_put(tree_text("/proc/sys/vm/mmap_min_addr", "65536\n"));
	dent_put(tree_text("/proc/sys/kernel/pid_max", "32768\n"));
	dent_put(tree_text("/proc/sys/kernel/osrelease", "6.12.0-nub\n"));
	dent_put(tree_text("/proc/sys/kernel/ostype", "Linux\n"));
	dent_put(tree_text("/proc/sys/kernel/ngroups_max", "65536\n"));
	dent_put(tree_text("/sys/devices/system/cpu/online", "0\n"));
	dent_put(tree_text("/sys/devices/system/cpu/possible", "0\n"));
	dent_put(tree_text("/sys/kernel/mm/transparent_hugepage/enabled",
			   "always madvise [never]\n"));
}
