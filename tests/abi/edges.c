/* SPDX-License-Identifier: MIT */
/* A program's own values that reach the processor's registers: addresses that are not
 * canonical, flags, segments, FPU state. Each case ends a child in the same way. */
#include "abi.h"

#include <asm/prctl.h>
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

#define HOLE 0x8000000000000000UL
#define TOP 0x7ffffffff000UL

static void ended(const char *what, pid_t pid)
{
	int status = 0;

	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		say("%s: signal %d", what, WTERMSIG(status));
	else
		say("%s: exit %d", what, WEXITSTATUS(status));
}

/* Runs the rest in a child. */
#define in_child(what)                                                                   \
	for (pid_t child = fork(), once = 1; once; once = 0, ended(what, child))         \
		for (; !child; _exit(77))

static void set(int sig, unsigned long handler, int flags)
{
	struct sigaction sa = {.sa_flags = flags};

	sa.sa_handler = (void (*)(int))handler;
	sigaction(sig, &sa, NULL);
}

static void handlers(void)
{
	in_child("handler in the hole")
	{
		set(SIGUSR1, HOLE, 0);
		raise(SIGUSR1);
	}
	in_child("handler in the kernel")
	{
		set(SIGUSR1, 0xffffffff80200000, 0);
		raise(SIGUSR1);
	}
	in_child("handler at the top")
	{
		set(SIGUSR1, TOP, 0);
		raise(SIGUSR1);
	}
	in_child("fault handler in the hole, again and again")
	{
		set(SIGSEGV, HOLE, SA_NODEFER);
		raise(SIGSEGV);
	}
}

static void change(int sig, siginfo_t *si, void *ucv)
{
	ucontext_t *uc = ucv;
	greg_t *r = uc->uc_mcontext.gregs;

	switch (si->si_value.sival_int) {
	case 0:
		r[REG_RIP] = (greg_t)HOLE;
		break;
	case 1:
		r[REG_RSP] = (greg_t)HOLE;
		break;
	case 2: /* all flags at once: the I/O level, nested task, VM86 */
		r[REG_EFL] = -1 & ~0x100L;
		break;
	case 3:
		r[REG_EFL] |= 0x100; /* single step */
		break;
	case 4:
		uc->uc_mcontext.fpregs = (void *)HOLE;
		break;
	case 5:
		uc->uc_mcontext.fpregs = (void *)16;
		break;
	case 6: /* reserved bits of MXCSR */
		uc->uc_mcontext.fpregs->mxcsr = ~0u;
		break;
	case 7: /* the header behind the FXSAVE image: features that are not there */
		if (uc->uc_flags & 1)
			memset((char *)uc->uc_mcontext.fpregs + 512, 0xff, 64);
		break;
	case 8:
		r[REG_RIP] = 0xffffffff80200000;
		break;
	}
}

static const char *const changes[] = {
	"rip in the hole", "rsp in the hole", "all flags",
	"single step",	   "fpu in the hole", "fpu at 16",
	"mxcsr",	   "xstate header",   "rip in the kernel",
};

/* Whether the FPU still counts. */
static int fpu_works(void)
{
	volatile double x = 3;

	return x * x + 1 == 10;
}

static void contexts(void)
{
	struct sigaction sa = {.sa_sigaction = change, .sa_flags = SA_SIGINFO};

	/* 1: emulated processors raise another exception. 6 and 7: Linux refuses or mends
	 * by its way of restoring. Only survival counts. */
	for (int i = 0; i < 9; i++) {
		pid_t pid = fork();
		int status = 0;

		if (!pid) {
			sigaction(SIGUSR1, &sa, NULL);
			sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = i});
			_exit(fpu_works() ? 77 : 78);
		}
		waitpid(pid, &status, 0);
		if (i == 1 || i == 6 || i == 7)
			say("%s: over", changes[i]);
		else if (WIFSIGNALED(status))
			say("%s: signal %d", changes[i], WTERMSIG(status));
		else
			say("%s: exit %d", changes[i], WEXITSTATUS(status));
	}
}

static void frames(void)
{
	in_child("sigreturn without a frame")
	{
		__asm__ volatile("mov $16, %%rsp; mov $15, %%eax; syscall" ::: "memory");
	}
	in_child("sigreturn at the hole")
	{
		__asm__ volatile("mov %0, %%rsp; mov $15, %%eax; syscall"
				 :
				 : "r"(HOLE)
				 : "memory");
	}
	in_child("handler with its stack in the hole")
	{
		set(SIGUSR1, (unsigned long)_exit, 0);
		__asm__ volatile(
			"mov %0, %%rsp; mov $39, %%eax; syscall;"
			"mov %%eax, %%edi; mov $10, %%esi; mov $62, %%eax; syscall"
			:
			: "r"(HOLE)
			: "memory", "rdi", "rsi", "rax", "rcx", "r11");
	}
}

