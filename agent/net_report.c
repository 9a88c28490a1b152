/* SPDX-License-Identifier: MIT */
#include "net_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "abi/boot.h"
#include "ifctl.h"
#include "ifinfo.h"
#include "xs.h"

void net_report_format(const struct ifinfo *info, const char *question, char *text,
		       size_t size)
{
	snprintf(text, size,
		 "ask=%.20s up=%d link=%d mtu=%u bridge=%s rx=%" PRIu64 ",%" PRIu64
		 ",%" PRIu64 " tx=%" PRIu64 ",%" PRIu64 ",%" PRIu64,
		 question, info->up, info->link, info->mtu, info->master, info->rx.bytes,
		 info->rx.packets, info->rx.dropped, info->tx.bytes, info->tx.packets,
		 info->tx.dropped);
}

static int write_one(const struct ifinfo *info, const char *question, struct err *err)
{
	char path[64], text[320];

	snprintf(path, sizeof(path), STUBDOM_XS_IF "/%.15s", info->name);
	net_report_format(info, question, text, sizeof(text));
	return xs_client_write(path, text, err);
}

int net_report(const char *question, struct err *err)
{
	static struct ifinfo list[IFINFO_MAX];
	int n = ifctl_socket() < 0 ? 0 : ifinfo_read(ifctl_socket(), list, err);

	if (n < 0)
		return -1;
	for (int i = 0; i < n; i++)
		if (write_one(&list[i], question, err) < 0)
			return -1;
	return 0;
}
