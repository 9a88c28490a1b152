/* SPDX-License-Identifier: MIT */
/* The header of a test disk, and its checksum of the data behind it. */
#include "firmware.h"

int header_is_ours(const void *sector)
{
	static const char magic[8] = {'Q', 'S', 'T', 'D', 'D', 'I', 'S', 'K'};
	const struct disk_header *header = sector;

	for (unsigned int i = 0; i < sizeof(magic); i++) {
		if (header->magic[i] != magic[i])
			return 0;
	}
	return 1;
}

uint32_t crc32(uint32_t crc, const uint8_t *data, unsigned int len)
{
	static uint32_t table[256];

	if (!table[1]) {
		for (unsigned int i = 0; i < 256; i++) {
			uint32_t v = i;

			for (unsigned int bit = 0; bit < 8; bit++)
				v = v >> 1 ^ (v & 1 ? 0xedb88320u : 0);
			table[i] = v;
		}
	}
	crc = ~crc;
	while (len--)
		crc = table[(crc ^ *data++) & 0xff] ^ crc >> 8;
	return ~crc;
}
