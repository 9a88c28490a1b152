/* SPDX-License-Identifier: MIT */
/* Common declarations of the BIOS test guest: ports, disks, PCI, screen. */
#ifndef GUEST_BIOS_H
#define GUEST_BIOS_H

#include "firmware.h"

static inline void outw(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}

static inline void outl(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}

static inline uint16_t inw(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* boot.S */
extern uint8_t boot_drive;
void flat_copy(uint32_t dst, const void *src, uint32_t dwords);
void font_copy(void *dst);

/* disk.c: BIOS drive numbers are 0x80 + index. */
unsigned int disk_count(void);
int disk_read(unsigned int index, uint32_t lba, unsigned int sectors, void *buffer);
int disk_write(unsigned int index, uint32_t lba, unsigned int sectors,
	       const void *buffer);
/* Checks the data that the disk's header describes: 0 good, 1 bad sum, -1 unreadable. */
int disk_check(unsigned int index, uint32_t *crc);
extern uint8_t disk_buffer[16 * SECTOR];

/* pci.c */
uint32_t pci_read(unsigned int devfn, unsigned int reg);
void pci_write(unsigned int devfn, unsigned int reg, uint32_t value);
/* The n-th function of this class (class << 8 | subclass); -1 when there is none. */
int pci_find(uint16_t class, unsigned int n);

/* power.c: the way to turn this machine off. */
void power_init(void);
int power_button_pressed(void);
void power_off(void);
void power_reset(void);

/* ports.c: COM1 is 0, looks is the number of tries for a missing byte. */
int com_write(unsigned int n, const char *text);
int com_read(unsigned int n, char *line, unsigned int size, uint32_t looks);
void printer_write(const char *text);
/* Between the two input_poll gives the keyboard's and the mouse's bytes, or -1. */
void input_take(void);
void input_give_back(void);
int input_poll(int *from_mouse);

/* screen.c: colour bars and text in mode 13h; 0, or -1 without a graphics adapter. */
int screen_draw(const char *line1, const char *line2);
/* The BIOS's text screen of 80 columns. */
void screen_text(void);
/* All of that screen, a letter with its colour at a time. */
void screen_fill_text(uint16_t letter);
/* 1024 x 768, 32 bits a pixel; 0, or -1 without a graphics adapter.  All of it in one colour. */
int screen_large(void);
void screen_fill_large(uint32_t colour);

#endif
