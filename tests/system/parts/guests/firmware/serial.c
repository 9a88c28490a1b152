/* SPDX-License-Identifier: MIT */
/* COM1 of the guests that firmware starts. */
#include "firmware.h"

#include <stdarg.h>

#define COM1 0x3f8
#define LSR_DATA 0x01
#define LSR_EMPTY 0x20

static unsigned int fifo_room;

void serial_init(void)
{
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 0x80);
	outb(COM1 + 0, 1);
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 3);
	outb(COM1 + 2, 7);
	outb(COM1 + 4, 3);
}

/* One look at the status for 16 bytes: each port access is a trip to the device model. */
static void serial_putc(char c)
{
	if (!fifo_room) {
		while (!(inb(COM1 + 5) & LSR_EMPTY))
			;
		fifo_room = 16;
	}
	fifo_room--;
	outb(COM1, c);
}

int serial_poll(void)
{
	return inb(COM1 + 5) & LSR_DATA ? inb(COM1) : -1;
}

static void put_number(uint64_t value, unsigned int base, unsigned int width)
{
	static const char digits[] = "0123456789abcdef";
	char out[20];
	unsigned int n = 0;

	if (base == 16) {
		for (; value || !n || n < width; value >>= 4)
			out[n++] = digits[value & 15];
	} else {
		uint32_t v = (uint32_t)value;

		for (; v || !n; v /= 10)
			out[n++] = digits[v % 10];
	}
	while (n)
		serial_putc(out[--n]);
}

void serial_printf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	for (; *fmt; fmt++) {
		if (*fmt == '\n')
			serial_putc('\r');
		if (*fmt != '%') {
			serial_putc(*fmt);
			continue;
		}
		switch (*++fmt) {
		case 's':
			for (const char *s = va_arg(ap, const char *); *s; s++)
				serial_putc(*s);
			break;
		case 'u':
			put_number(va_arg(ap, uint32_t), 10, 0);
			break;
		case 'x':
			put_number(va_arg(ap, uint32_t), 16, 0);
			break;
		case '2':
			put_number(va_arg(ap, uint32_t), 16, 2);
			break;
		case '8':
			put_number(va_arg(ap, uint32_t), 16, 8);
			break;
		case 'l':
			put_number(va_arg(ap, uint64_t), 16, 0);
			break;
		}
	}
	va_end(ap);
	/* the caller may wait for long now: the queue's room must be known */
	fifo_room = 0;
}
