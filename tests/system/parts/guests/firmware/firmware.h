/* SPDX-License-Identifier: MIT */
/* Common declarations of the guests that firmware starts, BIOS's and UEFI's: COM1 and the
 * disks' headers. */
#ifndef GUEST_FIRMWARE_H
#define GUEST_FIRMWARE_H

#include <stdint.h>

#define SECTOR 512u
#define HEADER_LBA 63

/* Written by mkdisk.py. */
struct disk_header {
	char magic[8];
	uint32_t version;
	uint32_t first_lba;
	uint32_t sectors;
	uint32_t crc;
};

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

/* serial.c: COM1, polled, as the firmware may have no driver for it. %s, %u, %x (no
 * leading zeroes), %2 and %8 (so many hexadecimal digits), %l (64 bits, hexadecimal). */
void serial_init(void);
void serial_printf(const char *fmt, ...);
int serial_poll(void); /* a byte, or -1 */

/* header.c */
int header_is_ours(const void *sector); /* of HEADER_LBA */
uint32_t crc32(uint32_t crc, const uint8_t *data, unsigned int len);

#endif
