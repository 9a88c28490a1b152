/* SPDX-License-Identifier: MIT */
/* Memory and string functions of the freestanding kernel. */
#ifndef NUB_STRING_H
#define NUB_STRING_H

#include <nub/types.h>

#include <stdarg.h>

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
/* Copies with truncation; always terminates (n > 0). */
void strlcpy(char *dst, const char *src, size_t n);
/* Parses decimal or 0x hex; stops at the first other character (*end if not NULL). */
u64 strtou64(const char *s, const char **end);

/* Conversions: %d %i %u %x %X %o %c %s %p %% with -, 0, width, precision, l/ll/z/h. */
int vsnprintf(char *buf, size_t n, const char *fmt, va_list ap);
int snprintf(char *buf, size_t n, const char *fmt, ...) __printf(3, 4);

#endif
