/* SPDX-License-Identifier: MIT */
/* The network as it is now, for an answer to dom0 (abi/boot.h). */
#ifndef AGENT_NET_REPORT_H
#define AGENT_NET_REPORT_H

#include <stddef.h>

#include "err.h"

struct ifinfo;

/* A node for each interface.  Nothing waits long. */
int net_report(const char *question, struct err *err);

/* One interface as xenstore has it. */
void net_report_format(const struct ifinfo *info, const char *question, char *text,
		       size_t size);

#endif
