/* SPDX-License-Identifier: MIT */
/* Program loading: ELF executables, their interpreter, scripts; the first stack. */
#include <arch/cpu.h>
#include <arch/regs.h>
#include <nub/clock.h>
#include <nub/errno.h>
#include <nub/exec.h>
#include <nub/mm.h>
#include <nub/page.h>
#include <nub/panic.h>
#include <nub/process.h>
#include <nub/random.h>
#include <nub/slab.h>
#include <nub/string.h>
#include <nub/uaccess.h>
#include <nub/vfs.h>

#include <linux/auxvec.h>
#include <linux/elf.h>

/* Bytes that a signal frame may take beside the FPU image. */
#define SIGFRAME_REST 1024
#define STACK_INITIAL (128UL << 10)
#define STACK_ROOM (16UL << 20) /* kept free of mappings, at least */
#define PIE_BASE 0x555555554000UL
#define ARG_MAX (2UL << 20)
#define MAX_PHDRS 64
#define SCRIPT_DEPTH 4

struct image {
	struct file *file;
	Elf64_Ehdr eh;
	Elf64_Phdr ph[MAX_PHDRS];
	u64 low, high; /* span of the PT_LOADs, page aligned */
	u64 bias, entry, phdr_addr, brk;
};

int exec_strings_add(struct exec_strings *s, const char *str, size_t len)
{
	if (s->used + len + 1 > ARG_MAX)
		return -E2BIG;
	if (s->used + len + 1 > s->room) {
		size_t room = MAX(s->room * 2, 4096UL);
		char *b;

		while (room < s->used + len + 1)
			room *= 2;
		b = krealloc(s->buf, s->used, room);
		if (!b)
			return -ENOMEM;
		s->buf = b;
		s->room = room;
	}
	memcpy(s->buf + s->used, str, len);
	s->buf[s->used + len] = 0;
	s->used += len + 1;
	return 0;
}

void exec_strings_free(struct exec_strings *s)
{
	kfree(s->buf);
	memset(s, 0, sizeof(*s));
}

static int read_at(struct file *f, u64 pos, void *buf, size_t n)
{
	struct uio u;
	ssize_t r;

	uio_kernel(&u, buf, n);
	r = file_read(f, &u, &pos);
	return r < 0 ? (int)r : (size_t)r == n ? 0 : -ENOEXEC;
}

static struct file *open_program(const char *path)
{
	struct file *f = file_open(NULL, path, O_RDONLY, 0);
	struct inode *ino;

	if (IS_ERR(f))
		return f;
	ino = f->inode;
	if (!S_ISREG(ino->mode) || !(ino->mode & 0111)) {
		file_put(f);
		return ERR_PTR(-EACCES);
	}
	if (inode_runner_get(ino)) {
		file_put(f);
		return ERR_PTR(-ETXTBSY);
	}
	return f;
}

static void close_program(struct file *f)
{
	inode_runner_put(f->inode);
	file_put(f);
}

static int image_read(struct image *im)
{
	Elf64_Ehdr *eh = &im->eh;
	int err = read_at(im->file, 0, eh, sizeof(*eh));

	if (err)
		return -ENOEXEC;
	if (memcmp(eh->e_ident, ELFMAG, SELFMAG) || eh->e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh->e_machine != EM_X86_64 ||
	    (eh->e_type != ET_EXEC && eh->e_type != ET_DYN) ||
	    eh->e_phentsize != sizeof(Elf64_Phdr) || !eh->e_phnum ||
	    eh->e_phnum > MAX_PHDRS)
		return -ENOEXEC;
	if (read_at(im->file, eh->e_phoff, im->ph, eh->e_phnum * sizeof(Elf64_Phdr)))
		return -ENOEXEC;
	im->low = ~0UL;
	for (int i = 0; i < eh->e_phnum; i++) {
		const Elf64_Phdr *p = &im->ph[i];
		u64 end;

		if (p->p_type != PT_LOAD)
			continue;
		if (__builtin_add_overflow(p->p_vaddr, p->p_memsz, &end) ||
		    end > USER_TOP || p->p_filesz > p->p_memsz ||
		    (p->p_vaddr ^ p->p_offset) & (PAGE_SIZE - 1))
			return -ENOEXEC;
		im->low = MIN(im->low, ALIGN_DOWN(p->p_vaddr, PAGE_SIZE));
		im->high = MAX(im->high, ALIGN_UP(end, PAGE_SIZE));
		if (p->p_offset <= eh->e_phoff && eh->e_phoff < p->p_offset + p->p_filesz)
			im->phdr_addr = eh->e_phoff - p->p_offset + p->p_vaddr;
	}
	return im->low < im->high ? 0 : -ENOEXEC;
}

