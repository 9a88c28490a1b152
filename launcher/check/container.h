/* SPDX-License-Identifier: MIT */
/* A disk container's header, as far as dom0 needs it: the file's greatest length, and its
 * backing file. */
#ifndef STUBDOM_CONTAINER_H
#define STUBDOM_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define CONTAINER_HEADER_MAX 65536 /* bytes from the front of the file that are read */
#define CONTAINER_NAME_MAX 1023	   /* qcow2's own limit */
#define CONTAINER_FORMAT_MAX 31

enum container_fault {
	CONTAINER_OK,
	CONTAINER_WRONG,     /* not a container of that format, or damaged */
	CONTAINER_DATA_FILE, /* its data is in another file */
	CONTAINER_PARENT, /* it stands on another file, in a way that is not followed */
	CONTAINER_FAULTS,
};

/* Plain memory: it comes through a pipe from the process that read the header. */
struct container {
	uint64_t size;	/* by the caller: the guest's disk gets that long; 0: as it is */
	uint32_t more;	/* by the caller: internal snapshots that are yet to be made */
	uint32_t fault; /* enum container_fault */
	uint64_t bytes; /* the file never needs more; 0: it does not grow */
	char backing[CONTAINER_NAME_MAX + 1];	       /* "": none */
	char backing_format[CONTAINER_FORMAT_MAX + 1]; /* "": not recorded */
};

/*
 * Whether a writable container of this format can be a disk of a fixed length.  It can if
 * its own tables tell where new data fit; it cannot if new data go to the end of the
 * file.
 */
bool container_format_known(const char *format);

/*
 * Reads the header from memory; all of `out` but the caller's members is written.  Pure,
 * and meant for hostile bytes.  `format` is one that is known.
 */
void container_parse(const uint8_t *data, size_t len, const char *format,
		     struct container *out);

/*
 * The same for a file.  A child process reads and parses it, and may do nothing but read
 * from it and write its result.  `path` is for messages.  ERR_HOST with the remedy if the
 * container cannot be carried.
 */
int container_read(int fd, const char *path, const char *format, struct container *out,
		   struct err *err);

#endif
