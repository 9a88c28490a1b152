/* SPDX-License-Identifier: MIT */
/* printf-style formatting. */
#include <nub/string.h>

struct out {
	char *buf;
	size_t size, used;
};

static void put(struct out *o, char c)
{
	if (o->used + 1 < o->size)
		o->buf[o->used] = c;
	o->used++;
}

static void pad(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

struct spec {
	bool left, zero, plus, alt;
	int width, precision;
};

static void put_field(struct out *o, const struct spec *s, const char *prefix,
		      const char *body, int len, bool number)
{
	int plen = (int)strlen(prefix);
	int zeros = number && s->precision > len ? s->precision - len : 0;
	int fill;

	if (number && s->zero && !s->left && s->precision < 0)
		zeros = MAX(0, s->width - plen - len);
	fill = s->width - plen - zeros - len;
	if (!s->left)
		pad(o, ' ', fill);
	while (*prefix)
		put(o, *prefix++);
	pad(o, '0', zeros);
	for (int i = 0; i < len; i++)
		put(o, body[i]);
	if (s->left)
		pad(o, ' ', fill);
}

static void put_number(struct out *o, const struct spec *s, u64 v, bool neg, char conv)
{
	unsigned base = conv == 'o' ? 8 : conv == 'd' || conv == 'u' ? 10 : 16;
	const char *digits = conv == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	const char *prefix = neg ? "-" : s->plus ? "+" : "";
	char tmp[24];
	int n = sizeof(tmp);

	if (s->alt && base == 16 && v)
		prefix = "0x";
	do {
		tmp[--n] = digits[v % base];
		v /= base;
	} while (v);
	put_field(o, s, prefix, tmp + n, (int)sizeof(tmp) - n, true);
}

int vsnprintf(char *buf, size_t n, const char *fmt, va_list ap)
{
	struct out o = {buf, n, 0};

	for (; *fmt; fmt++) {
		struct spec s = {.precision = -1};
		int size = 0; /* -1: h, 1: l, 2: ll or z */
		char c;

		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		for (fmt++;; fmt++) {
			if (*fmt == '-')
				s.left = true;
			else if (*fmt == '0')
				s.zero = true;
			else if (*fmt == '+')
				s.plus = true;
			else if (*fmt == '#')
				s.alt = true;
			else
				break;
		}
		if (*fmt == '*') {
			s.width = va_arg(ap, int);
			fmt++;
		}
		for (; *fmt >= '0' && *fmt <= '9'; fmt++)
			s.width = s.width * 10 + (*fmt - '0');
		if (*fmt == '.') {
			s.precision = 0;
			fmt++;
			if (*fmt == '*') {
				s.precision = va_arg(ap, int);
				fmt++;
			}
			for (; *fmt >= '0' && *fmt <= '9'; fmt++)
				s.precision = s.precision * 10 + (*fmt - '0');
		}
		for (; *fmt == 'l' || *fmt == 'h' || *fmt == 'z' || *fmt == 'j'; fmt++)
			size += *fmt == 'h' ? -1 : *fmt == 'l' ? 1 : 2;
		c = *fmt;
		switch (c) {
		case 'd':
		case 'i': {
			s64 v = size > 0 ? va_arg(ap, s64) : va_arg(ap, int);

			put_number(&o, &s, v < 0 ? 0 - (u64)v : (u64)v, v < 0, 'd');
			break;
		}
		case 'u':
		case 'x':
		case 'X':
		case 'o':
			put_number(&o, &s,
				   size > 0 ? va_arg(ap, u64) : va_arg(ap, unsigned),
				   false, c);
			break;
		case 'p':
			s.alt = true;
			put_number(&o, &s, (u64)va_arg(ap, void *), false, 'x');
			break;
		case 'c': {
			char ch = (char)va_arg(ap, int);

			put_field(&o, &s, "", &ch, 1, false);
			break;
		}
		case 's': {
			const char *str = va_arg(ap, const char *);
			size_t max = s.precision < 0 ? SIZE_MAX : (size_t)s.precision;

			if (!str)
				str = "(null)";
			put_field(&o, &s, "", str, (int)strnlen(str, max), false);
			break;
		}
		case '%':
			put(&o, '%');
			break;
		case 0:
			fmt--;
			break;
		default:
			put(&o, '%');
			put(&o, c);
			break;
		}
	}
	if (n)
		buf[MIN(o.used, n - 1)] = 0;
	return (int)o.used;
}

int snprintf(char *buf, size_t n, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vsnprintf(buf, n, fmt, ap);
	va_end(ap);
	return r;
}
