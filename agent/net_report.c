/* SPDX-License-Identifier: MIT */
/* Tells dom0 what the network looks like now, when it asks (abi/boot.h). */
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
		 "ask=%.20s up=%d link=%d mtu=%u bridge=%s"
		 " rx=%" PRIu64 ",%" PRIu64 ",%" PRIu64 " tx=%" PRIu64 ",%" PRIu64
		 ",%" PRIu64,
		 question, info->up, info->link, info->mtu, info->master, info->rx.bytes,
		 info->rx.packets, info->rx.dropped, info->tx.bytes, info->tx.packets,
		 info->tx.dropped);
}

static int write_one(const struct ifinfo *info, const char *question, struct err *err)
{
	char path[64], text[320];

	snprintf(path, sizeof(path), STUBDOM_XS_NET "/%.15s", info->name);
	net_report_format(info, question, text, sizeof(text));
	return xs_client_write(path, text, err);
}

int net_report(struct err *err)
{
	static struct ifinfo list[IFINFO_MAX];
	char question[24];
	int n;

	/* Asked for nothing: the watch's first event, or the question's removal. */
	if (xs_client_read(STUBDOM_XS_NET_ASK, question, sizeof(question), err) < 0 ||
	    !question[0])
		return 0;
	n = ifctl_socket() < 0 ? 0 : ifinfo_read(ifctl_socket(), list, err);
	if (n < 0)
		return -1;
	for (int i = 0; i < n; i++)
		if (write_one(&list[i], question, err) < 0)
			return -1;
	return xs_client_write(STUBDOM_XS_NET_ANSWER, question, err);
}
