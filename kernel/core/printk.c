/* SPDX-License-Identifier: MIT */
/* Kernel messages. */
#include <nub/platform.h>
#include <nub/printk.h>
#include <nub/string.h>

void console_write(const char *s, size_t n)
{
	if (platform)
		platform->console_write(s, n);
}

void printk(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = (size_t)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	n = MIN(n, sizeof(line) - 1);
	for (size_t start = 0, i = 0; i < n; i++) {
		if (line[i] != '\n')
			if (i + 1 < n)
				continue;
		if (line[i] == '\n') {
			console_write(line + start, i - start);
			console_write("\r\n", 2);
		} else {
			console_write(line + start, i + 1 - start);
		}
		start = i + 1;
	}
}
