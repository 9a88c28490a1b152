/* SPDX-License-Identifier: MIT */
/* The parts of a process that it may share with others: signal handlers, working directory,
 * program. */
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/vfs.h>

struct sighand *sighand_copy(const struct sighand *from, bool clear)
{
	struct sighand *s = kzalloc(sizeof(*s));

	if (!s)
		return NULL;
	if (from)
		*s = *from;
	s->refs = 1;
	for (int i = 0; i < NSIG && clear; i++)
		if (s->action[i].handler != SIG_IGN)
			memset(&s->action[i], 0, sizeof(s->action[i]));
	return s;
}

void sighand_put(struct sighand *s)
{
	if (s && --s->refs == 0)
		kfree(s);
}

struct fsinfo *fsinfo_copy(const struct fsinfo *from)
{
	struct fsinfo *fs = kzalloc(sizeof(*fs));

	if (!fs)
		return NULL;
	fs->refs = 1;
	fs->umask = from ? from->umask : 022;
	fs->cwd = dent_get(from ? from->cwd : root_dent);
	return fs;
}

void fsinfo_put(struct fsinfo *fs)
{
	if (!fs || --fs->refs)
		return;
	dent_put(fs->cwd);
	kfree(fs);
}

void process_set_program(struct process *p, struct dent *exe)
{
	if (exe) {
		dent_get(exe);
		inode_runner_get(exe->inode);
	}
	if (p->exe) {
		inode_runner_put(p->exe->inode);
		dent_put(p->exe);
	}
	p->exe = exe;
}
