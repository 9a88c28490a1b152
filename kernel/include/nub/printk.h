/* SPDX-License-Identifier: MIT */
/* Kernel messages, on the platform's console. */
#ifndef NUB_PRINTK_H
#define NUB_PRINTK_H

#include <nub/types.h>

void printk(const char *fmt, ...) __printf(1, 2);
/* Raw bytes to the console (the tty's output and trace lines share it). */
void console_write(const char *s, size_t n);

/* A line that is worth only one print, at any number of calls. */
#define printk_once(...)                                                                 \
	do {                                                                             \
		static bool said__;                                                      \
		if (!said__) {                                                           \
			said__ = true;                                                   \
			printk(__VA_ARGS__);                                             \
		}                                                                        \
	} while (0)

#endif
