/* SPDX-License-Identifier: MIT */
/* What Xen says of a domain: type, memory and processor time. */
#ifndef STUBDOM_DOMINFO_H
#define STUBDOM_DOMINFO_H

#include "err.h"

enum dominfo_type { DOMINFO_PV, DOMINFO_HVM, DOMINFO_PVH };

struct dominfo {
	unsigned long long used_kb;  /* allocated to it now */
	unsigned long long given_kb; /* the most it may have */
	unsigned long long cpu_ns;
	unsigned vcpus;
	enum dominfo_type type;
};

struct dominfo_reader; /* a connection to the hypervisor */

struct dominfo_reader *dominfo_open(struct err *err);
void dominfo_close(struct dominfo_reader *reader);

/* ERR_STUB: no such domain. */
int dominfo_read(struct dominfo_reader *reader, unsigned domid, struct dominfo *out,
		 struct err *err);

#endif
