/* SPDX-License-Identifier: MIT */
/* Disks of the BIOS test guest, by int 13h. */
#include "bios.h"

#define BDA_DISKS 0x475 /* number of hard disks, IBM's BIOS data area */

struct disk_address_packet {
	uint8_t size;
	uint8_t zero;
	uint16_t sectors;
	uint16_t offset;
	uint16_t segment;
	uint64_t lba;
};

uint8_t disk_buffer[16 * SECTOR];

unsigned int disk_count(void)
{
	const volatile uint8_t *count = (const volatile uint8_t *)BDA_DISKS;

	__asm__("" : "+r"(count)); /* a fixed address is not an array to the compiler */
	return *count;
}

static int disk_transfer(uint16_t function, unsigned int index, uint32_t lba,
			 unsigned int sectors, uint32_t buffer)
{
	struct disk_address_packet packet = {
		.size = sizeof(packet), .sectors = sectors, .offset = buffer, .lba = lba};
	uint32_t eax = function;
	uint8_t carry;

	__asm__ volatile("int $0x13\n\tsetc %1"
			 : "+a"(eax), "=&c"(carry)
			 : "d"(0x80 + index), "S"(&packet)
			 : "memory", "cc");
	return carry ? -1 : 0;
}

int disk_read(unsigned int index, uint32_t lba, unsigned int sectors, void *buffer)
{
	return disk_transfer(0x4200, index, lba, sectors, (uint32_t)buffer);
}

int disk_write(unsigned int index, uint32_t lba, unsigned int sectors, const void *buffer)
{
	return disk_transfer(0x4300, index, lba, sectors, (uint32_t)buffer);
}

int disk_check(unsigned int index, uint32_t *crc)
{
	struct disk_header *header = (struct disk_header *)disk_buffer;
	uint32_t lba, left, want;

	*crc = 0;
	if (disk_read(index, HEADER_LBA, 1, disk_buffer) || !header_is_ours(header))
		return -1;
	lba = header->first_lba;
	left = header->sectors;
	want = header->crc;
	while (left) {
		unsigned int n = left < 16 ? left : 16;

		if (disk_read(index, lba, n, disk_buffer))
			return -1;
		*crc = crc32(*crc, disk_buffer, n * SECTOR);
		lba += n;
		left -= n;
	}
	return *crc != want;
}