static u32 segment_flags(const Elf64_Phdr *p)
{
	return (p->p_flags & PF_R ? VM_READ : 0) | (p->p_flags & PF_W ? VM_WRITE : 0) |
	       (p->p_flags & PF_X ? VM_EXEC : 0);
}

static int segment_map(struct mm *mm, struct image *im, const Elf64_Phdr *p)
{
	u64 start = im->bias + p->p_vaddr, file_end = start + p->p_filesz;
	u64 end = ALIGN_UP(start + p->p_memsz, PAGE_SIZE);
	u64 page = ALIGN_DOWN(start, PAGE_SIZE), anon = ALIGN_UP(file_end, PAGE_SIZE);
	u32 flags = segment_flags(p);
	s64 r = 0;

	if (p->p_filesz)
		r = mm_map(mm, page, anon - page, flags, true, im->file,
			   (p->p_offset & PAGE_MASK) >> PAGE_SHIFT);
	else
		anon = page;
	if (r >= 0 && anon < end)
		r = mm_map(mm, anon, end - anon, flags, true, NULL, 0);
	if (r < 0)
		return (int)r;
	if (p->p_memsz > p->p_filesz && file_end & (PAGE_SIZE - 1) && p->p_flags & PF_W)
		if (clear_user((void *)file_end,
			       ALIGN_UP(file_end, PAGE_SIZE) - file_end))
			return -EFAULT;
	im->brk = MAX(im->brk, start + p->p_memsz);
	return 0;
}

/* The new address space is active already: clear_user needs it. */
static int image_map(struct mm *mm, struct image *im, u64 base)
{
	if (im->eh.e_type == ET_DYN)
		im->bias = base - im->low;
	for (int i = 0; i < im->eh.e_phnum; i++) {
		int err =
			im->ph[i].p_type == PT_LOAD ? segment_map(mm, im, &im->ph[i]) : 0;

		if (err)
			return err;
	}
	im->entry = im->eh.e_entry + im->bias;
	im->phdr_addr += im->bias;
	return 0;
}

static struct image *interp_open(const struct image *im)
{
	char path[256];

	for (int i = 0; i < im->eh.e_phnum; i++) {
		const Elf64_Phdr *p = &im->ph[i];
		struct image *in;
		int err;

		if (p->p_type != PT_INTERP)
			continue;
		if (p->p_filesz < 2 || p->p_filesz > sizeof(path) ||
		    read_at(im->file, p->p_offset, path, p->p_filesz) ||
		    path[p->p_filesz - 1])
			return ERR_PTR(-ENOEXEC);
		in = kzalloc(sizeof(*in));
		if (!in)
			return ERR_PTR(-ENOMEM);
		in->file = open_program(path);
		if (IS_ERR(in->file)) {
			err = (int)PTR_ERR(in->file);
			kfree(in);
			return ERR_PTR(err);
		}
		err = image_read(in);
		if (err) {
			close_program(in->file);
			kfree(in);
			return ERR_PTR(err == -ENOEXEC ? -ELIBBAD : err);
		}
		return in;
	}
	return NULL;
}

static void image_free(struct image *im)
{
	if (im && !IS_ERR(im)) {
		close_program(im->file);
		kfree(im);
	}
}

/* --- the vDSO --- */

extern const char vdso_image[], vdso_image_end[];

