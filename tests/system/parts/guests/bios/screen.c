/* SPDX-License-Identifier: MIT */
/* The BIOS test guest's picture: text over eight colour bars, 320 x 200, 256 colours. */
#include "bios.h"

#define WIDTH 320
#define HEIGHT 200
#define ROWS 25 /* drawn at a time: 25 * 320 bytes fit into the disk buffer */
#define CLASS_VGA 0x0300
#define TEXT_COLOUR 15
#define BACKGROUND 1

static uint8_t font[128 * 8];

static void draw_text(unsigned int y0, unsigned int y, const char *text)
{
	unsigned int x = 8;

	for (; *text && x + 8 <= WIDTH; text++, x += 8) {
		for (unsigned int row = 0; row < 8; row++) {
			uint8_t bits = font[(*text & 127) * 8 + row];
			uint8_t *out = disk_buffer + (y + row - y0) * WIDTH + x;

			for (unsigned int column = 0; column < 8; column++)
				if (bits & 0x80 >> column)
					out[column] = TEXT_COLOUR;
		}
	}
}

void screen_text(void)
{
	__asm__ volatile("int $0x10" ::"a"(0x0003) : "memory", "cc");
}

/*
 * Draws through the adapter's linear aperture, not the window at 0xa0000.  The aperture
 * is plain memory to the guest; each write to the window is an exit.
 */
int screen_draw(const char *line1, const char *line2)
{
	int vga = pci_find(CLASS_VGA, 0);
	uint32_t aperture;

	if (vga < 0)
		return -1;
	aperture = pci_read(vga, 0x10) & ~0xfu;
	if (!aperture)
		return -1;
	/* bit 7 of the mode: leave the memory as it is, all of it is drawn below */
	__asm__ volatile("int $0x10" ::"a"(0x0093) : "memory", "cc");
	font_copy(font);
	for (unsigned int y0 = 0; y0 < HEIGHT; y0 += ROWS) {
		for (unsigned int i = 0; i < ROWS * WIDTH; i++) {
			unsigned int y = y0 + i / WIDTH;
			unsigned int bar = (i % WIDTH) / (WIDTH / 8);

			/* 8..15 are the bright colours of the standard palette */
			disk_buffer[i] = y < 100 ? BACKGROUND : 8 + bar;
		}
		if (y0 == ROWS) {
			draw_text(y0, y0 + 4, line1);
			draw_text(y0, y0 + 16, line2);
		}
		flat_copy(aperture + y0 * WIDTH, disk_buffer, ROWS * WIDTH / 4);
	}
	return 0;
}

#define TEXT_WORDS (80 * 25)

/* A store for each letter, as drivers of text screens write: each is an exit. */
void screen_fill_text(uint16_t letter)
{
	for (uint32_t i = 0; i < TEXT_WORDS; i++)
		__asm__ volatile("pushw %%es\n\t"
				 "movw $0xb800, %%dx\n\t"
				 "movw %%dx, %%es\n\t"
				 "movw %%ax, %%es:(%%edi)\n\t"
				 "popw %%es" ::"a"(letter),
				 "D"(2 * i)
				 : "edx", "memory");
}

/* QEMU's docs/specs/standard-vga.rst */
#define DISPI_INDEX 0x1ce
#define DISPI_DATA 0x1cf
#define DISPI_ENABLE 4
#define DISPI_ON 0x41 /* with the linear aperture */
#define LARGE_WIDTH 1024
#define LARGE_HEIGHT 768

static void dispi_write(uint16_t index, uint16_t value)
{
	outw(DISPI_INDEX, index);
	outw(DISPI_DATA, value);
}

int screen_large(void)
{
	static const uint16_t size[] = {LARGE_WIDTH, LARGE_HEIGHT, 32};

	if (pci_find(CLASS_VGA, 0) < 0)
		return -1;
	dispi_write(DISPI_ENABLE, 0);
	for (uint16_t i = 0; i < 3; i++)
		dispi_write(1 + i, size[i]);
	dispi_write(DISPI_ENABLE, DISPI_ON);
	return 0;
}

void screen_fill_large(uint32_t colour)
{
	uint32_t aperture = pci_read(pci_find(CLASS_VGA, 0), 0x10) & ~0xfu;
	uint32_t *dwords = (uint32_t *)disk_buffer;

	for (uint32_t i = 0; i < sizeof(disk_buffer) / 4; i++)
		dwords[i] = colour;
	for (uint32_t at = 0; at < LARGE_WIDTH * LARGE_HEIGHT * 4;
	     at += sizeof(disk_buffer))
		flat_copy(aperture + at, disk_buffer, sizeof(disk_buffer) / 4);
}
