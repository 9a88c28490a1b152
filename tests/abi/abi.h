/* SPDX-License-Identifier: MIT */
/* Common code of the ABI test programs: cases that print the kernel's answers. The output
 * on Linux is the expectation for nub, so nothing that differs from run to run is
 * printed. */
#ifndef ABI_H
#define ABI_H

#include <errno.h>
#include <linux/memfd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Debian 12's headers are older. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef MFD_EXEC
#define MFD_NOEXEC_SEAL 0x0008U
#define MFD_EXEC 0x0010U
#endif

struct abi_case {
	const char *name;
	void (*run)(void);
};

#define say(...)                                                                         \
	do {                                                                             \
		printf("  ");                                                            \
		printf(__VA_ARGS__);                                                     \
		printf("\n");                                                            \
	} while (0)

/* Prints a call's text and its result, or the name of its error. */
#define try(call)                                                                        \
	({                                                                               \
		errno = 0;                                                               \
		long try_r = (long)(call);                                               \
		if (try_r == -1)                                                         \
			say("%s: %s", #call, strerrorname_np(errno));                    \
		else                                                                     \
			say("%s: %ld", #call, try_r);                                    \
		try_r;                                                                   \
	})
/* As try, for results that are addresses, descriptors or the like: prints only whether it
 * worked. */
#define works(call)                                                                      \
	({                                                                               \
		errno = 0;                                                               \
		long works_r = (long)(call);                                             \
		say("%s: %s", #call, works_r == -1 ? strerrorname_np(errno) : "works");  \
		works_r;                                                                 \
	})
#define yes(cond) say("%s: %s", #cond, (cond) ? "yes" : "NO")

static inline int abi_main(const struct abi_case *cases, size_t n, int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < n; i++) {
		if (argc > 1 && strcmp(argv[1], cases[i].name))
			continue;
		printf("%s\n", cases[i].name);
		cases[i].run();
		fflush(stdout);
	}
	return 0;
}

#define ABI_CASES(...)                                                                   \
	int main(int argc, char **argv)                                                  \
	{                                                                                \
		static const struct abi_case abi_cases[] = {__VA_ARGS__};                \
		return abi_main(abi_cases, sizeof(abi_cases) / sizeof(abi_cases[0]),     \
				argc, argv);                                             \
	}

#endif
