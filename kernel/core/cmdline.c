/* SPDX-License-Identifier: MIT */
/* The kernel command line. */
#include <nub/cmdline.h>
#include <nub/string.h>

static char cmdline[2048];

void cmdline_set(const char *s)
{
	strlcpy(cmdline, s, sizeof(cmdline));
}

const char *cmdline_get(void)
{
	return cmdline;
}

bool cmdline_option(const char *name, char *value, size_t size)
{
	size_t n = strlen(name);

	for (const char *p = cmdline; *p;) {
		size_t len = 0;

		while (*p == ' ')
			p++;
		while (p[len] && p[len] != ' ')
			len++;
		if (len >= n && !strncmp(p, name, n) && (len == n || p[n] == '=')) {
			if (size) {
				const char *v = p + n + (len > n);

				strlcpy(value, v, MIN(size, (size_t)(p + len - v) + 1));
			}
			return true;
		}
		p += len;
	}
	return false;
}

bool cmdline_has_word(const char *name, const char *word)
{
	char value[128];
	size_t n = strlen(word);

	if (!cmdline_option(name, value, sizeof(value)))
		return false;
	for (const char *p = value; *p;) {
		const char *end = strchr(p, ',');
		size_t len = end ? (size_t)(end - p) : strlen(p);

		if (len == n && !strncmp(p, word, n))
			return true;
		p += len + (end ? 1 : 0);
	}
	return false;
}
