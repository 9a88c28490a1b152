/* SPDX-License-Identifier: MIT */
/* A domain as Xen knows it: type, memory, processor time. */
#ifndef STUBDOM_DOMINFO_H
#define STUBDOM_DOMINFO_H

#include <stdbool.h>

#include "err.h"

struct dominfo {
	unsigned long long used_kb;  /* allocated to it now */
	unsigned long long given_kb; /* the most it may have */
	unsigned long long cpu_ns;
	unsigned vcpus;
	bool pv; /* else with Xen's own page tables: HVM or PVH */
};

struct dominfo_reader; /* a connection to the hypervisor */

struct dominfo_reader *dominfo_open(struct err *err);
void dominfo_close(struct dominfo_reader *reader);

/* ERR_STUB: no such domain. */
int dominfo_read(struct dominfo_reader *reader, unsigned domid, struct dominfo *out,
		 struct err *err);

#endif
