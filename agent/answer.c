/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include <stdio.h>
#include <string.h>

#include "abi/boot.h"
#include "cleanup.h"
#include "net_report.h"
#include "xs.h"

static int write_memory(struct err *err)
{
	cleanup_file FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long total = 0, available = 0, value;
	char line[128], name[32], text[64];

	if (!f)
		return err_set(err, ERR_STUB, "/proc/meminfo cannot be read");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%31[^:]: %llu", name, &value) != 2)
			continue;
		if (strcmp(name, "MemTotal") == 0)
			total = value;
		else if (strcmp(name, "MemAvailable") == 0)
			available = value;
	}
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
