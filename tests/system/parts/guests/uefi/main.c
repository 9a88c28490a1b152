/* SPDX-License-Identifier: MIT */
/* The UEFI test guest: an application that the firmware starts from a disk's \EFI\BOOT.
 * On COM1 it reports the findings of the firmware's own drivers, and answers commands in
 * the BIOS guest's words. */
#include "efi.h"
#include "firmware.h"

#define LINE_MAX 80

static const struct efi_guid block_io = {
	0x964e5b21, 0x6459, 0x11d2, {0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b}};
static const struct efi_guid network = {
	0xa19832b9, 0xac25, 0x11d3, {0x9a, 0x2d, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d}};

static struct efi_system_table *table;
static uint8_t buffer[64 * SECTOR] __attribute__((aligned(4096)));

static uint64_t find_all(const struct efi_guid *protocol, void ***handles)
{
	uint64_t count = 0;

	if (table->boot->locate_handle_buffer(EFI_BY_PROTOCOL, protocol, NULL, &count,
					      handles))
		return 0;
	return count;
}

/* A whole disk with a header of ours; NULL: none, or another. */
static struct efi_block_io *data_disk(void *handle)
{
	struct efi_block_io *disk;

	if (table->boot->handle_protocol(handle, &block_io, (void **)&disk) ||
	    disk->media->partition || !disk->media->present ||
	    disk->media->block_size != SECTOR ||
	    disk->read(disk, disk->media->id, HEADER_LBA, SECTOR, buffer) ||
	    !header_is_ours(buffer))
		return NULL;
	return disk;
}

static struct efi_block_io *find_data_disk(unsigned int n)
{
	void **handles;
	uint64_t count = find_all(&block_io, &handles);

	for (uint64_t i = 0; i < count; i++) {
		struct efi_block_io *disk = data_disk(handles[i]);

		if (disk && n-- == 0)
			return disk;
	}
	return NULL;
}

static void report_disk(unsigned int n, struct efi_block_io *disk)
{
	struct disk_header header = *(struct disk_header *)buffer;
	uint64_t bytes = (uint64_t)header.sectors * SECTOR;
	uint32_t crc;

	if (bytes > sizeof(buffer) ||
	    disk->read(disk, disk->media->id, header.first_lba, bytes, buffer)) {
		serial_printf("uefi-guest: disk %u unreadable\n", n);
		return;
	}
	crc = crc32(0, buffer, (unsigned int)bytes);
	serial_printf("uefi-guest: disk %u %s %8\n", n, crc == header.crc ? "ok" : "bad",
		      crc);
}

static void report_disks(void)
{
	struct efi_block_io *disk;

	for (unsigned int n = 0; (disk = find_data_disk(n)); n++)
		report_disk(n, disk);
}

static void report_nics(void)
{
	void **handles;
	uint64_t count = find_all(&network, &handles);

	for (uint64_t i = 0; i < count; i++) {
		struct efi_network *nic;
		const uint8_t *a;

		if (table->boot->handle_protocol(handles[i], &network, (void **)&nic))
			continue;
		a = nic->mode->address;
		serial_printf("uefi-guest: nic %2:%2:%2:%2:%2:%2\n", a[0], a[1], a[2],
			      a[3], a[4], a[5]);
	}
}

/* One sector of the first disk with a header, written and read back. */
static void command_write(void)
{
	struct efi_block_io *disk = find_data_disk(0);
	const uint64_t lba = 1200;
	int failed = !disk;

	for (size_t i = 0; i < SECTOR; i++)
		buffer[i] = 0x6b;
	failed = failed || disk->write(disk, disk->media->id, lba, SECTOR, buffer) ||
		 disk->flush(disk);
	buffer[0] = 0;
	failed = failed || disk->read(disk, disk->media->id, lba, SECTOR, buffer);
	serial_printf("uefi-guest: write %s\n",
		      failed || buffer[0] != 0x6b ? "failed" : "ok");
}

static int is(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static void run_command(const char *line)
{
	if (is(line, "write")) {
		command_write();
	} else if (is(line, "poweroff")) {
		serial_printf("uefi-guest: power off\n");
		table->runtime->reset_system(EFI_RESET_SHUTDOWN, 0, 0, NULL);
	} else if (is(line, "reboot")) {
		serial_printf("uefi-guest: reboot\n");
		table->runtime->reset_system(EFI_RESET_COLD, 0, 0, NULL);
	} else if (*line) {
		serial_printf("uefi-guest: echo %s\n", line);
	}
}

/* The firmware reads this line too, for its console: held off while we wait for a
 * command. */
static void serve(void)
{
	static char line[LINE_MAX];
	size_t len = 0;
	uint64_t level = table->boot->raise_tpl(EFI_TPL_NOTIFY);

	serial_printf("uefi-guest: ready\n");
	for (;;) {
		int c = serial_poll();

		if (c < 0) {
			/* the firmware's timer ends it */
			__asm__ volatile("sti\n\thlt");
		} else if (c == '\r' || c == '\n') {
			line[len] = '\0';
			len = 0;
			table->boot->restore_tpl(level);
			run_command(line);
			level = table->boot->raise_tpl(EFI_TPL_NOTIFY);
		} else if (len < sizeof(line) - 1) {
			line[len++] = (char)c;
		}
	}
}

uint64_t EFIAPI efi_main(void *image, struct efi_system_table *system);

uint64_t EFIAPI efi_main(void *image, struct efi_system_table *system)
{
	(void)image;
	table = system;
	serial_init();
	serial_printf("uefi-guest: up\n");
	table->boot->set_watchdog_timer(0, 0, 0, NULL);
	serial_printf("uefi-guest: firmware ");
	for (const uint16_t *c = table->vendor; *c; c++)
		serial_printf("%s", (char[]){(char)*c, 0});
	serial_printf("\n");
	report_disks();
	report_nics();
	serve();
	return 0;
}
