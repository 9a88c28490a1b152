/* SPDX-License-Identifier: MIT */
/* Fuzz: the agent reads any bytes as its boot contract.  An accepted one is whole, and is
 * the same when it is written and read again. */
#include <stdlib.h>
#include <string.h>

#include "boot_contract.h"
#include "fuzz.h"

static void check_whole(const struct boot_contract *b)
{
	if (!b->guest_name || !b->qemu_path || !b->argv || b->n_argv == 0 ||
	    b->argv[b->n_argv])
		abort();
	for (size_t i = 0; i < b->n_argv; i++)
		if (!b->argv[i])
			abort();
	for (size_t i = 0; i < b->n_disks; i++)
		if (!b->disks[i].dev)
			abort();
	for (size_t i = 0; i < b->n_nics; i++)
		if (!b->nics[i].tap || !b->nics[i].mac)
			abort();
	for (size_t i = 0; i < b->n_channels; i++)
		if (!b->channels[i].name || !b->channels[i].path)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct boot_contract first, again;
	struct err err = {0};
	char *text, *same;

	if (boot_contract_parse((const char *)data, size, &first, &err) < 0) {
		if (!err.msg[0])
			abort();
		return 0;
	}
	check_whole(&first);
	text = boot_contract_format(&first);
	if (!text || boot_contract_parse(text, strlen(text), &again, &err) < 0)
		abort();
	check_whole(&again);
	same = boot_contract_format(&again);
	if (!same || strcmp(text, same) != 0)
		abort();
	free(text);
	free(same);
	boot_contract_free(&first);
	boot_contract_free(&again);
	return 0;
}
