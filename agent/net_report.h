/* SPDX-License-Identifier: MIT */
/* Tells dom0 what the network looks like now, when it asks. */
#ifndef AGENT_NET_REPORT_H
#define AGENT_NET_REPORT_H

#include <stddef.h>

#include "err.h"

struct ifinfo;

/* Answers the question in STUBDOM_XS_NET_ASK, if there is one.  Nothing waits long. */
int net_report(struct err *err);

/* One interface as xenstore has it. */
void net_report_format(const struct ifinfo *info, const char *question, char *text,
		       size_t size);

#endif
