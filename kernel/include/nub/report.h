/* SPDX-License-Identifier: MIT */
/* The users of memory, on the console. */
#ifndef NUB_REPORT_H
#define NUB_REPORT_H

/* One line: the kernel's parts, programs, files, free memory. */
void report_memory(void);
/* The same, then each process and the heap by size. */
void report_memory_all(void);
/* A line some time after the start, when QEMU runs; with nub.report=SECONDS every so
 * often. */
void report_init(void);

#endif
