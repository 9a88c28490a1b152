/* SPDX-License-Identifier: MIT */
/* The part of the UEFI specification 2.10 that the UEFI test guest uses, and its serial
 * line. */
#ifndef GUEST_UEFI_EFI_H
#define GUEST_UEFI_EFI_H

#include <stddef.h>
#include <stdint.h>

#define EFIAPI __attribute__((ms_abi))
#define EFI_BY_PROTOCOL 2 /* the way in which LocateHandleBuffer searches */
#define EFI_TPL_NOTIFY 16
#define EFI_RESET_COLD 0
#define EFI_RESET_SHUTDOWN 2

struct efi_guid {
	uint32_t a;
	uint16_t b, c;
	uint8_t d[8];
};

/* Functions that nobody here calls are `other`, counted as the specification has them. */
struct efi_boot_services {
	uint8_t header[24];
	uint64_t(EFIAPI *raise_tpl)(uint64_t level);
	void(EFIAPI *restore_tpl)(uint64_t level);
	void *other[14];
	uint64_t(EFIAPI *handle_protocol)(void *handle, const struct efi_guid *protocol,
					  void **interface);
	void *other2[12];
	uint64_t(EFIAPI *set_watchdog_timer)(uint64_t seconds, uint64_t code,
					     uint64_t size, void *data);
	void *other3[6];
	uint64_t(EFIAPI *locate_handle_buffer)(int how, const struct efi_guid *protocol,
					       void *key, uint64_t *count,
					       void ***handles);
};

struct efi_runtime_services {
	uint8_t header[24];
	void *other[10];
	void(EFIAPI *reset_system)(int how, uint64_t status, uint64_t size, void *data);
};

struct efi_system_table {
	uint8_t header[24];
	const uint16_t *vendor;
	uint32_t revision;
	void *other[6];
	struct efi_runtime_services *runtime;
	struct efi_boot_services *boot;
};

struct efi_block_media {
	uint32_t id;
	uint8_t removable, present, partition, readonly, caching;
	uint32_t block_size;
	uint32_t align;
	uint64_t last_block;
};

struct efi_block_io {
	uint64_t revision;
	struct efi_block_media *media;
	void *reset;
	uint64_t(EFIAPI *read)(struct efi_block_io *self, uint32_t media, uint64_t lba,
			       uint64_t bytes, void *buffer);
	uint64_t(EFIAPI *write)(struct efi_block_io *self, uint32_t media, uint64_t lba,
				uint64_t bytes, const void *buffer);
	uint64_t(EFIAPI *flush)(struct efi_block_io *self);
};

struct efi_network_mode {
	uint32_t numbers[10];
	uint8_t multicast[16][32];
	uint8_t address[32];
};

struct efi_network {
	uint64_t revision;
	void *other[14];
	struct efi_network_mode *mode;
};

_Static_assert(offsetof(struct efi_boot_services, handle_protocol) == 24 + 16 * 8,
	       "UEFI 4.4");
_Static_assert(offsetof(struct efi_boot_services, set_watchdog_timer) == 24 + 29 * 8,
	       "UEFI 4.4");
_Static_assert(offsetof(struct efi_boot_services, locate_handle_buffer) == 24 + 36 * 8,
	       "UEFI 4.4");
_Static_assert(offsetof(struct efi_runtime_services, reset_system) == 24 + 10 * 8,
	       "UEFI 4.5");
_Static_assert(offsetof(struct efi_system_table, runtime) == 88, "UEFI 4.3");
_Static_assert(offsetof(struct efi_block_media, last_block) == 24, "UEFI 13.9");
_Static_assert(offsetof(struct efi_network, mode) == 120, "UEFI 24.1");
_Static_assert(offsetof(struct efi_network_mode, address) == 552, "UEFI 24.1");

#endif