static int vdso_fault(struct vma *v, u64 index, bool write, u64 *pfn)
{
	if (index == 0)
		*pfn = page_to_pfn(clock_vdso_page());
	else
		*pfn = virt_to_phys(vdso_image + (index - 1) * PAGE_SIZE) >> PAGE_SHIFT;
	return 0;
}

static const struct vma_ops vdso_ops = {.fault = vdso_fault};

static int vdso_map(struct mm *mm)
{
	u64 size = (u64)(vdso_image_end - vdso_image) + PAGE_SIZE;
	s64 r = mm_map_special(mm, 0, size,
			       VM_READ | VM_EXEC | VM_PFN | VM_FIXED_SIZE | VM_KERNEL |
				       VM_MAYNOTWRITE,
			       &vdso_ops, NULL);

	if (r < 0)
		return (int)r;
	mm->vdso = (u64)r + PAGE_SIZE;
	return 0;
}

/* --- the stack --- */

struct stack {
	u64 sp;
	int err;
};

static void push_bytes(struct stack *s, const void *p, size_t n)
{
	s->sp -= n;
	if (!s->err)
		s->err = copy_to_user((void *)s->sp, p, n);
}

static int stack_build(struct mm *mm, const struct image *im, const struct image *in,
		       const struct exec_strings *str, const char *path, u64 *sp)
{
	struct stack s = {mm->stack_top - 8, 0};
	u64 path_at, platform_at, random_at, strings_at, *vec;
	u8 seed[16];
	size_t n = 0, words;
	u32 r[4];

	push_bytes(&s, path, strlen(path) + 1);
	path_at = s.sp;
	push_bytes(&s, str->buf, str->used);
	strings_at = s.sp;
	push_bytes(&s, "x86_64", 7);
	platform_at = s.sp;
	s.sp = ALIGN_DOWN(s.sp, 16UL);
	random_bytes(seed, sizeof(seed));
	push_bytes(&s, seed, sizeof(seed));
	random_at = s.sp;

	words = 1 + str->argc + 1 + str->envc + 1 + 2 * 24;
	vec = kcalloc(words, sizeof(*vec));
	if (!vec)
		return -ENOMEM;
	vec[n++] = str->argc;
	mm->arg_start = strings_at;
	for (unsigned i = 0, off = 0; i < str->argc + str->envc; i++) {
		if (i == str->argc) {
			vec[n++] = 0;
			mm->arg_end = mm->env_start = strings_at + off;
		}
		vec[n++] = strings_at + off;
		off += (unsigned)strlen(str->buf + off) + 1;
	}
	if (!str->envc) {
		vec[n++] = 0;
		mm->arg_end = mm->env_start = strings_at + str->used;
	}
	mm->env_end = strings_at + str->used;
	vec[n++] = 0;
	cpuid(1, 0, r);
#define AUX(type, value) (vec[n++] = (type), vec[n++] = (u64)(value))
	AUX(AT_SYSINFO_EHDR, mm->vdso);
	AUX(AT_HWCAP, r[3]);
	AUX(AT_PAGESZ, PAGE_SIZE);
	AUX(AT_CLKTCK, 100);
	AUX(AT_PHDR, im->phdr_addr);
	AUX(AT_PHENT, sizeof(Elf64_Phdr));
	AUX(AT_PHNUM, im->eh.e_phnum);
	AUX(AT_BASE, in ? in->bias : 0);
	AUX(AT_FLAGS, 0);
	AUX(AT_ENTRY, im->entry);
	AUX(AT_UID, 0);
	AUX(AT_EUID, 0);
	AUX(AT_GID, 0);
	AUX(AT_EGID, 0);
	AUX(AT_SECURE, 0);
	AUX(AT_RANDOM, random_at);
	AUX(AT_HWCAP2, 0);
	AUX(AT_EXECFN, path_at);
	AUX(AT_PLATFORM, platform_at);
	AUX(AT_MINSIGSTKSZ, ALIGN_UP(fpu_size() + SIGFRAME_REST, 64UL));
	AUX(AT_NULL, 0);
#undef AUX
	s.sp = ALIGN_DOWN(s.sp - n * 8, 16UL) + n * 8;
	push_bytes(&s, vec, n * 8);
	kfree(vec);
	*sp = s.sp;
	return s.err;
}

