/* SPDX-License-Identifier: MIT */
/* The boot contract as a structure: written by the launcher, read by the agent. */
#ifndef STUBDOM_BOOT_CONTRACT_H
#define STUBDOM_BOOT_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>

#include "abi/boot.h"
#include "channel_kind.h"
#include "err.h"

struct boot_disk {
	char *dev; /* "xvda": appears as /dev/xvda */
	bool readonly;
};

struct boot_nic {
	char *tap;	/* "tap0" */
	unsigned xenif; /* devid of the stub domain's own PV interface */
	char *mac;	/* the guest's, "00:16:3e:..." */
	unsigned mtu;	/* bytes; 0: the interface's own */
};

struct boot_channel {
	char *name;
	enum stubdom_channel_kind kind;
	char *path; /* unix socket that QEMU listens on, in the stub domain */
};

/* Owns everything it points to; boot_contract_free releases it. */
struct boot_contract {
	unsigned guest_domid;
	char *guest_name;
	char *qemu_path;
	char **argv; /* NULL-terminated, argv[0] included */
	size_t n_argv;
	struct boot_disk *disks;
	size_t n_disks;
	struct boot_nic *nics;
	size_t n_nics;
	char **topology; /* lines; NULL if absent */
	size_t n_topology;
	struct boot_channel *channels;
	size_t n_channels;
};

/*
 * Reads boot.json.  On error (-1) *out is empty and err names the wrong member and the
 * expected value.
 */
int boot_contract_parse(const char *text, size_t len, struct boot_contract *out,
			struct err *err);

/* Writes it as JSON text; the caller frees the string.  NULL: out of memory. */
char *boot_contract_format(const struct boot_contract *boot);

void boot_contract_free(struct boot_contract *boot);

#endif
