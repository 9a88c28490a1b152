/* SPDX-License-Identifier: MIT */
/* COM1 of the UEFI test guest, polled: the firmware may have no driver for it. */
#include "efi.h"

#include <stdarg.h>

#define COM1 0x3f8
#define LSR_DATA 0x01
#define LSR_EMPTY 0x20

static void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

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

static void serial_putc(char c)
{
	while (!(inb(COM1 + 5) & LSR_EMPTY))
		;
	outb(COM1, c);
}

int serial_poll(void)
{
	return inb(COM1 + 5) & LSR_DATA ? inb(COM1) : -1;
}

static void put_number(uint32_t value, unsigned int base, unsigned int width)
{
	char out[16];
	unsigned int n = 0;

	for (; value || n < width; value /= base)
		out[n++] = "0123456789abcdef"[value % base];
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
			put_number(va_arg(ap, uint32_t), 10, 1);
			break;
		case 'x':
			put_number(va_arg(ap, uint32_t), 16, 2);
			break;
		case '8':
			put_number(va_arg(ap, uint32_t), 16, 8);
			break;
		}
	}
	va_end(ap);
}
