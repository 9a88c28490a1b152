/* SPDX-License-Identifier: MIT */
/* The BIOS test guest's other serial ports, its printer port, its keyboard and mouse. */
#include "bios.h"

#define LSR_DATA 0x01
#define LSR_EMPTY 0x20
#define FIFO 16
#define PRINTER 0x378
#define PRINTER_READY 0x0c /* initialised, selected */
#define PRINTER_STROBE 0x01
#define KEYBOARD_DATA 0x60
#define KEYBOARD_STATUS 0x64
#define STATUS_FULL 0x01
#define STATUS_BUSY 0x02
#define STATUS_MOUSE 0x20
#define TO_MOUSE 0xd4
#define MOUSE_ON 0xf4
#define PIC1 0x21
#define PIC2 0xa1
#define PIC1_KEYBOARD 0x02
#define PIC2_MOUSE 0x10

static const uint16_t coms[] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};

/* -1: there is no such port. */
int com_write(unsigned int n, const char *text)
{
	if (n >= sizeof(coms) / sizeof(coms[0]) || inb(coms[n] + 5) == 0xff)
		return -1;
	outb(coms[n] + 2, 1);
	for (unsigned int room = 0; *text; text++, room--) {
		/* One look for as much as the FIFO holds, as in serial.c. */
		if (!room) {
			while (!(inb(coms[n] + 5) & LSR_EMPTY))
				;
			room = FIFO;
		}
		outb(coms[n], *text);
	}
	return 0;
}

/* Up to the end of a line; a byte of it takes so many looks at most. */
int com_read(unsigned int n, char *line, unsigned int size, uint32_t looks)
{
	unsigned int len = 0;

	if (n >= sizeof(coms) / sizeof(coms[0]))
		return -1;
	for (uint32_t left = looks; left;) {
		char c;

		if (!(inb(coms[n] + 5) & LSR_DATA)) {
			left--;
			continue;
		}
		c = inb(coms[n]);
		left = looks;
		if (c == '\n' || c == '\r' || len == size - 1) {
			line[len] = '\0';
			return 0;
		}
		line[len++] = c;
	}
	return -1;
}

void printer_write(const char *text)
{
	for (; *text; text++) {
		outb(PRINTER, *text);
		outb(PRINTER + 2, PRINTER_READY | PRINTER_STROBE);
		outb(PRINTER + 2, PRINTER_READY);
	}
}

static void keyboard_send(uint16_t port, uint8_t value)
{
	while (inb(KEYBOARD_STATUS) & STATUS_BUSY)
		;
	outb(port, value);
}

/* The BIOS's handlers must not take the bytes: their interrupts are masked meanwhile. */
void input_take(void)
{
	outb(PIC1, inb(PIC1) | PIC1_KEYBOARD);
	outb(PIC2, inb(PIC2) | PIC2_MOUSE);
	keyboard_send(KEYBOARD_STATUS, TO_MOUSE);
	keyboard_send(KEYBOARD_DATA, MOUSE_ON);
}

void input_give_back(void)
{
	outb(PIC1, inb(PIC1) & ~PIC1_KEYBOARD);
	outb(PIC2, inb(PIC2) & ~PIC2_MOUSE);
}

int input_poll(int *from_mouse)
{
	uint8_t status = inb(KEYBOARD_STATUS);

	if (!(status & STATUS_FULL))
		return -1;
	*from_mouse = !!(status & STATUS_MOUSE);
	return inb(KEYBOARD_DATA);
}
