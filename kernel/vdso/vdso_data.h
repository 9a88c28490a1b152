/* SPDX-License-Identifier: MIT */
/* The page that the kernel shares with the vDSO, just below it. */
#ifndef VDSO_DATA_H
#define VDSO_DATA_H

#include <stdint.h>

struct vdso_data {
	volatile uint32_t seq; /* odd while it changes */
	uint32_t mult;
	uint64_t tsc_base, ns_base;
	int64_t real_offset;
	int8_t shift;
	uint32_t cpus;
};

#endif