static void bases(void)
{
	try(syscall(SYS_arch_prctl, ARCH_SET_FS, HOLE));
	try(syscall(SYS_arch_prctl, ARCH_SET_GS, HOLE));
	try(syscall(SYS_arch_prctl, ARCH_SET_GS, TOP));
	try(syscall(SYS_arch_prctl, ARCH_SET_GS, 0));
	try(syscall(SYS_arch_prctl, 0x9999, 0));
}

static void instructions(void)
{
	in_child("hlt") __asm__ volatile("hlt");
	in_child("cli") __asm__ volatile("cli");
	in_child("in") __asm__ volatile("inb $0x80, %%al" :: : "al");
	in_child("wrmsr") __asm__ volatile("wrmsr" ::"a"(0), "d"(0), "c"(0xc0000082));
	in_child("mov to cr3") __asm__ volatile("mov %0, %%cr3" ::"r"(0L));
	in_child("lidt") __asm__ volatile("lidt (%0)" ::"r"("1234567890"));
	in_child("int 14") __asm__ volatile("int $14");
	in_child("int3") __asm__ volatile("int3");
	in_child("ud2") __asm__ volatile("ud2");
	in_child("a far jump to nowhere")
	{
		static const struct {
			uint32_t off;
			uint16_t sel;
		} __attribute__((packed)) to = {0, 0x10};

		__asm__ volatile("ljmp *(%0)" ::"r"(&to));
	}
	in_child("a null selector as stack") __asm__ volatile("mov %0, %%ss" ::"r"(0));
	in_child("jump into the hole") __asm__ volatile("jmp *%0" ::"r"(HOLE));
	in_child("read the kernel")
	{
		__asm__ volatile("mov (%0), %%eax" ::"r"(0xffffffff80200000) : "eax");
	}
	in_child("syscall from the last bytes below the top")
	{
		char *p = mmap((void *)(TOP - 4096), 4096,
			       PROT_READ | PROT_WRITE | PROT_EXEC,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

		if (p == MAP_FAILED)
			_exit(78);
		p[4094] = 0x0f;
		p[4095] = 0x05;
		__asm__ volatile("mov $39, %%eax; jmp *%0" ::"r"(p + 4094) : "eax");
	}
}

/* A program whose headers lie. */
static void write_program(const void *data, size_t n)
{
	int fd;

	unlink("/tmp/abi-elf");
	fd = open("/tmp/abi-elf", O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
	write(fd, data, n);
	close(fd);
}

static struct {
	Elf64_Ehdr e;
	Elf64_Phdr p[2];
	unsigned char code[16];
} image;

static void fresh_image(void)
{
	static const unsigned char code[] = {0xb8, 60, 0, 0, 0,	   0xbf,
					     42,   0,  0, 0, 0x0f, 5};

	memset(&image, 0, sizeof(image));
	memcpy(image.e.e_ident, ELFMAG, SELFMAG);
	image.e.e_ident[EI_CLASS] = ELFCLASS64;
	image.e.e_ident[EI_DATA] = ELFDATA2LSB;
	image.e.e_ident[EI_VERSION] = EV_CURRENT;
	image.e.e_type = ET_EXEC;
	image.e.e_machine = EM_X86_64;
	image.e.e_version = EV_CURRENT;
	image.e.e_ehsize = sizeof(image.e);
	image.e.e_phoff = offsetof(typeof(image), p);
	image.e.e_phentsize = sizeof(image.p[0]);
	image.e.e_phnum = 1;
	image.e.e_entry = 0x400000 + offsetof(typeof(image), code);
	image.p[0].p_type = PT_LOAD;
	image.p[0].p_flags = PF_R | PF_X;
	image.p[0].p_vaddr = 0x400000;
	image.p[0].p_filesz = image.p[0].p_memsz = sizeof(image);
	image.p[0].p_align = 4096;
	memcpy(image.code, code, sizeof(code));
}

static void run_image(const char *what)
{
	char *argv[] = {"elf", NULL};

	write_program(&image, sizeof(image));
	in_child(what)
	{
		execv("/tmp/abi-elf", argv);
		_exit(errno);
	}
	fresh_image();
}

static void programs(void)
{
	fresh_image();
	run_image("a good program");
	image.e.e_entry = HOLE;
	run_image("entry in the hole");
	image.e.e_entry = 0;
	run_image("entry at 0");
	image.e.e_phnum = 0;
	run_image("no headers");
	image.e.e_phoff = ~0UL;
	run_image("headers nowhere");
	image.e.e_phentsize = 8;
	run_image("short headers");
	image.e.e_machine = EM_386;
	run_image("another machine");
	image.p[1] = image.p[0];
	image.p[1].p_type = PT_INTERP;
	image.p[1].p_filesz = 5000;
	image.e.e_phnum = 2;
	run_image("a long interpreter");
	image.p[1] = image.p[0];
	image.p[1].p_type = PT_INTERP;
	image.p[1].p_offset = 1;
	image.p[1].p_filesz = 4;
	image.e.e_phnum = 2;
	run_image("an interpreter without an end");
	unlink("/tmp/abi-elf");
}

ABI_CASES({"handlers", handlers}, {"contexts", contexts}, {"frames", frames},
	  {"bases", bases}, {"instructions", instructions}, {"programs", programs})
