/* SPDX-License-Identifier: MIT */
/* Dispatch of system calls; the table is generated from syscalls.tbl. */
#ifndef NUB_SYSCALL_H
#define NUB_SYSCALL_H

#include <nub/types.h>

struct regs;

struct syscall_entry {
	const char *name;
	const char *args; /* one letter each, for the trace: see syscalls.tbl */
	long (*fn)(const struct regs *r);
};

struct ioctl_entry {
	u32 cmd;
	const char *name;
};
/* By number; made from ioctl_names.tbl. */
extern const struct ioctl_entry ioctl_table[];
extern const unsigned ioctl_count;

#define SYSCALL_MAX 472
extern const struct syscall_entry syscall_table[SYSCALL_MAX];
const char *syscall_name(int nr);
/* Boot: reads the command line, adds /proc/syscalls (how often each was made). */
void syscall_init(void);
void syscall_trace_enter(int nr, const struct regs *r);
void syscall_trace_exit(int nr, long ret);
extern bool syscall_tracing;

#endif
