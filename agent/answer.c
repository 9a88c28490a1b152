/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include <stdio.h>

#include "abi/boot.h"
#include "meminfo.h"
#include "net_report.h"
#include "xs.h"

static int write_memory(struct err *err)
{
	unsigned long long total, available;
	char text[64];

	if (!meminfo_read("MemTotal", &total) ||
	    !meminfo_read("MemAvailable", &available))
		return err_set(err, ERR_STUB, "/proc/meminfo cannot be read");
	snprintf(text, sizeof(text), "total=%llu available=%llu", total, available);
	return xs_client_write(STUBDOM_XS_MEMORY, text, err);
}

int answer(struct err *err)
{
	char question[24];

	/* Asked for nothing: the watch's first event, or the question's removal. */
	if (xs_client_read(STUBDOM_XS_ASK, question, sizeof(question), err) < 0 ||
	    !question[0])
		return 0;
	if (net_report(question, err) < 0 || write_memory(err) < 0)
		return -1;
	return xs_client_write(STUBDOM_XS_ANSWER, question, err);
}