/* --- replacing the program --- */

static void layout_choose(struct mm *mm)
{
	u64 r = random_u64();

	mm->stack_top = USER_TOP - PAGE_SIZE - ((r & 0x3fffff) << PAGE_SHIFT);
	mm->mmap_base = mm->stack_top -
			MIN(MAX(mm->stack_max, STACK_ROOM), USER_TOP / 6) -
			((r >> 24 & 0xfffff) << PAGE_SHIFT);
	mm->mmap_base = ALIGN_DOWN(mm->mmap_base, PAGE_SIZE);
}

static int handlers_reset(struct process *p)
{
	struct sighand *s = p->sighand;

	if (s->refs > 1) {
		s = kmalloc(sizeof(*s));
		if (!s)
			return -ENOMEM;
		*s = *p->sighand;
		s->refs = 1;
		sighand_put(p->sighand);
		p->sighand = s;
	}
	for (int i = 0; i < NSIG; i++)
		if (s->action[i].handler != SIG_IGN || i == SIGCHLD - 1)
			memset(&s->action[i], 0, sizeof(s->action[i]));
	return 0;
}

static void identity_set(struct process *p, struct image *im, const char *path,
			 const struct exec_strings *str)
{
	const char *base = strrchr(path, '/');
	const char *end = str->buf;

	strlcpy(current->comm, base ? base + 1 : path, sizeof(current->comm));
	process_set_program(p, im->file->dent);
	p->execed = true;
	p->keep_caps = false;
	p->dumpable = true;
	kfree(p->cmdline);
	for (unsigned i = 0; i < str->argc; i++)
		end += strlen(end) + 1;
	p->cmdline_len = (size_t)(end - str->buf);
	p->cmdline = kmalloc(p->cmdline_len + 1);
	if (p->cmdline)
		memcpy(p->cmdline, str->buf, p->cmdline_len);
	else
		p->cmdline_len = 0;
}

static int commit(struct image *im, struct image *in, const char *path,
		  const struct exec_strings *str, struct mm *mm)
{
	struct thread *t = current;
	struct process *p = t->proc;
	struct regs *regs = thread_regs(t);
	struct mm *old = p->mm;
	u64 base = PIE_BASE + ((random_u64() & 0xfffff) << PAGE_SHIFT), sp;
	int err;

	t->clear_tid = NULL;
	t->robust_head = 0;
	p->mm = mm;
	mm_activate(mm);
	vfork_done(t);
	if (old)
		mm_put(old);
	mm_set_limits(mm, process_limit(p, RLIMIT_STACK), process_limit(p, RLIMIT_AS));
	layout_choose(mm);
	err = handlers_reset(p);
	if (!err)
		err = fdtable_unshare();
	if (!err)
		err = image_map(mm, im, base);
	mm->brk_start = mm->brk =
		ALIGN_UP(im->brk, PAGE_SIZE) + ((random_u64() & 0x1fff) << PAGE_SHIFT);
	if (!err)
		err = (int)MIN(mm_map(mm, mm->stack_top - STACK_INITIAL, STACK_INITIAL,
				      VM_READ | VM_WRITE | VM_STACK, true, NULL, 0),
			       0);
	if (!err && in)
		err = image_map(mm, in, mm_find_gap(mm, in->high - in->low));
	if (!err)
		err = vdso_map(mm);
	if (!err)
		err = stack_build(mm, im, in, str, path, &sp);
	if (err)
		return err;
	fdtable_close_on_exec();
	identity_set(p, im, path, str);
	ptimers_delete_all(p);
	t->sig.alt_flags = SS_DISABLE;
	t->fsbase = t->gsbase = 0;
	wrmsr(MSR_FS_BASE, 0);
	wrmsr(MSR_GS_BASE, 0);
	fpu_reset(t->fpu);
	fpu_restore(t->fpu);
	*regs = (struct regs){
		.vector = VECTOR_SYSCALL,
		.orig_rax = NO_SYSCALL,
		.rip = in ? in->entry : im->entry,
		.rsp = sp,
		.rflags = RFLAGS_IF,
		.cs = USER_CS,
		.ss = USER_DS,
	};
	return 0;
}

