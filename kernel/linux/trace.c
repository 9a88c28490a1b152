/* SPDX-License-Identifier: MIT */
/* nub.trace=syscalls: a line for each call and its result, in strace's manner. */
#include <arch/regs.h>
#include <nub/errno.h>
#include <nub/printk.h>
#include <nub/process.h>
#include <nub/sched.h>
#include <nub/string.h>
#include <nub/syscall.h>
#include <nub/uaccess.h>

bool syscall_tracing;

const char *syscall_name(int nr)
{
	if (nr < 0 || nr >= SYSCALL_MAX || !syscall_table[nr].name)
		return "unknown call";
	return syscall_table[nr].name;
}

static void append(char *line, size_t size, const char *s)
{
	size_t n = strlen(line);

	strlcpy(line + n, s, size - n);
}

void syscall_trace_enter(int nr, const struct regs *r)
{
	const u64 args[] = {r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9};
	const char *letters = nr >= 0 && nr < SYSCALL_MAX && syscall_table[nr].args
				      ? syscall_table[nr].args
				      : "xxxxxx";
	char line[300], item[80], str[60];

	snprintf(line, sizeof(line), "[%d] %s(", current->tid, syscall_name(nr));
	for (int i = 0; i < 6 && letters[i]; i++) {
		u64 v = args[i];

		switch (letters[i]) {
		case 'd':
			snprintf(item, sizeof(item), "%d", (int)v);
			break;
		case 'l':
			snprintf(item, sizeof(item), "%ld", (s64)v);
			break;
		case 's':
			if (strncpy_from_user(str, (const char *)v, sizeof(str)) ==
			    -EFAULT)
				snprintf(item, sizeof(item), "%#lx", v);
			else
				snprintf(item, sizeof(item), "\"%.*s\"",
					 (int)sizeof(str) - 1, str);
			break;
		default:
			snprintf(item, sizeof(item), "%#lx", v);
			break;
		}
		if (i)
			append(line, sizeof(line), ", ");
		append(line, sizeof(line), item);
	}
	printk("%s)\n", line);
}

void syscall_trace_exit(int nr, long ret)
{
	if (ret < 0 && ret > -4096)
		printk("[%d] %s = -%ld\n", current->tid, syscall_name(nr), -ret);
	else
		printk("[%d] %s = %#lx\n", current->tid, syscall_name(nr), ret);
}