static int script_read(struct file *f, char *line, size_t size)
{
	struct uio u;
	u64 pos = 0;
	ssize_t n;
	char *nl;

	uio_kernel(&u, line, size - 1);
	n = file_read(f, &u, &pos);
	if (n < 3 || line[0] != '#' || line[1] != '!')
		return -ENOEXEC;
	line[n] = 0;
	nl = strchr(line, '\n');
	if (!nl)
		return -ENOEXEC;
	*nl = 0;
	return 0;
}

static int exec_depth(const char *path, struct exec_strings *str, int depth);

/* "#! interpreter [one argument]": argv[0] becomes interpreter, argument, path. */
static int exec_script(struct file *f, const char *path, struct exec_strings *str,
		       int depth)
{
	struct exec_strings s = {0};
	char line[256], *cmd, *arg, *end;
	const char *rest = str->buf;
	int err = script_read(f, line, sizeof(line));

	if (err || depth >= SCRIPT_DEPTH)
		return err ? err : -ELOOP;
	for (cmd = line + 2; *cmd == ' ' || *cmd == '\t'; cmd++)
		;
	for (end = cmd + strlen(cmd); end > cmd && (end[-1] == ' ' || end[-1] == '\t');
	     end--)
		end[-1] = 0;
	for (arg = cmd; *arg && *arg != ' ' && *arg != '\t'; arg++)
		;
	while (*arg == ' ' || *arg == '\t')
		*arg++ = 0;
	if (!*cmd)
		return -ENOEXEC;
	err = exec_strings_add(&s, cmd, strlen(cmd));
	s.argc = 1;
	if (!err && *arg) {
		err = exec_strings_add(&s, arg, strlen(arg));
		s.argc++;
	}
	if (!err)
		err = exec_strings_add(&s, path, strlen(path));
	s.argc++;
	for (unsigned i = 0; i < str->argc + str->envc && !err; i++) {
		if (i > 0)
			err = exec_strings_add(&s, rest, strlen(rest));
		rest += strlen(rest) + 1;
	}
	s.argc += str->argc ? str->argc - 1 : 0;
	s.envc = str->envc;
	if (!err)
		err = exec_depth(cmd, &s, depth + 1);
	exec_strings_free(&s);
	return err;
}

static int exec_depth(const char *path, struct exec_strings *str, int depth)
{
	struct file *f = open_program(path);
	struct image *im, *in = NULL;
	struct mm *mm = NULL;
	int err;

	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	im = kzalloc(sizeof(*im));
	if (!im) {
		close_program(f);
		return -ENOMEM;
	}
	im->file = f;
	err = image_read(im);
	if (err == -ENOEXEC) {
		err = exec_script(f, path, str, depth);
		goto out;
	}
	if (!err) {
		in = interp_open(im);
		err = IS_ERR(in) ? (int)PTR_ERR(in) : 0;
	}
	if (!err) {
		mm = mm_create();
		err = mm ? process_kill_others() : -ENOMEM;
	}
	if (err) {
		if (mm)
			mm_put(mm);
		goto out;
	}
	err = commit(im, in, path, str, mm);
	if (err) {
		if (current->proc == init_process)
			panic("cannot load %s: error %d", path, -err);
		/* Nothing is left to return to. Not here: callers have memory to free. */
		process_kill(current->proc, SIGSEGV);
		current->die = true;
	}
out:
	image_free(im);
	image_free(in);
	return err;
}

int exec_check(const char *path)
{
	struct file *f = open_program(path);

	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	close_program(f);
	return 0;
}

int exec_load(const char *path, struct exec_strings *str)
{
	return exec_depth(path, str, 0);
}
